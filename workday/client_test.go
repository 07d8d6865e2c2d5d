package workday_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

func client(t testing.TB, w *workdaytest.Tenant, o workday.ClientOptions) *workday.Client {
	t.Helper()
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Transport: &http.Transport{}}
	}
	t.Cleanup(o.HTTPClient.CloseIdleConnections)
	c, err := workday.NewClient(w.Coordinates(), workdaytest.Username, workdaytest.Password, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var cancelBody = map[string]any{"Supplier_Invoice_Reference": map[string]any{"ID": []any{map[string]any{"type": "WID", "_value_1": "0a"}}}}

func TestCallReturnsTheAnswerInItsOrder(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	w.Reply("Cancel_Supplier_Invoice", map[string]any{"version": "v39.1", "Cancelled_Supplier_Invoice_Reference": map[string]any{
		"Descriptor": "D", "ID": []any{map[string]any{"type": "WID", "_value_1": "0a"}},
	}})
	answer, err := client(t, w, workday.ClientOptions{}).Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(answer)
	want := `{"version":"v39.1","Cancelled_Supplier_Invoice_Reference":{"Descriptor":"D","ID":[{"type":"WID","_value_1":"0a"}]}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if id := answer.Get("Cancelled_Supplier_Invoice_Reference", "ID", "_value_1"); id != "0a" {
		t.Errorf("Get returned %v", id)
	}
}

func TestCallTakesGoValues(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	_, err := client(
		t,
		w,
		workday.ClientOptions{},
	).Call(t.Context(), "Resource_Management", "Submit_Supplier_Invoice", &workday.Object{Members: []workday.Member{
		{Name: "Supplier_Invoice_Data", Value: map[string]any{
			"Company_Reference": map[string]any{}, "Invoice_Date": time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC), "Control_Amount_Total": 12.5,
			"Number_of_Installments": 3, "Submit": true, "Memo": nil, "Tax_Amount": json.Number("1.10"),
			"Attachment_Data": []map[string]any{{"File_Content": []byte("hello")}},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	body := string(w.Calls()[0].Body)
	for _, part := range []string{`"Invoice_Date":"2026-03-31"`, `"Control_Amount_Total":12.5`, `"Number_of_Installments":3`, `"Tax_Amount":1.1`, `"File_Content":"aGVsbG8="`} {
		if !strings.Contains(body, part) {
			t.Errorf("the body lacks %s: %s", part, body)
		}
	}
}

func TestCallTellsFaultsApart(t *testing.T) {
	t.Parallel()
	for kind, next := range map[workday.FaultKind]http.HandlerFunc{
		workday.FaultAuthentication: func(w http.ResponseWriter, _ *http.Request) {
			workdaytest.SOAPFault(w, "Client.authenticationError", "invalid username or password", "")
		},
		workday.FaultValidation: func(w http.ResponseWriter, _ *http.Request) { workdaytest.ValidationFault(w, "x") },
		workday.FaultProcessing: func(w http.ResponseWriter, _ *http.Request) { workdaytest.ProcessingFault(w) },
		workday.FaultUnknown:    func(w http.ResponseWriter, _ *http.Request) { workdaytest.SOAPFault(w, "VersionMismatch", "x", "") },
	} {
		w := tenant(t)
		w.Next(next)
		_, err := client(t, w, workday.ClientOptions{}).Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody)
		var fault *workday.Fault
		if !errors.As(err, &fault) || fault.Kind != kind {
			t.Errorf("%s: error %#v", kind, err)
		}
	}
}

// TestTheAnswersOfAHostileServerAreBounded covers what only time and size bound.
func TestTheAnswersOfAHostileServerAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("100 MB", func(t *testing.T) {
		t.Parallel()
		w := tenant(t)
		w.Next(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			block := []byte("<?xml version=\"1.0\"?><a>" + strings.Repeat("x", 1<<20))
			for range 100 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		_, err := client(t, w, workday.ClientOptions{}).Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody)
		if err == nil || !strings.Contains(err.Error(), "too large") || !errors.Is(err, workday.ErrReply) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a byte now and then", func(t *testing.T) {
		t.Parallel()
		w := tenant(t)
		w.Next(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "<"); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		})
		started := time.Now()
		_, err := client(
			t,
			w,
			workday.ClientOptions{Timeout: 2 * time.Second},
		).Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody)
		if !errors.Is(err, workday.ErrMaybeDone) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestAWSDLMayNotLeadElsewhere(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	w.Services["Elsewhere"] = []byte(
		strings.Replace(string(workdaytest.WSDL()), "address location=", "address\nlocation=", 1),
	) // which the tenant leaves as it is
	w.Services["Imports"] = []byte(
		strings.Replace(
			string(workdaytest.WSDL()),
			"<wsdl:types>",
			`<wsdl:types><xsd:schema><xsd:import namespace="urn:x" schemaLocation="http://other.example/x.xsd"/></xsd:schema>`,
			1,
		),
	)
	w.Services["Missing"] = []byte(
		strings.Replace(
			string(workdaytest.WSDL()),
			"<wsdl:types>",
			`<wsdl:types><xsd:schema><xsd:import namespace="urn:x" schemaLocation="x.xsd"/></xsd:schema>`,
			1,
		),
	)
	w.Services["Bomb"] = []byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)
	w.Services["Page"] = []byte(`<html><body>Sign in</body></html>`)
	for service, want := range map[string]error{"Elsewhere": workday.ErrHost, "Imports": workday.ErrHost, "Missing": workday.ErrWSDL, "Bomb": workday.ErrWSDL, "Page": workday.ErrWSDL} {
		_, err := client(t, w, workday.ClientOptions{}).Call(t.Context(), service, "Cancel_Supplier_Invoice", cancelBody)
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", service, err, want)
		}
	}
	if len(w.Calls()) != 0 {
		t.Error("a call was made")
	}
}

func TestAWSDLIsFetchedAgainAfterItsLifetime(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	c := client(t, w, workday.ClientOptions{WSDLLifetime: time.Nanosecond})
	for range 2 {
		if _, err := c.Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.WSDLRequests(); got != 2 {
		t.Errorf("fetched %d times, want 2", got)
	}
}

func TestSettingsAreStrict(t *testing.T) {
	t.Parallel()
	const good = `"wsdl": {"domain": "wd3.example.com", "tenant": "t", "api_version": "v42.2"}, "request": {"service": "S", "operation": "O", "mapping": {"A": "@{a}"}}`
	for settings, want := range map[string]string{
		`{"debug": true, "configurations": [{"queues": [1, "2", "https://x.rossum.app/api/v1/queues/3"], "excluded_queues": [], ` + good + `}]}`: "",
		`{}`: "configurations: is missing or empty",
		`{"configurations": [{"queue": [1], ` + good + `}]}`:                                                            "configurations[0].queue: unknown key (did you mean queues?)",
		`{"configurations": [{"queues": [], ` + good + `}]}`:                                                            "configurations[0].queues: is empty",
		`{"configurations": [{"queues": ["x"], ` + good + `}]}`:                                                         "configurations[0].queues[0]",
		`{"configurations": [{"queues": [1], "excluded_queues": [1], ` + good + `}]}`:                                   "queue 1 is in queues, too",
		`{"configurations": [{"wsdl": {}, "request": {}}]}`:                                                             "configurations[0].wsdl.domain: is missing",
		`{"configurations": [{` + strings.Replace(good, "wd3.example.com", "https://wd3.example.com", 1) + `}]}`:        "has a protocol",
		`{"configurations": [{` + strings.Replace(good, "wd3.example.com", "wd3.example.com/x", 1) + `}]}`:              "is not a host",
		`{"configurations": [{` + strings.Replace(good, `"t"`, `"../t"`, 1) + `}]}`:                                     "configurations[0].wsdl.tenant",
		`{"configurations": [{` + strings.Replace(good, `"S"`, `"a?b"`, 1) + `}]}`:                                      "configurations[0].request.service",
		`{"configurations": [{` + strings.Replace(good, `"api_version"`, `"protocol": "ftp", "api_version"`, 1) + `}]}`: "expected https or http",
		`{"configurations": [{` + strings.Replace(good, `"api_version"`, `"hosts": ["a/b"], "api_version"`, 1) + `}]}`:  "configurations[0].wsdl.hosts[0]",
		`{"configurations": [{` + strings.Replace(good, `"mapping"`, `"timeout_s": -1, "mapping"`, 1) + `}]}`:           "configurations[0].request.timeout_s",
		`{"configurations": [{` + strings.Replace(good, `{"A": "@{a}"}`, `{"A": {"$FOR_EACH$": {}}}`, 1) + `}]}`:        "configurations[0].request.mapping.A.$FOR_EACH$: unknown operator",
		`{"configurations": [{` + strings.Replace(good, `"@{a}"`, `"{document}"`, 1) + `}]}`:                            "{document}: document is undefined",
		`{"configurations": [{"result_schema_id": "a", "result_wid_schema_id": "a", ` + good + `}]}`:                    "is the same as result_schema_id",
	} {
		s := &workday.Step{}
		err := s.UnmarshalJSON([]byte(settings))
		if err == nil {
			err = s.Validate()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\nerror %v, want %q", settings, err, want)
		}
	}
}

func TestNewClientChecksItsArguments(t *testing.T) {
	t.Parallel()
	good := workday.WSDL{Domain: "d.example", Tenant: "t", APIVersion: "v1"}
	for name, try := range map[string]func() (*workday.Client, error){
		"no domain": func() (*workday.Client, error) {
			return workday.NewClient(workday.WSDL{}, "u", "p", workday.ClientOptions{})
		},
		"no user":     func() (*workday.Client, error) { return workday.NewClient(good, "", "p", workday.ClientOptions{}) },
		"no password": func() (*workday.Client, error) { return workday.NewClient(good, "u", "", workday.ClientOptions{}) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
