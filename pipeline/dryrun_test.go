package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// untouched is a server that must not be called.
func untouched(t *testing.T) string {
	t.Helper()
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(func() {
		s.Close()
		if n := calls.Load(); n > 0 {
			t.Errorf("a dry run made %d calls", n)
		}
	})
	return s.URL
}

const dryCanary = "canary-4711"

func dryChain(t *testing.T, url string) *pipeline.Chain {
	t.Helper()
	return chainOf(
		t,
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: "{{ field.document_id }};{{ field.api_status }}"}}},
		pipeline.Named("create", &steps.RESTExport{
			Key: "csv", HeadersKey: "reply",
			Request: steps.Request{
				URL:     url + "/invoices?key={secret.api_key}",
				Headers: map[string]string{"X-Custom": "{secret.api_key}"},
				Content: "#{file_content}",
			},
			Auth: &steps.Auth{URL: url + "/token", Data: json.RawMessage(`{"client_secret":"{secret.api_key}"}`)},
		}),
		pipeline.Named(
			"read",
			&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "api_status"}}}}},
		),
		pipeline.Named("archive", &steps.RESTExport{Request: steps.Request{URL: url + "/archive", Content: "@{document_id}"}}),
		pipeline.Named("judge", &steps.Evaluate{Check: steps.Check{Condition: "r.field.api_status != '201'", Message: "Not created."}}),
	)
}

func dryCall() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Field("document_id", "2026-7"),
		rossumtest.Field("api_status", ""),
		rossumtest.Secret("api_key", dryCanary),
	)
}

type dryResult struct {
	report   *pipeline.Report
	response *rossum.Response
	err      error
	outline  string
}

func dry(t *testing.T, chain *pipeline.Chain, call *rossumtest.Call, d pipeline.DryRun) dryResult {
	t.Helper()
	var r dryResult
	r.response, r.err = chain.Export(context.Background(), call.Payload(), pipeline.WithDryRun(d),
		pipeline.WithReport(func(_ context.Context, report *pipeline.Report) { r.report = report }))
	var b strings.Builder
	for _, s := range r.report.All() {
		fmt.Fprintf(&b, "%s: %s", s.Name, s.Status)
		for _, c := range s.Calls {
			fmt.Fprintf(&b, " | %s %s dry=%v", c.Method, c.URL[strings.LastIndex(c.URL, "/"):], c.Dry)
		}
		b.WriteString("\n")
	}
	r.outline = b.String()
	if whole, err := json.Marshal(r.report); err != nil || strings.Contains(string(whole)+r.report.Text(), dryCanary) {
		t.Errorf("the report shows a secret: %v\n%s", err, whole)
	}
	return r
}

func TestADryRunRendersWhatNeedsNoAnswerAndSendsNothing(t *testing.T) {
	t.Parallel()
	r := dry(t, dryChain(t, untouched(t)), dryCall(), pipeline.DryRun{})
	want := `Custom format templating: done
create: needs an answer | POST /token dry=true | POST /invoices?key=[secret] dry=true
read: not run
archive: needs an answer | POST /archive dry=true
judge: not run
`
	if r.err != nil || r.outline != want || len(r.response.Messages) != 0 || !r.report.DryRun {
		t.Fatalf("%v\n%swant\n%s%+v", r.err, r.outline, want, r.response)
	}
	post := r.report.Steps[1].Calls[1]
	if post.Request == nil || post.Request.Body != "2026-7;" || post.Request.Header.Get("X-Custom") != "[secret]" ||
		post.Request.Header.Get("Authorization") != "[secret]" {
		t.Errorf("the request is shown as %+v", post.Request)
	}
	if token := r.report.Steps[1].Calls[0].Request; token.Body != "" || token.Hidden == "" {
		t.Errorf("the token request is shown as %+v", token)
	}
	if text := r.report.Text(); !strings.Contains(text, "Dry run, nothing was sent") ||
		!strings.Contains(text, `not run: it needs file "reply", and with it the answer to POST `) ||
		!strings.Contains(text, `not run: it reads field "api_status", which depends on the answer to POST `) {
		t.Error(text)
	}
}

