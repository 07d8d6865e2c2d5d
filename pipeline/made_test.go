package pipeline_test

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
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
)

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
				if failure == "is slow" && component == "Workday" {
					continue // its WSDL is fetched for later exports, too, and longer than a test lasts
				}
				posts.Store(0)
				checkSentence(t, component, chained, func() bool { return posts.Load() > 0 })
			}
			panics := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { panic("a bug") })
			breaks := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("broken") })
			late := pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) })
			shows := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Error("not wanted"); return nil })
			for what, step := range map[string]pipeline.Step{"a panic": panics, "an error": breaks, "the end of the time": late, "a message": shows, "in a Finally step": pipeline.Finally(panics)} {
				posts.Store(0)
				post := &steps.RESTExport{Request: steps.Request{URL: s.URL + "/x", Content: "x"}}
				checkSentence(t, what+" after a call", []pipeline.Step{post, step}, func() bool { return posts.Load() > 0 })
				checkSentence(t, what+" before a call", []pipeline.Step{step, post}, func() bool { return posts.Load() > 0 })
			}
		})
	}
}

func TestAFailureOfFilesSaysWhatWasMade(t *testing.T) {
	t.Parallel()
	files, err := sftptest.NewServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	step := func(host string, port int) *sftpexport.Step {
		return &sftpexport.Step{
			Credentials: sftpexport.Credentials{Type: "sftp", Host: host, Port: sftpexport.Port(port), Username: "user", InsecureIgnoreHostKey: true},
			Rules:       []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
		}
	}
	checkSentence(t, "nobody listens", []pipeline.Step{step("127.0.0.1", 1)}, func() bool { return false })
}

// checkSentence exports by a chain, and looks for the sentence if that fails. posted reports
// whether something was sent.
func checkSentence(t *testing.T, name string, chained []pipeline.Step, posted func() bool) {
	t.Helper()
	chain, err := pipeline.New(chained...)
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	call := rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.From("https://acme.rossum.app", "t"),
		rossumtest.Secret("hook", "hook-secret"), rossumtest.Secret("login", "login-secret"), rossumtest.Secret("workday_username", "user"), rossumtest.Secret("workday_password", "login-secret"),
		rossumtest.Secret("type", "password"), rossumtest.Secret("password", "pass"), rossumtest.Secret("access_key_id", "id"), rossumtest.Secret("secret_access_key", "login-secret"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := chain.Export(t.Context(), call.Payload(), pipeline.WithTimeout(time.Second), pipeline.WithHTTPClient(&http.Client{Transport: transport}), pipeline.WithRossum(nil),
		pipeline.WithLogger(slog.New(slog.DiscardHandler)), pipeline.WithOriginal(pipeline.Bytes("x")))
	if !response.Failed() {
		return
	}
	all := fmt.Sprint(texts(response.Messages))
	made, none := strings.Count(all, "These calls were made: "), strings.Count(all, "No call that changes anything")
	if made+none != 1 || posted() && made != 1 || made == 1 && !posted() && name != "S3" && name != "Workday" {
		t.Errorf("%s: %v, something was sent: %v: %s", name, err, posted(), all)
	}
}
