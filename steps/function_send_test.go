package steps_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// partner records what it is sent, and answers as its path says.
type partner struct {
	*httptest.Server
	failed atomic.Bool // the last call to a path that fails every other time
	mu     sync.Mutex
	seen   []string
}

var boundary = regexp.MustCompile(`[0-9a-f]{32}`)

func newPartner(t *testing.T) *partner {
	e := &partner{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := fmt.Sprintf(
			"%s %s | %s | %s | %s | %s",
			r.Method,
			r.URL.RequestURI(),
			r.Header.Get("Content-Type"),
			r.Header.Get("Authorization"),
			strings.Join([]string{r.Header.Get("X-Key"), r.Header.Get("Content-Length"), r.Header.Get("Cookie")}, " "),
			body,
		)
		e.mu.Lock()
		e.seen = append(e.seen, boundary.ReplaceAllString(line, "BOUNDARY"))
		e.mu.Unlock()
		switch r.URL.Path {
		case "/cut":
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/text":
			w.Header().Set("Content-Type", "text/plain; charset=iso-8859-2")
			_, _ = w.Write([]byte("p\xf8\xedli\xb9"))
		case "/login":
			addCookies(w, loginCookies)
			w.Header()["X-Twice"] = []string{"1", "2"}
			w.WriteHeader(http.StatusNoContent)
		case "/deep/odd":
			addCookies(w, oddCookies)
		case "/dated":
			if e.failed.Swap(!e.failed.Load()) {
				return
			}
			w.Header().Set("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/flaky", "/after":
			if e.failed.Swap(!e.failed.Load()) {
				return
			}
			if r.URL.Path == "/after" {
				w.Header().Set("Retry-After", "1")
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/paged":
			w.Header().Set("Link", `<https://erp.example/p?page=2>; rel="next"; title='x', `+
				`<https://erp.example/p?page=9>; rel=last,<https://erp.example/plain>`)
		case "/logout":
			w.Header().Add("Set-Cookie", "SID=; Path=/; Max-Age=0")
			w.Header().Add("Set-Cookie", "ROUTE=; Path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT")
		case "/moved":
			w.Header().Set("Location", "/json")
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"id": 7, "name": "Müller"}`))
		}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *partner) taken() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := strings.Join(e.seen, "\n")
	e.seen = nil
	return all
}

// Cookies that a login sets, and those that few servers set.
var (
	loginCookies = []string{
		"SID=1f; Path=/; HttpOnly", "ROUTE=.node1; path=/", "SEC=x; Secure", "OLD=1; Max-Age=0", "DEEP=2; Path=/deep",
		"DOM=3; Domain=127.0.0.1", "OTHER=3; Domain=erp.example", "PAST=4; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
		"LATER=5; Expires=Wed, 21 Oct 2065 07:28:00 GMT", `QUOTED="a b"`, "EMPTY=", "REL=6; Path=deep", "SPACED = 7 ; Path = /",
	}
	oddCookies = []string{
		"bare", "=nameless", "", "TWICE=1; Path=/; Path=/deep", "AGE=1; Max-Age=soon", "NOPATH=1; Path", "EMPTYPATH=1; Path=",
		"LONG=1; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "EMPTYDOMAIN=1; Domain=", "TLD=1; Domain=.1",
		"DOTTED=1; domain=.127.0.0.1; path=/", "PART=1; Domain=0.0.1", `QUOTED=1; Path=/; Expires="Wed, 21 Oct 2015 07:28:00 GMT"`,
		"SPACED = a b ; secure ; path = / ", "EQUALS=a=b; Path=/", "ODD=1; Expires=whenever; Path=/",
	}
)

func addCookies(w http.ResponseWriter, all []string) {
	for _, cookie := range all {
		w.Header().Add("Set-Cookie", cookie)
	}
}

// sendingCode are the bodies in testdata/sending.py.
func sendingCode(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/sending.py")
	if err != nil {
		t.Fatal(err)
	}
	bodies := strings.Split(strings.TrimSpace(string(text)), "\n# ---\n")
	if len(bodies) < 40 {
		t.Fatalf("only %d bodies", len(bodies))
	}
	return bodies[1:]
}

func runSending(t *testing.T, url, body string) (out string, err error) {
	t.Helper()
	code := "import json\nimport requests\nURL = " + fmt.Sprintf(
		"%q",
		url,
	) + "\ndef rossum_hook_request_handler(payload):\n    t = TxScript.from_payload(payload)\n    " +
		strings.ReplaceAll(
			body,
			"\n",
			"\n    ",
		) + "\n    t.show_info(repr(out))\n    return t.hook_response()\n"
	chain, err := pipeline.New(&steps.Function{Code: code, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := chain.Export(t.Context(), functionCall("", "").Payload())
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(texts(r), "info: "), nil
}

// The same code sends the same, and sees the same, as with the module of that name.
func TestAFunctionSendsWhatRequestsSends(t *testing.T) {
	t.Parallel()
	python := oracle.Need(t, "requests")
	e, sending := newPartner(t), sendingCode(t)
	script := "import json\nimport requests\nURL = " + fmt.Sprintf("%q", e.URL) + "\n"
	for _, body := range sending {
		script += body + "\nprint(repr(out))\nrequests.get(URL + '/mark')\n"
	}
	command := python.Command("-c", script)
	command.Env = []string{"NO_PROXY=*", "PYTHONIOENCODING=utf-8"}
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	want := strings.Split(string(printed), "\n")
	wantSent := strings.Split(e.taken(), "GET /mark")
	for i, body := range sending {
		got, err := runSending(t, e.URL, body)
		if err != nil {
			t.Errorf("%s\n%v", body, err)
		}
		_, before, _ := strings.Cut(wantSent[i], "\n") // the rest of the mark's line
		if i == 0 {
			before = wantSent[0]
		}
		if sent := e.taken(); sent != strings.TrimSuffix(before, "\n") {
			t.Errorf("%s\nsent %s\nwant %s", body, sent, before)
		}
		if got != want[i] {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want[i])
		}
	}
}

// A call that may have arrived ends the export: code that catches everything and tries
// again would post twice.
func TestAFunctionCannotRepeatACallThatMayHaveArrived(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	_, err := runSending(
		t,
		e.URL,
		"for _ in range(3):\n    try:\n        requests.post(URL + '/cut', json={})\n    except Exception:\n        pass\nout = 1",
	)
	if sent := e.taken(); err == nil || strings.Count(sent, "POST") != 1 {
		t.Errorf("%v, sent %s", err, sent)
	}
	if err == nil || !strings.Contains(err.Error(), "line 8: POST") { // of the code, not of the module requests
		t.Errorf("%v", err)
	}
}

func TestWhatReachesIntoTheConnectionIsRefused(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	for _, argument := range []string{"verify=False", "verify='ca.pem'", "proxies={'https': 'x'}", "cert='x.pem'", "hooks={'response': 1}"} {
		name, _, _ := strings.Cut(argument, "=")
		for _, call := range []string{
			"requests.post(URL + '/json', " + argument + ")", "s = requests.Session()\ns." + argument + "\ns.post(URL + '/json')",
		} {
			_, err := runSending(t, e.URL, call+"\nout = 0")
			if err == nil || !strings.Contains(err.Error(), name) || e.taken() != "" {
				t.Errorf("%s: %v", call, err)
			}
		}
	}
	for code, name := range map[string]string{
		"s.proxies.update({'https': 'x'})": "proxies", "s.max_redirects = 3": "max_redirects",
		"class Own(requests.adapters.HTTPAdapter):\n    def send(self, request, **options): return super().send(request, timeout=5)\n" +
			"s.mount('http://', Own())": "a method send",
	} {
		_, err := runSending(t, e.URL, "s = requests.Session()\n"+code+"\ns.post(URL + '/json')\nout = 0")
		if err == nil || !strings.Contains(err.Error(), name) || e.taken() != "" {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A document of any size that Rossum takes can be sent, and in base64.
func TestAFunctionSendsALargeDocument(t *testing.T) {
	t.Parallel()
	document := bytes.Repeat([]byte("%PDF\xff\x00\r\n"), 18_000_000/8)
	text := base64.StdEncoding.EncodeToString(document)
	for call, want := range map[string]string{
		"data=doc": string(document),
		"files={'f': ('ü.pdf', doc, 'application/pdf')}, data={'n': '1'}": "--BOUNDARY\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n" +
			"--BOUNDARY\r\nContent-Disposition: form-data; name=\"f\"; filename=\"ü.pdf\"\r\nContent-Type: application/pdf\r\n\r\n" +
			string(document) + "\r\n--BOUNDARY--\r\n",
		"data={'f': base64.b64encode(doc)}":          "f=" + url.QueryEscape(text),
		"json={'f': base64.b64encode(doc).decode()}": `{"f": "` + text + `"}`,
	} {
		var got []byte
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write(document)
				return
			}
			got, _ = io.ReadAll(r.Body)
			if _, boundary, found := strings.Cut(r.Header.Get("Content-Type"), "boundary="); found {
				got = bytes.ReplaceAll(got, []byte(boundary), []byte("BOUNDARY"))
			}
		}))
		step := &steps.Function{HTTP: true, Code: fmt.Sprintf("import base64, requests\ndef rossum_hook_request_handler(payload):\n"+
			"    doc = requests.get(%q).content\n    requests.post(%q, %s)\n    return {}\n", s.URL, s.URL, call)}
		r := pipelinetest.Run(t, step, rossumtest.Annotation(rossumtest.Offline()))
		s.Close()
		if r.Err != nil || string(got) != want {
			t.Errorf("%s: %v, sent %d bytes (%.100q), want %d", call, r.Err, len(got), got, len(want))
		}
	}
}

// Without the program's word code that sends is refused when the chain is built.
func TestAFunctionSendsOnlyIfTheProgramAllowsIt(t *testing.T) {
	t.Parallel()
	code := "import requests\ndef rossum_hook_request_handler(payload):\n    requests.post('https://erp.example', json={})\n"
	_, err := pipeline.New(&steps.Function{Code: code})
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "requests") ||
		!strings.Contains(err.Error(), "FunctionsMaySend") {
		t.Errorf("got %v", err)
	}
	hook := func(name string) *rossum.Hook {
		h := &rossum.Hook{ID: 7, Name: name, Type: "function", Active: true, Events: []string{"annotation_content.export"}}
		h.Config.Runtime, h.Config.Code = "python3.12", code
		return h
	}
	for allowed, want := range map[bool]bool{false: false, true: true} {
		r := &organisation.Registry{}
		if allowed {
			steps.Register(r, steps.RegisterOptions{FunctionsMaySend: true})
		} else {
			steps.Register(r, steps.RegisterOptions{})
		}
		if _, err := organisation.FromHooks([]*rossum.Hook{hook("Send")}, r, organisation.Options{}); (err == nil) != want {
			t.Errorf("allowed %t: %v", allowed, err)
		}
	}
}

// The calls are on the report, without the secrets of the hook.
func TestTheCallsOfAFunctionAreReportedWithoutSecrets(t *testing.T) {
	t.Parallel()
	e := newPartner(t)
	code := "import requests\ndef rossum_hook_request_handler(payload):\n    key = payload['secrets']['key']\n    requests.post('" + e.URL +
		"/json?key=' + key, headers={'X-Key': key})\n    requests.get('http://127.0.0.1:1/' + key)\n"
	chain, err := pipeline.New(&steps.Function{Code: code, HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	p := functionCall("", "").Payload()
	p.Secrets = map[string]string{"key": "S3CRET-canary"}
	var report *pipeline.Report
	_, err = chain.Export(t.Context(), p, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	if err == nil || strings.Contains(err.Error(), "S3CRET") {
		t.Errorf("got %v", err)
	}
	text, _ := json.Marshal(report)
	if sent := e.taken(); !strings.Contains(sent, "S3CRET-canary") || strings.Contains(string(text), "S3CRET") ||
		!strings.Contains(string(text), "/json") {
		t.Errorf("sent %s, report %s", sent, text)
	}
}
