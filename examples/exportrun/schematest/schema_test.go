package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// decoders make the settings of each component, by the name of its schema.
var decoders = map[string]func() json.Unmarshaler{
	"custom-format-templating-purge": func() json.Unmarshaler { return &steps.Purge{} },
	"custom-format-templating":       func() json.Unmarshaler { return &steps.CustomFormat{} },
	"rest-api-export":                func() json.Unmarshaler { return &steps.RESTExport{} },
	"data-value-extractor":           func() json.Unmarshaler { return &steps.Extract{} },
	"export-evaluator":               func() json.Unmarshaler { return &steps.Evaluate{} },
	"reply-evaluator":                func() json.Unmarshaler { return &steps.EvaluateReplies{} },
	"request-processor":              func() json.Unmarshaler { return &requestprocessor.Step{} },
	"file-storage-export":            func() json.Unmarshaler { return &sftpexport.Step{} },
	"workday":                        func() json.Unmarshaler { return &workday.Step{} },
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "schemas", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s.Validate(v)
}

// hookFiles are all hook files of the examples and of exportrun's tests.
func hookFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, root := range []string{"../..", "../../../pipeline", "../../../rossum", "../../../steps", "../../../workday"} {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".json" {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var keys map[string]json.RawMessage
			if json.Unmarshal(data, &keys) == nil && keys["events"] != nil && keys["config"] != nil {
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestEveryHookFileIsValidAndItsSettingsAre(t *testing.T) {
	t.Parallel()
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	sftpexport.Register(registry, sftpexport.RegisterOptions{})
	workday.Register(registry, workday.RegisterOptions{})
	hook := compile(t, "hook")
	files, withSettings := hookFiles(t), make(map[string]int)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := rossum.ParseHook(text)
		if err != nil {
			continue // a hook that a test has broken
		}
		name, _, known := registry.Kind(h.Config.URL)
		name = strings.TrimSuffix(strings.TrimPrefix(name, "svc/"), "/api/v1/export")
		decodes := true
		if decode := decoders[name]; known && h.Type != "function" && decode != nil && len(h.Settings) > 0 {
			decodes = decode().UnmarshalJSON(h.Settings) == nil
			withSettings[name]++
		}
		if err := valid(t, hook, text); (err == nil) != (decodes && len(h.Faults) == 0) {
			t.Errorf("%s: the decoder takes it: %v; the schema: %v", file, decodes, err)
		}
	}
	if len(files) < 30 || len(withSettings) < 5 {
		t.Errorf("only %d files, with settings of %v", len(files), withSettings)
	}
}

// whole are settings of each component with every key that it has.
var whole = map[string]string{
	"custom-format-templating-purge": `{"reference_keys": ["a"], "reset_schema_ids": ["b"]}`,
	"custom-format-templating": `{"//": 1, "export_configs": [{"export_reference_key": "a", "file_content_template": "x", "content_encoding": "utf-8", "file_name_template": "n"},
		{"export_id": "b", "file_content_template_multiline": ["x", "y"]}]}`,
	"rest-api-export": `{"export_reference_key": "a", "request": {"url": "https://x.example", "method": "PUT", "headers": {"A": "b"}, "content": "c", "data": {"any": [1]}, "request_data": "x",
		"file_key": "f", "file_name": "n", "file_content": "c"}, "auth": {"url": "https://x.example", "method": "POST", "headers": {}, "data": {"a": 1}}, "condition": "true", "mode": "wait",
		"status_code_resolver": {"error": [400], "warning": [500]}, "response_headers_reference_key": "h", "response_payload_reference_key": "p"}`,
	"data-value-extractor": `{"extract": [{"format": "json", "source_reference_key": "a", "condition": "", "extract_rules": [{"value_path": "a", "target_schema_id": "b"}]}]}`,
	"export-evaluator":     `{"condition": "True", "message": "m", "type": "error", "checks": [{"condition": "False", "message": "", "type": "info"}]}`,
	"reply-evaluator":      `{"replies": [{"label": "l", "status_schema_id": "s", "body_schema_id": "b", "type": "warning"}]}`,
	"request-processor": `{"debugging": true, "stages": [{"evaluate": [{"name": "e", "condition": {"a": 1}}], "get_content": [{"name": "g", "source": "explicit", "query": ["a"]}],
		"call_api": [{"name": "c", "auth": {"type": "bearer", "url": "u", "method": "POST", "content_type": "json", "content": {}, "headers": {}, "params": {}, "credential_key": "k",
		"consumer_key": "a", "consumer_secret": "b", "token_key": "c", "token_secret": "d", "realm": "r", "signature_method": "HMAC-SHA256", "client_id": "i", "certificate_id": "j",
		"private_certificate": "p", "scope": ["s"], "signature_algorithm": "PS256", "assertion_expiry": 1, "audience": "a", "grant_type": "g", "client_assertion_type": "t",
		"additional_claims": {}, "additional_token_params": {}}, "request": {"url": "u", "method": "get", "content": 1, "content_type": "json", "headers": {"a": "b"}, "params": {}, "timeout": 3,
		"ignore_timeout": true, "iterate_over": "a", "iteration_item_name": "i"}, "priority_response_handlers": [], "response_handlers": [{"condition": {}, "target_type": "schema_id",
		"target_key": "k", "value": {"response.body": {"$jmespath": "id"}}}]}]}]}`,
	"file-storage-export": `{"credentials": {"type": "sftp", "host": "h", "port": "22", "username": "u", "host_key": "k", "known_hosts": "", "insecure_ignore_host_key": false, "sftp_version": "3",
		"algorithms": ["ssh-rsa"], "bucket_name": "b", "region": "r", "endpoint": "e", "path_style": true, "conditional_put": false, "server_side_encryption": "AES256", "metadata": {"a": "b"}},
		"export_rules": [{"path_to_directory": "d", "export_object_configurations": [{"type": "document", "format": "csv", "filename_template": "f", "export_reference_key": "k",
		"filename_collision": {"replace": true, "number": false}, "template_variables": []}], "filename_collision": null, "condition": "", "done_file": "x", "template_variables": [{"name": "n",
		"type": "sequence", "schema_id": "s", "start": 1, "increment": 2, "digits": 3}]}, {"path": "d", "exports": [{"type": "custom_format", "export_id": "k"}]}], "path": "p", "exports": [],
		"filename_collision": {}, "template_variables": [{"name": "a", "step": 1, "length": 2, "start_number": 3}], "create_directories": true, "commit": "rename", "max_connections": 4, "sftp_version": 3,
		"annotation_content_source": "local"}`,
	"workday": `{"debug": true, "configurations": [{"queues": [1, "2", "https://x.example/api/v1/queues/3/"], "excluded_queues": [4], "wsdl": {"domain": "d", "tenant": "t", "api_version": "v", "protocol": "https",
		"hosts": ["h"]}, "request": {"service": "s", "operation": "o", "mapping": {"any": 1}, "timeout_s": 1.5}, "result_schema_id": "r", "result_wid_schema_id": "w"}]}`,
}

// spoilt are variants of a value, each with a change at one place below it.
func spoilt(v any) (variants []any) {
	variants = append(
		variants,
		json.Number("7"),
		json.Number("1.5"),
		json.Number("-1"),
		json.Number("0"),
		"text",
		"",
		true,
		nil,
		[]any{},
		[]any{json.Number("7")},
		map[string]any{},
		map[string]any{"nope": json.Number("1")},
	)
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			for _, below := range spoilt(v[key]) {
				changed := maps.Clone(v)
				changed[key] = below
				variants = append(variants, changed)
			}
			without := maps.Clone(v)
			delete(without, key)
			upper := maps.Clone(without)
			upper[strings.ToUpper(key)] = v[key]
			variants = append(variants, without, upper)
		}
		for _, key := range []string{"nope", "// a comment", "export_id", "export_reference_key", "$schema", "path", "exports", "step", "increment"} {
			if _, has := v[key]; !has {
				more := maps.Clone(v)
				more[key] = "x"
				variants = append(variants, more)
			}
		}
	case []any:
		for i := range v {
			for _, below := range spoilt(v[i]) {
				changed := slices.Clone(v)
				changed[i] = below
				variants = append(variants, changed)
			}
		}
	}
	return variants
}

