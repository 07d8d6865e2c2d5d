package pipeline_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// answersItself is a transport that answers each call without a network.
type answersItself func(*http.Request) string

func (f answersItself) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	body := f(r)
	return &http.Response{
		Status: "201 Created", StatusCode: http.StatusCreated, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// createsAt returns a step that posts an invoice.
func createsAt(address string) pipeline.Step {
	return pipeline.Named("Post", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		reply, err := send.Do(
			ctx,
			x,
			&send.Call{Name: "create", Method: "POST", URL: address, Body: pipeline.Bytes(`{"number":"2026-0042"}`)},
		)
		if err != nil {
			return err
		}
		x.Info("%d %s", reply.Status, reply.Body)
		return nil
	}))
}

func ExampleWithHTTPClient() {
	own := &http.Client{Transport: answersItself(func(r *http.Request) string { return "from " + r.URL.Host })}
	exportOf([]pipeline.Step{createsAt("https://erp.example/invoices")}, pipeline.WithHTTPClient(own))
	// Output: info: 201 from erp.example
}

func ExampleWithDryRun() {
	exportOf([]pipeline.Step{createsAt("https://erp.example/invoices")}, pipeline.WithDryRun(pipeline.DryRun{
		Made: func(c pipeline.DryCall) { fmt.Println(c.Method, c.URL, string(c.Body)) },
		Reply: func(pipeline.DryCall) (pipeline.DryReply, bool) {
			return pipeline.DryReply{Status: http.StatusCreated, Body: []byte(`{"id":7}`)}, true
		},
	}))
	// Output:
	// POST https://erp.example/invoices {"number":"2026-0042"}
	// info: 201 {"id":7}
}

// isRefused returns a step that tries an address that is not allowed.
func isRefused(address string) pipeline.Step {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := send.Do(ctx, x, &send.Call{Name: "create", Method: "POST", URL: address})
		x.Info("refused: %v, nothing was sent: %v", errors.Is(err, send.ErrForbidden), errors.Is(err, pipeline.ErrNotSent))
		return nil
	})
}

func ExampleWithOnlyHosts() {
	exportOf([]pipeline.Step{isRefused("https://stranger.example/invoices")}, pipeline.WithOnlyHosts("erp.example"))
	// Output: info: refused: true, nothing was sent: true
}

func ExampleWithPublicAddressesOnly() {
	exportOf([]pipeline.Step{isRefused("http://10.0.0.1/invoices")}, pipeline.WithPublicAddressesOnly())
	// Output: info: refused: true, nothing was sent: true
}

// The reply is small; its limit here is smaller.
func ExampleWithTreeLimit() {
	erp := &http.Client{Transport: answersItself(func(*http.Request) string { return `{"lines":[1,2,3]}` })}
	call := &steps.RESTExport{Request: steps.Request{URL: "https://erp.example/invoices", Content: "@{document_id}"}, PayloadKey: "reply"}
	read := &steps.Extract{
		Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "lines[0]", TargetField: "document_id"}}}},
	}
	exportOf([]pipeline.Step{call, read}, pipeline.WithHTTPClient(erp), pipeline.WithTreeLimit(16))
	// Output:
	// error: Export failed: step Data value extractor, extract[0] (reply): the reply cannot be read as JSON: it is too large to be read: its parts would take more than 16 bytes of memory; ask the API for less, or let the program set pipeline.WithTreeLimit; it begins with "{\"lines\":[1,2,3]}". These calls were made: POST https://erp.example/invoices (answered 201).
}

// The ERP's certificate is signed by an authority of the company.
func ExampleWithTLS() {
	erp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer erp.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: erp.Certificate().Raw})
	option, err := pipeline.WithTLS(pipeline.TLS{Authorities: authority})
	if err != nil {
		fmt.Println(err)
		return
	}
	exportOf([]pipeline.Step{createsAt(erp.URL)}, option)
	// Output: info: 200 hello
}

func ExampleWithLogger() {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return a
		}
		return slog.Attr{}
	}}))
	exportOf([]pipeline.Step{says("hello")}, pipeline.WithLogger(logger))
	fmt.Print(out.String())
	// Output:
	// info: hello
	// level=INFO msg=export
}