func TestADryRunGoesOnWithTheAnswersThatItIsGiven(t *testing.T) {
	t.Parallel()
	var made []pipeline.DryCall
	r := dry(t, dryChain(t, untouched(t)), dryCall(), pipeline.DryRun{
		Made: func(c pipeline.DryCall) { made = append(made, c) },
		Reply: func(c pipeline.DryCall) (pipeline.DryReply, bool) {
			if strings.HasSuffix(c.URL, "/token") {
				return pipeline.DryReply{
					Header: http.Header{"Content-Type": {"application/json"}},
					Body:   []byte(`{"access_token":"tok-recorded-1"}`),
				}, true
			}
			return pipeline.DryReply{Status: 201}, true
		},
	})
	if r.err != nil || strings.Contains(r.outline, "not run") || len(r.response.Messages) != 0 || len(r.response.Operations) != 1 {
		t.Fatalf("%v\n%s%+v", r.err, r.outline, r.response)
	}
	if len(made) != 3 || made[1].Header.Get("Authorization") != "Bearer tok-recorded-1" || made[1].Header.Get("X-Custom") != dryCanary ||
		string(made[1].Body) != "2026-7;" ||
		made[1].Step != "create" {
		t.Errorf("%+v", made)
	}
	if f := r.report.Fields; len(f) != 1 || f[0].SchemaID != "api_status" || f[0].Before != "" || f[0].After != "201" {
		t.Errorf("fields %+v", f)
	}
}

func TestADryRunMayKeepTheFieldsThatAnEarlierExportFilled(t *testing.T) {
	t.Parallel()
	for value, messages := range map[string]int{"201": 0, "500": 1} {
		call := rossumtest.Annotation(
			rossumtest.Offline(),
			rossumtest.Field("document_id", "1"),
			rossumtest.Field("api_status", value),
			rossumtest.Secret("api_key", dryCanary),
		)
		r := dry(t, dryChain(t, untouched(t)), call, pipeline.DryRun{KeepFields: true})
		if r.err != nil || len(r.response.Messages) != messages || !strings.Contains(r.outline, "read: not run\n") ||
			strings.Contains(r.outline, "judge: not run") {
			t.Errorf("%s: %v\n%s%+v", value, r.err, r.outline, r.response)
		}
	}
}

