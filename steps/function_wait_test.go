package steps_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps"
)

const pollingCode = `import time
import requests
def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    began, asked = time.time(), 0
    while time.time() - began < 10:
        asked += 1
        time.sleep(2.5)
    t.show_info(f"{asked} in {time.time() - began}")
    return t.hook_response()
`

// Code that asks until a job is done waits between its calls, and sees that time passes.
func TestAFunctionThatMaySendSleeps(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code, want string
		takes      time.Duration
	}{
		"until its time is over": {pollingCode, "4 in 10.0", 10 * time.Second},
		"in vain":                {strings.ReplaceAll(pollingCode, "2.5", "-1"), "sleep length must be non-negative", 0},
		"for a text": {
			strings.ReplaceAll(pollingCode, "2.5", "'2'"), "TypeError: 'str' object cannot be interpreted as an integer", 0,
		},
		"longer than it may": {strings.ReplaceAll(pollingCode, "2.5", "3600"), "deadline exceeded", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				chain, err := pipeline.New(&steps.Function{Code: tt.code, HTTP: true})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				answer, err := chain.Export(ctx, functionCall("", "").Payload(), pipeline.WithLogger(nil))
				if said := texts(answer) + errorText(err); !strings.Contains(said, tt.want) {
					t.Errorf("got %s", said)
				}
				if tt.takes == time.Minute && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(began); took != tt.takes {
					t.Errorf("it took %v, want %v", took, tt.takes)
				}
			})
		})
	}
}

const jobCode = `import time
import requests
def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    requests.post("http://erp.example/job")
    began = time.time()
    for _ in range(10):
        time.sleep(10)
        if requests.get("http://erp.example/job").text == "done":
            break
    t.show_info(f"{time.time() - began}")
    return t.hook_response()
`

// job is done when it has been asked for four times.
type job struct{ asked, made atomic.Int32 }

func (j *job) RoundTrip(r *http.Request) (*http.Response, error) {
	body := "running"
	if r.Method == http.MethodPost {
		j.made.Add(1)
	} else if j.asked.Add(1) >= 4 {
		body = "done"
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Code that goes on after its process has died does not sleep once more through what it has
// waited for (but for one sleep more or less), and its clock says the same.
func TestAFunctionThatGoesOnDoesNotSleepAgain(t *testing.T) {
	t.Parallel()
	resumed := 0
	for n := 0; ; n++ {
		over := false
		synctest.Test(t, func(t *testing.T) {
			j := &job{}
			chain, err := pipeline.New(&steps.Function{Code: jobCode, HTTP: true})
			if err != nil {
				t.Fatal(err)
			}
			ledger := pipeline.MemoryLedger()
			options := []pipeline.Option{pipeline.WithLogger(nil), pipeline.WithHTTPClient(&http.Client{Transport: j})}
			dying, ctx := mortal.New(t.Context(), ledger, n/2+1, n%2 == 1)
			began := time.Now()
			_, _ = chain.Export(ctx, functionCall("", "").Payload(), append(options, journalOn(t, dying))...)
			if err := dying.Bury(t.Context()); err != nil {
				t.Fatal(err)
			}
			if over = !dying.Dead(); over {
				return
			}
			kept, err := chain.Keep(t.Context(), functionCall("", "").Payload(), pipeline.KeepOptions{}, append(options, journalOn(t, ledger))...)
			switch took := time.Since(began); {
			case errors.Is(err, pipeline.ErrStale), errors.Is(err, pipeline.ErrMaybeSent): // it had ended, or nobody knows
			case err != nil:
				t.Errorf("cut %d: %v", n, err)
			case j.made.Load() != 1 || took < 30*time.Second || took > 50*time.Second:
				t.Errorf("cut %d: %d jobs, %d questions, %v", n, j.made.Load(), j.asked.Load(), took)
			case !slices.Contains([]string{"info: 10.0", "info: 40.0"}, texts(kept.Response)): // it asks anew what is not on the ledger
				t.Errorf("cut %d: the clock of the code says %s", n, texts(kept.Response))
			default:
				resumed++
			}
		})
		if over {
			break
		}
	}
	if resumed < 6 {
		t.Errorf("only %d runs went on", resumed)
	}
}

func journalOn(t *testing.T, l pipeline.Ledger) pipeline.Option {
	t.Helper()
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.WithJournal(j)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
