package requestprocessor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// invoice is an annotation with the fields that the tests write to.
func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("number", "2026/0042"), rossumtest.Number("total", "1,234.50", "1234.50"), rossumtest.Number("count", "3", "3"), rossumtest.Number("none", "", ""),
		rossumtest.Date("due", "24.11.2026", "2026-11-24"), rossumtest.Field("vendor", `Müller & "Co"`), rossumtest.Field("state", "approved"), rossumtest.Field("empty", ""),
		rossumtest.Field("status", ""), rossumtest.Field("remote_id", ""), rossumtest.Field("note", ""), rossumtest.Number("remote_number", "", ""),
		rossumtest.Field("line_0", ""), rossumtest.Field("line_1", ""), rossumtest.List("tags", "tag", "red", "blue"), rossumtest.List("nothing", "no"),
		rossumtest.Table("lines", rossumtest.Row("sku", "A", "qty", "1"), rossumtest.Row("sku", "B", "qty", "2")),
		rossumtest.Secret("client_secret", "canary-client-secret"), rossumtest.Set("nul", nil),
	).With(parts...)
}

// seen is a request that the API got.
type seen struct {
	method, uri, body, auth string
	header                  http.Header
	form                    map[string][]string
	files                   []string // field=name;type:content
}

func (s seen) String() string {
	return strings.TrimSpace(s.method + " " + s.uri + " " + s.body)
}

// api is a fake API.
type api struct {
	URL string

	mu   sync.Mutex
	seen []seen
}

// serve starts an API that answers as f does; nil answers {"id": "ERP-<n>"}.
func serve(t testing.TB, f func(w http.ResponseWriter, s seen, n int)) *api {
	t.Helper()
	a := &api{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := read(t, r)
		a.mu.Lock()
		a.seen = append(a.seen, s)
		n := len(a.seen)
		a.mu.Unlock()
		if f != nil {
			f(w, s, n)
			return
		}
		answer(w, 201, "application/json", fmt.Sprintf(`{"id": "ERP-%d"}`, n))
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	a.URL = s.URL
	return a
}

func read(t testing.TB, r *http.Request) seen {
	s := seen{method: r.Method, uri: r.URL.RequestURI(), header: r.Header.Clone(), auth: r.Header.Get("Authorization")}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		data, _ := io.ReadAll(r.Body)
		s.body = string(data)
		return s
	}
	parts, err := r.MultipartReader()
	if err != nil {
		t.Error(err)
		return s
	}
	s.form = make(map[string][]string)
	for {
		p, err := parts.NextPart()
		if err != nil {
			return s
		}
		data, _ := io.ReadAll(p)
		if p.FileName() == "" {
			s.form[p.FormName()] = append(s.form[p.FormName()], string(data))
			continue
		}
		s.files = append(s.files, fmt.Sprintf("%s=%s;%s:%s", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), data))
	}
}

func answer(w http.ResponseWriter, status int, mediaType, body string) {
	if mediaType == "" {
		w.Header()["Content-Type"] = nil
	} else {
		w.Header().Set("Content-Type", mediaType)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// requests returns what the API got.
func (a *api) requests() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]seen(nil), a.seen...)
}

func (a *api) paths() string {
	var all []string
	for _, s := range a.requests() {
		all = append(all, s.method+" "+s.uri)
	}
	return strings.Join(all, ", ")
}

// step decodes settings, with API for the address of a.
func step(t testing.TB, a *api, settings string) *requestprocessor.Step {
	t.Helper()
	if a != nil {
		settings = strings.ReplaceAll(settings, "API", a.URL)
	}
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(settings), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// client sends by connections that end with the test.
func client(t testing.TB) pipeline.Option {
	transport := &http.Transport{MaxIdleConnsPerHost: 50}
	t.Cleanup(transport.CloseIdleConnections)
	return pipeline.WithHTTPClient(&http.Client{Transport: transport})
}

// run runs settings on a call.
func run(t testing.TB, a *api, call *rossumtest.Call, settings string, options ...pipeline.Option) pipelinetest.Result {
	t.Helper()
	return runStep(t, step(t, a, settings), call, options...)
}

func runStep(t testing.TB, s pipeline.Step, call *rossumtest.Call, options ...pipeline.Option) pipelinetest.Result {
	t.Helper()
	options = append([]pipeline.Option{client(t), pipeline.WithOriginal(pipeline.Bytes("PDF bytes"))}, options...)
	return pipelinetest.Run(t, s, call, options...)
}

// madeUpToken gives a call the token of a platform that is not there.
var madeUpToken = rossumtest.From("https://example.rossum.app", rossumtest.Token)

// offline is the invoice without Rossum.
func offline(parts ...rossumtest.Part) *rossumtest.Call {
	return invoice(rossumtest.Offline()).With(parts...)
}

// decisions are those of the step, one a line.
func decisions(r pipelinetest.Result) string {
	var all []string
	for _, s := range r.Report.All() {
		all = append(all, s.Decisions...)
	}
	return strings.Join(all, "\n")
}
