package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func detailed(
	t *testing.T,
	handler http.HandlerFunc,
	details *pipeline.Details,
	make func(url string) []pipeline.Step,
	parts ...rossumtest.Part,
) *pipeline.Report {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	var report *pipeline.Report
	options := []pipeline.Option{pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r })}
	if details != nil {
		options = append(options, pipeline.WithDetails(*details))
	}
	call := rossumtest.Annotation(append([]rossumtest.Part{rossumtest.Offline(), rossumtest.Field("number", "7")}, parts...)...)
	if _, err := chainOf(t, make(server.URL)...).Export(context.Background(), call.Payload(), options...); err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReportsHaveBodiesOnlyWithDetails(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id": 7}`))
	}
	chain := func(url string) []pipeline.Step {
		return []pipeline.Step{&steps.RESTExport{Request: steps.Request{URL: url, Content: "number @{number}"}, PayloadKey: "reply"}}
	}
	plain := detailed(t, handler, nil, chain).Steps[0]
	if plain.Calls[0].Request != nil || plain.Calls[0].Reply != nil || plain.Files[0].Text != "" || plain.Calls[0].Started.IsZero() {
		t.Errorf("without details: %+v %+v", plain.Calls, plain.Files)
	}
	full := detailed(t, handler, &pipeline.Details{}, chain).Steps[0]
	call, file := full.Calls[0], full.Files[0]
	if call.Request.Body != "number 7" || call.Reply.Body != `{"id": 7}` || call.Reply.Size != 9 || file.Text != `{"id": 7}` ||
		file.ContentType != "application/json" {
		t.Errorf("with details: %+v %+v %+v", call.Request, call.Reply, file)
	}
	cut := detailed(t, handler, &pipeline.Details{BodyLimit: 4}, chain).Steps[0]
	if r := cut.Calls[0].Reply; r.Body != `{"id` || !r.Cut || r.Size != 9 || !cut.Files[0].Cut {
		t.Errorf("with a limit: %+v %+v", r, cut.Files[0])
	}
}

func TestBodiesShowNothingUnderASensitiveName(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"client_secret": "canary", "a": 1}`, `{"Password" : "can\"canary"}`, `{"x": {"access_token":"canary"}}`,
		`<Login><wsse:Password Type="x">canary</wsse:Password></Login>`, `a=1&api_key=canary&b=2`, "password=canary",
		`{"password": "canary`, "<token>canary",
	} {
		report := detailed(
			t,
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) },
			&pipeline.Details{},
			func(url string) []pipeline.Step {
				return []pipeline.Step{&steps.RESTExport{Request: steps.Request{URL: url, Content: body}, PayloadKey: "reply"}}
			},
		)
		whole, err := json.Marshal(report)
		if err != nil || strings.Contains(string(whole), "canary") {
			t.Errorf("%s is shown as %s, %v", body, whole, err)
		}
	}
}

func TestTextThatIsNoSecretIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"number": "7", "tok": "x"}`, `<a b="c">d</a>`, "a=1&b=2", "Grüße\r\n\tx"} {
		report := detailed(t, func(http.ResponseWriter, *http.Request) {}, &pipeline.Details{}, func(url string) []pipeline.Step {
			return []pipeline.Step{&steps.RESTExport{Request: steps.Request{URL: url, Content: body}}}
		})
		if got := report.Steps[0].Calls[0].Request.Body; got != body {
			t.Errorf("%q is shown as %q", body, got)
		}
	}
}

func TestASecretInAnotherEncodingIsNotShown(t *testing.T) {
	t.Parallel()
	report := detailed(t, func(http.ResponseWriter, *http.Request) {}, &pipeline.Details{}, func(url string) []pipeline.Step {
		return []pipeline.Step{
			pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
				return x.Files.Put(ctx, pipeline.File{Key: "f", Data: []byte("k\x00e\x00y\x00 \x00c\x00a\x00n\x00a\x00r\x00y\x001\x00\xff")})
			}),
			&steps.RESTExport{Key: "f", Request: steps.Request{URL: url, Content: "#{file_content}"}},
		}
	}, rossumtest.Secret("api_key", "canary1"))
	if f := report.Steps[0].Files[0]; f.Text != "" || f.Binary != "" {
		t.Errorf("the file is shown as %+v", f)
	}
	if r := report.Steps[1].Calls[0].Request; r.Body != "[23 bytes that are not text]" {
		t.Errorf("the body is shown as %q", r.Body)
	}
}

func TestEveryAttemptOfACallIsReported(t *testing.T) {
	t.Parallel()
	n := 0
	report := detailed(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}, nil, func(url string) []pipeline.Step {
		return []pipeline.Step{&steps.RESTExport{Mode: "retry", Request: steps.Request{URL: url}}}
	})
	tries := report.Steps[0].Calls[0].Tries
	if len(tries) != 2 || tries[0].Status != 503 || tries[1].Status != 200 || tries[1].Started.Before(tries[0].Started) {
		t.Errorf("%+v", tries)
	}
}

// The half of a secret is not recognised any more, so texts are cut after secrets are cut
// out of them.
func TestNoHalfOfASecretIsLeftWhereATextIsCut(t *testing.T) {
	t.Parallel()
	const secret = "sk-0123456789-abcdefghij"
	erp := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "0123456789%s and more of it", secret) }),
	)
	defer erp.Close()
	post := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		if err := x.Files.Put(ctx, pipeline.File{Key: "f", Data: []byte("0123456789" + secret + " and more of it")}); err != nil {
			return err
		}
		_, err := send.Do(
			ctx,
			x,
			&send.Call{Method: http.MethodPost, URL: erp.URL, Body: pipeline.Bytes("0123456789" + secret + " and more of it")},
		)
		return err
	})
	chain := chainOf(t, post)
	for limit := 1; limit < 60; limit++ {
		var report *pipeline.Report
		call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("key", secret))
		if _, err := chain.Export(t.Context(), call.Payload(), pipeline.WithDetails(pipeline.Details{BodyLimit: limit}),
			pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r })); err != nil {
			t.Fatal(err)
		}
		s := report.Steps[0]
		for what, shown := range map[string]string{"request": s.Calls[0].Request.Body, "reply": s.Calls[0].Reply.Body, "file": s.Files[0].Text} {
			if strings.Contains(shown, "sk-") || len(shown) > limit {
				t.Errorf("limit %d: the %s is shown as %q", limit, what, shown)
			}
		}
		if cut := len("0123456789[secret] and more of it") > limit; s.Calls[0].Request.Cut != cut || s.Files[0].Cut != cut {
			t.Errorf("limit %d: %+v, %+v", limit, s.Calls[0].Request, s.Files[0])
		}
	}
}

func TestATextIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for _, character := range []string{"ü", "€", "𝄞"} {
		for limit := 10; limit < 22; limit++ {
			text := strings.Repeat(character, 30_000)
			var report *pipeline.Report
			put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
				return x.Files.Put(ctx, pipeline.File{Key: "f", Data: []byte(text)})
			})
			if _, err := chainOf(t, put).Export(t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithDetails(pipeline.Details{BodyLimit: limit}),
				pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r })); err != nil {
				t.Fatal(err)
			}
			f := report.Steps[0].Files[0]
			if want := strings.Repeat(character, limit/len(character)); f.Text != want || !f.Cut || f.Binary != "" {
				t.Errorf("limit %d: %q, want %q", limit, f.Text, want)
			}
		}
	}
}