// The calls of each organisation to a host that serves many customers share one limit.
func ExampleLimitPerTenant() {
	rule := pipeline.LimitPerTenant(pipeline.Limit{AtOnce: 4}, map[string]pipeline.Limit{"https://slow.example": {AtOnce: 1}})
	for _, tenant := range []string{"https://acme.rossum.app", "https://beta.rossum.app"} {
		_, limit := rule.Of(pipeline.CallTarget{Organization: tenant, Origin: "https://slow.example"})
		fmt.Println(limit.AtOnce)
	}
	a, _ := rule.Of(pipeline.CallTarget{Organization: "https://acme.rossum.app", Origin: "https://erp.example"})
	b, _ := rule.Of(pipeline.CallTarget{Organization: "https://beta.rossum.app", Origin: "https://erp.example"})
	fmt.Println("shared:", a == b)
	// Output:
	// 1
	// 1
	// shared: false
}

func ExampleLimitPerHost() {
	rule := pipeline.LimitPerHost(pipeline.Limit{AtOnce: 4}, map[string]pipeline.Limit{"https://slow.example": {AtOnce: 1}})
	_, limit := rule.Of(pipeline.CallTarget{Origin: "https://slow.example"})
	fmt.Println(limit.AtOnce)
	a, limit := rule.Of(pipeline.CallTarget{Organization: "https://acme.rossum.app", Origin: "https://erp.example"})
	b, _ := rule.Of(pipeline.CallTarget{Organization: "https://beta.rossum.app", Origin: "https://erp.example"})
	fmt.Println(limit.AtOnce, "shared:", a == b)
	// Output:
	// 1
	// 4 shared: true
}

// Make one limiter, and give it to all exports of the process.
func ExampleNewLimiter() {
	limiter := pipeline.NewLimiter(pipeline.LimitPerHost(pipeline.Limit{AtOnce: 2, PerSecond: 10}, nil))
	own := &http.Client{Transport: answersItself(func(*http.Request) string { return "created" })}
	exportOf([]pipeline.Step{createsAt("https://erp.example/invoices")}, pipeline.WithLimiter(limiter), pipeline.WithHTTPClient(own))
	// Output: info: 201 created
}

func ExampleRossumLimit() {
	limit := pipeline.RossumLimit()
	fmt.Println(limit.Burst, limit.PerSecond > 9, limit.PerSecond < 10)
	// Output: 20 true true
}

// Invoices of one supplier are exported one after the other.
func ExampleInTurn() {
	turns := pipeline.NewLimiter(pipeline.OneAtATime)
	exportOf([]pipeline.Step{says("it is our turn")}, pipeline.InTurn(turns, func(x *pipeline.Export) pipeline.Turn {
		number, err := x.Field("document_id")
		if err != nil {
			return pipeline.Turn{}
		}
		return pipeline.Turn{Key: number.Value()}
	}))
	// Output: info: it is our turn
}

func ExampleWithJournal() {
	journal, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	exportOf([]pipeline.Step{says("exported")}, pipeline.WithJournal(journal))
	p := rossumtest.Annotation(rossumtest.Offline()).Payload()
	run, ok, err := journal.Latest(context.Background(), pipeline.RunKeyOf(p))
	fmt.Println(run.State, ok, err)
	// Output:
	// info: exported
	// ended true <nil>
}

// The ERP knows a call that is made again by its key.
func ExampleWithIdempotency() {
	journal, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "with a key: ", r.Header.Get("Idempotency-Key") != "")
	}))
	defer erp.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	exportOf(
		[]pipeline.Step{createsAt(erp.URL)},
		pipeline.WithJournal(
			journal,
		),
		pipeline.WithIdempotency(pipeline.Idempotency{}),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
	)
	// Output: info: 200 with a key: true
}

// Files are kept in Rossum, where hosted extensions find them.
func ExampleInRossum() {
	platform := rossumtest.NewServer()
	defer platform.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := rossum.NewClient(
		platform.URL,
		rossum.Secret(platform.Token),
		rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := pipeline.New(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "csv", Name: "invoice.csv", Data: []byte("2026-0042")})
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	call := rossumtest.Annotation(rossumtest.On(platform))
	_, err = chain.Export(context.Background(), call.Payload(), pipeline.WithStore(pipeline.InRossum()), pipeline.WithRossum(client))
	fmt.Printf("%s %v\n", platform.Artefacts(rossumtest.AnnotationID)["csv"], err)
	// Output: 2026-0042 <nil>
}

// A call that pretends to come from elsewhere is refused before anything is sent.
func ExampleWithRossumOrigin() {
	chain, err := pipeline.New(says("not reached"))
	if err != nil {
		fmt.Println(err)
		return
	}
	call := rossumtest.Annotation(rossumtest.From("https://stranger.example", "token"))
	_, err = chain.Export(context.Background(), call.Payload(), pipeline.WithRossumOrigin("https://acme.rossum.app"))
	fmt.Println(errors.Is(err, rossum.ErrPayload))
	// Output: true
}
