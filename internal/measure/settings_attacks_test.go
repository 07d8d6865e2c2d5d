package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// settingsAttacks are settings that are as large as somebody can make them, and what they
// make of a document of 10,000 lines.
func settingsAttacks() []row {
	list := append(hostileSettings(), largeSettings()...)
	list = append(list, loopAttacks()...)
	return append(list, outputAttacks()...)
}

// checkDeadline is for settings that are checked, which nothing can cut short.
const checkDeadline = 5 * time.Second

// checked decodes settings, builds a chain of the step, and says what is wrong with it.
func checked[T any](name string, memory int, settings func() string) row {
	r := attack("settings, "+name, memory, func(testing.TB) func(context.Context) error {
		text := settings()
		return func(context.Context) error {
			s := new(T)
			if err := json.Unmarshal([]byte(text), s); err != nil {
				return err
			}
			return check(any(s).(pipeline.Step))
		}
	})
	return r.before()
}

// checkedFunction builds a chain of the code of a hook, and says what is wrong with it.
func checkedFunction(name string, memory int, code func() string) row {
	r := attack("settings, "+name, memory, func(testing.TB) func(context.Context) error {
		text := code()
		return func(context.Context) error { return check(&steps.Function{Code: text}) }
	})
	return r.before()
}

// check builds a chain of a step, and says what is wrong with it.
func check(step pipeline.Step) error {
	chain, err := pipeline.New(step)
	if err != nil {
		return err
	}
	schema, err := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("a", "")).Payload().Schema()
	if err != nil {
		return err
	}
	if findings := chain.Check(schema); len(findings) > 0 {
		return fmt.Errorf("%d findings, the first: %v", len(findings), findings[0])
	}
	return nil
}

// listed joins n texts that f makes of numbers.
func listed(n int, f string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, f, i)
	}
	return b.String()
}

