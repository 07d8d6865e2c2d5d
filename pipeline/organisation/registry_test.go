package organisation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/workday"
)

func fullRegistry() *organisation.Registry {
	r := stepsRegistry()
	sftpexport.Register(r, sftpexport.RegisterOptions{})
	workday.Register(r, workday.RegisterOptions{})
	return r
}

func TestAnAddressIsMatchedByLabelsOfItsHostAndSegmentsOfItsPath(t *testing.T) {
	t.Parallel()
	r := fullRegistry()
	for address, want := range map[string]string{
		"https://elis.custom-format-templating.rossum-ext.app/":            "custom-format-templating",
		"https://elis.custom-format-templating-purge.rossum-ext.app/":      "custom-format-templating-purge",
		"https://shared-eu2.rest-api-export.rossum-ext.app":                "rest-api-export",
		"https://US.REST-API-EXPORT.rossum-ext.app:443/x?y=z":              "rest-api-export",
		"https://exports.example.com/rest-api-export":                      "rest-api-export",
		"https://exports.example.com/v2/rest-api-export/#x":                "rest-api-export",
		"/deep/rest-api-export/":                                           "rest-api-export",
		"https://elis.rossum.ai/svc/file-storage-export/api/v1/export":     "file-storage-export",
		"https://elis.rossum.ai/svc/workday/api/v1/export":                 "svc/workday/api/v1/export",
		"https://elis.rossum.ai/svc/workday/api/v2/export":                 "",
		"https://my-rest-api-export.example.com":                           "",
		"https://example.com/rest-api-exporter":                            "",
		"https://example.com/?next=rest-api-export":                        "",
		"https://example.com/x#rest-api-export":                            "",
		"https://rest-api-export@example.com/":                             "",
		"https://duplicates.example.com/data-value-extractor-configurator": "",
		"": "",
	} {
		if got, _, _ := r.Kind(address); got != want {
			t.Errorf("%s is %q, want %q", address, got, want)
		}
	}
}

func TestAnExtensionIsRegisteredOnceOrReplaced(t *testing.T) {
	t.Parallel()
	step := func(*rossum.Hook) (pipeline.Step, error) { return set("status", "mine"), nil }
	r := fullRegistry()
	r.Replace(organisation.Kind{Name: "rest-api-export", Make: step})
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	store := hook(1, "")
	store.Config.URL, store.Settings = "", json.RawMessage(`{"request":{"url":"x"}}`)
	for _, h := range []*rossum.Hook{hook(1, "rest-api-export"), store} {
		chain, err := organisation.FromHooks([]*rossum.Hook{h}, r, organisation.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := chain.Export(t.Context(), invoice().Payload()); err != nil || len(answer.Operations) != 1 {
			t.Errorf("%v %+v", err, answer)
		}
	}
	for name, spoil := range map[string]func(*organisation.Registry){
		"Rest-API-export is registered already; use Registry.Replace": func(r *organisation.Registry) { r.Register(organisation.Kind{Name: "Rest-API-export", Make: step}) },
		`no "nope" is registered that could be replaced`:              func(r *organisation.Registry) { r.Replace(organisation.Kind{Name: "nope", Make: step}) },
		`the name "/" is not a label`:                                 func(r *organisation.Registry) { r.Register(organisation.Kind{Name: "/", Make: step}) },
		"x has nothing that makes its step":                           func(r *organisation.Registry) { r.Register(organisation.Kind{Name: "x", Make: nil}) },
		`hook "a" is registered already`:                              func(r *organisation.Registry) { r.Function("a", step); r.Function("a", step) },
		"something makes the steps of function hooks already":         func(r *organisation.Registry) { r.Functions(step) },
	} {
		r := fullRegistry()
		spoil(r)
		if _, err := organisation.FromHooks([]*rossum.Hook{hook(1, "rest-api-export")}, r, organisation.Options{}); !errors.Is(
			err,
			organisation.ErrRegistration,
		) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("want %s, got %v", name, err)
		}
	}
}

// storeHook is a hook as the Rossum Store installs it.
func storeHook(name, settings, secrets string) *rossum.Hook {
	h := hook(7, "")
	h.Name, h.Config.URL, h.Settings = name, "", json.RawMessage(settings)
	h.Template = api + "/hook_templates/99"
	if secrets != "" {
		h.SecretsSchema = json.RawMessage(`{"type":"object","properties":{` + secrets + `}}`)
	}
	return h
}

