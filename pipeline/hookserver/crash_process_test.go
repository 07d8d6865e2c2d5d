package hookserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// plan is what a child process is to do.
type plan struct {
	Dir, ERP  string
	Crash     string // point
	Kind      string
	Async     bool
	Settler   string
	Workday   workday.WSDL
	SFTP      sftpPlace
	KillKind  string // of the record, "" for none
	KillAt    int    // the n-th of its kind
	KillAfter bool
	Timeout   time.Duration // of the hook; that of a call is not longer
}

// sftpPlace is where files go.
type sftpPlace struct {
	Host, User, Key string
	Port            int
}

const (
	crashVariable = "EXPORTPIPELINE_TEST_CRASH"
	soakVariable  = "EXPORTPIPELINE_SOAK"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(crashVariable); text != "" {
		fmt.Fprintln(os.Stderr, serveCrash([]byte(text)))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// suicidal kills its process at a record.
type suicidal struct {
	pipeline.Ledger
	plan plan
	mu   sync.Mutex
	seen int
}

func (s *suicidal) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	due := s.due(records...)
	if due && !s.plan.KillAfter {
		die()
	}
	err := s.Ledger.Append(ctx, l, records...)
	if due {
		die()
	}
	return err
}

func (s *suicidal) End(ctx context.Context, l pipeline.Lease, r pipeline.Record) error {
	err := s.Ledger.End(ctx, l, r)
	if s.due(r) {
		die()
	}
	return err
}

func (s *suicidal) Claim(ctx context.Context, k pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	c, err := s.Ledger.Claim(ctx, k, o)
	if err == nil && s.plan.KillKind == "claim" {
		die()
	}
	return c, err
}

func (s *suicidal) due(records ...pipeline.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if string(r.Kind) == s.plan.KillKind {
			if s.seen++; s.seen == s.plan.KillAt {
				return true
			}
		}
	}
	return false
}

func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // the end is on its way
}

func crashKey() pipeline.JournalOptions {
	return pipeline.JournalOptions{Key: pipeline.SealKey{ID: "test", Secret: []byte(strings.Repeat("s", 32))}, Lease: 10 * time.Second}
}

// serveCrash is the child process.
func serveCrash(text []byte) error {
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	folder, err := folderledger.Open(p.Dir, folderledger.Options{})
	if err != nil {
		return err
	}
	journal, err := pipeline.NewJournal(&suicidal{Ledger: folder, plan: p}, crashKey())
	if err != nil {
		return err
	}
	chain, err := crashedChain(p)
	if err != nil {
		return err
	}
	o := hookserver.Options{
		Chain:            chain,
		SignatureSecrets: []string{secret},
		Journal:          journal,
		Timeout:          p.Timeout,
		Window:           time.Hour,
		Run:              crashOptions(p),
	}
	if p.Async {
		o.Async = &hookserver.Async{URL: publicURL, Key: asyncKey, After: -1, Timeout: p.Timeout}
	}
	h, err := hookserver.New(o)
	if err != nil {
		return err
	}
	server := httptest.NewServer(h)
	fmt.Println(server.URL)
	select {}
}

// sendingFunction is code that tries again whatever has happened, which would post twice
// if it could.
const sendingFunction = `import requests
def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    for _ in range(3):
        try:
            reply = requests.post("%s/create", json={"document": t.field.document_id}, timeout=120)
            t.field.erp_id = reply.json()["id"]
            break
        except Exception:
            pass
    return t.hook_response()
`

