package steps_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		"for a text":             {strings.ReplaceAll(pollingCode, "2.5", "'2'"), "TypeError: 'str' object cannot be interpreted as an integer", 0},
		"longer than it may":     {strings.ReplaceAll(pollingCode, "2.5", "3600"), "deadline exceeded", time.Minute},
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

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
