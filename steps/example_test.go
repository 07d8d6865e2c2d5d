package steps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"net/http"
	"net/http/httptest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// export runs steps on a small invoice and prints its messages and fields.
func export(list ...pipeline.Step) {
	chain, err := pipeline.New(list...)
	if err != nil {
		fmt.Println(err)
		return
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Field("erp_status", ""),
		rossumtest.Field("erp_id", ""),
		rossumtest.Offline(),
	)
	response, err := chain.Export(context.Background(), call.Payload(), pipeline.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		fmt.Println(err)
	}
	for _, m := range response.Messages {
		fmt.Println(m.Type, m.Content)
	}
	for _, op := range response.Operations {
		fmt.Println(string(op.Value))
	}
}

func ExampleCustomFormat() {
	var step steps.CustomFormat
	err := json.Unmarshal(
		[]byte(`{"export_configs": [{"export_reference_key": "csv", "file_content_templat": "{{ field.document_id }}"}]}`),
		&step,
	)
	fmt.Println(err)
	// Output: export_configs[0].file_content_templat: unknown key (did you mean file_content_template?) (line 1, column 53)
}

func ExampleRESTExport() {
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id": 9007199254740993}`)
	}))
	defer erp.Close()
	export(
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "invoice", Template: `{"number": {{ field.document_id|tojson }}}`}}},
		&steps.RESTExport{
			Key:        "invoice",
			Request:    steps.Request{URL: erp.URL, Content: "#{file_content}"},
			HeadersKey: "headers",
			PayloadKey: "reply",
		},
		&steps.Extract{Sources: []steps.Source{
			{Key: "headers", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "erp_status"}}},
			{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}},
		}},
	)
	// Output:
	// {"content":{"value":"201"}}
	// {"content":{"value":"9007199254740993"}}
}

func ExampleEvaluate() {
	export(&steps.Evaluate{Check: steps.Check{Condition: "r.field.erp_status != '201'", Message: "Draft invoice not created."}})
	// Output: error Draft invoice not created.
}

func ExampleRegister() {
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	for _, name := range registry.Names() {
		fmt.Println(name)
	}
	fmt.Println(registry.Err())
	// Output:
	// custom-format-templating-purge
	// custom-format-templating
	// rest-api-export
	// data-value-extractor
	// export-evaluator
	// request-processor
	// <nil>
}

func ExampleExtract() {
	put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "reply", Data: []byte(`{"invoice": {"id": 7}}`)})
	})
	export(
		put,
		&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "invoice.id", TargetField: "erp_id"}}}}},
	)
	// Output: {"content":{"value":"7"}}
}

// Only what lies under the keys goes, and the fields start empty.
func ExamplePurge() {
	put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return errors.Join(x.Set("erp_id", "of the last export"),
			x.Files.Put(ctx, pipeline.File{Key: "csv"}, pipeline.File{Key: "reply"}))
	})
	show := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		id, err := x.Field("erp_id")
		fmt.Printf("%q %v\n", id.Value(), x.Files.Keys())
		return err
	})
	export(put, &steps.Purge{Keys: []string{"reply"}, ResetFields: []string{"erp_id"}}, show)
	// Output: "" [csv]
}

func ExampleEvaluateReplies() {
	put := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { // as a REST API export and an extractor do
		return errors.Join(x.Set("erp_status", "400"), x.Set("erp_id", `{"errors": {"number": ["is used already"]}}`))
	})
	export(put, &steps.EvaluateReplies{Replies: []steps.ReplyCheck{{Label: "Invoice", StatusField: "erp_status", BodyField: "erp_id"}}})
	// Output:
	// error <b>Invoice (number)</b>: is used already
	// {"content":{"value":"400"}}
	// {"content":{"value":"{\"errors\": {\"number\": [\"is used already\"]}}"}}
}
