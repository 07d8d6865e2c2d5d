package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func exportrun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestEveryCommandHasHelpWithExamplesAndExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		for _, args := range [][]string{{c.name, "-help"}, {c.name, "-h"}, {"help", c.name}} {
			code, stdout, stderr := exportrun(t, args...)
			if code != answered || stderr != "" || !strings.Contains(stdout, "Exit codes: 0") || !strings.Contains(stdout, "\nExample") ||
				!strings.HasPrefix(stdout, "\nexportrun "+c.name) && !strings.HasPrefix(stdout, "exportrun "+c.name) {
				t.Errorf("%v: code %d\n%s%s", args, code, stdout, stderr)
			}
		}
		if code, stdout, _ := exportrun(t, "-help"); code != answered || !strings.Contains(stdout, "exportrun "+c.name) {
			t.Errorf("-help does not name %s", c.name)
		}
	}
}

func TestWrongArgumentsOfCommandsAreRefused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"flag provided but not defined: -nope; exportrun check -help":  {"check", "-nope"},
		"-hooks or -org is missing":                                    {"check"},
		`"x" is not a flag; give a folder of prd2 by -org`:             {"run", "-payload", "p", "x"},
		`"acme" is not a flag; give a folder of prd2 by -org`:          {"check", "acme"},
		"-payload is missing; exportrun run -help":                     {"run", "-org", "x"},
		"-replies, -keep-fields and -reads are for dry runs":           {"run", "-org", "x", "-payload", "y", "-send", "-keep-fields"},
		"-artefacts is memory or rossum, not disk":                     {"run", "-org", "x", "-payload", "y", "-artefacts", "disk"},
		"-queue names a queue of -org, which is missing":               {"graph", "-hooks", "hooks", "-queue", "1"},
		"0 templates are given":                                        {"render", "-payload", "payload.json"},
		"there are both -hook and the template t.j2":                   {"render", "-payload", "payload.json", "-hook", "1", "t.j2"},
		"no hook is called \"9\"; the hooks are \"Cleaning\" (id 101)": {"render", "-payload", "payload.json", "-hooks", "hooks", "-hook", "9"},
		"0 reports given; give one":                                    {"report"},
		"is not a report":                                              {"report", "main.go"},
		"-url is missing":                                              {"sign", "-payload", "payload.json"},
		"the variable NOWHERE_SET is not set": {
			"sign", "-payload", "payload.json", "-url", "http://x", "-secret-env", "NOWHERE_SET",
		},
		"-dir is missing": {"capture"},
		`"nope" is not a command; there are check, run, sample`: {"nope"},
		`"chek" is not a command; did you mean check?`:          {"chek", "-org", "x"},
		"is not a report of a run":                              {"report", "payload.json"},
		"http://localhost:8080/export":                          {"sign", "-payload", "payload.json", "-url", "localhost:8080/export"},
	} {
		if code, _, stderr := exportrun(t, args...); code != unusable || !strings.Contains(stderr, want) {
			t.Errorf("%v: code %d, %swant %s", args, code, stderr, want)
		}
	}
}

// elsewhere copies an organisation whose ERP is on no machine of ours.
func elsewhere(t *testing.T, name string) string {
	t.Helper()
	return changed(t, name, "http://127.0.0.1:28090", "https://erp.example.com", "http://127.0.0.1:28081", "https://acme.rossum.example")
}

func TestARunIsDryUnlessItIsToSend(t *testing.T) {
	t.Parallel()
	dir := elsewhere(t, "secrets-of-each-hook")
	code, stdout, stderr := exportrun(
		t,
		"run",
		"-org",
		dir,
		"-payload",
		filepath.Join(dir, "payload.json"),
		"-secrets",
		write(t, `{"ERP": {"api_key": "of-the-erp-1"}}`),
	)
	if code != answered || stdout != `{"messages":[],"operations":[]}`+"\n" || strings.Contains(stderr, "of-the-erp-1") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
	checkParts(
		t,
		"the report",
		stderr,
		`Dry run, nothing was sent|-- POST https://erp.example.com/erp (step "ERP", not made)|X-Key: [secret]|a `+
			`made-up secret stands for api_key|2 calls were shown and not made.|Add -send`,
	)
	e := newERP(t)
	here := organisationIn(t, "secrets-of-each-hook", e)
	secrets := write(t, `{"ERP": {"api_key": "of-the-erp-1"}, "2": {"api_key": "of-the-archive"}}`)
	code, _, stderr = exportrun(t, "run", "-org", here, "-payload", filepath.Join(here, "payload.json"), "-secrets", secrets)
	if code != answered || len(e.calls) != 2 || !strings.Contains(stderr, "in which every call was made") {
		t.Errorf("to this machine: code %d, calls %v\n%s", code, e.calls, stderr)
	}
	code, _, stderr = exportrun(t, "run", "-send", "-org", here, "-payload", filepath.Join(here, "payload.json"), "-secrets", secrets)
	if code != answered || len(e.calls) != 4 || strings.Contains(stderr, "Dry run") {
		t.Errorf("with -send: code %d, calls %v\n%s", code, e.calls, stderr)
	}
}