// onlyOfWords reports whether the schema refuses nothing but words that a key cannot have,
// which is not the decoder's to say but the check's.
func onlyOfWords(err error, decoded json.Unmarshaler) bool {
	step, ok := decoded.(pipeline.Validator)
	return ok && strings.Contains(err.Error(), "value must be one of") && step.Validate() != nil
}

func TestTheSchemasRefuseWhatTheDecoderRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range whole {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, name)
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			var settings any
			if err := decoder.Decode(&settings); err != nil {
				t.Fatal(err)
			}
			refused, differ := 0, 0
			for i, variant := range append([]any{settings}, spoilt(settings)...) {
				data, err := json.Marshal(variant)
				if err != nil {
					t.Fatal(err)
				}
				decoded := decoders[name]()
				decodes, validates := decoded.UnmarshalJSON(data), valid(t, schema, data)
				if i == 0 && (decodes != nil || validates != nil) {
					t.Fatalf("the whole settings: %v, %v", decodes, validates)
				}
				if decodes != nil {
					refused++
				}
				if (decodes == nil) == (validates == nil) || decodes == nil && onlyOfWords(validates, decoded) {
					continue
				}
				if differ++; differ < 6 {
					t.Errorf("%s\nthe decoder: %v\nthe schema: %v", data, decodes, validates)
				}
			}
			if refused < 20 {
				t.Errorf("only %d variants were refused", refused)
			}
			t.Logf("%d variants were refused, %d differ", refused, differ)
		})
	}
}

