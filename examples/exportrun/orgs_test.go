package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// erp is what the organisations of testdata/orgs expect: it creates everything, and
// gives tokens.
type erp struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []string
	tokens int
}

func newERP(t *testing.T) *erp {
	e := &erp{}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *erp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	call := r.Method + " " + r.RequestURI
	for _, name := range []string{"Authorization", "X-Key"} {
		if value := r.Header.Get(name); value != "" {
			call += " " + name + "=" + value
		}
	}
	e.calls = append(e.calls, call+" "+string(body))
	w.Header().Set("Content-Type", "application/json")
	if strings.HasPrefix(r.URL.Path, "/token") {
		e.tokens++
		fmt.Fprintf(w, `{"access_token": "tok-%d", "expires_in": 3600}`, e.tokens)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"id": 4711, "status": "created", "doc_id": "D-1"}`)
}

// organisationIn copies an organisation of testdata/orgs whose calls go to an ERP and a
// Rossum of the test.
func organisationIn(t *testing.T, name string, e *erp) string {
	t.Helper()
	platform := rossumtest.NewServer()
	t.Cleanup(platform.Close)
	return changed(
		t,
		name,
		"http://127.0.0.1:28090",
		e.URL,
		"http://127.0.0.1:28081",
		platform.URL,
		"rossum-session-token",
		string(platform.Token),
	)
}

// changed copies an organisation with texts in its files replaced.
func changed(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata/orgs", name))); err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer(replacements...)
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(file, []byte(here.Replace(string(data))), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// organisations are those of testdata/orgs, with what their want.txt demands.
var organisations = map[string]struct {
	args    []string
	secrets string // of -secrets
	code    int
	calls   string // one a line
	answer  string // parts of it, separated by |
	report  string
}{
	"formula-false-cycle": {
		calls:  "POST /invoices x\n",
		answer: `"operations":[{"op":"replace","id":1002,"value":{"content":{"value":"201"}}}]`,
	},
	"formula-optional-field-try": {
		calls:  "POST /invoices x\n",
		answer: `"operations":[{"op":"replace","id":1001,"value":{"content":{"value":"201"}}}]`,
	},
	"formula-unsupported-found-after-post": {
		calls:  "POST /invoices x\n",
		answer: `"operations":[{"op":"replace","id":1002,"value":{"content":{"value":"201"}}}]`,
	},
	"fromisoformat-with-offset": {calls: "POST /invoices x\n", report: "formulas computed again: po_start_date (1 runs)"},
	"function-settings-lost": {
		code:   1,
		answer: `{"messages":[{"type":"error","content":"The call was answered with 500."}],"operations":[]}`,
	},
	"hook-that-exports-nothing-blocks": {
		args: []string{"-leave-out", "Duplicate Handling"}, report: `file a: 1 bytes|left out: "Duplicate Handling" (id 3) (as the options say)`,
	},
	"inactive-predecessor":       {report: `file a: 1 bytes|left out: "Old" (id 1) (not active; passed through by "Template" (id 2))`},
	"rest-url-query-not-encoded": {calls: "GET /vendors?$filter=Name%20eq%20'M%C3%BCller%20S%C3%B6hne' \n"},
	"secrets-of-each-hook": {
		secrets: `{"ERP": {"api_key": "of-the-erp-1"}, "2": {"api_key": "of-the-archive"}}`,
		calls:   "POST /erp X-Key=of-the-erp-1 x\nPOST /dms X-Key=of-the-archive x\n",
	},
	"store-hook-has-no-url": {code: 1, answer: "no connection to the server", report: "PUT sftp://u@127.0.0.1:9/in/a"},
	"token-of-another-system": {
		calls: "POST /tokenA grant_type=client_credentials\nPOST /erp Authorization=Bearer tok-1 x\nPOST /tokenB grant_type=client_credentials\nPOST /dms Authorization=Bearer tok-2 x\n",
	},
}

func TestOrganisationsRunAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, tt := range organisations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			dir := organisationIn(t, name, e)
			args := append([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, tt.args...)
			if tt.secrets != "" {
				args = append(args, "-secrets", write(t, tt.secrets))
			}
			var stdout, stderr strings.Builder
			code := run(args, &stdout, &stderr)
			e.mu.Lock()
			defer e.mu.Unlock()
			var calls strings.Builder
			for _, c := range e.calls {
				calls.WriteString(c + "\n")
			}
			if code != tt.code || calls.String() != tt.calls {
				t.Errorf("code %d, want %d; calls\n%swant\n%s", code, tt.code, calls.String(), tt.calls)
			}
			checkParts(t, "the answer", stdout.String(), tt.answer)
			checkParts(t, "the report", stderr.String(), tt.report)
			for _, secret := range []string{"of-the-", "tok-1", "tok-2"} {
				if strings.Contains(stdout.String()+stderr.String(), secret) {
					t.Errorf("the secret %s is shown", secret)
				}
			}
			if t.Failed() {
				t.Logf("stdout\n%s\nstderr\n%s", stdout.String(), stderr.String())
			}
		})
	}
}

func TestAHostThatAFieldChoosesIsAllowedByAFlag(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"-allow-host", "127.0.0.1"}} {
		e := newERP(t)
		dir := organisationIn(t, "rest-url-query-not-encoded", e)
		file := filepath.Join(dir, "hooks", "Look-up_[1].json")
		for path, change := range map[string][2]string{
			file:                               {e.URL + "/vendors?$filter=Name eq '@{sender_name}'", "@{sender_name}"},
			filepath.Join(dir, "payload.json"): {"Müller Söhne", e.URL + "/vendors"},
		} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), change[0], change[1])), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var stdout, stderr strings.Builder
		code := run(append([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, flags...), &stdout, &stderr)
		if made := len(e.calls) == 1; made != (flags != nil) || (code == 0) != made {
			t.Errorf("%v: code %d, calls %v\n%s%s", flags, code, e.calls, stdout.String(), stderr.String())
		}
	}
}

func TestTheRossumOfCallsIsNamedByAFlag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, origin, want, not string
		code                    int
	}{
		{"the hooks' addresses name another", "", `allow it by pipeline.WithRossumOrigin("http://127.0.0.1:`, "", 0},
		{"it is named", "BASE", "", "was not saved", 0},
		{"another one is named", "https://acme.rossum.app", "this program works for https://acme.rossum.app (pipeline.WithRossumOrigin, exportrun -rossum-origin)", "", 1},
		{"no address", "acme.rossum.app", `"acme.rossum.app" is not an address such as https://acme.rossum.app`, "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			dir := organisationIn(t, "token-of-another-system", e)
			file := filepath.Join(dir, "payload.json")
			p, err := readPayload(file)
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"-org", dir, "-payload", file}
			if tt.origin != "" {
				args = append(args, "-rossum-origin", strings.ReplaceAll(tt.origin, "BASE", p.BaseURL))
			}
			var stdout, stderr strings.Builder
			code := run(args, &stdout, &stderr)
			if said := stdout.String() + stderr.String(); code != tt.code || !strings.Contains(strings.ReplaceAll(said, `\"`, `"`), tt.want) ||
				tt.not != "" && strings.Contains(said, tt.not) {
				t.Errorf("code %d\n%s", code, said)
			}
		})
	}
}

