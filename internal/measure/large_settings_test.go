package measure

import (
	"encoding/json"
	"strings"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// largeSettings are settings of 2 MB for each kind of step (200 KB of JMESPath and patterns):
// one text in the language of the step, as many items as there may be, and unknown keys.
func largeSettings() []row {
	const size = 2 * mb
	quoted := func(text string) string {
		out, _ := json.Marshal(text) // of a text
		return string(out)
	}
	repeated := func(text string) string { return quoted(strings.Repeat(text, size/len(text))) }
	items := func(item string) string { return strings.TrimSuffix(strings.Repeat(item+",", size/(len(item)+1)), ",") }
	unknown := func() string { return `{` + listed(size/16, `"unknown%07d":1`) + `}` }
	const memory = 450
	rest := func(body string) func() string {
		return func() string { return `{"request":{"url":"https://erp.example","method":"POST",` + body + `}}` }
	}
	processor := func(request string) func() string {
		return func() string {
			return `{"stages":[{"call_api":[{"name":"c","request":{"url":"https://erp.example","method":"POST",` + request + `}}]}]}`
		}
	}
	files := func(rules string) func() string {
		return func() string {
			return `{"credentials":{"type":"sftp","host":"h.example","username":"u","host_key":"` + hostKey + `"},"export_rules":[` + rules + `]}`
		}
	}
	called := func(mapping string) func() string {
		return func() string {
			return `{"configurations":[{"wsdl":{"domain":"wd3.example.com","tenant":"t","api_version":"v42.2"},
				"request":{"service":"S","operation":"Op","mapping":` + mapping + `}}]}`
		}
	}
	return []row{
		checked[steps.CustomFormat]("2 MB, a template", memory, func() string {
			return `{"export_configs":[{"export_reference_key":"k","file_content_template":` + repeated("{{ field.a }} text ") + `}]}`
		}),
		checked[steps.CustomFormat]("2 MB, lines of a template", memory, func() string {
			return `{"export_configs":[{"export_reference_key":"k","file_content_template_multiline":[` + items(`"{{ field.a }}"`) + `]}]}`
		}),
		checked[steps.CustomFormat]("2 MB, unknown keys of a custom format", memory, unknown),
		checked[steps.RESTExport]("2 MB, a content", memory, rest(`"content":`+repeated("@{a} text "))),
		checked[steps.RESTExport]("2 MB, data", memory, rest(`"data":[`+items(`{"a":"@{a}"}`)+`]`)),
		checked[steps.RESTExport]("2 MB, headers", memory, rest(`"headers":{`+listed(size/24, `"X-%07d":"@{a}"`)+`}`)),
		checked[steps.RESTExport]("2 MB, unknown keys of a REST export", memory, unknown),
		checked[steps.Extract]("200 KB, a JMESPath", memory, func() string {
			return `{"extract":[{"source_reference_key":"k","extract_rules":[{"value_path":"a` +
				strings.Repeat(".b", size/20) + `","target_schema_id":"a"}]}]}`
		}),
		checked[steps.Extract]("2 MB, an XPath", memory, func() string {
			return `{"extract":[{"format":"xml","source_reference_key":"k","extract_rules":[{"value_path":` +
				repeated("/a") + `,"target_schema_id":"a"}]}]}`
		}),
		checked[steps.Extract]("200 KB, a pattern", memory, func() string {
			return `{"extract":[{"format":"text","source_reference_key":"k","extract_rules":[{"value_path":` +
				quoted(strings.Repeat("(a|b)", size/50)) + `,"target_schema_id":"a"}]}]}`
		}),
		checked[steps.Extract]("2 MB, rules", memory, func() string {
			return `{"extract":[{"source_reference_key":"k","extract_rules":[` + items(`{"value_path":"a.b","target_schema_id":"a"}`) + `]}]}`
		}),
		checked[steps.Extract]("2 MB, unknown keys of an extractor", memory, unknown),
		checked[steps.Evaluate]("2 MB, a condition", memory, func() string {
			return `{"checks":[{"condition":` + repeated("field.a == '1' or ") + `}]}`
		}),
		checked[steps.Evaluate]("2 MB, checks", memory, func() string { return `{"checks":[` + items(`{"condition":"field.a == '1'"}`) + `]}` }),
		checked[steps.Evaluate]("2 MB, unknown keys of an evaluator", memory, unknown),
		checked[steps.Purge]("2 MB, keys of a purge", memory, func() string { return `{"reference_keys":[` + listed(size/12, `"k%07d"`) + `]}` }),
		checked[steps.Purge]("2 MB, fields of a purge", memory, func() string { return `{"reset_schema_ids":[` + listed(size/12, `"k%07d"`) + `]}` }),
		checked[requestprocessor.Step]("2 MB, processor, a content", memory, processor(`"content":`+repeated("{field.a} text "))),
		checked[requestprocessor.Step]("2 MB, processor, a list", memory, processor(`"content":[`+items(`{"a":"{field.a}"}`)+`]`)),
		checked[requestprocessor.Step]("2 MB, processor, unknown keys", memory, unknown),
		checked[sftpexport.Step]("2 MB, SFTP, rules", memory, files(items(
			`{"path_to_directory":"/{a}","export_object_configurations":[{"type":"document","filename_template":"{a}"}]}`,
		))),
		checked[sftpexport.Step]("2 MB, SFTP, a name", memory, files(
			`{"path_to_directory":"/","export_object_configurations":[{"type":"document","filename_template":`+repeated("{a} text ")+`}]}`,
		)),
		checked[sftpexport.Step]("2 MB, SFTP, unknown keys", memory, unknown),
		checked[workday.Step]("2 MB, Workday, a text", memory, called(`{"a":`+repeated("@{a} text ")+`}`)),
		checked[workday.Step]("2 MB, Workday, a list", memory, called(`{"a":[`+items(`{"b":"@{a}"}`)+`]}`)),
		checked[workday.Step]("2 MB, Workday, unknown keys", memory, unknown),
		checkedFunction("2 MB, a function of comments", memory, func() string { return strings.Repeat("# text\n", size/7) }),
		checkedFunction("2 MB, a function of assignments", memory, func() string { return strings.Repeat("a = 1\n", size/6) }),
		checkedFunction("2 MB, a function of one sum", memory, func() string { return "a = 0" + strings.Repeat(" + 1", size/4) }),
		checkedFunction("2 MB, a function of one text", memory, func() string { return "a = '" + strings.Repeat("text ", size/5) + "'" }),
		checkedFunction("2 MB, a function of brackets", memory, func() string { return "a = " + strings.Repeat("[", size) }),
	}
}
