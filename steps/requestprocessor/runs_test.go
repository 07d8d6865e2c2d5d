package requestprocessor_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

var update = flag.Bool("update", false, "write testdata/runs_differences.txt anew")

// wholeRun is a run that was recorded on the engine that Rossum publishes: settings,
// what the API answers, what it was asked, and the fields that were changed.
type wholeRun struct {
	Name     string              `json:"name"`
	Settings json.RawMessage     `json:"settings"`
	Replies  []scriptedReply     `json:"replies"`
	Requests []map[string]string `json:"requests"`
	Values   map[string]string   `json:"values"`
	Error    bool                `json:"error"`
}

type scriptedReply struct {
	status int
	header map[string][]string
	body   string
}

func (r *scriptedReply) UnmarshalJSON(data []byte) error {
	var header map[string]any
	if err := json.Unmarshal(data, &[]any{&r.status, &header, &r.body}); err != nil {
		return err
	}
	r.header = make(map[string][]string)
	for name, v := range header {
		if text, ok := v.(string); ok {
			v = []any{text}
		}
		for _, text := range v.([]any) {
			r.header[name] = append(r.header[name], text.(string))
		}
	}
	return nil
}

// recorder is an API that answers as a script says.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []map[string]string
}

func record(t *testing.T, script []scriptedReply) *recorder {
	t.Helper()
	a := &recorder{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.seen = append(a.seen, a.show(r, string(body)))
		n := len(a.seen)
		a.mu.Unlock()
		reply := scriptedReply{201, map[string][]string{"Content-Type": {"application/json"}}, fmt.Sprintf(`{"id": "ERP-%d"}`, n)}
		if n <= len(script) {
			reply = script[n-1]
		}
		w.Header()["Content-Type"] = nil
		for name, values := range reply.header {
			for _, v := range values {
				w.Header().Add(name, strings.ReplaceAll(v, "API", a.URL))
			}
		}
		w.WriteHeader(reply.status)
		_, _ = io.WriteString(w, reply.body)
	}))
	t.Cleanup(a.Close)
	return a
}

// show is a request as the recording has it.
func (a *recorder) show(r *http.Request, body string) map[string]string {
	seen := map[string]string{"method": r.Method, "uri": r.URL.RequestURI()}
	kind := r.Header.Get("Content-Type")
	if _, params, err := mime.ParseMediaType(kind); err == nil && params["boundary"] != "" {
		kind = strings.ReplaceAll(kind, params["boundary"], "BOUNDARY")
		body = strings.ReplaceAll(body, params["boundary"], "BOUNDARY")
	}
	if kind != "" {
		seen["content_type"] = kind
	}
	seen["body"] = body
	for _, name := range []string{"Authorization", "Cookie", "Accept", "X-A", "X-B"} {
		if v, there := r.Header[name]; there {
			seen[strings.ToLower(name)] = strings.Join(v, ", ")
		}
	}
	return seen
}

// outcome is what a run did.
type outcome struct {
	requests []map[string]string
	values   map[string]string
	err      string
	notes    string
}

func (c wholeRun) run(t *testing.T) outcome {
	a := record(t, c.Replies)
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(c.Settings), "API", a.URL)), s); err != nil {
		return outcome{err: err.Error()}
	}
	extra := map[string]any{
		"list": []any{map[string]any{"n": "a", "q": 1}, map[string]any{"n": "b", "q": 2.5}}, "one": map[string]any{"n": "o"}, "text": "t",
		"nested": map[string]any{"l": []any{1, "x", nil, true, 1.5}}, "b": true, "e": []any{},
	}
	call := offline(rossumtest.Field("extra", "old"), rossumtest.Sideload("extra", extra), rossumtest.Sideload("nul", nil))
	if _, err := pipeline.New(s); err != nil {
		return outcome{err: err.Error()}
	}
	r := runStep(t, s, call)
	before := map[string]string{
		"number": "2026/0042", "total": "1,234.50", "count": "3", "due": "24.11.2026", "vendor": `Müller & "Co"`, "state": "approved", "extra": "old",
	}
	values := make(map[string]string)
	for name, v := range r.Values {
		if name != "tag" && v != before[name] {
			values[name] = strings.ReplaceAll(v, a.URL, "API")
		}
	}
	o := outcome{a.seen, values, "", strings.ReplaceAll(decisions(r), "\n", "; ")}
	if r.Err != nil {
		o.err = strings.ReplaceAll(strings.ReplaceAll(r.Err.Error(), a.Listener.Addr().String(), "API"), "\n", " ")
	}
	return o
}

// shown is what happened in a run, for comparing.
func shown(requests []map[string]string, values map[string]string) string {
	var out strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&out, "%s %s", r["method"], r["uri"])
		for _, name := range slices.Sorted(maps.Keys(r)) {
			if name != "method" && name != "uri" {
				fmt.Fprintf(&out, " %s=%q", name, r[name])
			}
		}
		out.WriteString("; ")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&out, "%s:=%q; ", name, values[name])
	}
	return strings.TrimSuffix(out.String(), "; ")
}

// TestWholeRunsAreThoseOfTheEngine compares requests and fields. What differs is listed
// in testdata/runs_differences.txt, and is either refused or noted in the report.
func TestWholeRunsAreThoseOfTheEngine(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/runs.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []wholeRun
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 140 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	differences := make([]string, len(cases))
	t.Run("runs", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				differences[i] = c.difference(t)
			})
		}
	})
	got := strings.Join(slices.DeleteFunc(differences, func(d string) bool { return d == "" }), "\n") + "\n"
	const name = "testdata/runs_differences.txt"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(name); err != nil || got != string(want) {
		t.Errorf("the differences are others than those of %s (%v); see what -update makes of them:\n%s", name, err, got)
	}
}

// difference says how a run differs from that of the engine, "" if it does not.
func (c wholeRun) difference(t *testing.T) string {
	o := c.run(t)
	want, got := shown(c.Requests, c.Values), shown(o.requests, o.values)
	switch {
	case o.err == "" && !c.Error && got == want, o.err != "" && c.Error && got == want:
		return ""
	case o.err != "" && c.Error:
		return fmt.Sprintf("%s: both fail; the engine: %s; here: %s; %s", c.Name, want, got, o.err)
	case o.err != "":
		return fmt.Sprintf("%s: refused; the engine: %s; here: %s; %s", c.Name, want, got, o.err)
	case c.Error && (o.notes != "" || strings.Contains(string(c.Settings), `"content_type": "raw"`)): // which later engines have
		return fmt.Sprintf("%s: the engine fails; here: %s; noted: %s", c.Name, got, o.notes)
	}
	t.Errorf("the engine: %s; here: %s; noted: %s", want, got, o.notes)
	return ""
}