// crashedChain is the chain of a row: the kind's own step, a submission, a notification.
func crashedChain(p plan) (*pipeline.Chain, error) {
	rest := func(name, path string) *steps.RESTExport {
		return &steps.RESTExport{Request: steps.Request{URL: p.ERP + path, Content: "the invoice"}, PayloadKey: name}
	}
	create := rest("create", "/create")
	var step pipeline.Step = create
	switch p.Kind {
	case "REST with OAuth":
		create.Auth = &steps.Auth{URL: p.ERP + "/token", Data: json.RawMessage(`{"grant_type":"client_credentials"}`)}
	case "multipart with 40 MB":
		create.Request.Content, create.Request.FilePart, create.Request.FileContent = "", "file", "#{original_file}"
	case "Request Processor":
		processor := &requestprocessor.Step{}
		err := processor.UnmarshalJSON(
			[]byte(
				`{"stages":[{"call_api":[{"name":"create","request":{"url":"` +
					p.ERP + `/create/{item.sku.value}","method":"POST","content":"x","iterate_over":"field.lines"},
			"response_handlers":[{"target_type":"schema_id","target_key":"id_{sequence}","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`,
			),
		)
		if err != nil {
			return nil, err
		}
		step = processor
	case "Function":
		step = &steps.Function{Code: fmt.Sprintf(sendingFunction, p.ERP), HTTP: true}
	case "Workday":
		step = &workday.Step{Configurations: []workday.Configuration{{
			WSDL: p.Workday, ResultField: "erp_id",
			Request: workday.Request{
				Service:   "Resource_Management",
				Operation: "Submit_Supplier_Invoice",
				Mapping: json.RawMessage(`{"Add_Only": true, "Supplier_Invoice_Data": {
				"Submit": true, "Invoice_Date": "2026-03-31", "Suppliers_Invoice_Number": "@{document_id}", "Control_Amount_Total": 12.5,
				"Company_Reference": {"ID": [{"type": "Organization_Reference_ID", "_value_1": "CO-1"}]}, "Supplier_Reference": {"ID": [{"type": "Supplier_ID", "_value_1": "S-1"}]}}}`),
			},
		}}}
	case "SFTP":
		c := sftpexport.Credentials{
			Type:     "sftp",
			Host:     p.SFTP.Host,
			Username: p.SFTP.User,
			HostKey:  p.SFTP.Key,
			Port:     sftpexport.Port(p.SFTP.Port),
		}
		step = &sftpexport.Step{Credentials: c, Path: "/out", Exports: []sftpexport.Object{{Type: "document", Name: "invoice"}}}
	}
	step = pipeline.Named("create", step)
	if p.Crash == "in a branch" {
		if p.Kind == "SFTP" { // whose server does not wait for the other branch
			row, err := pipeline.New(sleeps(700*time.Millisecond), step)
			if err != nil {
				return nil, err
			}
			step = pipeline.Named("row", row)
		}
		step = pipeline.Parallel(step, pipeline.Named("other", rest("other", "/other")))
	}
	all := []pipeline.Step{step}
	if create == step || slices.Contains([]string{"REST", "REST with OAuth", "multipart with 40 MB"}, p.Kind) {
		all = append(
			all,
			&steps.Extract{Sources: []steps.Source{{Key: "create", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}},
		)
	}
	return pipeline.New(
		append(
			all,
			pipeline.Named("submit", rest("submit", "/submit")),
			pipeline.Finally(pipeline.Named("notify", rest("notify", "/notify"))),
		)...)
}

// lateHeader marks a reply that comes after its call has timed out. That it is the reply
// which ends the call, and no clock, makes sure that the ERP has acted.
const lateHeader = "Test-Late"

// lateReplies are not received.
type lateReplies struct{ http.RoundTripper }

func (l lateReplies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil && resp.Header.Get(lateHeader) != "" {
		_ = resp.Body.Close()
		return nil, os.ErrDeadlineExceeded
	}
	return resp, err
}

// crashOptions say how lost answers are settled.
func crashOptions(p plan) []pipeline.Option {
	options := []pipeline.Option{pipeline.WithOriginal(pipeline.Bytes("%PDF"))}
	if p.Kind == "multipart with 40 MB" {
		options[0] = pipeline.WithOriginal(pipeline.Bytes(strings.Repeat("forty MB", 5<<20)))
	}
	if p.Crash == "after the call timed out" {
		options = append(options, pipeline.WithHTTPClient(&http.Client{Transport: lateReplies{http.DefaultTransport}}))
	}
	switch p.Settler {
	case "key":
		names := []string{"submit", "notify", "other"}
		if p.Kind != "Workday" && p.Kind != "SFTP" {
			names = append(names, "create")
		}
		options = append(options, pipeline.WithIdempotency(pipeline.Idempotency{Steps: names}))
	case "probe":
		for _, step := range []string{"create", "notify"} {
			options = append(
				options,
				pipeline.WithProbe(step, 0, func(ctx context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
					return askERP(ctx, p.ERP, q)
				}),
			)
		}
	}
	return options
}

// askERP asks what the ERP has.
func askERP(ctx context.Context, erp string, q pipeline.Question) (*pipeline.Reply, bool, error) {
	what := "/" + q.Step
	if i := strings.Index(q.What, erp); i >= 0 {
		what, _, _ = strings.Cut(q.What[i+len(erp):], " ")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, erp+"/has"+what, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusNotFound {
		return nil, false, err
	}
	return &pipeline.Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}, true, nil
}
