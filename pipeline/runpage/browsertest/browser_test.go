package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// browser opens a tab, and fails the test if the page complains: of scripts, of the
// Content-Security-Policy, or of anything that it could not load.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(
		chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox,
		chromedp.ExecPath("chromium"),
		chromedp.WindowSize(1200, 900),
	)
	allocated, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if !strings.Contains(e.Entry.URL, "favicon.ico") {
				complaints = append(complaints, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Error())
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return ctx
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	for i, a := range actions {
		if err := chromedp.Run(ctx, a); err != nil {
			t.Fatalf("action %d: %v", i+1, err)
		}
	}
}

// press presses Enter on an element, as people do who use no mouse.
func press(selector string) chromedp.Action {
	return chromedp.Tasks{chromedp.Focus(selector, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter)}
}

// runs are what the pages show: one that succeeded, one that failed, and a dry one.
func runs() []*pipeline.Report {
	began := time.Date(2026, 4, 1, 10, 15, 0, 0, time.UTC)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	took := func(ms int) pipeline.Duration { return pipeline.Duration(time.Duration(ms) * time.Millisecond) }
	post := pipeline.CallReport{
		Method: "POST", URL: "https://erp.example/invoices", Status: 201, Started: at(40), Took: took(700), Attempts: 2, Sent: 63, Received: 9,
		Tries: []pipeline.TryReport{{Started: at(40), Took: took(100), Status: 503}, {Started: at(500), Took: took(240), Status: 201}},
		Request: &pipeline.MessageReport{
			Header: http.Header{"Content-Type": {"text/csv"}, "Authorization": {"[secret]"}},
			Body:   "number,item\n1,Paper\n",
			Size:   20,
		},
		Reply: &pipeline.MessageReport{Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id": 7}`, Size: 9},
	}
	template := &pipeline.StepReport{
		Name: "Invoice CSV", Status: pipeline.StatusDone, Started: at(0), Took: took(30),
		Files: []pipeline.FileReport{{Key: "csv", Size: 20, Text: "number,item\n1,Paper\n"}, {Key: "scan", Size: 4, Binary: "iVBORw=="}},
	}
	done := &pipeline.Report{
		AnnotationID: 314528, RequestID: "6f2d", Started: began, Took: took(800),
		Steps: []*pipeline.StepReport{
			template,
			{Name: "parallel", Status: pipeline.StatusDone, Started: at(30), Took: took(720), Steps: []*pipeline.StepReport{
				{Name: "Create", Status: pipeline.StatusDone, Started: at(35), Took: took(710), Calls: []pipeline.CallReport{post}},
				{Name: "Archive", Status: pipeline.StatusDone, Started: at(35), Took: took(10), Decisions: []string{"skipped: condition is empty"}}}},
		},
		Fields:   []pipeline.FieldReport{{SchemaID: "api_status", After: "201"}},
		Messages: []rossum.Message{{Type: rossum.MessageInfo, Content: "<b>ERP</b>: created as 7."}},
	}
	failed := &pipeline.Report{
		AnnotationID: 314529, Started: began.Add(time.Minute), Took: took(90), Failed: true,
		Steps: []*pipeline.StepReport{
			template,
			{
				Name:    "Create",
				Status:  pipeline.StatusFailed,
				Error:   "POST https://erp.example/invoices: no such host; nothing was sent",
				Started: at(30),
				Calls: []pipeline.CallReport{
					{Method: "POST", URL: "https://erp.example/invoices", Error: "no such host", Attempts: 4},
				},
			},
			{Name: "Evaluate", Status: pipeline.StatusNotRun},
		},
		Messages: []rossum.Message{{Type: rossum.MessageError, Content: "Export failed: no such host."}},
	}
	dry := &pipeline.Report{
		AnnotationID: 314530, Started: began.Add(2 * time.Minute), DryRun: true,
		Steps: []*pipeline.StepReport{
			{
				Name:   "Create",
				Status: pipeline.StatusUnanswered,
				Calls:  []pipeline.CallReport{{Method: "POST", URL: "https://erp.example/invoices", Dry: true, Request: post.Request}},
			},
		},
	}
	return []*pipeline.Report{done, failed, dry}
}

func serve(t *testing.T, reports ...*pipeline.Report) string {
	t.Helper()
	recent := runpage.NewRecent(runpage.Options{Keep: 2000})
	for _, r := range reports {
		recent.Add(context.Background(), r)
	}
	s := httptest.NewServer(http.StripPrefix("/runs", recent))
	t.Cleanup(s.Close)
	return s.URL + "/runs/"
}

func TestAPersonFindsARunAndReadsIt(t *testing.T) {
	ctx, url := browser(t), serve(t, runs()...)
	var first, filtered, title, request, file string
	do(t, ctx,
		chromedp.Navigate(url),
		chromedp.Text("tbody tr:first-child", &first, chromedp.ByQuery),
		chromedp.SetValue("select[name=outcome]", "done", chromedp.ByQuery),
		chromedp.SetValue("input[name=text]", "erp.example", chromedp.ByQuery),
		press("button"),
		chromedp.WaitReady("option[value=done][selected]", chromedp.ByQuery),
		chromedp.Text("caption", &filtered, chromedp.ByQuery),
		press("tbody tr:last-child a"),
		chromedp.WaitVisible("header.headline", chromedp.ByQuery),
		chromedp.Text("h1", &title, chromedp.ByQuery),
	)
	if !strings.Contains(first, "314530") || !strings.HasPrefix(filtered, "1 of 3 runs") ||
		!strings.HasPrefix(title, "The export of annotation 314528 succeeded in 800") {
		t.Errorf("the newest run is %q; the filter finds %q; the page says %q", first, filtered, title)
	}
	// A step, a call of it, and its request are opened by the keyboard, another by the mouse.
	do(t, ctx,
		press("#step-2 > summary"),
		chromedp.WaitVisible("#step-2-1 > summary", chromedp.ByQuery),
		press("#step-2-1 > summary"),
		chromedp.WaitVisible("#step-2-1 details > summary", chromedp.ByQuery),
		press("#step-2-1 details > summary"),
		chromedp.WaitVisible("#step-2-1 details pre", chromedp.ByQuery),
		chromedp.Text("#step-2-1 details pre", &request, chromedp.ByQuery),
		chromedp.Click("#step-1 > summary", chromedp.ByQuery),
		chromedp.WaitVisible("#step-1 details > summary", chromedp.ByQuery),
		press("#step-1 details > summary"),
		chromedp.WaitVisible("#step-1 details table", chromedp.ByQuery),
		chromedp.Text("#step-1 details thead", &file, chromedp.ByQuery),
		chromedp.Click(".back a", chromedp.ByQuery),
		chromedp.WaitVisible("form", chromedp.ByQuery),
	)
	if !strings.Contains(request, "1,Paper") || !strings.Contains(file, "item") {
		t.Errorf("the request is %q, the head of the table %q", request, file)
	}
}

// violation is what axe-core finds.
type violation struct {
	ID, Help, Impact string
	Nodes            []struct{ HTML string }
}

func TestPagesKeepTheRulesForScreenReaders(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	ctx, url := browser(t), serve(t, runs()...)
	for _, path := range []string{"", "?text=nothing", "run/1", "run/2", "run/3"} {
		for _, scheme := range []string{"light", "dark"} {
			var found string
			do(t, ctx,
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Navigate(url+path),
				chromedp.WaitVisible("main", chromedp.ByQuery),
				chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil),
				chromedp.Evaluate(string(axe), nil),
				chromedp.Evaluate(`axe.run().then(r => JSON.stringify(r.violations))`, &found, awaited),
				shot(strings.NewReplacer("/", "-", "?", "-").Replace("page-"+path+"-"+scheme)),
			)
			var violations []violation
			if err := json.Unmarshal([]byte(found), &violations); err != nil {
				t.Fatal(err)
			}
			for _, v := range violations {
				t.Errorf("%q, %s: %s (%s): %s\n%+v", path, scheme, v.ID, v.Impact, v.Help, v.Nodes)
			}
		}
	}
}