// A payload of "sample" or "capture" has no token. The run would post, and then fail at the
// step that attaches the document.
func TestNothingIsSentIfTheDocumentCannotBeRead(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	erp := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls.Add(1); w.WriteHeader(http.StatusCreated) }),
	)
	defer erp.Close()
	dir := t.TempDir()
	hook := func(id int, content string, after ...string) string {
		h := map[string]any{
			"id":        id,
			"url":       fmt.Sprint("https://x.example/hooks/", id),
			"name":      "Post",
			"active":    true,
			"events":    []string{"annotation_content.export"},
			"run_after": after,
			"queues":    []string{"queues/8199"},
			"type":      "webhook",
			"config": map[string]any{
				"url": "https://x.example/rest-api-export",
			},
			"settings": map[string]any{"request": map[string]any{"url": erp.URL, "method": "POST", "content": content}},
		}
		data, err := json.Marshal(h)
		file := filepath.Join(dir, fmt.Sprint(id)+".json")
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	args := []string{
		"run",
		"-payload",
		"payload.json",
		"-send",
		"-hooks",
		hook(1, "first"),
		hook(2, "#{original_file}", "https://x.example/hooks/1"),
	}
	code, _, stderr := exportrun(t, args...)
	if code != unusable || calls.Load() != 0 ||
		!strings.Contains(
			stderr,
			`hook "Post" (id 2) sends the annotated document, and payload.json has no token to read it from Rossum with: give it by -original FILE`,
		) {
		t.Errorf("code %d, %d calls\n%s", code, calls.Load(), stderr)
	}
	if code, _, stderr = exportrun(t, append(args, "-original", "payload.json")...); code != answered || calls.Load() != 2 {
		t.Errorf("code %d, %d calls\n%s", code, calls.Load(), stderr)
	}
}

func TestADryRunTakesAnswersFromAFileOrAReport(t *testing.T) {
	t.Parallel()
	dir := elsewhere(t, "formula-false-cycle")
	payload := filepath.Join(dir, "payload.json")
	report := filepath.Join(t.TempDir(), "run.json")
	_, stdout, stderr := exportrun(t, "run", "-org", dir, "-payload", payload)
	checkParts(t, "the report without answers", stderr, "not run: it needs file|1 step ended at a call without an answer")
	if !strings.Contains(stdout, `"operations":[]`) {
		t.Error(stdout)
	}
	replies := write(t, `[{"url": "https://erp.example.com/*", "status": 201, "body": {"id": 7}}]`)
	for _, from := range []string{replies, report} {
		code, stdout, stderr := exportrun(t, "run", "-org", dir, "-payload", payload, "-replies", from, "-report", report)
		if code != answered || !strings.Contains(stdout, `"value":"201"`) {
			t.Errorf("%s: code %d\n%s%s", from, code, stdout, stderr)
		}
	}
	for text, want := range map[string]string{`[{"status": 1}]`: "reply 1 has no url", `[{"url": "x", "status": 1}]`: "1 is not a valid status", `{"steps": []}`: "has no replies", `[{"uri": 1}]`: "unknown field", "x": "neither"} {
		if code, _, stderr := exportrun(t, "run", "-org", dir, "-payload", payload, "-replies", write(t, text)); code != unusable ||
			!strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s", text, code, stderr)
		}
	}
}

func TestAReportBecomesAPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	report, page := filepath.Join(dir, "run.json"), filepath.Join(dir, "page.html")
	if code, _, stderr := exportrun(t, "run", "-hooks", "hooks", "-payload", "payload.json", "-report", report, "-page", page); code != answered {
		t.Fatal(stderr)
	}
	code, stdout, stderr := exportrun(t, "report", report)
	if code != answered || stdout != filepath.Join(dir, "run.html")+"\n" {
		t.Fatalf("code %d %s%s", code, stdout, stderr)
	}
	for _, file := range []string{page, filepath.Join(dir, "run.html")} {
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), "A dry run of annotation") || !strings.Contains(string(data), "File invoice_csv") {
			t.Errorf("%s: %v\n%s", file, err, data)
		}
	}
}

func TestCheckFindsEverythingOfEveryQueue(t *testing.T) {
	t.Parallel()
	code, stdout, _ := exportrun(t, "check", "-org", "../organisation/acme")
	if code != answered || !strings.Contains(stdout, "0 errors, 0 warnings in 2 queues") {
		t.Errorf("code %d\n%s", code, stdout)
	}
	dir := elsewhere(t, "formula-false-cycle")
	hook := filepath.Join(dir, "hooks", "Parse_[2].json")
	data, err := os.ReadFile(hook)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte(strings.Replace(string(data), `"target_schema_id": "api_status"`, `"target_schema_id": "api_statuss"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := exportrun(t, "check", "-json", "-org", dir)
	var got struct {
		OK     bool    `json:"ok"`
		Faults []fault `json:"faults"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != failed || got.OK || len(got.Faults) != 2 {
		t.Fatalf("code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	for _, f := range got.Faults {
		if f.Severity == "error" &&
			(f.File != hook || f.Line == 0 || !strings.Contains(f.Message, "api_statuss") || !strings.Contains(f.Place, "target_schema_id")) {
			t.Errorf("%+v", f)
		}
	}
	if code, stdout, _ := exportrun(t, "check", "-org", dir); code != failed || !strings.HasPrefix(stdout, dir) ||
		!strings.HasSuffix(stdout, "1 error, 1 warning\n") {
		t.Errorf("code %d\n%s", code, stdout)
	}
}

func TestCheckShowsFaultsOfSettingsWithTheirPlaces(t *testing.T) {
	t.Parallel()
	hooks := filepath.Join(t.TempDir(), "hooks")
	if err := os.CopyFS(hooks, os.DirFS("hooks")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(hooks, "Evaluator_[103].json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), `"condition":`, `"conditon":`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := exportrun(t, "check", "-hooks", hooks)
	if code != failed ||
		!regexp.MustCompile(`Evaluator_\[103\]\.json:\d+:\d+: error: hook "Evaluator" \(id 103\): settings.*conditon`).MatchString(stdout) {
		t.Errorf("code %d\n%s", code, stdout)
	}
}

func TestRenderShowsATemplateOrItsFault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name, text string
		code       int
		stdout     string
		stderr     string
	}{
		{"a.j2", "No. {{ field.document_id }}\n", answered, "No.2026-0042", ""},
		{"b.json", `{"n": "@{document_id}", "x": {"$IF_SCHEMA_ID$": {"schema_id": "nope", "mapping": 1, "fallback_mapping": 2}}}`, answered, `{"n":"2026-0042","x":2}`, ""},
		{"c.j2", "a\n\t{{ field.document_id | nope }}", failed, "", "c.j2:2:"},
		{"d.j2", "a\n{% for %}", failed, "", "{% for %}\n  "},
		{"e.json", `{"n": "@{documentid}"}`, failed, "", "document_id"},
		{"f.json", `{"n": `, failed, "", "f.json: "},
	} {
		file := filepath.Join(dir, tt.name)
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := exportrun(t, "render", "-payload", "payload.json", file)
		if tt.code == answered && stderr != "" {
			t.Errorf("%s: %s", tt.name, stderr)
		}
		if code != tt.code || strings.ReplaceAll(stdout, " ", "") != strings.ReplaceAll(tt.stdout, " ", "") ||
			!strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: code %d\n%s\n%s", tt.name, code, stdout, stderr)
		}
	}
	code, stdout, _ := exportrun(t, "render", "-payload", "payload.json", "-hook", "Invoice CSV", "-hooks", "hooks")
	if code != answered || !strings.HasPrefix(stdout, "Document ID,Item") {
		t.Errorf("code %d, %s", code, stdout)
	}
}

func TestRenderWatchesItsFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.j2")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out strings.Builder
	rendered := make(chan int)
	ended := make(chan int)
	n := 0
	go func() {
		ended <- watching(ctx, []string{file}, time.Millisecond, &terminal{stdout: &out, stderr: &out}, func() int {
			n++
			rendered <- n
			return n
		})
	}()
	// Written until it is seen: the watcher may not have looked at the file before.
	go func() {
		for ctx.Err() == nil {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return
			}
			_, _ = f.WriteString("x")
			_ = f.Close()
			time.Sleep(time.Millisecond)
		}
	}()
	<-rendered
	cancel()
	for {
		select {
		case <-rendered: // it may have seen one more
		case code := <-ended:
			if code < 1 {
				t.Errorf("code %d", code)
			}
			return
		}
	}
}

