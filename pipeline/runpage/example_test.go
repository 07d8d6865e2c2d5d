package runpage_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// Each export adds its report, and people read the pages.
func ExampleNewRecent() {
	recent := runpage.NewRecent(runpage.Options{Keep: 50})
	chain, err := pipeline.New(
		pipeline.Named("Post the invoice", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil })),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := chain.Export(context.Background(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithReport(recent.Add)); err != nil {
		fmt.Println(err)
		return
	}
	page := httptest.NewRecorder()
	recent.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(page.Code, strings.Contains(page.Body.String(), fmt.Sprint(rossumtest.AnnotationID)))
	// Output: 200 true
}

func ExamplePage() {
	report := &pipeline.Report{AnnotationID: 314528, Failed: true, Steps: []*pipeline.StepReport{
		{Name: "Post the invoice", Status: pipeline.StatusFailed, Error: "the period is closed"},
	}}
	fmt.Println(runpage.Headline(report))
	page, err := runpage.Page(report)
	fmt.Println(bytes.Contains(page, []byte("the period is closed")), err)
	// Output:
	// The export of annotation 314528 failed in step “Post the invoice”, and no call was made.
	// true <nil>
}

// A program that serves a page by itself sends its policy with it.
func ExamplePolicy() {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Security-Policy", runpage.Policy())
	for rule := range strings.SplitSeq(runpage.Policy(), "; ") {
		name, value, _ := strings.Cut(rule, " ")
		if name != "style-src" { // a hash that changes with the style
			fmt.Println(name, value)
		}
	}
	// Output:
	// default-src 'none'
	// form-action 'self'
	// base-uri 'none'
}
