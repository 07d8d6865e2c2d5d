package main

import (
	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps"
)

// newChain composes the export: clean up, make the invoice's JSON, create a
// draft, attach the original, submit, and say how it went.
func newChain(erpURL string) (*pipeline.Chain, error) {
	auth := &steps.Auth{
		URL:  erpURL + "/oauth/token",
		Data: map[string]string{"grant_type": "client_credentials", "client_id": erp.ClientID, "client_secret": "{secret.client_secret}"},
	}
	status := func(headers, target string) steps.Source {
		return steps.Source{Key: headers, Rules: []steps.ExtractRule{{Path: "status_code", TargetField: target}}}
	}
	return pipeline.New(
		&steps.Purge{ResetFields: []string{"erp_create_status", "erp_create_body", "erp_invoice_id", "erp_attach_status", "erp_submit_status"}},
		&steps.CustomFormat{Exports: []steps.ExportConfig{{
			Key: "invoice", FileName: "{{ field.document_id|replace('/', '-') }}.json",
			Lines: []string{
				`{`,
				`  "number": {{ field.document_id|tojson }},`,
				`  "supplier": {{ field.sender_name|tojson }},`,
				`  "currency": {{ field.currency|upper|tojson }},`,
				`  "total": {{ field.amount_total|tojson }},`,
				`  "lines": [{% for item in field.line_items %}`,
				`    {"description": {{ item.item_description|tojson }}, "quantity": {{ item.item_quantity|tojson }},`,
				`     "amount": {{ item.item_amount|tojson }}, "tax_rate": {{ item.item_tax_rate|default("0", true)|tojson }}}{{ "," if not loop.last }}{% endfor %}`,
				`  ]`,
				`}`,
			},
		}}},
		pipeline.Named("Create draft", &steps.RESTExport{
			Key: "invoice", Auth: auth,
			Request:    steps.Request{URL: erpURL + "/api/invoices", Headers: map[string]string{"Content-Type": "application/json"}, Content: "#{file_content}"},
			HeadersKey: "create_headers", PayloadKey: "create_reply",
		}),
		&steps.Extract{Sources: []steps.Source{
			status("create_headers", "erp_create_status"),
			{Key: "create_reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_invoice_id"}, {Path: "to_string(@)", TargetField: "erp_create_body"}}},
		}},
		pipeline.Named("Attach original", &steps.RESTExport{
			Auth: auth, Condition: "@{erp_invoice_id}",
			Request: steps.Request{
				URL: erpURL + "/api/invoices/@{erp_invoice_id}/attachments", FilePart: "file", FileContent: "#{original_file}", FileName: "original.pdf",
			},
			HeadersKey: "attach_headers",
		}),
		&steps.Extract{Sources: []steps.Source{status("attach_headers", "erp_attach_status")}},
		pipeline.Named("Submit", &steps.RESTExport{
			Auth: auth, Condition: "@{erp_invoice_id}",
			Request:    steps.Request{URL: erpURL + "/api/invoices/@{erp_invoice_id}/submit"},
			HeadersKey: "submit_headers",
		}),
		&steps.Extract{Sources: []steps.Source{status("submit_headers", "erp_submit_status")}},
		&steps.EvaluateReplies{Replies: []steps.ReplyCheck{{Label: "Create draft", StatusField: "erp_create_status", BodyField: "erp_create_body"}}},
		&steps.Evaluate{Check: steps.Check{
			Condition: "is_set(field.erp_invoice_id) and field.erp_submit_status != '200'",
			Message:   "The invoice was created in the ERP, but not submitted.",
		}},
	)
}
