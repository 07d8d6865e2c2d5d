package workday_test

import (
	"context"
	"encoding/json"
	"fmt"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"log"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// The settings are those of Rossum's connector.
func Example() {
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	settings := fmt.Sprintf(`{"configurations": [{
		"wsdl": {"domain": %q, "tenant": "acme_dpt1", "api_version": "v39.1", "protocol": "http"},
		"request": {"service": "Resource_Management", "operation": "Submit_Supplier_Invoice", "mapping": {
			"Add_Only": true,
			"Supplier_Invoice_Data": {
				"Company_Reference": {"ID": [{"type": "Organization_Reference_ID", "_value_1": "@{company}"}]},
				"Suppliers_Invoice_Number": "@{document_id}"
			}
		}}
	}]}`, tenant.Domain())
	var step workday.Step
	if err := json.Unmarshal([]byte(settings), &step); err != nil {
		log.Fatal(err)
	}
	chain, err := pipeline.New(&step)
	if err != nil {
		log.Fatal(err)
	}
	call := rossumtest.Annotation(
		rossumtest.Field("company", "CO-1"), rossumtest.Field("document_id", "INV-7"),
		rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password),
	)
	answer, err := chain.Export(context.Background(), call.Payload())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Messages[0].Content)
	// Output:
	// Export to Workday successful. Created new supplier invoice with ID: SUPPLIER_INVOICE-1 (Supplier_Invoice_Reference_ID), 00000000000000000000000000000001 (WID).
}

// A look-up from Go.
func ExampleClient_Call() {
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	tenant.Reply("Cancel_Supplier_Invoice", map[string]any{
		"Cancelled_Supplier_Invoice_Reference": map[string]any{"ID": map[string]any{"type": "WID", "_value_1": "0a1b"}},
	})
	client, err := workday.NewClient(tenant.Coordinates(), workdaytest.Username, workdaytest.Password, workday.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Call(context.Background(), "Resource_Management", "Cancel_Supplier_Invoice", map[string]any{
		"Supplier_Invoice_Reference": map[string]any{"ID": map[string]any{"type": "WID", "_value_1": "0a1b"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Get("Cancelled_Supplier_Invoice_Reference", "ID", "_value_1"))
	// Output:
	// 0a1b
}

func ExampleRegister() {
	registry := &organisation.Registry{}
	workday.Register(registry, workday.RegisterOptions{})
	fmt.Println(registry.Names(), registry.Err())
	// Output: [svc/workday/api/v1/export] <nil>
}