func TestTheHookSchemaKnowsTheComponentByItsAddress(t *testing.T) {
	t.Parallel()
	hook := compile(t, "hook")
	for address, known := range map[string]bool{
		"https://elis.rest-api-export.rossum-ext.app":         true,
		"https://elis.rest-api-export.rossum-ext.app/x?y":     true,
		"https://user@rest-api-export.example:8080":           true,
		"https://exports.example.com/rest-api-export":         true,
		"https://exports.example.com/v1/rest-api-export/call": true,
		"/rest-api-export": true,
		"https://elis.my-rest-api-export.rossum-ext.app": false,
		"https://exports.example.com/?x=rest-api-export": false,
		"https://exports.example.com/rest-api-exports":   false,
		"": false,
	} {
		text := fmt.Sprintf(`{"id": 1, "events": [], "config": {"url": %q}, "settings": {"nope": 1}}`, address)
		if err := valid(t, hook, []byte(text)); (err != nil) != known {
			t.Errorf("%s: %v", address, err)
		}
	}
	for settings, ok := range map[string]bool{
		`{"condition": "True"}`: true, `{"replies": [{"status_schema_id": "s"}]}`: true, `{"status_schema_id": "s"}`: true,
		`{"replies": [{"condition": "True"}]}`: false, `{"replies": [], "condition": "True"}`: false, `{"condition": "True", "label": "l"}`: false, `{"conditions": "True"}`: false,
	} {
		text := `{"id": 1, "events": [], "config": {"url": "https://x.example/export-evaluator"}, "settings": ` + settings + `}`
		if err := valid(t, hook, []byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", settings, err)
		}
	}
	for text, ok := range map[string]bool{
		`{"id": 1}`: true, `{"name": "x"}`: false, `{"id": "1"}`: false, `{"id": 1, "x": 1, "config": {"x": 1}}`: true, `{"id": 1, "events": [null]}`: false, `{"id": 1, "events": null}`: true,
		`{"id": 1, "settings": []}`: false, `{"id": 1, "config": {"timeout_s": 90000}}`: false, `{"id": 1, "config": {"timeout_s": 60}}`: true, `[]`: false, `{"id": 1, "active": "yes"}`: false,
		`{"id": 1, "type": "function", "config": {"url": "https://x.rest-api-export.example"}, "settings": {"nope": 1}}`: true,
	} {
		h, parsed := rossum.ParseHook([]byte(text))
		if takes := parsed == nil && len(h.Faults) == 0; takes != ok {
			t.Errorf("%s: ParseHook takes it: %v", text, takes)
		}
		if err := valid(t, hook, []byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheWordsOfTheSchemasAreThoseOfTheChecks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, settings string
		words          []string
	}{
		{"rest-api-export", `{"request": {"url": "https://x.example"}, "mode": %q}`, []string{"wait", "retry"}},
		{"data-value-extractor", `{"extract": [{"format": %q}]}`, []string{"json", "xml", "text"}},
		{"export-evaluator", `{"condition": "True", "type": %q}`, []string{"error", "warning", "info"}},
		{"reply-evaluator", `{"replies": [{"type": %q}]}`, []string{"error", "warning", "info"}},
		{"file-storage-export", `{"commit": %q}`, []string{"rename", "in_place"}},
		{"file-storage-export", `{"annotation_content_source": %q}`, []string{"local", "rossum"}},
		{"file-storage-export", `{"path": "p", "exports": [{"type": %q}]}`, []string{"annotation_content", "document", "custom_format"}},
		{"file-storage-export", `{"path": "p", "exports": [{"type": "annotation_content", "format": %q}]}`, []string{"csv", "xml", "json", "xlsx"}},
		{"file-storage-export", `{"export_rules": [{"path_to_directory": "p", "template_variables": [{"name": "n", "type": %q}]}]}`, []string{"datapoint", "sequence"}},
		{"file-storage-export", `{"credentials": {"type": "s3", "bucket_name": "b", "server_side_encryption": %q}}`, []string{"AES256", "aws:kms", "aws:kms:dsse"}},
		{"workday", `{"configurations": [{"wsdl": {"protocol": %q}}]}`, []string{"https", "http"}},
		{"request-processor", `{"stages": [{"get_content": [{"source": %q}]}]}`, []string{"relation", "relation_content", "parent_relation", "parent_relation_content", "document_relation", "document_relation_content", "explicit"}},
		{"request-processor", `{"stages": [{"call_api": [{"response_handlers": [{"target_type": %q}]}]}]}`, []string{"schema_id", "property", "document_relation"}},
		{"request-processor", `{"stages": [{"call_api": [{"auth": {"type": %q}}]}]}`, []string{"bearer", "oauth1", "oauth2_private_certificate"}},
		{"request-processor", `{"stages": [{"call_api": [{"auth": {"type": "oauth2_private_certificate", "signature_algorithm": %q}}]}]}`, []string{"PS256", "RS256"}},
	} {
		schema := compile(t, tt.name)
		for _, word := range append(tt.words, "nope") {
			text := fmt.Appendf(nil, tt.settings, word)
			decoded := decoders[tt.name]()
			if err := decoded.UnmarshalJSON(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			refused := strings.Contains(fmt.Sprint(decoded.(pipeline.Validator).Validate()), fmt.Sprintf("%q is unknown", word))
			if err := valid(t, schema, text); refused != (word == "nope") || (err != nil) != refused {
				t.Errorf("%s: the check refuses it: %v; the schema: %v", text, refused, err)
			}
		}
	}
}