func hostileSettings() []row {
	data := func(name, data string) row {
		return checked[steps.RESTExport](
			name,
			400,
			func() string { return `{"request":{"url":"https://erp.example","method":"POST","data":` + data + `}}` },
		)
	}
	call := func(name, request string) row {
		return checked[requestprocessor.Step](name, 400, func() string {
			return `{"stages":[{"call_api":[{"name":"c","request":{"url":"https://erp.example","method":"POST",` + request + `}}]}]}`
		})
	}
	return []row{
		data("100,000 keys", "{"+listed(100_000, `"k%d":"@{a}"`)+"}"),
		data("100,000 keys that are the same", "{"+listed(100_000, `"k":"@{a}%d"`)+"}"),
		data("100,000 fields that are not there", "["+listed(100_000, `"@{no%d}"`)+"]"),
		data("100,000 unknown operators", "["+listed(100_000, `{"$NO_%d$":1}`)+"]"),
		data("a text of braces", `"`+strings.Repeat("{", 1<<20)+`}"`),
		data("a text of placeholders", `"`+strings.Repeat("@{a}", 1<<18)+`"`),
		data("deep lists", strings.Repeat("[", 9000)+strings.Repeat("]", 9000)),
		data(
			"loops in loops",
			strings.Repeat(`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"a","mapping":`, 190)+`"@{a}"`+strings.Repeat("}}", 190),
		),
		data("a mapping of 100,000 values", `{"$DATAPOINT_MAPPING$":{"schema_id":"a","mapping":{`+listed(100_000, `"v%d":"@{a}"`)+`}}}`),
		call("processor, 100,000 keys", `"content":{`+listed(100_000, `"k%d":"{field.a}"`)+`}`),
		call("processor, a text of braces", `"content":"`+strings.Repeat("{", 1<<20)+`}"`),
		call("processor, a text of placeholders", `"content":"`+strings.Repeat("{field.a}", 1<<17)+`"`),
		call("processor, deep lists", `"content":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)),
		checked[requestprocessor.Step]("processor, 5,000 stages", 400, func() string {
			return `{"stages":[` + listed(5000, `{"evaluate":[{"name":"s%d","condition":{"field.no.value":{"$eq":"a"}}}]}`) + `]}`
		}),
		checked[requestprocessor.Step]("processor, deep conditions", 400, func() string {
			return `{"stages":[{"evaluate":[{"name":"s","condition":` + strings.Repeat(
				`{"$and":[`,
				4000,
			) + `{"field.a.value":"x"}` + strings.Repeat(
				"]}",
				4000,
			) + `}]}]}`
		}),
		checked[steps.Extract]("extractor, 20,000 rules", 400, func() string {
			return `{"extract":[{"source_reference_key":"k","extract_rules":[` + listed(
				20_000,
				`{"value_path":"a.b%d","target_schema_id":"a"}`,
			) + `]}]}`
		}),
		checked[steps.Evaluate]("evaluator, 5,000 checks", 400, func() string {
			return `{"checks":[` + listed(5000, `{"condition":"field.a == '%d'","message":"m","type":"error"}`) + `]}`
		}),
		checked[steps.CustomFormat]("custom format, 2,000 templates", 400, func() string {
			return `{"export_configs":[` + listed(2000, `{"export_reference_key":"k%d","file_content_template":"{{ field.a }}"}`) + `]}`
		}),
	}
}

// document has 10,000 lines of texts that are large, but not hostile.
func linesOfText(more ...rossumtest.Part) *rossumtest.Call {
	rows := make([]rossumtest.TableRow, 10_000)
	for i := range rows {
		rows[i] = rossumtest.Row("item_code", fmt.Sprint("code ", i), "item_text", strings.Repeat("\"\u0001", 120))
	}
	return rossumtest.Annotation(append([]rossumtest.Part{
		rossumtest.Offline(), rossumtest.Table("line_items", rows...), rossumtest.Field("found", ""),
		rossumtest.Field("digits", strings.Repeat("9", 1<<20)),
	}, more...)...)
}

func loopAttacks() []row {
	long := longDocument{"10,000 long lines, ", func() *rossumtest.Call { return linesOfText() }}
	const texts = `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"@{item_text}"}}`
	multipart := map[string]string{"Content-Type": "multipart/form-data"}
	mapping := func(name, mapping string) row {
		return attack("10,000 long lines, Workday, "+name, 400, func(t testing.TB) func(context.Context) error {
			tenant := workdaytest.NewTenant()
			t.Cleanup(tenant.Close)
			step := &workday.Step{Configurations: []workday.Configuration{{
				WSDL: tenant.Coordinates(),
				Request: workday.Request{
					Service:   "Resource_Management",
					Operation: "Submit_Supplier_Invoice",
					Mapping:   json.RawMessage(mapping),
				},
				ResultField: "found",
			}}}
			return exports(
				t,
				linesOfText(
					rossumtest.Secret("workday_username", workdaytest.Username),
					rossumtest.Secret("workday_password", workdaytest.Password),
				),
				step,
			)
		})
	}
	return []row{
		long.request("a form", steps.Request{Data: json.RawMessage(`{"a":` + texts + `,"b":` + texts + `}`)}),
		long.request("a multipart form", steps.Request{Headers: multipart, Data: json.RawMessage(`{"a":` + texts + `,"b":` + texts + `}`)}),
		long.request("JSON", steps.Request{Data: json.RawMessage(`[` + texts + `,` + texts + `]`)}),
		long.request(
			"JSON in a text",
			steps.Request{Data: json.RawMessage(`[{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"a @{item_text} b"}}]`)},
		),
		long.request("as many texts as there may be", steps.Request{Data: json.RawMessage(`[` + strings.Repeat(texts+",", 25) + `1]`)}),
		long.request(
			"as many texts as there may be in a form",
			steps.Request{Data: json.RawMessage(`{"a":1,` + listed(25, `"b%d":`+texts) + `}`)},
		),
		long.processor("loops", `"content":{"a":"{item.item_text.value}"},"iterate_over":"field.line_items"}`),
		long.processor("large fields in loops", `"content":{"a":"{field.digits}"},"iterate_over":"field.line_items"}`),
		long.processor("a list of texts", `"content":{`+listed(60, `"a%d":"{field.digits.value}"`)+`}}`),
		long.processor("large fields", `"content":{`+listed(1000, `"a%d":"{field.digits}"`)+`}}`),
		long.processor("large fields in texts", `"content":"`+strings.Repeat("x{field.digits}", 1000)+`"}`),
		long.processor("large fields in an address", `"params":{`+listed(1000, `"a%d":"{field.digits}"`)+`}}`),
		long.function("t.field.line_items.clear()"),
		long.function("for row in list(t.field.line_items):\n    t.field.line_items.remove(row)"),
		long.function("for i in range(100000):\n    t.field.line_items.append({'item_code': 'x'})"),
		mapping(
			"large fields in loops",
			`{"Supplier_Invoice_Data":{"Invoice_Line_Replacement_Data":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"Memo":"@{digits}"}}}}}`,
		),
		mapping(
			"lines",
			`{"Supplier_Invoice_Data":{"Company_Reference":{},"Invoice_Line_Replacement_Data":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"Memo":"@{item_code}"}}}}}`,
		),
		mapping(
			"expressions in loops",
			`{"Supplier_Invoice_Data":{"Invoice_Line_Replacement_Data":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"Memo":"{[schema_loop.index] * 100000}"}}}}}`,
		),
	}
}

// outputAttacks make a lot that people and machines read.
func outputAttacks() []row {
	says := func(name string, f func(x *pipeline.Export)) row {
		return attack(name, 400, func(t testing.TB) func(context.Context) error {
			call := rossumtest.Annotation(
				rossumtest.Offline(),
				rossumtest.Secret("password", "pass\"word-of-the-erp"),
				rossumtest.Secret("other", strings.Repeat("a", 60<<10)),
			)
			chain, err := pipeline.New(pipeline.Named("talk", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
				f(x)
				return nil
			})))
			if err != nil {
				t.Fatal(err)
			}
			payload := call.Payload()
			return func(ctx context.Context) error {
				var report *pipeline.Report
				_, err := chain.Export(
					ctx,
					payload,
					pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
					pipeline.WithLogger(nil),
				)
				if err != nil {
					return err
				}
				page, err := runpage.Page(report)
				if err == nil {
					err = fmt.Errorf("a page of %d bytes", len(page))
				}
				return err
			}
		})
	}
	many := func(n int, f func(x *pipeline.Export, i int)) func(x *pipeline.Export) {
		return func(x *pipeline.Export) {
			for i := range n {
				f(x, i)
			}
		}
	}
	return []row{
		says("100,000 messages", many(100_000, func(x *pipeline.Export, i int) { x.Warn("message %d with pass\"word-of-the-erp", i) })),
		says("100,000 decisions", many(100_000, func(x *pipeline.Export, i int) { x.Decide("finding %d", i) })),
		says("a message of 1 MB", func(x *pipeline.Export) { x.Warn("%s", strings.Repeat("pass\"word-of-the-erp ", 50_000)) }),
		says("a message of 1 MB of a secret", func(x *pipeline.Export) { x.Warn("%s", strings.Repeat("a", 1<<20)) }),
		says("a message of 1 MB of escapes", func(x *pipeline.Export) { x.Warn("%s", strings.Repeat(`%25\u005c&amp;=3D `, 60_000)) }),
		attack("an error reply that has the secret all over", 216, func(t testing.TB) func(context.Context) error {
			url := server(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(400)
				for range 3 << 20 {
					if _, err := io.WriteString(w, "pass\\\"word-of-the-erp"); err != nil {
						return
					}
				}
			})
			return exports(
				t,
				rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("password", "pass\"word-of-the-erp")),
				&steps.RESTExport{Request: steps.Request{URL: url, Method: "POST"}},
			)
		}),
	}
}