// shot keeps a picture of the page in the folder that SHOTS names, if it names one.
func shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("SHOTS")
		if dir == "" {
			return nil
		}
		var picture []byte
		if err := chromedp.FullScreenshot(&picture, 100).Do(ctx); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600)
	})
}

func TestPaperHasEverythingThatIsFolded(t *testing.T) {
	ctx, url := browser(t), serve(t, runs()...)
	const folded = `[...document.querySelectorAll("pre")].filter(p => p.checkVisibility({contentVisibilityAuto: true}) && p.offsetHeight > 0).length`
	var screen, paper, all int
	do(t, ctx,
		chromedp.Navigate(url+"run/1"),
		chromedp.WaitVisible("main", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll("pre").length`, &all),
		chromedp.Evaluate(folded, &screen),
		emulation.SetEmulatedMedia().WithMedia("print"),
		chromedp.ActionFunc(func(ctx context.Context) error {
			// A loaded browser takes a moment to apply the medium.
			var err error
			for range 100 {
				if err = chromedp.Evaluate(folded, &paper).Do(ctx); err != nil || paper == all {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			return err
		}),
	)
	if screen != 0 || all == 0 || paper != all {
		t.Errorf("of %d folded texts %d are on the screen and %d on paper", all, screen, paper)
	}
}

func TestScreensMayBeDarkOrLight(t *testing.T) {
	ctx, url := browser(t), serve(t, runs()...)
	seen := make(map[string]string)
	for _, scheme := range []string{"light", "dark"} {
		var colours string
		do(t, ctx,
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Navigate(url+"run/1"),
			chromedp.WaitVisible("main", chromedp.ByQuery),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor + " " + getComputedStyle(document.body).color`, &colours),
		)
		seen[scheme] = colours
	}
	if seen["light"] == seen["dark"] || seen["light"] == "" {
		t.Errorf("the colours are %v", seen)
	}
}

func TestALargeRunCanBeUsed(t *testing.T) {
	r := runs()[0]
	call := r.Steps[1].Steps[0].Calls[0]
	for range 199 {
		r.Steps[1].Steps[0].Calls = append(r.Steps[1].Steps[0].Calls, call)
	}
	for i := range 1000 {
		r.Fields = append(r.Fields, pipeline.FieldReport{SchemaID: fmt.Sprint("field_", i), After: "1"})
	}
	ctx, url := browser(t), serve(t, r)
	var rows, calls int
	do(t, ctx,
		chromedp.Navigate(url+"run/1"),
		chromedp.WaitVisible("main", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll("[aria-label='Changed fields'] tbody tr").length`, &rows),
		press("#step-2 > summary"),
		chromedp.WaitVisible("#step-2-1 > summary", chromedp.ByQuery),
		press("#step-2-1 > summary"),
		chromedp.WaitVisible("#step-2-1 > details:last-of-type > summary", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll("#step-2-1 > details").length`, &calls),
		press("#step-2-1 > details:last-of-type > summary"),
		chromedp.WaitVisible("#step-2-1 > details:last-of-type pre", chromedp.ByQuery),
	)
	if rows != 1001 || calls != 200 {
		t.Errorf("%d rows, %d calls", rows, calls)
	}
}

// awaited waits for a promise.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
