package runpage_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// whole is a run with everything that a report can hold: a call that succeeded on its
// third attempt, a step that failed, and one that was not run.
func whole() *pipeline.Report {
	began := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	ms := func(n int) pipeline.Duration { return pipeline.Duration(time.Duration(n) * time.Millisecond) }
	create := &pipeline.StepReport{
		Name: "Create", Status: pipeline.StatusDone, Started: at(100), Took: ms(800), Decisions: []string{"token of the last run was used"},
		Calls: []pipeline.CallReport{{
			Method: "POST", URL: "https://erp.example/invoices", Status: 201, Started: at(100), Took: ms(800), Attempts: 3,
			Tries: []pipeline.TryReport{
				{Started: at(100), Took: ms(100), Status: 503},
				{Started: at(400), Took: ms(100)},
				{Started: at(700), Took: ms(200), Status: 201},
			},
			Request: &pipeline.MessageReport{Header: http.Header{"Authorization": {"[secret]"}}, Body: "number,total", Size: 12},
			Reply:   &pipeline.MessageReport{Header: http.Header{"Location": {"/invoices/7"}}, Body: `{"id":7}`, Size: 8},
		}},
	}
	return &pipeline.Report{
		AnnotationID: 7, Started: began, Took: ms(1000), Failed: true,
		Steps: []*pipeline.StepReport{
			create,
			{Name: "Read", Status: pipeline.StatusFailed, Started: at(900), Took: ms(100), Error: "no id in the reply"},
			{Name: "Submit", Status: pipeline.StatusNotRun},
			{Name: "Look up", Status: pipeline.StatusUnanswered, Started: at(1000)},
		},
		Fields: []pipeline.FieldReport{
			{ID: 5, SchemaID: "erp_id", Before: "old", After: "new"},
			{SchemaID: "erp_error", Before: "gone", After: ""},
		},
		Messages: []rossum.Message{{Type: rossum.MessageError, Content: "<b>Read</b>: no id"}, {Type: rossum.MessageInfo, Content: "two", ID: 5}},
	}
}

func TestAPageHasEachPartOfARun(t *testing.T) {
	t.Parallel()
	shown := page(t, whole())
	for what, want := range map[string]string{
		"the step's decision":      "token of the last run was used",
		"the step's error":         "no id in the reply",
		"the request's body":       "number,total",
		"the request's header":     `<th scope="row">Authorization</th><td>[secret]</td>`,
		"the reply's body":         "{\n  &#34;id&#34;: 7\n}",
		"the reply's header":       `<th scope="row">Location</th><td>/invoices/7</td>`,
		"the message":              "<b>Read</b>: no id",
		"the kind of a message":    `<span class="kind">`,
		"the field's name":         "erp_id",
		"the value before":         "<td>old</td>",
		"the value after":          "<td>new</td>",
		"a value that is empty":    `<td class="empty">`,
		"the word for a step done": "done",
		"for one that failed":      "failed",
		"for one not run":          "not run",
		"for one that waits":       "needs an answer",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s: the page lacks %q", what, want)
		}
	}
	if n := strings.Count(shown, "<details"); n < 5 || strings.Contains(shown, "<details open") && strings.Count(shown, "<details open") == n {
		t.Errorf("%d parts can be unfolded, all of them open", n)
	}
}

var bar = regexp.MustCompile(`<rect class="(step|call|wait)( \w+)?" x="([\d.]+)" y="(\d+)" width="([\d.]+)"`)

// The axis is 560 pixels wide and begins at 300; the run took a second.
func TestStepsCallsAttemptsAndWaitsAreOnOneTimeAxis(t *testing.T) {
	t.Parallel()
	_, drawing, found := strings.Cut(page(t, whole()), `<svg class="time"`)
	if !found {
		t.Fatal("there is no time axis")
	}
	var got []string
	for _, m := range bar.FindAllStringSubmatch(drawing, -1) {
		got = append(got, m[1]+m[2]+" "+m[3]+"+"+m[5])
	}
	want := []string{
		"step done 356.0+448.0",  // from 100 ms, for 800 ms
		"wait 356.0+448.0",       // the call with its waits
		"call failed 356.0+56.0", // its attempts
		"call failed 524.0+56.0",
		"call done 692.0+112.0",
		"step failed 804.0+56.0",
		"step waiting 860.0+2.0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the bars are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, label := range []string{"0", "500 ms", "1 s", "800 ms, 3×"} {
		if !strings.Contains(strings.ReplaceAll(drawing, "\u00a0", " "), ">"+label+"<") {
			t.Errorf("the axis lacks %q", label)
		}
	}
}

// Colours are only in the style, with others for dark screens, and printing unfolds what
// is folded.
func TestPagesFitScreensAndPaper(t *testing.T) {
	t.Parallel()
	shown := page(t, whole())
	_, style, _ := strings.Cut(shown, "<style>")
	style, rest, _ := strings.Cut(style, "</style>")
	for _, want := range []string{"color-scheme: light dark", "@media (prefers-color-scheme: dark)", "@media print", "details::details-content { content-visibility: visible"} {
		if !strings.Contains(style, want) {
			t.Errorf("the style lacks %q", want)
		}
	}
	if colour := regexp.MustCompile(`(fill|stroke|color|bgcolor)="`).FindString(rest); colour != "" {
		t.Errorf("a colour is outside of the style: %s", colour)
	}
}

// Recent has no authorisation of its own, so that the program's is put around it.
func TestAProgramPutsItsAuthorisationAroundRecentRuns(t *testing.T) {
	t.Parallel()
	recent := runpage.NewRecent(runpage.Options{})
	recent.Add(t.Context(), whole())
	onlyOperators := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, _, _ := r.BasicAuth(); user != "operator" {
				http.Error(w, "operators only", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/runs/", http.StripPrefix("/runs", onlyOperators(recent)))
	for user, status := range map[string]int{"operator": http.StatusOK, "": http.StatusForbidden} {
		for _, path := range []string{"/runs/", "/runs/run/1", "/runs/?annotation=7&outcome=failed&text=no+id"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if user != "" {
				r.SetBasicAuth(user, "x")
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != status || (status == http.StatusOK) != strings.Contains(w.Body.String(), fmt.Sprint("annotation ", 7)) {
				t.Errorf("%q, %s: status %d", user, path, w.Code)
			}
		}
	}
}