func TestTheSignedLineIsOneThatAHookServerTakes(t *testing.T) {
	t.Setenv("SIGN_TEST_SECRET", "s3cret-of-the-hook")
	code, stdout, stderr := exportrun(
		t,
		"sign",
		"-payload",
		"payload.json",
		"-url",
		"http://localhost:1/it's",
		"-secret-env",
		"SIGN_TEST_SECRET",
	)
	if code != answered || strings.Contains(stdout, "s3cret") || !strings.Contains(stdout, `'http://localhost:1/it'\''s'`) {
		t.Fatalf("code %d, %s%s", code, stdout, stderr)
	}
	signature := regexp.MustCompile(`-H '` + rossum.SignatureHeader + `: ([^']+)'`).FindStringSubmatch(stdout)
	body, err := os.ReadFile("payload.json")
	if err != nil || signature == nil {
		t.Fatal(stdout, err)
	}
	header := make(http.Header)
	header.Set(rossum.SignatureHeader, signature[1])
	if err := rossum.VerifySignature(header, body, "s3cret-of-the-hook"); err != nil {
		t.Error(err)
	}
}

func TestTheBodyOfACallThatIsNotSignedIsNotRead(t *testing.T) {
	t.Parallel()
	body := strings.NewReader("{}")
	w := httptest.NewRecorder()
	(&captured{dir: t.TempDir(), calls: hookcall.NewReader([]string{"hook-secret"}, false, 0, 0)}).ServeHTTP(
		w,
		httptest.NewRequest(http.MethodPost, "/", body),
	)
	if w.Code != http.StatusUnauthorized || body.Len() != 2 {
		t.Errorf("%d, %d bytes are left unread", w.Code, body.Len())
	}
}

func TestCapturedCallsHaveNoSecretAndRunLater(t *testing.T) {
	t.Parallel()
	var files []string
	c := &captured{
		dir:      t.TempDir(),
		calls:    hookcall.NewReader([]string{"hook-secret"}, false, 0, 0),
		now:      func() time.Time { return time.Unix(0, 0) },
		announce: func(f string) { files = append(files, f) },
	}
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "uses canary-4711"),
		rossumtest.Secret("api_key", "canary-4711"),
		rossumtest.From("https://acme.rossum.example", "canary-token-1"),
	)
	for range 2 {
		body := call.Bytes()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		rossum.Sign(r.Header, body, "hook-secret")
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"type":"error"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(files) != 2 || files[0] == files[1] {
		t.Fatal(files)
	}
	data, err := os.ReadFile(files[1])
	if err != nil || strings.Contains(string(data), "canary") {
		t.Fatalf("%v\n%s", err, data)
	}
	if p, err := readPayload(files[1]); err != nil || p.Annotation.ID == 0 {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(call.Bytes()))))
	if w.Code != http.StatusUnauthorized || len(files) != 2 {
		t.Errorf("unsigned: %d", w.Code)
	}
	c.calls = hookcall.NewReader(nil, true, 0, 0)
	w = httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("no call"))
	r.Header.Set("Content-Type", "application/json")
	c.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", w.Code)
	}
}

