package rossumtest_test

import (
	"encoding/json"
	"fmt"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A call is made of parts: what the annotation has, and how the platform calls.
func ExampleCall() {
	call := rossumtest.Annotation(
		rossumtest.Request("r-1"),
		rossumtest.Event("annotation_content", "export"),
		rossumtest.From("https://acme.rossum.app", "token"),
		rossumtest.Settings(map[string]any{"url": "https://erp.example"}),
		rossumtest.Secret("api_key", "of the ERP"),
		rossumtest.Document("invoice.pdf", "application/pdf"),
		rossumtest.Set("automated", true),
		rossumtest.Sideload("queues", []any{map[string]any{"id": rossumtest.QueueID, "name": "Invoices"}}),
		rossumtest.Section("amounts",
			rossumtest.Number("amount_total", "1,250.00", "1250.00"),
			rossumtest.Date("date_issue", "20. 11. 2026", "2026-11-20"),
		),
		rossumtest.FieldValue("status", rossumtest.Value{Text: "new"}),
		rossumtest.List("po_numbers", "po_number", "PO1", "PO2"),
	)
	p := call.Payload()
	content := p.Annotation.Content
	fmt.Println(p.RequestID, p.Event, p.Action, p.BaseURL, p.Annotation.Automated)
	fmt.Println(string(p.Settings), len(p.Secrets["api_key"]))
	fmt.Println(content.Find("amount_total")[0].Normalized(), content.Find("date_issue")[0].Normalized(), len(content.Find("po_number")))
	without := call.With(rossumtest.WithoutContent()).Payload()
	fmt.Println(without.Annotation.Content == nil, json.Valid(call.Bytes()))
	// Output:
	// r-1 annotation_content export https://acme.rossum.app true
	// {"url":"https://erp.example"} 10
	// 1250.00 2026-11-20 2
	// true true
}

// A program that fills in the payload itself needs no platform; a fake one is set with On.
func ExampleOn() {
	platform := rossumtest.NewServer()
	defer platform.Close()
	online := rossumtest.Annotation(rossumtest.On(platform)).Payload()
	offline := rossumtest.Annotation(rossumtest.Offline()).Payload()
	fmt.Println(online.BaseURL == platform.URL, offline.BaseURL == "")
	// Output: true true
}
