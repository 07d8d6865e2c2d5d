// Languages writes the reference of the languages that settings are written in, each text
// with its result, as it is computed here:
//
//	go run ./examples/languages > examples/languages/README.md
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

const head = `# Languages

<!-- Written by go run ./examples/languages; do not edit. -->

Settings are written in seven languages. This page shows what each can do, with results for one invoice: document_id is 2026-0042, sender_name is
Müller & Söhne Paper, amount_total is shown as 1 030.50, date_issue is shown as 5 March 2026, notes is empty, and line_items has two rows: 10 pcs of Paper A4
for 12.50 each, and 2 box of Toner for 452.75 each. A field scan_url has the address of a document in Rossum. A result in italics is an error.

`

func main() {
	if err := write(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range sections {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| text | result |\n|---|---|\n", s.title, s.text)
		for _, text := range s.rows {
			result, err := s.language.compute(text)
			cell := code(result)
			if err != nil {
				cell = "*" + plain(err.Error()) + "*"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", code(text), cell)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// code shows a text as code in a cell of a table.
func code(text string) string {
	if text == "" {
		return "(empty)"
	}
	text = strings.NewReplacer("|", `\|`, "\n", `\n`).Replace(text)
	ticks := "`"
	for strings.Contains(text, ticks) {
		ticks += "`"
	}
	if len(ticks) > 1 || strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") {
		return ticks + " " + text + " " + ticks
	}
	return ticks + text + ticks
}

// plain shows a text in a cell of a table.
func plain(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`, "<", "&lt;", "_", `\_`, "`", "").Replace(text)
}

// now is the time of all that is computed, so that the page stays the same.
var now = time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)

// invoice is what is computed on.
func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	number := func(text, normalized string) rossumtest.Value {
		return rossumtest.Value{Text: text, Normalized: normalized, Type: "number"}
	}
	return rossumtest.Annotation(rossumtest.Offline(),
		rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("sender_name", "Müller & Söhne Paper"),
		rossumtest.Number("amount_total", "1 030.50", "1030.50"), rossumtest.Date("date_issue", "5 March 2026", "2026-03-05"),
		rossumtest.Field("notes", ""), rossumtest.Field("result", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("description", "Paper A4", "unit", "pcs").Typed("quantity", number("10", "10")).Typed("price", number("12.50", "12.50")),
			rossumtest.Row("description", "Toner", "unit", "box").Typed("quantity", number("2", "2")).Typed("price", number("452.75", "452.75"))),
	).With(parts...)
}

// compute computes a text.
func (l language) compute(text string) (string, error) {
	switch l {
	case jinjaExpression:
		return file(&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "result", Template: "{{ " + text + " }}"}}})
	case jinjaTemplate:
		return file(&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "result", Template: text}}})
	case jsonTemplate:
		return onPlatform(jsonStep(text))
	case pythonCondition:
		return verdict(&steps.Evaluate{Check: steps.Check{Condition: text, Message: "true"}})
	case goCondition:
		return verdict(expression.When(text, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			x.Error("true")
			return nil
		})))
	case requestText:
		return sent(`"method": "POST", "content_type": "json", "content": {"result": ` + text + `}`)
	case requestCondition:
		return due(text)
	case requestExtractor:
		return handled(text)
	case formulaCode:
		return formulaValue(strings.ReplaceAll(text, `\n`, "\n"))
	}
	return extracted(text)
}

// run runs steps on the invoice.
func run(call *rossumtest.Call, list ...pipeline.Step) (*pipeline.Export, []string, error) {
	var export *pipeline.Export
	chain, err := pipeline.New(append(list, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		export = x
		return nil
	}))...)
	if err != nil {
		return nil, nil, last(err)
	}
	defer chain.Close()
	response, err := chain.Export(context.Background(), call.Payload(), pipeline.WithLogger(nil),
		pipeline.WithClock(func() time.Time { return now }), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
	if err != nil {
		return nil, nil, last(err)
	}
	var messages []string
	for _, m := range response.Messages {
		messages = append(messages, m.Content)
	}
	return export, messages, nil
}

