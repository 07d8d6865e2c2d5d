package runpage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const canary = "canary-4711-secret"

// erp answers as an ERP does, with its secrets where ERPs have them.
func erp(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "session="+canary)
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		fmt.Fprintf(w, `{"id": 7, "echo": %q, "access_token": %q}`, r.Header.Get("X-Key"), canary)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// call is a step that makes a call as a step of another module does.
func call(name, url string) pipeline.Step {
	return pipeline.Named(name, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
		if err != nil {
			return err
		}
		resp, err := send.Client(x).Do(req)
		if err != nil {
			return err
		}
		if err := x.Files.Put(ctx, pipeline.File{Key: "reply", Name: "reply.json", ContentType: "application/json", Data: []byte(`{"a":{"b":1},"password":"` + canary + `"}`)}); err != nil {
			return err
		}
		x.Decide("created <script>alert(1)</script> with %s", x.Secrets["api_key"])
		return resp.Body.Close()
	}))
}

func report(t *testing.T, steps ...pipeline.Step) *pipeline.Report {
	t.Helper()
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	var report *pipeline.Report
	c := rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Field("number", "2026-7"),
		rossumtest.Field("status", ""),
		rossumtest.Secret("api_key", canary),
	)
	_, _ = chain.Export(context.Background(), c.Payload(), pipeline.WithDetails(pipeline.Details{}), // a failure is what some are about
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	return report
}

