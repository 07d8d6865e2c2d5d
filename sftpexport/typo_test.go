package sftpexport_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
)

// TestNamesThatNothingDefinesGetTheNearestOne is about what people mistype in formats and
// in the names of files.
func TestNamesThatNothingDefinesGetTheNearestOne(t *testing.T) {
	t.Parallel()
	var schema rossum.Schema
	err := json.Unmarshal([]byte(`{"content": [{"category": "section", "id": "s", "label": "S", "children": [
		{"category": "datapoint", "id": "amount", "type": "number", "label": "A"},
		{"category": "datapoint", "id": "vendor", "type": "string", "label": "V"}]}]}`), &schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ format, fileName, directory, name, want string }{
		{"{{ field.amout }}", "", "", "", `field "amout": no such field in the annotation; did you mean "amount"?`},
		{"one\n{{ feild.amount }}", "", "", "", `line 2 of the text: "feild": nothing defines this variable; did you mean "field"?`},
		{"one\n@{amout}", "", "", "", `line 2 of the text: @{amout} is sent as it stands: nothing defines this variable; did you mean {{ field.amount }}?`},
		{"{field.amout}", "", "", "", `{field.amout} is sent as it stands: nothing defines this variable; did you mean {{ field.amount }}?`},
		{"{secret.key}", "", "", "", `a file must not have a secret; take it out`},
		{"", "{annotation.id}.csv", "", "", `file_name_template, line 1 of the text: {annotation.id} is sent as it stands: nothing defines this variable; did you mean {{ payload.annotation.id }}?`},
		{"", "{{ field.vendr }}.csv", "", "", `field "vendr": no such field in the annotation; did you mean "vendor"?`},
		{"", "", "/{vendr}", "", `path_to_directory: field "vendr": no such field in the annotation; did you mean "vendor"?`},
		{"", "", "/{yeer}", "", `path_to_directory: field "yeer": no such field in the annotation; did you mean "year"?`},
		{"", "", "", "{annotation_id}", `filename_template: field "annotation_id": no such field in the annotation; did you mean "annotation.id"?`},
		{"", "", "", "{cuont}", `filename_template: field "cuont": no such field in the annotation; did you mean "count"?`},
		{"{{ field.amount }} {a} {% raw %}{{ x }}{% endraw %} {\"k\": 1}", "{{ field.vendor }}.csv", "/{year}/{vendor}", "{annotation.id}-{count}", ""},
	} {
		or := func(text, otherwise string) string {
			if text == "" {
				return otherwise
			}
			return text
		}
		settings := fmt.Sprintf(
			`{"credentials": {"type": "sftp", "host": "h", "username": "u", "insecure_ignore_host_key": true}, "export_rules": [{"path_to_directory": %q,
			"export_object_configurations": [{"type": "custom_format", "export_reference_key": "a", "filename_template": %q}],
			"template_variables": [{"name": "count", "type": "datapoint", "schema_id": "amount"}]}]}`,
			or(tt.directory, "/out"),
			or(tt.name, "f"),
		)
		files := &sftpexport.Step{}
		if err := json.Unmarshal([]byte(settings), files); err != nil {
			t.Fatal(err)
		}
		chain, err := pipeline.New(
			&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "a", Template: or(tt.format, "x"), FileName: tt.fileName}}},
			files,
		)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range chain.Check(&schema) {
			found = append(found, fmt.Sprint(f))
		}
		if all := strings.Join(found, "\n"); tt.want == "" && len(found) > 0 || !strings.Contains(all, tt.want) || len(found) > 1 {
			t.Errorf("%+v: got %s", tt, all)
		}
	}
}