// last takes the name of the step and its setting off an error.
func last(err error) error {
	var template *jinja.Error
	if errors.As(err, &template) {
		return fmt.Errorf("%s: %s", template.Type, template.Msg)
	}
	text := err.Error()
	for _, prefix := range []string{"nothing was sent, since the export would fail:\n", "step step", "step", " 1, step: ", " Custom format templating", " Export evaluator", " Data value extractor", ", ", ": ", "condition: ", "extract[0].extract_rules[0].value_path: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New(text)
}

// ofFormula takes the name of the field off an error of a formula.
func ofFormula(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "formula of result: "))
}

// onPlatform is file with a Rossum on this machine, which has a document.
func onPlatform(step pipeline.Step) (string, error) {
	platform := rossumtest.NewServer()
	defer platform.Close()
	address := platform.AddDocument(7, "scan.pdf", "application/pdf", []byte("%PDF-1.7"))
	return fileOf(invoice(rossumtest.On(platform), rossumtest.Field("scan_url", address)), step)
}

// file returns the file that a step makes.
func file(step pipeline.Step) (string, error) { return fileOf(invoice(), step) }

func fileOf(call *rossumtest.Call, step pipeline.Step) (string, error) {
	x, _, err := run(call, step)
	if err != nil {
		return "", err
	}
	f, err := x.Files.Get(context.Background(), "result")
	if err != nil {
		return "", err
	}
	return string(f.Data), nil
}

func jsonStep(text string) pipeline.Step {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		template, err := jsontemplate.Compile([]byte(text), jsontemplate.Options{})
		if err != nil {
			return err
		}
		v, err := template.Render(ctx, exporttemplate.Data(x))
		if err != nil {
			return err
		}
		if content, ok := jsontemplate.File(v); ok {
			return x.Files.Put(ctx, pipeline.File{Key: "result", Data: fmt.Appendf(nil, "(the document's %d bytes)", sizeOf(ctx, content))})
		}
		data, err := jsontemplate.AppendJSON(ctx, nil, v)
		if err != nil {
			return err
		}
		return x.Files.Put(ctx, pipeline.File{Key: "result", Data: data})
	})
}

// sizeOf counts a document that may be a stream.
func sizeOf(ctx context.Context, content pipeline.Content) int64 {
	r, err := content.Open(ctx)
	if err != nil {
		return -1
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return -1
	}
	return n
}

// verdict tells whether a condition is true.
func verdict(step pipeline.Step) (string, error) {
	chain, err := pipeline.New(step)
	if err != nil {
		return "", last(err)
	}
	defer chain.Close()
	response, err := chain.Export(context.Background(), invoice().Payload(), pipeline.WithLogger(nil))
	if err != nil {
		return "", last(err)
	}
	return fmt.Sprint(response.Failed()), nil
}

// formulaValue is the value of a formula field.
func formulaValue(code string) (string, error) {
	payload := invoice().Payload()
	schema, err := payload.Schema()
	if err != nil {
		return "", err
	}
	schema.Field("result").Formula = code
	set, err := formula.Compile(schema)
	if err != nil {
		return "", ofFormula(err)
	}
	content := payload.Annotation.Content
	if _, err := set.Run(context.Background(), content, nil, formula.Options{Annotation: payload.Annotation, Now: func() time.Time { return now }}); err != nil {
		return "", ofFormula(err)
	}
	n, err := content.Field("result")
	if err != nil {
		return "", err
	}
	return n.Value(), nil
}

const reply = `{"id": 7, "total": 1030.50, "lines": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 5}], "note": null}`

// extracted is what the extractor writes into a field.
func extracted(path string) (string, error) {
	put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "reply", Data: json.RawMessage(reply)})
	})
	x, _, err := run(invoice(), put, &steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: path, TargetField: "result"}}}}})
	if err != nil {
		return "", err
	}
	n, err := x.Field("result")
	if err != nil {
		return "", err
	}
	return n.Value(), nil
}
