package workbench

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// canaries are secrets that must not be on the page.
var canaries = []string{"canary-payload-secret", "canary-token-4711", "canary-of-the-file", "canary-config-secret"}

// templateHook and restHook are the hooks of the tests.
const (
	templateHook = `{
  "id": 1,
  "name": "CSV",
  "type": "webhook",
  "active": true,
  "events": ["annotation_content.export"],
  "settings": {
    "export_configs": [
      {
        "export_reference_key": "csv",
        "file_content_template": "Nr,Betrag\n{% for i in field.lines %}{{ field.number }},{{ i.amount }}\n{% endfor %}"
      }
    ]
  },
  "config": {"url": "https://x.custom-format-templating.example", "secret": "canary-config-secret"}
}`
	restHook = `{"id": 2, "name": "ERP", "type": "webhook", "active": true, "events": ["annotation_content.export"], "run_after": ["https://x.example/hooks/1"],
	"settings": {"export_reference_key": "csv", "request": {"url": "https://erp.example/invoices", "headers": {"X-Key": "{secret.api_key}", "Authorization": "Bearer {secret.token}"},
	"data": {"number": "@{number}", "file": "#{file_content}"}}},
	"config": {"url": "https://x.rest-api-export.example"}}`
)

// newBench is a bench on two hooks, in files of their own.
func newBench(t *testing.T) (b *Bench, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"CSV_[1].json": templateHook, "ERP_[2].json": restHook} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "7 <b>"), rossumtest.Secret("api_key", canaries[0]),
		rossumtest.From("https://acme.rossum.example", canaries[1]),
		rossumtest.Table("lines", rossumtest.Row("amount", "1.50"), rossumtest.Row("amount", "2.50")))
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	b, err := New(func() (*Place, error) {
		p := &Place{Title: "Invoices", Payload: call.Bytes(), File: "call.json"}
		for _, name := range []string{"CSV_[1].json", "ERP_[2].json"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			h, err := rossum.ParseHook(text)
			if err != nil {
				return nil, err
			}
			h.File = filepath.Join(dir, name)
			p.Hooks = append(p.Hooks, h)
		}
		p.Shown = p.Hooks
		schema, err := call.Payload().Schema()
		if err != nil {
			return nil, err
		}
		p.Chain = func(hooks []*rossum.Hook, warn func(*pipeline.Finding)) (*pipeline.Chain, error) {
			return organisation.FromHooks(hooks, registry, organisation.Options{Check: &organisation.Check{Schema: schema, Warn: warn}})
		}
		p.Alone = func(h *rossum.Hook) (*pipeline.Chain, error) {
			alone := *h
			alone.RunAfter = nil
			return organisation.FromHooks([]*rossum.Hook{&alone}, registry, organisation.Options{})
		}
		secrets, err := organisation.SecretsByHook(p.Hooks, map[string]rossum.Secrets{"ERP": {"api_key": canaries[2], "token": canaries[2]}})
		p.Run = func() []pipeline.Option { return []pipeline.Option{pipeline.WithSecrets(secrets)} }
		return p, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, dir
}

const token = "token-of-the-test"

// call asks the handler as the page does; change may spoil the request.
func call(b *Bench, method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:4711"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "http://127.0.0.1:4711")
	r.Header.Set(tokenHeader, token)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	b.Handler("127.0.0.1:4711", token).ServeHTTP(w, r)
	return w
}

func TestOnlyThePageItselfIsAnswered(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	for name, tt := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"the page":                     {nil, http.StatusOK},
		"the page at localhost":        {func(r *http.Request) { r.Host = "localhost:4711"; r.Header.Set("Origin", "http://localhost:4711") }, http.StatusOK},
		"without the token":            {func(r *http.Request) { r.Header.Del(tokenHeader) }, http.StatusUnauthorized},
		"with another token":           {func(r *http.Request) { r.Header.Set(tokenHeader, token+"x") }, http.StatusUnauthorized},
		"with the token as a cookie":   {func(r *http.Request) { r.Header.Del(tokenHeader); r.Header.Set("Cookie", tokenHeader+"="+token) }, http.StatusUnauthorized},
		"a name bound to this machine": {func(r *http.Request) { r.Host = "evil.example:4711" }, http.StatusMisdirectedRequest},
		"another port":                 {func(r *http.Request) { r.Host = "127.0.0.1:80" }, http.StatusMisdirectedRequest},
		"a page from elsewhere":        {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		"a page of another port":       {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:80") }, http.StatusForbidden},
		"a page without an origin":     {func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		"no origin":                    {func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden},
		"a site of the same name":      {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"a form":                       {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
	} {
		if w := call(b, "POST", "/api/state", "{}", tt.change); w.Code != tt.status ||
			tt.status != http.StatusOK && strings.Contains(w.Body.String(), "CSV") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := call(b, "GET", "/api/state", "", nil); w.Code == http.StatusOK {
		t.Error("what changes or shows data is read with GET")
	}
	if w := call(b, "GET", "/run/0", "", nil); w.Code != http.StatusNotFound {
		t.Errorf("a run of which nobody knows: %d", w.Code)
	}
}

func TestThePageHasAStrictPolicyAndNoData(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	for _, path := range []string{"/", "/page.js", "/editors.js", "/panels.js", "/page.css", "/codemirror.min.js", "/codemirror.LICENSE.txt"} {
		w := call(b, "GET", path, "", func(r *http.Request) { r.Header.Del(tokenHeader); r.Header.Del("Origin") })
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != http.StatusOK || w.Body.Len() == 0 || !strings.HasPrefix(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe") ||
			w.Header().Get("Referrer-Policy") != "no-referrer" ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), token) || strings.Contains(w.Body.String(), "CSV_") {
			t.Errorf("%s has the token or data", path)
		}
	}
	if page := call(b, "GET", "/", "", nil).Body.String(); strings.Count(page, "<script") != 1 || strings.Contains(page, "://") ||
		strings.Contains(page, "{{") {
		t.Error("the page has a script within it, or loads something from elsewhere")
	}
}

func TestTheWorkbenchListensOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "127.0.0.1"} {
		if l, err := Listen(t.Context(), address); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v, %v", address, l, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := Listen(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(l.Addr().String(), "127.0.0.1:") {
			t.Errorf("%s listens at %s", address, l.Addr())
		}
		_ = l.Close()
	}
}

// ask decodes an answer.
func ask[T any](t *testing.T, b *Bench, what, body string) (answer T) {
	t.Helper()
	w := call(b, "POST", "/api/"+what, body, nil)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", what, body, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestNoSecretIsOnAnyPage(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	var all strings.Builder
	for _, q := range [][2]string{{"state", "{}"}, {"hook", `{"id": 1}`}, {"hook", `{"id": 2}`}, {"try", `{"id": 1}`}, {"try", `{"id": 2}`}, {"data", `{"query": ""}`}, {"data", `{"query": "secret"}`},
		{"data", `{"query": "token"}`}, {"data", `{"query": "canary"}`}, {"try", `{"id": 1, "text": {"place": "export_configs[0].file_content_template", "text": "{{ payload }}{{ payload.secrets }}{{ payload.rossum_authorization_token }}"}}`}} {
		all.WriteString(call(b, "POST", "/api/"+q[0], q[1], nil).Body.String())
	}
	page := ask[map[string]string](t, b, "run", "{}")["page"]
	w := call(b, "GET", page, "", func(r *http.Request) { r.Header.Del(tokenHeader) })
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "erp.example/invoices") ||
		!strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	all.WriteString(w.Body.String())
	if !strings.Contains(all.String(), "X-Key: [secret]") {
		t.Error("the request is not shown")
	}
	for _, canary := range canaries {
		if i := strings.Index(all.String(), canary); i >= 0 {
			t.Errorf("%s is shown: …%s…", canary, all.String()[max(0, i-200):i+40])
		}
	}
}

func TestSavingWritesTheHookAndNothingElse(t *testing.T) {
	t.Parallel()
	b, dir := newBench(t)
	settings := strings.Replace(ask[openedHook](t, b, "hook", `{"id": 1}`).Settings, "Nr,Betrag", "No,Amount", 1)
	body, err := json.Marshal(map[string]any{"id": 1, "settings": settings})
	if err != nil {
		t.Fatal(err)
	}
	ask[struct{}](t, b, "save", string(body))
	file := filepath.Join(dir, "CSV_[1].json")
	got, err := os.ReadFile(file)
	if want := strings.Replace(templateHook, "Nr,Betrag", "No,Amount", 1); err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	if other, err := os.ReadFile(filepath.Join(dir, "ERP_[2].json")); err != nil || string(other) != restHook {
		t.Errorf("another file was written: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v %v", entries, err)
	}
	// Somebody else writes it: their change stays.
	if err := os.WriteFile(file, []byte(templateHook), 0o600); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		string(body):                                      "has changed on the disk",
		`{"id": 9, "settings": "{}"}`:                     "no such hook",
		`{"id": 2, "settings": "{"}`:                      "not valid JSON",
		`{"id": 2, "settings": "{}", "code": "import x"}`: "is not in the hook's file",
	} {
		if w := call(b, "POST", "/api/save", body, nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != templateHook {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestServingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	ctx, cancel := newContext(t)
	told := make(chan string, 1)
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx, "127.0.0.1:0", func(address string) { told <- address }) }()
	address, secret, ok := strings.Cut(<-told, "/#")
	if !ok || len(secret) < 20 {
		t.Fatalf("the token is %q", secret)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/state", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {address}, tokenHeader: {secret}}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reply.Body)
	if err != nil || !strings.Contains(string(body), "Invoices") {
		t.Errorf("%s %v", body, err)
	}
	_ = reply.Body.Close()
	cancel()
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