func TestAStoreHookIsRecognisedWithoutAnAddress(t *testing.T) {
	t.Parallel()
	sftp := `"credentials":{"type":"sftp","host":"h","username":"u","insecure_ignore_host_key":true}`
	for name, tt := range map[string]struct {
		hook *rossum.Hook
		want string // "" for a step
	}{
		"SFTP by its settings":           {storeHook("Files", `{`+sftp+`,"export_rules":[{"path_to_directory":"/in","export_object_configurations":[{"type":"document","filename_template":"a"}]}]}`, ""), ""},
		"the older form":                 {storeHook("Files", `{`+sftp+`,"path":"/in","exports":[{"type":"document","filename_template":"a"}]}`, ""), ""},
		"templating":                     {storeHook("X", `{"export_configs":[{"export_reference_key":"a","file_content_template":"x"}]}`, ""), ""},
		"REST":                           {storeHook("X", `{"condition":"true","request":{"url":"http://e.example","content":"x"}}`, ""), ""},
		"extractor":                      {storeHook("X", `{"extract":[{"format":"json","source_reference_key":"a","extract_rules":[{"value_path":"id","target_schema_id":"status"}]}]}`, ""), ""},
		"evaluator":                      {storeHook("X", `{"condition":"field.status == '1'"}`, ""), ""},
		"evaluator of replies":           {storeHook("X", `{"replies":[{"label":"ERP","status_schema_id":"status"}]}`, ""), ""},
		"evaluator of one reply":         {storeHook("X", `{"label":"ERP","status_schema_id":"status","body_schema_id":"status"}`, ""), ""},
		"evaluator of replies, misspelt": {storeHook("X", `{"replies":[{"label":"ERP","status_schema_id":"status","bodi_schema_id":"a"}]}`, ""), "settings.replies[0].bodi_schema_id: unknown key"},
		"purge by its name":              {storeHook("Export cleaning (CIB)", `{}`, ""), ""},
		"purge by its full name":         {storeHook("Custom Format Templating: purge", ``, ""), ""},
		"two names that fit":             {storeHook("Workday to S3", `{}`, ""), "could be any of file-storage-export, svc/workday/api/v1/export"},
		"Workday":                        {storeHook("X", `{"configurations":[{"wsdl":{"domain":"d","tenant":"t","api_version":"v1"},"request":{"service":"S","operation":"O","mapping":{}}}]}`, ""), ""},
		"Workday by its secrets":         {storeHook("Pay", `{}`, `"workday_username":{},"workday_password":{}`), "configurations: is missing"},
		"SFTP by its secrets":            {storeHook("Pay", `null`, `"ssh_key":{}`), "credentials"},
		"Request Processor":              {storeHook("X", `{"stages":[{}]}`, ""), "stages[0]"},
		"by name, with a misspelt key":   {storeHook("Export to SFTP or S3", `{"export_rule":[]}`, ""), "did you mean export_rules?"},
		"duplicates":                     {storeHook("Duplicate Handling", `{"configurations":[]}`, `"type":{}`), `it has no config.url (it was made from ` + api + `/hook_templates/99), and nothing in its name, settings and secrets_schema`},
		"master data of a named system":  {storeHook("Workday master data", `{"dataset":"x","matching":{}}`, ""), "unknown extension"},
		"business rules":                 {storeHook("Business rules", `{"checks":[{"rule":"x > 1","message":"m"}]}`, ""), "unknown extension"},
		"both ways out are named":        {storeHook("Grouping", `{}`, ""), `Registry.Function("Grouping", …), or leave it out if it exports nothing (LeaveOut in organisation.Options, or exportrun -leave-out 7)`},
		"settings that could be several": {storeHook("X", `{"extract":[],"stages":[]}`, ""), "could be any of data-value-extractor, request-processor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, err := organisation.FromHooks([]*rossum.Hook{tt.hook}, fullRegistry(), organisation.Options{})
			if chain != nil {
				defer chain.Close()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHooksOfOneTemplateAreOfOneKind(t *testing.T) {
	t.Parallel()
	known := storeHook("First", `{"export_configs":[{"export_reference_key":"a","file_content_template":"x"}]}`, "")
	known.ID = 6
	broken := storeHook("Second", `{"exprot":[]}`, "")
	_, err := organisation.FromHooks([]*rossum.Hook{known, broken}, fullRegistry(), organisation.Options{})
	if err == nil || !strings.Contains(err.Error(), "settings.exprot: unknown key") {
		t.Errorf("got %v", err)
	}
	r := &organisation.Registry{}
	r.Register(
		organisation.Kind{
			Name:  "mine",
			Store: organisation.Clues{Templates: []string{api + "/hook_templates/99"}},
			Make: func(h *rossum.Hook) (pipeline.Step, error) {
				return nil, fmt.Errorf("made of %s", h.Name)
			},
		},
	)
	if _, err := organisation.FromHooks([]*rossum.Hook{broken}, r, organisation.Options{}); err == nil ||
		!strings.Contains(err.Error(), "made of Second") {
		t.Errorf("got %v", err)
	}
}
