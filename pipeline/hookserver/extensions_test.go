package hookserver_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// counted is a step that counts how many of its like are open.
type counted struct {
	open *atomic.Int32
	text string
}

func (c counted) Run(_ context.Context, x *pipeline.Export) error {
	if c.open.Load() < 1 {
		return errors.New("it is closed")
	}
	x.Info("%s", c.text)
	return nil
}

func (c counted) Close() error { c.open.Add(-1); return nil }

// api is where hooks are.
const api = "https://acme.rossum.app/api/v1"

// extensions serves one kind, and counts what it builds and what is open.
func extensions(t *testing.T) (e *hookserver.Server, built, open *atomic.Int32) {
	t.Helper()
	built, open = new(atomic.Int32), new(atomic.Int32)
	r := &organisation.Registry{}
	r.Register(organisation.Kind{Name: "info-extension", Make: func(h *rossum.Hook) (pipeline.Step, error) {
		if len(h.Settings) < 3 {
			return nil, errors.New("text: is missing")
		}
		built.Add(1)
		open.Add(1)
		return counted{open, string(h.Settings)}, nil
	}})
	return newServer(t, hookserver.Options{Extensions: r}), built, open
}

// extensionCall is a signed call at a path.
func extensionCall(path string, c *rossumtest.Call) *http.Request {
	r := hookCall(c.Bytes())
	r.URL.Path = path
	return r
}

func TestEachExtensionRunsWithTheSettingsOfItsCall(t *testing.T) {
	t.Parallel()
	e, built, open := extensions(t)
	for i, tt := range []struct {
		path, settings string
		status         int
		failed         bool
		want           string
	}{
		{"/info-extension", `{"text":"a"}`, 200, false, `{"text":"a"}`},
		{"/info-extension", `{"text":"b"}`, 200, false, `{"text":"b"}`},
		{"/deep/info-extension/", `{"text":"a"}`, 200, false, `{"text":"a"}`},
		{"/info-extension", `{}`, 200, true, "Export failed: step info-extension: text: is missing"},
		{"/other", `{}`, 404, true, "Export failed: there is no extension at this path"},
	} {
		call := invoice(rossumtest.Settings(rawJSON(tt.settings)), rossumtest.Request(fmt.Sprint(i)))
		status, answer := serve(e, extensionCall(tt.path, call))
		if status != tt.status || answer.Failed() != tt.failed || len(answer.Messages) != 1 || answer.Messages[0].Content != tt.want {
			t.Errorf("%s %s: %d %+v", tt.path, tt.settings, status, answer)
		}
	}
	if built.Load() != 2 {
		t.Errorf("%d steps were built for two settings", built.Load())
	}
	if status, _ := serve(e, httptest.NewRequest(http.MethodGet, "/info-extension", nil)); status != 200 {
		t.Errorf("health: %d", status)
	}
	if err := e.Shutdown(context.Background()); err != nil || open.Load() != 0 {
		t.Errorf("%v, %d steps are still open", err, open.Load())
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func TestTwoHooksWithOneRequestIDAreTwoCalls(t *testing.T) {
	t.Parallel()
	e, _, _ := extensions(t)
	for _, hook := range []string{"1", "2"} {
		call := invoice(rossumtest.Settings(rawJSON(`{"text":"`+hook+`"}`)), rossumtest.Sideload("hook", api+"/hooks/"+hook))
		if _, answer := serve(e, extensionCall("/info-extension", call)); answer.Messages[0].Content != `{"text":"`+hook+`"}` {
			t.Errorf("hook %s got %+v", hook, answer)
		}
	}
}

func TestSettingsThatAreNotUsedAreForgottenAndClosed(t *testing.T) {
	t.Parallel()
	e, built, open := extensions(t)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				call := invoice(rossumtest.Settings(rawJSON(fmt.Sprintf(`{"text":%d}`, i))), rossumtest.Request(fmt.Sprint(worker, i)))
				if _, answer := serve(e, extensionCall("/info-extension", call)); answer.Failed() {
					t.Errorf("%+v", answer)
				}
			}
		})
	}
	group.Wait()
	for i := range 300 {
		call := invoice(rossumtest.Settings(rawJSON(fmt.Sprintf(`{"other":%d}`, i))), rossumtest.Request(fmt.Sprint("other", i)))
		serve(e, extensionCall("/info-extension", call))
	}
	if built.Load() != 500 || open.Load() != 256 {
		t.Errorf("%d were built, %d are open", built.Load(), open.Load())
	}
	if err := e.Shutdown(context.Background()); err != nil || open.Load() != 0 {
		t.Errorf("%v, %d are still open", err, open.Load())
	}
}

func TestAReplyThatNoHookLeftCountsAsNotDue(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r := &organisation.Registry{}
	r.Register(organisation.Kind{Name: "reply-extension", Make: func(*rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, err := x.Files.Get(ctx, "reply")
			why, _ := x.Files.Skipped("reply")
			x.Info("%v, %s", errors.Is(err, pipeline.ErrNoFile), why)
			return nil
		}), nil
	}})
	e := newServer(t, hookserver.Options{Extensions: r, Run: []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})}})
	call := rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.On(platform))
	if _, answer := serve(e, extensionCall("/reply-extension", call)); len(answer.Messages) != 1 ||
		answer.Messages[0].Content != "true, "+pipeline.ReasonNotDue {
		t.Errorf("%+v", answer)
	}
}

func ExampleOptions_extensions() {
	r := &organisation.Registry{} // steps.Register(r, steps.RegisterOptions{}) knows the steps of this module
	r.Register(organisation.Kind{Name: "greeting", Make: func(h *rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Info("settings %s", h.Settings); return nil }), nil
	}})
	extensions, err := hookserver.New(hookserver.Options{Extensions: r, SignatureSecrets: []string{secret}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer extensions.Shutdown(context.Background())
	// http.ListenAndServe(":8080", extensions)
	call := rossumtest.Annotation(rossumtest.Settings(map[string]string{"to": "ERP"}), rossumtest.Offline())
	_, answer := serve(extensions, extensionCall("/greeting", call))
	fmt.Println(answer.Messages[0].Content)
	// Output: settings {"to":"ERP"}
}

func TestAnExtensionGetsTheSecretsOfItsHook(t *testing.T) {
	t.Parallel()
	r := &organisation.Registry{}
	r.Register(organisation.Kind{Name: "x", Make: func(*rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			x.Info("%d %d %s", len(x.Secrets["api_key"]), len(x.Secrets["password"]), x.Payload.Hook)
			return nil
		}), nil
	}})
	vault := func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
		return rossum.Secrets{"api_key": strings.Repeat("k", int(h.ID))}, nil
	}
	e := newServer(t, hookserver.Options{Extensions: r, Run: []pipeline.Option{pipeline.WithSecrets(vault)}})
	for _, id := range []int{1, 2, 1} { // with the same settings
		hook := fmt.Sprintf("%s/hooks/%d", api, id)
		call := invoice(rossumtest.Sideload("hook", hook), rossumtest.Request(rand.Text()), rossumtest.Secret("password", "of the call"))
		want := fmt.Sprintf("%d 11 %s", id, hook)
		if _, answer := serve(e, extensionCall("/x", call)); len(answer.Messages) != 1 || answer.Messages[0].Content != want {
			t.Errorf("want %s, got %+v", want, answer)
		}
	}
}