func checkParts(t *testing.T, what, text, parts string) {
	t.Helper()
	for part := range strings.SplitSeq(parts, "|") {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in %s", part, what)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAnUnknownHookIsRefusedWithBothWaysOut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags  []string
		code   int
		stderr string
	}{
		{nil, 2, `[3].json:20:2: config: unknown extension: it has no config.url|Registry.Function("Duplicate Handling", …)|exportrun -leave-out 3`},
		{[]string{"-leave-out-unknown"}, 0, `left out: "Duplicate Handling" (id 3) (unknown extension)`},
		{[]string{"-leave-out", "3"}, 0, `left out: "Duplicate Handling" (id 3)`},
		{[]string{"-leave-out", "Duplicate Handlin"}, 2, `did you mean "Duplicate Handling"?`},
	} {
		e := newERP(t)
		dir := organisationIn(t, "hook-that-exports-nothing-blocks", e)
		var stdout, stderr strings.Builder
		if code := run(append([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, tt.flags...), &stdout, &stderr); code != tt.code {
			t.Errorf("%v: code %d\n%s", tt.flags, code, stderr.String())
		}
		checkParts(t, "the errors", stderr.String(), tt.stderr)
	}
}

func TestSecretsThatGoAstrayAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"ERPP": {"api_key": "canary"}}`:      `secrets of "ERPP": there is no such hook; did you mean "ERP"?`,
		`{"ERP": {"api_key": ["canary"]}}`:     `"ERP": the secrets of a hook are an object of texts`,
		`["canary"]`:                           "is not a JSON object such as",
		`{"ERP": {}, "1": {"api_key": "can"}}`: `hook "ERP" (id 1) has another entry`,
	} {
		e := newERP(t)
		dir := organisationIn(t, "secrets-of-each-hook", e)
		var stdout, stderr strings.Builder
		code := run([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json"), "-secrets", write(t, text)}, &stdout, &stderr)
		if code != unusable || !strings.Contains(stderr.String(), want) || strings.Contains(stderr.String(), "canary") || len(e.calls) != 0 {
			t.Errorf("%s: code %d, %s", text, code, stderr.String())
		}
	}
}

func TestSecretsAreNotBlamedForAHookThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := organisationIn(t, "secrets-of-each-hook", newERP(t))
	hook := filepath.Join(dir, "hooks", "ERP_[1].json")
	if err := os.WriteFile(hook, []byte("{,"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := run(
		[]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json"), "-secrets", write(t, `{"ERP": {"api_key": "canary"}}`)},
		&stdout,
		&stderr,
	)
	if code != unusable || !strings.Contains(stderr.String(), "ERP_[1].json") || strings.Contains(stderr.String(), "secrets of") {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}

func TestARefusalShowsTheWarningsToo(t *testing.T) {
	t.Parallel()
	dir := organisationIn(t, "formula-false-cycle", newERP(t))
	hook := filepath.Join(dir, "hooks", "Parse_[2].json")
	data, err := os.ReadFile(hook)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte(strings.Replace(string(data), `"target_schema_id": "api_status"`, `"target_schema_id": "api_statuss"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := run([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, &stdout, &stderr)
	if code != unusable {
		t.Errorf("code %d", code)
	}
	checkParts(t, "the errors", stderr.String(), `warning: hook "Create" (id 1)|config.retry_count: is 4|field "api_statuss": no such field`)
}

func TestMessagesAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	dir := organisationIn(t, "function-settings-lost", e)
	hook := filepath.Join(dir, "hooks", "Evaluator_[1].json")
	data, err := os.ReadFile(hook)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte(strings.Replace(string(data), "The call was", "<b>A & B</b>: the call was", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	run([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, &stdout, &stderr)
	if !strings.Contains(stdout.String(), `"<b>A & B</b>: the call was answered with 500."`) || !json.Valid([]byte(stdout.String())) {
		t.Errorf("%s\n%s", stdout.String(), stderr.String())
	}
}

func TestHelpHelps(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-help", "--help", "-h"} {
		var stdout, stderr strings.Builder
		if code := run([]string{flag}, &stdout, &stderr); code != answered || stderr.String() != "" {
			t.Errorf("%s: code %d, %s", flag, code, stderr.String())
		}
		checkParts(
			t,
			"the help",
			stdout.String(),
			"-org|-queue|-payload|-secrets|-leave-out|-leave-out-unknown|-tolerate|-rossum-origin|Exit codes|Examples",
		)
	}
}

func TestFormulasThatFailAreToleratedOnRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags  []string
		fails  bool
		answer string
	}{
		{nil, true, `"type":"error"`},
		{[]string{"-tolerate"}, false, `{"type":"warning","content":"A formula field was not computed: formula of po_start_date`},
	} {
		e := newERP(t)
		dir := changed(
			t,
			"fromisoformat-with-offset",
			"http://127.0.0.1:28090",
			e.URL,
			"http://127.0.0.1:28081",
			"",
			"fromisoformat(",
			"fromordinal(",
		)
		var stdout, stderr strings.Builder
		code := run(append([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, tt.flags...), &stdout, &stderr)
		if (code != answered) != tt.fails || !strings.Contains(stdout.String(), tt.answer) {
			t.Errorf("%v: code %d\n%s%s", tt.flags, code, stdout.String(), stderr.String())
		}
	}
}

func TestWhatTheSchemaShowsIsFoundBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	dir := changed(
		t,
		"formula-false-cycle",
		"http://127.0.0.1:28090",
		e.URL,
		"http://127.0.0.1:28081",
		"",
		`"target_schema_id": "api_status"`,
		`"target_schema_id": "api_statsu"`,
	)
	var stdout, stderr strings.Builder
	code := run([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json")}, &stdout, &stderr)
	if code != unusable || len(e.calls) != 0 || !strings.Contains(stderr.String(), `Parse_[2].json:`) ||
		!strings.Contains(stderr.String(), "api_statsu") {
		t.Errorf("code %d, calls %v\n%s", code, e.calls, stderr.String())
	}
}
