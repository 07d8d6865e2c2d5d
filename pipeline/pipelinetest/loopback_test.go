package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// recorder is a program's own transport, which answers every call itself.
type recorder struct{ hosts []string }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.hosts = append(r.hosts, req.URL.Host)
	return nil, errors.New("recorded")
}

func TestRunReachesNoOtherMachine(t *testing.T) {
	t.Parallel()
	urls := []string{
		"https://erp.example/invoices", "http://192.0.2.1/", "http://127.0.0.1.example/", "http://localhost.example:8080/", "http://[2001:db8::1]/", "http://2130706433.example/",
	}
	for _, url := range urls {
		step := &steps.RESTExport{Request: steps.Request{URL: url, Content: "x"}}
		if r := pipelinetest.Run(t, step, rossumtest.Annotation()); !errors.Is(r.Err, pipelinetest.ErrNotLoopback) || !strings.Contains(r.Err.Error(), "httptest.Server") {
			t.Errorf("%s: got %v", url, r.Err)
		}
		own := &recorder{}
		if r := pipelinetest.Run(t, step, rossumtest.Annotation(), pipeline.WithHTTPClient(&http.Client{Transport: own})); errors.Is(r.Err, pipelinetest.ErrNotLoopback) || len(own.hosts) == 0 {
			t.Errorf("%s: a client of the test's own is refused: %v", url, r.Err)
		}
	}
}

func TestTheSuiteReachesNoOtherMachine(t *testing.T) {
	t.Parallel()
	var seen []error
	step := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://erp.example", nil)
		if err != nil {
			return err
		}
		reply, err := send.Client(x).Do(req)
		if err == nil {
			_ = reply.Body.Close()
		}
		if ctx.Err() == nil && !strings.Contains(fmt.Sprint(err), pipelinetest.ErrNotLoopback.Error()) && !errors.Is(err, pipeline.ErrUnsettled) { // or the ledger's text of it
			seen = append(seen, err)
		}
		return err
	})
	if err := pipelinetest.CheckStep(t.Context(), step, pipelinetest.Case{Call: rossumtest.Annotation(), Fails: true}); err != nil || seen != nil {
		t.Errorf("got %v, %v", err, seen)
	}
}

// A call that nobody has given a platform has no client: its secrets stay here.
func TestAMadeUpCallHasNoClient(t *testing.T) {
	t.Parallel()
	client := func(call *rossumtest.Call) *rossum.Client {
		t.Helper()
		x, err := pipeline.NewExport(call.Payload())
		if err != nil {
			t.Fatal(err)
		}
		return x.Rossum
	}
	if c := client(rossumtest.Annotation()); c != nil {
		t.Errorf("the export of a made-up call talks to %s", c.BaseURL())
	}
	if c := client(rossumtest.Annotation(rossumtest.From("https://acme.rossum.app", "t"))); c == nil || c.BaseURL() != "https://acme.rossum.app" {
		t.Errorf("got %v", c)
	}
	x, err := pipeline.NewExport(rossumtest.Annotation().Payload())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Original(); err == nil || !strings.Contains(err.Error(), "pipeline.WithOriginal") {
		t.Errorf("got %v", err)
	}
}