func TestTheTokenOfADryRunIsNotUsedByTheNextExport(t *testing.T) {
	t.Parallel()
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization"))
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"tok-real-1"}`)
		}
	}))
	defer s.Close()
	chain := chainOf(t, &steps.RESTExport{Request: steps.Request{URL: s.URL + "/invoices"}, Auth: &steps.Auth{URL: s.URL + "/token"}})
	dry(t, chain, dryCall(), pipeline.DryRun{})
	if _, err := chain.Export(context.Background(), dryCall().Payload()); err != nil ||
		strings.Join(got, ", ") != "/token , /invoices Bearer tok-real-1" {
		t.Errorf("%v; %q", err, got)
	}
}

// strange is a step of somebody else, which says nothing of what it reads.
type strange struct {
	url  string
	once bool
}

func (strange) Name() string { return "strange" }

func (s strange) Run(ctx context.Context, x *pipeline.Export) error {
	post := func(ctx context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader("body"))
		if err != nil {
			return nil, err
		}
		client := send.Client(x)
		if s.once {
			client = http.DefaultClient
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		return &pipeline.Reply{Status: resp.StatusCode}, resp.Body.Close()
	}
	if s.once {
		_, err := x.Once(ctx, pipeline.Act{Call: "1", What: "POST " + s.url}, post)
		return err
	}
	_, err := post(ctx, pipeline.Attempt{})
	return err
}

func TestADryRunMakesNoCallsOfStepsOfOthers(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		r := dry(t, chainOf(t, strange{untouched(t) + "/x", once}, pipeline.Named("next", strange{"", false})), dryCall(), pipeline.DryRun{})
		if want := "strange: needs an answer | POST /x dry=true\nnext: not run\n"; r.err != nil || r.outline != want {
			t.Errorf("once %v: %v\n%swant\n%s", once, r.err, r.outline, want)
		}
	}
}

func TestADryRunShowsFilesForServers(t *testing.T) {
	t.Parallel()
	step := &sftpexport.Step{}
	err := json.Unmarshal(
		[]byte(
			`{"credentials": {"type": "sftp", "host": "sftp.example", "username": "u", "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBcYfdsQpRLN1hC5QBKqvQjwXkQRQHyfvDRCyEqnRKkP"},
		"export_rules": [{"path_to_directory": "in", "export_object_configurations": [{"type": "custom_format", "export_reference_key": "csv", "filename_template": "{document_id}-{seq}.csv"}]}]}`,
		),
		step,
	)
	if err != nil {
		t.Fatal(err)
	}
	r := dry(t, chainOf(t, &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: "a;b"}}}, pipeline.Named("put", step)),
		dryCall().With(rossumtest.Secret("password", "pw-4711"), rossumtest.Secret("type", "sftp")), pipeline.DryRun{})
	if r.err != nil || !strings.Contains(r.outline, "put: done | PUT /2026-7-1.csv dry=true") ||
		r.report.Steps[1].Calls[0].Request.Body != "a;b" ||
		!strings.Contains(r.report.Text(), "{seq} is counted at the destination") {
		t.Errorf("%v\n%s%s", r.err, r.outline, r.report.Text())
	}
}

func TestADryRunOfTheRequestProcessorShowsEveryItem(t *testing.T) {
	t.Parallel()
	step := &requestprocessor.Step{}
	err := json.Unmarshal([]byte(`{"stages": [
		{"call_api": [{"name": "lines", "request": {"iterate_over": "field.line_items", "url": "`+untouched(t)+`/{item.code}", "method": "POST", "content_type": "json",
			"content": {"n": "{item.code}"}},
			"response_handlers": [{"target_type": "property", "target_key": "p", "value": {"response.body": {"$jmespath": "@"}}}]}]},
		{"call_api": [{"name": "after", "request": {"url": "https://erp.example/{property.p}", "method": "POST"}}]}]}`), step)
	if err != nil {
		t.Fatal(err)
	}
	call := rossumtest.Annotation(
		rossumtest.Offline(),
		rossumtest.Table("line_items", rossumtest.Row("code", "a"), rossumtest.Row("code", "b")),
	)
	r := dry(t, chainOf(t, step), call, pipeline.DryRun{})
	if r.err != nil || !strings.HasSuffix(r.outline, "needs an answer | POST /a dry=true | POST /b dry=true\n") {
		t.Errorf("%v\n%s%s", r.err, r.outline, r.report.Text())
	}
	first, _, _ := strings.Cut(r.report.Text(), "\n")
	if !strings.HasPrefix(first, "Dry run, nothing was sent: export of annotation 314528: not finished after ") ||
		!strings.HasSuffix(first, ", since the answer to a call is missing") {
		t.Errorf("the report begins with %q", first)
	}
}

func TestADryRunNamesTheWSDLThatItCannotFetch(t *testing.T) {
	t.Parallel()
	step := &workday.Step{}
	err := json.Unmarshal([]byte(`{"configurations": [{"wsdl": {"domain": "wd.example", "tenant": "t", "api_version": "v41.0"},
		"request": {"service": "Resource_Management", "operation": "Submit_Supplier_Invoice", "mapping": {"A": "@{document_id}"}}}]}`), step)
	if err != nil {
		t.Fatal(err)
	}
	call := dryCall().With(rossumtest.Secret("workday_username", "u"), rossumtest.Secret("workday_password", "pw-4711"))
	r := dry(t, chainOf(t, step), call, pipeline.DryRun{})
	if r.err != nil || len(r.response.Messages) != 0 ||
		!strings.Contains(
			r.report.Text(),
			"ended here: a dry run has no answer to GET https://wd.example/ccx/service/t/Resource_Management/v41.0?wsdl",
		) {
		t.Errorf("%v %+v\n%s", r.err, r.response, r.report.Text())
	}
}

func TestADryRunReportsRealFaultsBesideAMissingAnswer(t *testing.T) {
	t.Parallel()
	url := untouched(t)
	broken := pipeline.Named("broken", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return fmt.Errorf("no paper") }))
	r := dry(
		t,
		chainOf(t, pipeline.Parallel(&steps.RESTExport{Request: steps.Request{URL: url + "/a"}}, broken)),
		dryCall(),
		pipeline.DryRun{},
	)
	if r.err == nil || !strings.Contains(r.err.Error(), "no paper") || strings.Contains(r.err.Error(), "/a") ||
		!strings.Contains(r.outline, "REST API export: needs an answer") {
		t.Errorf("%v\n%s", r.err, r.outline)
	}
}

func TestADryRunMakesTheCallsThatItLets(t *testing.T) {
	t.Parallel()
	var got []string
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"access_token": "tok-real-1"}`)
	}))
	defer erp.Close()
	here := func(_ string, u *url.URL) bool { return u.Hostname() == "127.0.0.1" }
	r := dry(t, dryChain(t, erp.URL), dryCall(), pipeline.DryRun{Allow: here})
	if r.err != nil || strings.Contains(r.outline, "not run") || strings.Contains(r.outline, "dry=true") ||
		strings.Join(got, ", ") != "POST /token, POST /invoices, POST /archive" {
		t.Fatalf("%v\n%s%q", r.err, r.outline, got)
	}
	if text := r.report.Text(); strings.Contains(text, "nothing was sent") {
		t.Error(text)
	}
	got = nil
	for _, once := range []bool{false, true} {
		if r := dry(t, chainOf(t, strange{erp.URL + "/x", once}), dryCall(), pipeline.DryRun{Allow: here}); r.err != nil ||
			!strings.HasPrefix(r.outline, "strange: done") {
			t.Errorf("%v\n%s", r.err, r.outline)
		}
	}
	if strings.Join(got, ", ") != "POST /x, POST /x" {
		t.Errorf("%q", got)
	}
}