func page(t *testing.T, r *pipeline.Report) string {
	t.Helper()
	data, err := runpage.Page(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAPageShowsNoSecretAndRunsNoText(t *testing.T) {
	t.Parallel()
	url := erp(t)
	shown := page(
		t,
		report(
			t,
			call("create", url+"/ok?key="+canary),
			pipeline.Named(`<img src=x onerror=alert(1)>`, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
				x.Warn("<b>Create</b>: <script>alert(1)</script> %s", canary)
				return x.Set("status", `"><script>alert(1)</script>`)
			})),
		),
	)
	for _, never := range []string{canary, "<script", "<img", "javascript:", "http-equiv=\"refresh\"", "style=\"", "onerror=alert(1)>"} {
		if strings.Contains(strings.ReplaceAll(shown, "&lt;img src=x onerror=alert(1)&gt;", ""), never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, want := range []string{"<b>Create</b>: &lt;script&gt;", "succeeded in", "with 1 call, 1 file and 1 changed field.", `default-src &#39;none&#39;`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

var (
	element   = regexp.MustCompile(`<([a-zA-Z]\w*)([^<>]*)>`)
	attribute = regexp.MustCompile(`([\w:-]+)="([^"]*)"`)
)

func TestAPageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	ids, links := make(map[string]bool), []string{}
	for _, e := range element.FindAllStringSubmatch(page(t, report(t, call("create", erp(t)+"/ok"))), -1) {
		switch e[1] {
		case "script", "link", "iframe", "object", "embed", "img", "base":
			t.Errorf("there is an element %s", e[0])
		}
		for _, a := range attribute.FindAllStringSubmatch(e[2], -1) {
			switch a[1] {
			case "id":
				if ids[a[2]] {
					t.Errorf("id %s is there twice", a[2])
				}
				ids[a[2]] = true
			case "href", "src":
				links = append(links, a[2])
			case "style":
				t.Errorf("there is a style attribute %q, which the policy forbids", a[2])
			}
		}
	}
	for _, link := range links {
		if target, ok := strings.CutPrefix(link, "#"); !ok || !ids[target] {
			t.Errorf("the link %q leads nowhere on the page", link)
		}
	}
	if len(ids) < 5 || len(links) < 2 {
		t.Errorf("%d ids and %d links were looked at", len(ids), len(links))
	}
}

func TestTheFirstSentenceSaysWhatHappened(t *testing.T) {
	t.Parallel()
	step := func(name string, status pipeline.Status, calls ...pipeline.CallReport) *pipeline.StepReport {
		return &pipeline.StepReport{Name: name, Status: status, Calls: calls}
	}
	for want, r := range map[string]*pipeline.Report{
		"The export of annotation 7 succeeded in 1.25 s, with 1 call and 0 files.": {Took: pipeline.Duration(1250 * time.Millisecond), Steps: []*pipeline.StepReport{step("a", pipeline.StatusDone, pipeline.CallReport{})}},
		"The export of annotation 7 failed in step “b”, after 2 calls.":            {Failed: true, Steps: []*pipeline.StepReport{step("a", pipeline.StatusDone, pipeline.CallReport{}, pipeline.CallReport{}), step("b", pipeline.StatusFailed)}},
		"The export of annotation 7 failed before its first step, and no call was made.": {
			Failed: true, Steps: []*pipeline.StepReport{step("a", pipeline.StatusNotRun)}},
		"A dry run of annotation 7 rendered 1 call, none of which was made; 1 step waits for an answer.": {
			DryRun: true, Steps: []*pipeline.StepReport{step("a", pipeline.StatusUnanswered, pipeline.CallReport{Dry: true})}},
		"A dry run of annotation 7 rendered no call.": {DryRun: true},
	} {
		r.AnnotationID = 7
		if got := runpage.Headline(r); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestFilesHaveAPreviewOfTheirKind(t *testing.T) {
	t.Parallel()
	rows := "a;b\n" + strings.Repeat("1;2\n", 150)
	for name, tt := range map[string]struct {
		file pipeline.FileReport
		want []string
	}{
		"csv":    {pipeline.FileReport{Key: "k", Size: 604, Text: rows}, []string{`<th scope="col">a</th><th scope="col">b</th>`, "(the first 100 of 150 rows)"}},
		"json":   {pipeline.FileReport{Key: "k", Size: 7, Text: `{"a":1}`}, []string{"{\n  &#34;a&#34;: 1\n}"}},
		"xml":    {pipeline.FileReport{Key: "k", Size: 4, Text: `<a/>`}, []string{"4 bytes, XML", "&lt;a/&gt;"}},
		"text":   {pipeline.FileReport{Key: "k", Size: 5, Text: "hello", Cut: true}, []string{"5 bytes, text", "(only the beginning is shown)"}},
		"binary": {pipeline.FileReport{Key: "k", Size: 20_000, Binary: "AP8=", Cut: true}, []string{"20.0 kB, not text", "00000000  00 ff"}},
		"empty":  {pipeline.FileReport{Key: "k"}, []string{"the file is empty"}},
		"none":   {pipeline.FileReport{Key: "k", Size: 3}, []string{"the report does not show it"}},
	} {
		shown := page(t, &pipeline.Report{Steps: []*pipeline.StepReport{{Name: "s", Files: []pipeline.FileReport{tt.file}}}})
		for _, want := range tt.want {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
	}
}

func TestAReportThatWasWrittenAsJSONGivesTheSamePage(t *testing.T) {
	t.Parallel()
	r := report(
		t,
		call("create", erp(t)+"/ok"),
		pipeline.Named("fails", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return fmt.Errorf("no paper") })),
	)
	r.Took = pipeline.Duration(time.Second) // JSON has no nanoseconds
	for i, s := range r.All() {
		s.Started, s.Took = r.Started.Add(time.Duration(i)*time.Millisecond), pipeline.Duration(time.Millisecond)
		for j := range s.Calls {
			s.Calls[j].Started, s.Calls[j].Took = s.Started, s.Took
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again pipeline.Report
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if a, b := page(t, r), page(t, &again); a != b {
		t.Errorf("the pages differ:\n%s\n%s", a, b)
	}
}

func TestALargeRunStaysAPageOfReasonableSize(t *testing.T) {
	t.Parallel()
	s := &pipeline.StepReport{Name: "many", Status: pipeline.StatusDone, Started: time.Unix(0, 0), Took: pipeline.Duration(time.Minute)}
	for i := range 200 {
		s.Calls = append(s.Calls, pipeline.CallReport{
			Method: "POST", URL: fmt.Sprintf("https://erp.example/%d", i), Started: time.Unix(int64(i)/4, 0), Took: pipeline.Duration(time.Second), Status: 201,
			Request: &pipeline.MessageReport{Body: strings.Repeat("x", 1000), Size: 1000},
		})
	}
	r := &pipeline.Report{Started: time.Unix(0, 0), Took: pipeline.Duration(time.Minute), Steps: []*pipeline.StepReport{s}}
	for i := range 1000 {
		r.Fields = append(r.Fields, pipeline.FieldReport{SchemaID: fmt.Sprint("f", i), After: "1"})
	}
	if n := len(page(t, r)); n > 1_500_000 {
		t.Errorf("the page has %d bytes", n)
	}
}

func TestRecentRunsAreListedNewestFirstAndFiltered(t *testing.T) {
	t.Parallel()
	recent := runpage.NewRecent(runpage.Options{Keep: 3})
	for i := range 5 {
		r := &pipeline.Report{
			AnnotationID: int64(100 + i),
			Failed:       i%2 == 0,
			Steps:        []*pipeline.StepReport{{Name: fmt.Sprint("step-", i), Status: pipeline.StatusDone}},
		}
		recent.Add(context.Background(), r)
	}
	for query, want := range map[string]string{
		"": "104 103 102", "?annotation=103": "103", "?outcome=failed": "104 102", "?outcome=done": "103", "?text=STEP-2": "102", "?text=nothing": "",
		"?annotation=103&outcome=failed": "",
	} {
		body := get(t, recent, "/"+query, http.StatusOK)
		var got []string
		for i := 104; i >= 100; i-- {
			if strings.Contains(body, fmt.Sprintf("annotation %d ", i)) {
				got = append(got, fmt.Sprint(i))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %v, want %s", query, got, want)
		}
	}
	if body := get(t, recent, "/run/5", http.StatusOK); !strings.Contains(body, "annotation 104 ") || !strings.Contains(body, `href="../"`) {
		t.Error("the newest run has no page")
	}
	for _, path := range []string{"/run/1", "/run/x", "/run/", "/other"} {
		get(t, recent, path, http.StatusNotFound)
	}
}

func TestPagesComeWithAStrictPolicy(t *testing.T) {
	t.Parallel()
	recent := runpage.NewRecent(runpage.Options{})
	recent.Add(context.Background(), &pipeline.Report{})
	for _, path := range []string{"/", "/run/1", "/none"} {
		w := httptest.NewRecorder()
		recent.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") ||
			!strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	w := httptest.NewRecorder()
	recent.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestNothingIsKeptOfAnAnnotationThatIsGone(t *testing.T) {
	t.Parallel()
	recent := runpage.NewRecent(runpage.Options{})
	chain, err := pipeline.New(pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	c := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "1"))
	export := func(c *rossumtest.Call) {
		if _, err := chain.Export(context.Background(), c.Payload(), pipeline.WithReport(recent.Add)); err != nil {
			t.Fatal(err)
		}
	}
	export(c)
	recent.Add(context.Background(), &pipeline.Report{AnnotationID: 1})
	if body := get(t, recent, "/", http.StatusOK); strings.Count(body, "<td><a") != 2 {
		t.Fatalf("two runs are not listed: %s", body)
	}
	export(c.With(rossumtest.Event("annotation_status", "changed"), rossumtest.Set("status", "purged")))
	if body := get(t, recent, "/", http.StatusOK); strings.Count(body, "<td><a") != 1 || !strings.Contains(body, "annotation 1 ") {
		t.Errorf("what is kept: %s", body)
	}
}

func TestRunsOfALedgerAreShown(t *testing.T) {
	t.Parallel()
	ledger := pipeline.MemoryLedger()
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := pipeline.New(call("create", erp(t)+"/ok"))
	if err != nil {
		t.Fatal(err)
	}
	c := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "1"), rossumtest.Secret("api_key", canary))
	k, err := chain.Keep(
		context.Background(),
		c.Payload(),
		pipeline.KeepOptions{},
		pipeline.WithJournal(journal),
		pipeline.WithDetails(pipeline.Details{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	pages := runpage.NewRecent(runpage.Options{Journal: journal})
	body := get(t, pages, "/", http.StatusOK)
	if !strings.Contains(body, "run/"+string(k.Run.ID)) || !strings.Contains(body, "succeeded") {
		t.Errorf("the list: %s", body)
	}
	if run := get(t, pages, "/run/"+string(k.Run.ID), http.StatusOK); !strings.Contains(run, "File reply") || strings.Contains(run, canary) {
		t.Errorf("the run: %s", run)
	}
	get(t, pages, "/run/none", http.StatusNotFound)
}

func get(t *testing.T, h http.Handler, path string, status int) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != status {
		t.Errorf("%s: status %d, want %d", path, w.Code, status)
	}
	return w.Body.String()
}
