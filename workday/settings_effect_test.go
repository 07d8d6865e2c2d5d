package workday_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/workday"
)

// settings are those of a hook; DOMAIN and HOST stand for the tenant's address.
const settings = `{"configurations": [{
	"queues": [8199], "result_schema_id": "workday_id", "result_wid_schema_id": "workday_wid",
	"wsdl": {"domain": "DOMAIN", "tenant": "acme_dpt1", "api_version": "v39.1", "protocol": "http"},
	"request": {"service": "Resource_Management", "operation": "Submit_Supplier_Invoice", "timeout_s": 60, "mapping": ` + mapping + `}
}]}`

// Each row changes one key of settings that work, and shows what becomes of the export.
func TestEverySettingHasItsEffect(t *testing.T) {
	t.Parallel()
	const exported, refused = "info: Export to Workday successful. Created new supplier invoice with ID: ", "error: "
	for _, c := range []struct {
		key, from, to string
		want          string // of the messages
		calls         int
		fields        string // workday_id and workday_wid
		hangs         bool   // the tenant
	}{
		{"nothing", ``, ``, exported, 1, "SUPPLIER_INVOICE-1 00000000000000000000000000000001", false},
		{"configurations", `"configurations": [`, `"configurations": [{"queues": [1], "wsdl": {"domain": "d", "tenant": "t", "api_version": "v1"},
			"request": {"service": "S", "operation": "O", "mapping": {}}}, `, exported, 1, "SUPPLIER_INVOICE-1 00000000000000000000000000000001", false},
		{"queues", `[8199]`, `[1]`, "info: No Workday configuration applies to queue 8199", 0, " ", false},
		{"excluded_queues", `"queues"`, `"excluded_queues"`, "info: No Workday configuration applies to queue 8199", 0, " ", false},
		{"result_schema_id", `"result_schema_id": "workday_id", `, ``, exported, 1, " 00000000000000000000000000000001", false},
		{"result_wid_schema_id", `, "result_wid_schema_id": "workday_wid"`, ``, exported, 1, "SUPPLIER_INVOICE-1 ", false},
		{"domain", `"DOMAIN"`, `"` + closedPort() + `"`, refused + "Could not connect to Workday. Check domain configuration.", 0, " ", false},
		{"tenant", `acme_dpt1`, `acme_dpt2`, refused + "Internal Workday server error.", 0, " ", false},
		{"api_version", `v39.1`, `v42.2`, refused + "Service not found.", 0, " ", false},
		{"protocol", `, "protocol": "http"`, ``, refused + "Could not connect to Workday.", 0, " ", false},
		{"hosts, none", `DOMAIN`, `localhost:PORT`, "is neither the domain localhost:", 0, " ", false},
		{"hosts", `"DOMAIN"`, `"localhost:PORT", "hosts": ["DOMAIN"]`, exported, 1, "SUPPLIER_INVOICE-1 00000000000000000000000000000001", false},
		{"service", `Resource_Management`, `Human_Resources`, refused + "Service not found.", 0, " ", false},
		{"operation", `"Submit_Supplier_Invoice"`, `"Submit_Suplier_Invoice"`, "did you mean Submit_Supplier_Invoice?", 0, " ", false},
		{"mapping", `"@{document_id}"`, `"@{nothing}"`, `field "nothing": no such field in the annotation`, 0, " ", false},
		{"timeout_s", `"timeout_s": 60`, `"timeout_s": 0.05`, "the call took longer than 50ms", 0, " ", true},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			served := tenant(t)
			if c.hangs {
				ended := make(chan struct{})
				t.Cleanup(func() { close(ended) })
				served.Next(func(_ http.ResponseWriter, r *http.Request) {
					select {
					case <-ended:
					case <-r.Context().Done():
					}
				})
			}
			if !strings.Contains(settings, c.from) {
				t.Fatalf("%s is not in the settings", c.from)
			}
			text := strings.Replace(settings, c.from, c.to, 1)
			_, port, _ := strings.Cut(served.Domain(), ":")
			text = strings.NewReplacer("DOMAIN", served.Domain(), "PORT", port).Replace(text)
			step := &workday.Step{}
			if err := json.Unmarshal([]byte(text), step); err != nil {
				t.Fatal(err)
			}
			payload := invoice().Payload()
			response, _ := exportPayload(t, step, payload) // an error is among the messages
			if got := texts(response); !strings.Contains(got, c.want) {
				t.Errorf("got the messages %s, want %s", got, c.want)
			}
			if n := len(served.Calls()); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
			if got := valueOf(t, payload, "workday_id") + " " + valueOf(t, payload, "workday_wid"); got != c.fields {
				t.Errorf("the fields have %q, want %q", got, c.fields)
			}
		})
	}
}

func valueOf(t *testing.T, p *rossum.Payload, schemaID string) string {
	t.Helper()
	n, err := p.Annotation.Content.Field(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return n.Value()
}
