package requestprocessor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// Settings as a hook has them: create an invoice, and submit it only if the first
// call has said 201.
func Example() {
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the ERP gets", r.Method, r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id": "ERP-1001"}`)
	}))
	defer erp.Close()
	var step requestprocessor.Step
	err := json.Unmarshal([]byte(`{"stages": [
		{"call_api": [{"name": "create",
			"request": {"url": "{field.erp_url.value}/invoices", "method": "POST", "content_type": "json", "content": {"number": "{field.document_id.value}"}},
			"response_handlers": [
				{"target_type": "schema_id", "target_key": "erp_status", "value": {"response": {"$jmespath": "status_code"}}},
				{"target_type": "property", "target_key": "invoice", "value": {"response.body": {"$jmespath": "@"}}}]}]},
		{"evaluate": [{"name": "created", "condition": {"field.erp_status.value": {"$eq": "201"}}}],
		 "call_api": [{"name": "submit", "request": {"url": "{field.erp_url.value}/invoices/{property.invoice.id}/submit", "method": "PUT"}}]}]}`), &step)
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := pipeline.New(&step)
	if err != nil {
		fmt.Println(err)
		return
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Field("erp_url", erp.URL),
		rossumtest.Field("erp_status", ""),
		rossumtest.Offline(),
	)
	response, err := chain.Export(context.Background(), call.Payload(), pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithAllowedHosts("127.0.0.1")) // the URL comes from a field
	if err != nil {
		fmt.Println(err)
	}
	for _, op := range response.Operations {
		fmt.Println(string(op.Value))
	}
	// Output:
	// the ERP gets POST /invoices
	// the ERP gets PUT /invoices/ERP-1001/submit
	// {"content":{"value":"201"}}
}

// Wrong settings are found when the chain is built, all at once.
func ExampleStep_Validate() {
	step := requestprocessor.Step{Stages: []requestprocessor.Stage{{
		Evaluate: []requestprocessor.Evaluate{{Name: "large", Condition: map[string]any{"field.total": map[string]any{"$get": 1000}}}},
		CallAPI: []requestprocessor.Call{{Name: "create", Request: requestprocessor.Request{
			URL: "https://erp.example/{feild.document_id.value}", Method: "POST", Headers: map[string]string{"Authorization": "Bearer {token}"},
		}}},
	}}}
	fmt.Println(step.Validate())
	// Output:
	// stages[0].evaluate[0].condition.field.total.$get: $get is not known (did you mean $gt?)
	// stages[0].call_api[0].request.url: {feild.document_id.value}: feild is not known (did you mean field?)
	// stages[0].call_api[0].request.headers.Authorization: {token}: token is not available here (expected one of payload, field, property, sequence)
}