func TestServeAnswersCallsAndShowsTheirPages(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	hook, pages, err := newServer(&arguments{hooks: []string{"hooks"}}, true, &terminal{stdout: &log, stderr: &log})
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile("payload.json")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	hook.ServeHTTP(w, r)
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"messages":[],"operations":[]}` {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := hook.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	w = httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/run/1", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "succeeded") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A page of another site may bind a name of its own to this machine after it was loaded
// (DNS rebinding), and would then read the documents of the runs.
func TestPagesOfThisMachineAreForItsOwnNames(t *testing.T) {
	t.Parallel()
	pages := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "document") })
	for _, tt := range []struct {
		listen, host string
		code         int
	}{
		{"127.0.0.1:8081", "127.0.0.1:8081", 200}, {"127.0.0.1:8081", "localhost:9000", 200}, {"[::1]:8081", "[::1]:8081", 200}, {"localhost:8081", "LOCALHOST", 200},
		{"127.0.0.1:8081", "rebound.example:8081", 421}, {"127.0.0.1:8081", "rebound.example", 421}, {"localhost:8081", "127.0.0.1.example", 421}, {"[::1]:8081", "", 421},
		{"0.0.0.0:8081", "exports.acme.example", 200}, {":8081", "exports.acme.example:8081", 200},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		ofThisMachine(tt.listen, pages).ServeHTTP(w, r)
		if w.Code != tt.code || (tt.code == 200) != (w.Body.String() == "document") {
			t.Errorf("%s at %s: %d %s", tt.host, tt.listen, w.Code, w.Body)
		}
	}
}

func TestGraphShowsOneQueue(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := exportrun(t, "graph", "-org", "../organisation/acme")
	if code != unusable || stdout != "" ||
		!strings.Contains(stderr, "which queue? -queue takes one of Invoices EU (id 7), Invoices US (id 8)") {
		t.Errorf("code %d %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = exportrun(t, "graph", "-org", "../organisation/acme", "-queue", "8"); code != answered ||
		!strings.Contains(stdout, "Taxation US") {
		t.Errorf("code %d %s%s", code, stdout, stderr)
	}
}

func TestServersEndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := serveUntil(ctx, "127.0.0.1:0", http.NotFoundHandler(), &terminal{stdout: &out, stderr: &out}); err != nil ||
		!strings.Contains(out.String(), "serving at http://127.0.0.1:") {
		t.Errorf("%v, %s", err, out.String())
	}
	if err := serveUntil(t.Context(), "256.0.0.1:0", http.NotFoundHandler(), &terminal{stdout: &out, stderr: &out}); err == nil {
		t.Error("an address that is none is listened at")
	}
}

func TestARunThatIsInterruptedSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	code := runContext(ctx, []string{"run", "-hooks", "hooks", "-payload", "payload.json"}, &stdout, &stderr)
	if code != failed || !strings.Contains(stderr.String(), "The run was ended by Ctrl-C") ||
		!strings.Contains(stdout.String(), `"type":"error"`) {
		t.Errorf("code %d\n%s%s", code, stdout.String(), stderr.String())
	}
}

func TestWhatATerminalWouldObeyIsNotWritten(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[31mb\r\n\tc\u009bd"); got != "a�[31mb\n\tc�d" {
		t.Errorf("%q", got)
	}
	hooks := t.TempDir()
	for i, name := range []string{"\x1b[31mOne\x1b]0;title\x07", "Two\u009b2J"} {
		h := map[string]any{
			"id":     i + 1,
			"name":   name,
			"active": true,
			"events": []string{"annotation_content.export"},
			"queues": []string{"queues/8199"},
			"type":   "webhook",
			"config": map[string]any{
				"url": "https://x.example/export-evaluator",
			},
			"settings": map[string]any{"condition": "True", "message": "\x1b]8;;http://e.example\x07m\u009bm"},
		}
		data, err := json.Marshal(h)
		if err == nil {
			err = os.WriteFile(filepath.Join(hooks, fmt.Sprint(i)+".json"), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"run", "-payload", "payload.json"}, {"check", "-require-active"}, {"graph"}, {"render", "-payload", "payload.json", "-hook", "1"}, {"render", "-payload", "payload.json", "-hook", "9"}} {
		_, stdout, stderr := exportrun(t, append(args, "-hooks", hooks)...)
		if obeyed := strings.ContainsAny(stderr, "\x1b\x07\u009b"); obeyed || args[0] != "render" && stderr == "" && stdout == "" {
			t.Errorf("%v: %q", args, stderr)
		}
	}
	var b strings.Builder
	if got := colour(&b, red, "x"); got != "x" {
		t.Errorf("%q is coloured although it goes to no terminal", got)
	}
}
