package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/settings/jsonschema"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

var updateSchemas = flag.Bool("update", false, "write schemas/*.schema.json anew")

// object is a part of a schema.
type object = jsonschema.Object

// source is what reflection does not see of the settings.
func source(t *testing.T) *jsonschema.Source {
	t.Helper()
	digits := func(pattern string) object {
		return object{"anyOf": []any{object{"type": []any{"integer", "null"}}, object{"type": "string", "pattern": pattern}}}
	}
	port, version := digits(`^([0-9]{1,5})?$`), digits(`^[03-6]?$`)
	port["anyOf"].([]any)[0] = object{"type": []any{"integer", "null"}, "minimum": 1, "maximum": 65535}
	version["anyOf"].([]any)[0] = object{"enum": []any{0, 3, 4, 5, 6, nil}}
	s := &jsonschema.Source{
		Docs: jsonschema.NewDocs("../.."),
		Own: map[reflect.Type]object{
			reflect.TypeFor[sftpexport.Port]():        port,
			reflect.TypeFor[sftpexport.SFTPVersion](): version,
			reflect.TypeFor[workday.Queue](): {
				"anyOf": []any{object{"type": "integer", "minimum": 1}, object{"type": "string", "pattern": `^(.*/)?0*[1-9][0-9]*/*$`}},
			},
		},
		Words: map[string][]string{
			"RESTExport.mode": {"wait", "retry"}, "Source.format": {"json", "xml", "text"},
			"Check.type": {"error", "warning", "info"}, "ReplyCheck.type": {"error", "warning", "info"},
			"Step.commit": {"rename", "in_place"}, "Step.annotation_content_source": {"local", "rossum"}, "Variable.type": {"datapoint", "sequence"},
			"Object.type": {"annotation_content", "document", "custom_format"}, "Object.format": {"csv", "xml", "json", "xlsx"},
			"Credentials.server_side_encryption": {"AES256", "aws:kms", "aws:kms:dsse"},
			"WSDL.protocol":                      {"https", "http"},
			"GetContent.source": {
				"relation",
				"relation_content",
				"parent_relation",
				"parent_relation_content",
				"document_relation",
				"document_relation_content",
				"explicit",
			},
			"Handler.target_type":      {"schema_id", "property", "document_relation"},
			"Auth.type":                {"bearer", "oauth1", "oauth2_private_certificate"},
			"Auth.signature_algorithm": oauth.Algorithms(),
		},
		Loose: map[reflect.Type]bool{reflect.TypeFor[rossum.Hook](): true, reflect.TypeFor[rossum.HookConfig](): true},
	}
	err := s.Docs.Load(
		reflect.TypeFor[steps.Purge](),
		reflect.TypeFor[requestprocessor.Step](),
		reflect.TypeFor[sftpexport.Step](),
		reflect.TypeFor[workday.Step](),
		reflect.TypeFor[rossum.Hook](),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// component is a component whose settings have a schema.
type component struct {
	name, title string
	settings    reflect.Type
	// list is the type of the elements where the settings may be a list as a whole, and
	// single the type of one that may be the whole.
	list, single reflect.Type
	// address is the name that config.url has, "" if it is the component's, and keys are those
	// of which the settings have one, if another component has the same address.
	address string
	keys    []string
}

func components() []component {
	return []component{
		{name: "custom-format-templating-purge", title: "Cleaning", settings: reflect.TypeFor[steps.Purge]()},
		{name: "custom-format-templating", title: "Custom format templating", settings: reflect.TypeFor[steps.CustomFormat]()},
		{name: "rest-api-export", title: "REST API export", settings: reflect.TypeFor[steps.RESTExport]()},
		{name: "data-value-extractor", title: "Data value extractor", settings: reflect.TypeFor[steps.Extract]()},
		{name: "export-evaluator", title: "Export evaluator", settings: reflect.TypeFor[steps.Evaluate](), list: reflect.TypeFor[steps.Check]()},
		{
			name:     "reply-evaluator",
			title:    "Reply evaluator",
			settings: reflect.TypeFor[steps.EvaluateReplies](),
			list:     reflect.TypeFor[steps.ReplyCheck](),
			single:   reflect.TypeFor[steps.ReplyCheck](),
			address:  "export-evaluator",
			keys:     []string{"replies", "label", "status_schema_id", "body_schema_id"},
		},
		{name: "request-processor", title: "Request Processor", settings: reflect.TypeFor[requestprocessor.Step]()},
		{name: "file-storage-export", title: "SFTP and S3 export", settings: reflect.TypeFor[sftpexport.Step]()},
		{name: "workday", title: "Workday export", settings: reflect.TypeFor[workday.Step](), address: "svc/workday/api/v1/export"},
	}
}

// schema is the schema of a component's settings.
func (c component) schema(t *testing.T, s *jsonschema.Source) (schema, definitions object) {
	t.Helper()
	schema, definitions, err := s.Schema(c.settings, c.name+".")
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	schema["description"] = strings.TrimPrefix(fmt.Sprint(schema["description"]), c.settings.Name()+" ")
	if c.list == nil {
		return schema, definitions
	}
	element, more, err := s.Schema(c.list, c.name+".")
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range more {
		definitions[name] = d
	}
	definitions[c.name+"."+c.list.Name()] = element
	ref := object{"$ref": "#/definitions/" + c.name + "." + c.list.Name()}
	forms := []any{schema, object{"type": "array", "items": ref}}
	if c.single != nil {
		forms = append(forms, ref)
	}
	return object{"anyOf": forms}, definitions
}

// hookSchema is the schema of a hook file: a component's settings where config.url has its
// name, as a label of the host or as segments of the path.
func hookSchema(t *testing.T, s *jsonschema.Source) (schema, definitions object) {
	t.Helper()
	schema, definitions, err := s.Schema(reflect.TypeFor[rossum.Hook](), "")
	if err != nil {
		t.Fatal(err)
	}
	schema["type"] = "object"
	schema["anyOf"] = []any{object{"required": []any{"id"}}, object{"required": []any{"url"}}}
	properties := schema["properties"].(object)
	for _, key := range []string{"settings", "secrets_schema", "metadata"} {
		properties[key].(object)["type"] = []any{"object", "null"}
	}
	timeout := definitions["HookConfig"].(object)["properties"].(object)["timeout_s"].(object)
	timeout["minimum"], timeout["maximum"] = 0, 86400
	var rules []any
	then := make(map[string]object)
	for _, c := range components() {
		own, more := c.schema(t, s)
		for name, d := range more {
			definitions[name] = d
		}
		definitions[c.name] = own
		name := c.name
		if c.address != "" {
			name = c.address
		}
		settings := object{"$ref": "#/definitions/" + c.name}
		if len(c.keys) > 0 { // of the component that has this address already
			var some []any
			for _, key := range c.keys {
				some = append(some, object{"required": []any{key}})
			}
			then[name]["settings"] = object{"if": object{"anyOf": some}, "then": settings, "else": then[name]["settings"]}
			continue
		}
		then[name] = object{"settings": settings}
		rules = append(rules, object{
			"if": object{"required": []any{"config"}, "properties": object{
				"type": object{"not": object{"const": "function"}},
				"config": object{
					"type":       "object",
					"required":   []any{"url"},
					"properties": object{"url": object{"type": "string", "pattern": addressPattern(name)}},
				},
			}},
			"then": object{"properties": then[name]},
		})
	}
	schema["allOf"] = rules
	return schema, definitions
}

// addressPattern fits addresses that have a name as a label of the host or as segments of
// the path.
func addressPattern(name string) string {
	path := `^([^:/?#]+://[^/?#]*)?/?([^?#]*/)?` + name + `/*([?#/]|$)`
	if strings.Contains(name, "/") {
		return path
	}
	return `^[^:/?#]+://([^/?#:]*[.@])?` + name + `([.:/?#]|$)|` + path
}

func TestTheSchemasAreThoseOfTheSettings(t *testing.T) {
	s := source(t)
	write := func(name, title string, schema, definitions object) {
		t.Helper()
		got, err := jsonschema.Write(title, schema, definitions)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("schemas", name+".schema.json")
		if *updateSchemas {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			return // the program still has the one that it was built with
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the settings say; write it anew with make schemas (%v)", file, err)
		}
		if code, stdout, _ := exportrun(t, "schema", name); code != answered || stdout != string(want) {
			t.Errorf("exportrun schema %s: code %d", name, code)
		}
		if _, list, _ := exportrun(t, "schema"); !strings.Contains(list, "\n"+name+" ") && !strings.HasPrefix(list, name+" ") {
			t.Errorf("exportrun schema does not list %s", name)
		}
	}
	for _, c := range components() {
		schema, definitions := c.schema(t, s)
		write(c.name, "Settings of "+c.title, schema, definitions)
	}
	schema, definitions := hookSchema(t, s)
	write("hook", "Hook of Rossum", schema, definitions)
}

func TestASchemaIsWrittenToAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hook.schema.json")
	if code, stdout, stderr := exportrun(t, "schema", "hook", "-out", file); code != answered || stdout+stderr != "" {
		t.Errorf("code %d %s%s", code, stdout, stderr)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"title": "Hook of Rossum"`) {
		t.Errorf("%v %s", err, text)
	}
	for want, args := range map[string][]string{
		`unknown schema "rest"; the schemas are hook, custom`: {"rest"}, "2 schemas given": {"a", "b"},
	} {
		if code, _, stderr := exportrun(t, append([]string{"schema"}, args...)...); code != unusable || !strings.Contains(stderr, want) {
			t.Errorf("code %d %s", code, stderr)
		}
	}
}
