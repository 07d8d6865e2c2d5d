package pipeline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// made makes a step of a kind from settings, in which ERP stands for the recording
// ERP's address.
func made(t testing.TB, erp, kind, settings string) pipeline.Step {
	t.Helper()
	var s interface {
		pipeline.Step
		json.Unmarshaler
	}
	switch kind {
	case "purge":
		s = &steps.Purge{}
	case "template":
		s = &steps.CustomFormat{}
	case "rest":
		s = &steps.RESTExport{}
	case "extract":
		s = &steps.Extract{}
	case "evaluate":
		s = &steps.Evaluate{}
	case "replies":
		s = &steps.EvaluateReplies{}
	case "rp":
		s = &requestprocessor.Step{}
	case "sftp":
		s = &sftpexport.Step{}
	case "workday":
		s = &workday.Step{}
	case "function":
		return &steps.Function{Code: settings}
	default:
		t.Fatalf("there is no kind %q", kind)
	}
	if err := s.UnmarshalJSON([]byte(strings.ReplaceAll(settings, "ERP", erp))); err != nil {
		t.Fatalf("%s: %v", settings, err)
	}
	return s
}

// recordingERP is an ERP that counts what it sees.
func recordingERP(t testing.TB) (address string, seen *atomic.Int32) {
	t.Helper()
	seen = new(atomic.Int32)
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id": 4711}`)
	}))
	t.Cleanup(erp.Close)
	return erp.URL, seen
}

// queueCall is an export of the queue that the table below is about.
func queueCall(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("document_id", "2026/1"),
		rossumtest.Number("amount_total", "12.50", "12.50"),
		rossumtest.Field("erp_id", ""),
		rossumtest.Field("erp_status", ""),
		rossumtest.Field("erp_body", ""),
		rossumtest.Field("gate", "yes"),
		rossumtest.Table(
			"line_items",
			rossumtest.Row("item_code", "A", "item_total", "1"),
			rossumtest.Row("item_code", "B", "item_total", "2"),
		),
		rossumtest.Table("charges"),
		rossumtest.List("tags", "tag", "x"),
		rossumtest.Secret(
			"key",
			"canary-key",
		),
		rossumtest.Secret("workday_username", "u"),
		rossumtest.Secret("workday_password", "canary-p"),
		rossumtest.Secret("password", "canary-s"),
		rossumtest.Offline(),
	).With(parts...)
}

// first is the call that must not be made when something after it is bound to fail.
var first = [2]string{
	"rest",
	`{"request": {"url": "ERP/first", "content": "x"}, "response_headers_reference_key": "h", "response_payload_reference_key": "p"}`,
}

// gated is a call that need not be made.
var gated = [2]string{
	"rest",
	`{"condition": "@{gate}", "request": {"url": "ERP/gated", "content": "x"}, "response_payload_reference_key": "g"}`,
}

// row is one thing that is found before the first call.
type row struct {
	name  string
	steps [][2]string
	want  string // "error" or "warning", and what the finding says
	check string // what Check says where it knows less than the run: "warning" or "nothing"
}

func restWith(request string) [2]string {
	return [2]string{"rest", `{"request": {"url": "ERP/second", ` + request + `}}`}
}

func extractTo(key, target string) [2]string {
	return [2]string{
		"extract",
		fmt.Sprintf(
			`{"extract": [{"format": "json", "source_reference_key": %q, "extract_rules": [{"value_path": "id", "target_schema_id": %q}]}]}`,
			key,
			target,
		),
	}
}

func templateOf(text string) [2]string {
	quoted, _ := json.Marshal(text) // of a text
	return [2]string{"template", `{"export_configs": [{"export_reference_key": "t", "file_content_template": ` + string(quoted) + `}]}`}
}

func rp(call string) [2]string { return [2]string{"rp", `{"stages": [{"call_api": [` + call + `]}]}`} }

