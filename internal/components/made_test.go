package components_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
)

const noCall = "No call that changes anything was made."

// TestEveryFailureSaysOnceWhatWasMade has each component fail in each way, and steps that
// fail otherwise after a call and without one.
func TestEveryFailureSaysOnceWhatWasMade(t *testing.T) {
	t.Parallel()
	for failure, answer := range misbehave {
		var posts atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"access_token":"t"}`)
				return
			}
			if r.URL.Path == "/x" {
				posts.Add(1)
			}
			answer(w, r, "echo")
		}))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			for component, chained := range canarySteps(t, s.URL) {
				if failure == "is slow" && strings.HasPrefix(component, "Workday") {
					continue // its WSDL is fetched for later exports, too, and longer than a test lasts
				}
				checkSentence(t, component, chained, &posts)
			}
			panics := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { panic("a bug") })
			breaks := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("broken") })
			late := pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) })
			shows := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Error("not wanted"); return nil })
			for what, step := range map[string]pipeline.Step{
				"a panic": panics, "an error": breaks, "the end of the time": late, "a message": shows,
				"in a Finally step": pipeline.Finally(panics),
			} {
				post := &steps.RESTExport{Request: steps.Request{URL: s.URL + "/x", Content: "x"}}
				checkSentence(t, what+" after a call", []pipeline.Step{post, step}, &posts)
				if all := checkSentence(t, what+" before a call", []pipeline.Step{step, post}, &posts); !strings.Contains(all, noCall) {
					t.Errorf("%s before a call: %s", what, all)
				}
			}
		})
	}
}

func TestAFailureOfFilesSaysWhatWasMade(t *testing.T) {
	t.Parallel()
	step := func(host string, port int) *sftpexport.Step {
		return &sftpexport.Step{
			Credentials: sftpexport.Credentials{
				Type:                  "sftp",
				Host:                  host,
				Port:                  sftpexport.Port(port),
				Username:              "user",
				InsecureIgnoreHostKey: true,
			},
			Rules: []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
		}
	}
	all := checkSentence(t, "nobody listens", []pipeline.Step{step("127.0.0.1", 1)}, new(atomic.Int32))
	if !strings.Contains(all, noCall) {
		t.Error(all)
	}
}

// checkSentence exports by a chain, looks for the sentence if that fails, and returns what is
// shown. posts counts what arrives.
func checkSentence(t *testing.T, name string, chained []pipeline.Step, posts *atomic.Int32) string {
	t.Helper()
	posts.Store(0)
	chain, err := pipeline.New(chained...)
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	call := exported("t", "hook-secret", "login-secret").With(rossumtest.Secret("type", "password"), rossumtest.Secret("password", "pass"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := chain.Export(
		t.Context(),
		call.Payload(),
		pipeline.WithTimeout(500*time.Millisecond),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithRossum(nil),
		pipeline.WithLogger(slog.New(slog.DiscardHandler)),
		pipeline.WithOriginal(pipeline.Bytes("x")),
	)
	all := fmt.Sprint(response.Messages)
	if !response.Failed() {
		return all
	}
	made, none := strings.Count(all, "These calls were made: "), strings.Count(all, noCall)+strings.Count(all, "Nothing permanent was made.")
	if made+none != 1 || posts.Load() > 0 && made != 1 {
		t.Errorf("%s: %v, %d calls have arrived: %s", name, err, posts.Load(), all)
	}
	return all
}
