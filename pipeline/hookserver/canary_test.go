package hookserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// Secrets that no answer and no log line may show.
var (
	canaryToken   = canary.New("Token")
	canarySecret  = canary.New("Secret")
	canaryLiteral = canary.New("Literal")
	canaryHook    = canary.New("Signature")
)

var (
	hidden      = canary.Set{"token": canaryToken, "secret": canarySecret, "literal": canaryLiteral, "signature": canaryHook}
	showsCanary = hidden.Search()
)

func TestACanaryIsFound(t *testing.T) {
	t.Parallel()
	if blind := hidden.Blind(); blind != "" {
		t.Error(blind)
	}
}

// badKinds are extensions that do what no extension should.
type badKinds map[string]func(*rossum.Hook) (pipeline.Step, error)

func (k badKinds) Kind(address string) (string, func(*rossum.Hook) (pipeline.Step, error), bool) {
	for name, kind := range k {
		if strings.HasSuffix(address, name) {
			return name, kind, true
		}
	}
	return "", nil, false
}

func (badKinds) Err() error { return nil }

// everyFailure are extensions each of which fails with the secrets in its words.
var everyFailure = badKinds{
	"/refuses":     func(h *rossum.Hook) (pipeline.Step, error) { return nil, fmt.Errorf("no use of %s", h.Settings) },
	"/panics":      func(h *rossum.Hook) (pipeline.Step, error) { panic(fmt.Sprintf("no use of %s", h.Settings)) },
	"/panics-late": func(*rossum.Hook) (pipeline.Step, error) { return panicking, nil },
	"/fails":       func(*rossum.Hook) (pipeline.Step, error) { return failing, nil },
	"/invalid":     func(h *rossum.Hook) (pipeline.Step, error) { return invalid{string(h.Settings)}, nil },
	"/succeeds": func(*rossum.Hook) (pipeline.Step, error) {
		return pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }), nil
	},
}

var (
	panicking = pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		panic(errors.New(words(x)))
	})
	failing = pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Warn("%s", words(x))
		x.Log.Warn(words(x), "all", words(x))
		return errors.New(words(x))
	})
)

func words(x *pipeline.Export) string {
	return fmt.Sprintf("%s %x %s %s", x.Secrets["key"], x.Secrets["key"], string(x.Payload.Token), x.Payload.Settings)
}

// invalid is a step whose settings are wrong.
type invalid struct{ settings string }

func (invalid) Run(context.Context, *pipeline.Export) error { return nil }

func (i invalid) Validate() error { return errors.New("no use of " + i.settings) }

// spoilt are bodies that are hook calls but for one thing, and the call itself.
func spoilt(body []byte) map[string][]byte {
	all := map[string][]byte{
		"whole":   body,
		"empty":   nil,
		"no JSON": []byte("token=" + canaryToken),
		"a text":  []byte(`"` + canaryToken + `"`),
	}
	for n := 1; n < len(body); n += max(1, len(body)/150) {
		all[fmt.Sprint("cut at ", n)] = body[:n]
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		panic("the call is not JSON")
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		for _, other := range []string{`1`, `"` + canaryToken + `"`, `["` + canarySecret + `"]`, `{"key":"` + canarySecret + `"}`, `{"key":{"x":"` + canarySecret + `"}}`, `"https://u:` + canaryLiteral + `@[::1/"`, `null`, `true`} {
			if key == "request_id" && strings.Contains(other, "://") {
				continue // which is what the log calls a run by
			}
			changed := maps.Clone(members)
			changed[key] = json.RawMessage(other)
			data, _ := json.Marshal(changed)
			all[key+" is "+other] = data
		}
	}
	return all
}

// Whatever is wrong with a hook call, and whatever fails in a step or before there is one, no
// answer and no log line shows a secret of the call, of its settings, or the hook's own.
func TestNoAnswerOrLogLineShowsASecret(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(locked{&mu, &logged}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	extensions := newServer(t, hookserver.Options{
		Extensions: everyFailure, SignatureSecrets: []string{canaryHook}, Logger: log,
		Run: []pipeline.Option{pipeline.WithLogger(log), pipeline.WithRossum(nil)},
	})
	call := rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.From("https://acme.rossum.app", canaryToken),
		rossumtest.Secret("key", canarySecret), rossumtest.Settings(map[string]any{
			"headers": map[string]string{"Authorization": "Bearer " + canaryLiteral}, "url": "https://u:" + canaryLiteral + "@erp.example/",
		}))
	server, answers := extensions, make(map[int]int)
	ask := func(what, path string, r *http.Request) {
		mu.Lock()
		logged.Reset()
		mu.Unlock()
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		answers[w.Code]++
		mu.Lock()
		seen := logged.String()
		mu.Unlock()
		if found := showsCanary(w.Body.String() + fmt.Sprint(w.Header())); found != "" {
			t.Errorf("%s, %s: the answer shows %s: %s", path, what, found, w.Body)
		}
		if found := showsCanary(seen); found != "" {
			t.Errorf("%s, %s: the log shows %s: %s", path, what, found, seen)
		}
	}
	request := func(path string, body []byte, secret string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rossum.Sign(r.Header, body, secret)
		return r
	}
	n := int64(0)
	for path := range everyFailure {
		n++
		body := call.With(rossumtest.Set("id", n)).Bytes()
		ask("whole", path, request(path, body, canaryHook))
	}
	for what, body := range spoilt(call.With(rossumtest.Set("id", 99)).Bytes()) {
		ask(what, "/succeeds", request("/succeeds", body, canaryHook))
		ask(what+", signed by another", "/succeeds", request("/succeeds", body, "another-secret-"+canaryToken))
	}
	for name, value := range map[string]string{
		"Content-Type": canaryToken, "Content-Encoding": "gzip", "X-Rossum-Signature-SHA256": "sha256=zz", "X-Elis-Signature": canaryToken,
	} {
		r := request("/succeeds", call.Bytes(), canaryHook)
		r.Header.Set(name, value)
		ask("another "+name, "/succeeds", r)
	}
	for what, step := range map[string]pipeline.Step{"a step that panics": panicking, "a step that fails": failing} { // in a chain that has no settings
		server = newServer(t, hookserver.Options{
			Chain: chainOf(t, step), SignatureSecrets: []string{canaryHook}, Logger: log,
			Run: []pipeline.Option{pipeline.WithLogger(log), pipeline.WithRossum(nil)},
		})
		ask(what, "/", request("/", call.Bytes(), canaryHook))
	}
	server = extensions
	ask("no extension", "/"+"nothing", request("/nothing", call.Bytes(), canaryHook))
	for _, status := range []int{200, 400, 401, 404, 415} {
		if answers[status] == 0 {
			t.Errorf("nothing was answered with %d: %v", status, answers)
		}
	}
}

type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