const sftpTo = `{"credentials": {"type": "sftp", "host": "sftp.example", "username": "u", "insecure_ignore_host_key": true}, "export_rules": [`

func workdayWith(mapping, more string) [2]string {
	return [2]string{"workday", `{"configurations": [{"wsdl": {"domain": "wd.example", "tenant": "t", "api_version": "v1"},
		"request": {"service": "S", "operation": "Submit_X", "mapping": ` + mapping + `}` + more + `}]}`}
}

var preflightRows = []row{
	// Fields that are written.
	{"a reset of an unknown field", [][2]string{{"purge", `{"reset_schema_ids": ["erp_idd"]}`}, first},
		`error: reset_schema_ids[0]: field "erp_idd": no such field in the annotation; did you mean "erp_id"?`, ""},
	{"an unknown target", [][2]string{first, extractTo("p", "erp_ids")},
		`error: extract[0].extract_rules[0].target_schema_id: field "erp_ids": no such field in the annotation; did you mean "erp_id"?`, ""},
	{
		"a target that resembles none",
		[][2]string{first, extractTo("p", "zzzzzzzzzzzz")},
		`error: add the field to the queue's schema (ui_configuration.type "data")`,
		"",
	},
	{
		"a target that is a table",
		[][2]string{first, extractTo("p", "line_items")},
		`error: field "line_items" is a multivalue and has no value`,
		"",
	},
	{
		"a target in a table",
		[][2]string{first, extractTo("p", "item_code")},
		`error: field "item_code": the annotation has more than one field with this schema_id (2 of them)`,
		"warning",
	},
	{
		"a target in a table without rows",
		[][2]string{first, extractTo("p", "surcharge")},
		`error: field "surcharge": no such field in the annotation`,
		"",
	},
	{
		"an unknown target of a call that need not be made",
		[][2]string{first, gated, extractTo("g", "erp_ids")},
		`error: field "erp_ids": no such field`,
		"warning",
	},
	{
		"an unknown target under a condition",
		[][2]string{first, {"extract", `{"extract": [{"source_reference_key": "p", "condition": "@{gate}",
		"extract_rules": [{"value_path": "id", "target_schema_id": "erp_ids"}]}]}`}},
		`error: field "erp_ids": no such field`,
		"warning",
	},
	{"an unknown target of the Request Processor", [][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST"}},
		{"request": {"url": "ERP/b", "method": "POST"}, "response_handlers": [{"target_type": "schema_id", "target_key": "erp_ids", "value": {"response.text": {"$regex": "x"}}}]}`)},
		`error: stages[0].call_api[1].response_handlers[0].target_key: field "erp_ids": no such field in the annotation`, ""},
	{
		"an unknown target of a handler with a condition",
		[][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST"}, "response_handlers": [{"condition": {"response.ok": {"$eq": false}},
		"target_type": "schema_id", "target_key": "erp_ids", "value": {"response.text": {"$regex": "x"}}}]}`)},
		`warning: target_key: field "erp_ids"`,
		"",
	},
	{
		"an unknown target in a stage with conditions",
		[][2]string{{"rp", `{"stages": [{"evaluate": [{"name": "n", "condition": {"field.gate.value": {"$eq": "no"}}}], "call_api": [
		{"request": {"url": "ERP/a", "method": "POST"}, "response_handlers": [{"target_type": "schema_id", "target_key": "erp_ids", "value": {"response.text": {"$regex": "x"}}}]}]}]}`}},
		`warning: target_key: field "erp_ids"`,
		"",
	},
	{"a field for Workday's ID", [][2]string{first, workdayWith(`{"a": "b"}`, `, "result_schema_id": "workday_id"`)},
		`error: configurations[0].result_schema_id: field "workday_id": no such field`, ""},
	{
		"a field for Workday's ID on other queues",
		[][2]string{first, workdayWith(`{"a": "b"}`, `, "result_schema_id": "workday_id", "queues": [1]`)},
		"nothing",
		"warning",
	},

	// Fields that are read.
	{"an unknown field in a body", [][2]string{first, restWith(`"content": "@{documentid}"`)},
		`error: request.content: field "documentid": no such field in the annotation; did you mean "document_id"?`, ""},
	{
		"an unknown field in a URL",
		[][2]string{first, {"rest", `{"request": {"url": "ERP/@{nope_at_all}", "content": "x"}}`}},
		`error: request.url: field "nope_at_all"`,
		"",
	},
	{
		"an unknown field in a header",
		[][2]string{first, restWith(`"headers": {"X-Id": "@{documentid}"}, "content": "x"`)},
		`error: request.headers.X-Id: field "documentid"`,
		"",
	},
	{
		"an unknown field in a form",
		[][2]string{first, restWith(`"data": {"a": {"b": "@{documentid}"}}`)},
		`error: request.data.a.b: field "documentid"`,
		"",
	},
	{
		"an unknown field in a token request",
		[][2]string{
			first,
			{"rest", `{"auth": {"url": "ERP/token", "data": {"user": "@{documentid}"}}, "request": {"url": "ERP/second", "content": "x"}}`},
		},
		`error: auth.data.user: field "documentid"`,
		"",
	},
	{
		"an unknown field in a condition",
		[][2]string{first, {"rest", `{"condition": "@{gat}", "request": {"url": "ERP/second", "content": "x"}}`}},
		`error: condition: field "gat": no such field in the annotation; did you mean "gate"?`,
		"",
	},
	{
		"an unknown field in a call that need not be made",
		[][2]string{first, {"rest", `{"condition": "@{gate}", "request": {"url": "ERP/second", "content": "@{documentid}"}}`}},
		`error: request.content: field "documentid"`,
		"warning",
	},
	{
		"an unknown field in an operator",
		[][2]string{first, restWith(`"data": {"a": {"$DATAPOINT_VALUE$": {"schema_id": "amount", "value_type": "float"}}}`)},
		`error: request.data.a.$DATAPOINT_VALUE$: field "amount"`,
		"",
	},
	{
		"an unknown field in one branch",
		[][2]string{
			first,
			restWith(`"data": {"a": {"$IF_DATAPOINT_VALUE$": {"schema_id": "gate", "value": "no", "mapping": "@{documentid}"}}}`),
		},
		`warning: mapping: field "documentid"`,
		"",
	},
	{
		"an unknown field that is asked for",
		[][2]string{first, restWith(`"data": {"a": {"$IF_SCHEMA_ID$": {"schema_id": "documentid", "mapping": "@{documentid}"}}}`)},
		`warning: request.data.a.$IF_SCHEMA_ID$: field "documentid"`,
		"",
	},
	{
		"an unknown column in a loop",
		[][2]string{first, restWith(`"data": {"a": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping": "@{item_codes}"}}}`)},
		`error: field "item_codes": no such field in the annotation; did you mean "item_code"?`,
		"warning",
	},
	{
		"an unknown column in a loop over no rows",
		[][2]string{first, restWith(`"data": {"a": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "charges", "mapping": "@{item_codes}"}}}`)},
		"nothing",
		"warning",
	},
	{
		"a column outside of a loop",
		[][2]string{first, restWith(`"content": "@{item_code}"`)},
		`error: field "item_code": the annotation has more than one field with this schema_id (2 of them); use it in a loop`,
		"warning",
	},
	{
		"a table in a text",
		[][2]string{first, restWith(`"content": "@{line_items}"`)},
		`error: field "line_items" is a multivalue and has no value`,
		"",
	},
	{
		"the number of children of a plain field",
		[][2]string{first, restWith(`"data": {"a": {"$CHILD_COUNT$": {"schema_id": "gate"}}}`)},
		`error: field "gate" is a plain field and has no children`,
		"",
	},
	{
		"an unknown field in a check",
		[][2]string{first, {"evaluate", `{"condition": "field.erp_statuss == '201'"}`}},
		`error: condition: field "erp_statuss"`,
		"",
	},
	{
		"an unknown status field",
		[][2]string{first, {"replies", `[{"label": "L", "status_schema_id": "status", "body_schema_id": "erp_body"}]`}},
		`error: replies[0].status_schema_id: field "status": no such field`,
		"",
	},
	{
		"an unknown body field",
		[][2]string{first, {"replies", `[{"label": "L", "status_schema_id": "erp_status", "body_schema_id": "erp_bodi"}]`}},
		`error: replies[0].body_schema_id: field "erp_bodi": no such field in the annotation; did you mean "erp_body"?`,
		"",
	},
	{
		"an unknown field of the Request Processor",
		[][2]string{
			rp(`{"request": {"url": "ERP/a", "method": "POST"}}, {"request": {"url": "ERP/{field.documentid.value}", "method": "GET"}}`),
		},
		`error: stages[0].call_api[1].request.url: field "documentid"`,
		"",
	},
	{
		"an unknown column of the Request Processor",
		[][2]string{rp(`{"request": {"url": "ERP/{item.item_codes.value}", "method": "POST", "iterate_over": "field.line_items"}}`)},
		`error: the table line_items has no column "item_codes"; did you mean "item_code"?`,
		"warning",
	},
	{
		"an unknown field in a condition of the Request Processor",
		[][2]string{{"rp", `{"stages": [{"evaluate": [{"name": "n", "condition": {"field.gates.value": {"$eq": "yes"}}}],
		"call_api": [{"request": {"url": "ERP/a", "method": "POST"}}]}]}`}},
		`warning: stages[0].evaluate[0].condition: field "gates"`,
		"",
	},
	{
		"an unknown field in a file name",
		[][2]string{
			first,
			{
				"sftp",
				sftpTo + `{"path_to_directory": "/in", "export_object_configurations": [{"type": "document", "filename_template": "{documentid}"}]}]}`,
			},
		},
		`error: export_rules[0].export_object_configurations[0].filename_template: field "documentid": no such field in the annotation; did you mean "document_id"?`,
		"",
	},
	{
		"a variable that is misspelt in a file name",
		[][2]string{
			first,
			{
				"sftp",
				sftpTo + `{"path_to_directory": "/in", "export_object_configurations": [{"type": "document", "filename_template": "{secnd}"}]}]}`,
			},
		},
		`error: export_rules[0].export_object_configurations[0].filename_template: field "secnd": no such field in the annotation; did you mean "second"?`,
		"",
	},
	{
		"an unknown field in a directory",
		[][2]string{
			first,
			{
				"sftp",
				sftpTo + `{"path_to_directory": "/{sftp_folder}", "export_object_configurations": [{"type": "document", "filename_template": "a"}]}]}`,
			},
		},
		`error: export_rules[0].path_to_directory: field "sftp_folder"`,
		"",
	},
	{
		"an unknown field behind a variable",
		[][2]string{
			first,
			{
				"sftp",
				sftpTo + `{"path_to_directory": "/in", "template_variables": [{"name": "n", "type": "datapoint", "schema_id": "documentid"}],
		"export_object_configurations": [{"type": "document", "filename_template": "{n}"}]}]}`,
			},
		},
		`error: filename_template: field "documentid"`,
		"",
	},
	{"an unknown field in a mapping", [][2]string{first, workdayWith(`{"A": {"B": "@{documentid}"}}`, "")},
		`error: configurations[0].request.mapping.A.B: field "documentid"`, ""},

	// Templates of files.
	{"an unknown field in a template", [][2]string{templateOf("a\n{{ field.documentid }}"), first},
		`warning: export_configs[0].file_content_template, line 2 of the text: field "documentid": no such field in the annotation; did you mean "document_id"?`, ""},
	{"an unknown column in a template", [][2]string{templateOf("{% for r in field.line_items %}{{ r.item_codes }}{% endfor %}"), first},
		`warning: the table line_items has no column "item_codes"; did you mean "item_code"?`, ""},
	{"an unknown attribute of a filter", [][2]string{templateOf("{{ field.line_items|map(attribute='item_totals')|list }}"), first},
		`warning: the table line_items has no column "item_totals"`, ""},
	{
		"a member of a plain field",
		[][2]string{templateOf("{{ field.document_id.value }}"), first},
		`warning: "document_id" has no member "value": it is a plain field`,
		"",
	},
	{
		"a variable that nothing defines",
		[][2]string{templateOf("{{ amount_total }}"), first},
		`warning: "amount_total": nothing defines this variable; did you mean field.amount_total?`,
		"",
	},
	{
		"an unknown field in the name of a file",
		[][2]string{
			{
				"template",
				`{"export_configs": [{"export_reference_key": "t", "file_content_template": "x", "file_name_template": "{{ field.documentid }}"}]}`,
			},
			first,
		},
		`warning: export_configs[0].file_name_template, line 1 of the text: field "documentid"`,
		"",
	},
	{
		"an unknown field in a template of lines",
		[][2]string{
			{
				"template",
				`{"export_configs": [{"export_reference_key": "t", "file_content_template_multiline": ["x", "{{ field.documentid }}"]}]}`,
			},
			first,
		},
		`warning: export_configs[0].file_content_template_multiline[1]: field "documentid"`,
		"",
	},

	// Reference keys.
	{
		"a reply that no call keeps",
		[][2]string{first, extractTo("q", "erp_id")},
		`error: extract[0].source_reference_key: file "q": no step before this one makes it`,
		"",
	},
	{
		"a reply whose key is misspelt",
		[][2]string{first, gated, extractTo("gg", "erp_id")},
		`error: file "gg": no step before this one makes it; did you mean "g"?`,
		"",
	},
	{
		"a reply of a call that comes later",
		[][2]string{first, extractTo("g", "erp_id"), gated},
		`error: file "g": no step before this one makes it; a step that runs later, or beside this one`,
		"",
	},
	{
		"an artefact that no template makes",
		[][2]string{first, {"rest", `{"export_reference_key": "xml", "request": {"url": "ERP/second", "content": "#{file_content}"}}`}},
		`error: export_reference_key: file "xml": no step before this one makes it`,
		"",
	},
	{
		"an artefact for a call that need not be made",
		[][2]string{
			first,
			{
				"rest",
				`{"condition": "@{gate}", "export_reference_key": "xml", "request": {"url": "ERP/second", "content": "#{file_content}"}}`,
			},
		},
		`error: export_reference_key: file "xml"`,
		"warning",
	},
	{
		"an artefact that Cleaning removes",
		[][2]string{
			templateOf("x"),
			first,
			{"purge", `{}`},
			{"rest", `{"export_reference_key": "t", "request": {"url": "ERP/second", "content": "#{file_content}"}}`},
		},
		`error: file "t": no step before this one makes it`,
		"",
	},
	{
		"an artefact for SFTP",
		[][2]string{
			first,
			{
				"sftp",
				sftpTo + `{"path_to_directory": "/in", "export_object_configurations": [{"type": "custom_format", ` +
					`"export_reference_key": "xml", "filename_template": "a"}]}]}`,
			},
		},
		`error: export_rules[0].export_object_configurations[0].export_reference_key: file "xml"`,
		"",
	},
	{"a reply of the token request's caller", [][2]string{first, extractTo("h", "erp_idd")}, `error: field "erp_idd"`, ""},

	// Secrets, which only a run knows.
	{"a secret that is missing", [][2]string{first, restWith(`"headers": {"X": "{secret.keys}"}, "content": "x"`)},
		`error: request.headers.X: secret "keys": the hook has no such secret; did you mean "key"?`, "nothing"},
	{
		"a secret of the Request Processor",
		[][2]string{
			rp(
				`{"request": {"url": "ERP/a", "method": "POST"}}, {"request": {"url": "ERP/b", "method": "GET", ` +
					`"headers": {"X": "{payload.secrets.nope}"}}}`,
			),
		},
		`error: stages[0].call_api[1].request.headers.X: secret "nope"`,
		"nothing",
	},
}

func TestWhatIsBoundToFailIsFoundBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	for _, tt := range preflightRows {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, seen := recordingERP(t)
			var list []pipeline.Step
			for _, s := range tt.steps {
				list = append(list, made(t, address, s[0], s[1]))
			}
			chain := chainOf(t, list...)
			_, report, err := exportReport(t, chain, queueCall())
			severity, want, _ := strings.Cut(tt.want, ": ")
			judgeFindings(t, "the run", report.Findings, severity, want)
			var refused *pipeline.CheckError
			if errors.As(err, &refused) != (severity == "error") || severity == "error" && seen.Load() != 0 {
				t.Errorf("the ERP has seen %d calls, the error is %v", seen.Load(), err)
			}
			schema, err := queueCall().Payload().Schema()
			if err != nil {
				t.Fatal(err)
			}
			if tt.check != "" {
				severity, want = tt.check, ""
			}
			judgeFindings(t, "Check", chain.Check(schema), severity, want)
		})
	}
	if len(preflightRows) < 40 {
		t.Errorf("%d rows", len(preflightRows))
	}
}

func TestTextThatNeedsQuotesInJSONIsAWarning(t *testing.T) {
	t.Parallel()
	for request, isWarning := range map[string]bool{
		`"content": "{\"id\": @{document_id}}"`:                                                true,
		`"content": "[{\"a\": \"@{amount_total}\"}, @{document_id}]"`:                          true,
		`"data": {"json": "{\"id\": @{document_id}}"}`:                                         true,
		`"content": "{\"id\": \"@{document_id}\"}"`:                                            false,
		`"content": "{\"total\": @{amount_total}}"`:                                            false, // a number
		`"content": "{\"id\": @{gate}}"`:                                                       false, // which a formula may have made
		`"content": "id: @{document_id}"`:                                                      false,
		`"headers": {"content-type": "text/x"}, "content": "{\"id\": @{document_id}}"`:         false,
		`"headers": {"Content-Type": "@{gate}"}, "content": "{\"id\": @{document_id}}"`:        false,
		`"headers": {"Content-Type": "application/json"}, "content": "[@{document_id}, \"\"]"`: true,
	} {
		schema, err := queueCall().Payload().Schema()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"document_id", "amount_total"} {
			schema.Field(id).UIConfiguration.Type = "captured"
		}
		step := restWith(request)
		found := chainOf(t, made(t, "http://erp.example", step[0], step[1])).Check(schema)
		warned := slices.ContainsFunc(found, func(f *pipeline.Finding) bool {
			return f.Severity == pipeline.SeverityWarning &&
				strings.Contains(f.Error(), `text of the field "document_id" becomes a part of JSON without quotes`)
		})
		if warned != isWarning || len(found) > 1 || !warned && len(found) > 0 {
			t.Errorf("%s: %v", request, found)
		}
	}
}

// judgeFindings expects a single finding, or none.
func judgeFindings(t *testing.T, by string, found pipeline.Findings, severity, want string) {
	t.Helper()
	if severity == "nothing" {
		if len(found) != 0 {
			t.Errorf("%s finds %v", by, found)
		}
		return
	}
	if len(found) != 1 || string(found[0].Severity) != severity || !strings.Contains(found[0].Error(), want) {
		t.Errorf("%s finds\n%v\nwant %s: %s", by, found, severity, want)
	}
}
