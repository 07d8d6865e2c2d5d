package organisation_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// spoilt is an organisation with a fault of every kind.
var spoilt = map[string]string{
	"hooks/Create_[1].json": `{
 "id": 1, "name": "Create", "type": "webhook", "active": true, "events": ["annotation_content.export"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"],
 "run_after": ["https://acme.rossum.app/api/v1/hooks/2"],
 "config": {"url": "https://us.rest-api-export.rossum-ext.app/"},
 "settings": {
  "request": {
   "url": "http://erp.example/",
   "method": "PUST",
   "hedders": {}
  },
  "mode": "wiat"
 }
}`,
	"hooks/Parse_[2].json": `{
 "id": 2, "name": "Parse", "type": "webhook", "active": true, "events": "annotation_content.export",
 "queues": ["https://acme.rossum.app/api/v1/queues/1"],
 "run_after": ["https://acme.rossum.app/api/v1/hooks/1",
               7, "https://acme.rossum.app/api/v1/hooks/99"],
 "config": {"url": "https://us.data-value-extractor.rossum-ext.app/"},
 "settings": {"extract": []}
}`,
	"hooks/A_[3].json":    made("A", 3),
	"hooks/B_[4].json":    made("B", 4),
	"hooks/Rate_[5].json": `{"id": 5, "name": "Rate", "type": "function", "active": true, "events": ["annotation_content"], "queues": ["https://acme.rossum.app/api/v1/queues/1"], "config": {}}`,
	"hooks/Rate_[5].py":   "def rossum_hook_request_handler(payload):\n    import requests\n",
	"hooks/Master data_[6].json": `{
 "id": 6, "name": "Master data", "type": "webhook", "active": true, "events": ["annotation_content"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"],
 "config": {"private": true}
}`,
	"hooks/Odd_[8].json": `{
 "id": "8", "url": "https://acme.rossum.app/api/v1/hooks/8", "name": "Odd", "active": true,
 "events": ["annotation_content.export"], "queues": "https://acme.rossum.app/api/v1/queues/1",
 "config": {"url": "https://us.rest-api-export.rossum-ext.app/"}, "settings": "nothing"
}`,
	"hooks/Elsewhere_[7].json": `{"id": 7, "name": "Elsewhere", "type": 5, "queues": ["https://acme.rossum.app/api/v1/queues/2"], "active": true, "events": ["annotation_content"], "config": []}`,
}

// made is a hook that makes the file csv.
func made(name, id any) string {
	return strings.NewReplacer("NAME", name.(string), "ID", strings.Repeat("I", id.(int))).Replace(`{
 "id": ID, "name": "NAME", "type": "webhook", "active": true, "events": ["annotation_content.export"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"],
 "config": {"url": "https://us.custom-format-templating.rossum-ext.app/"},
 "settings": {"export_configs": [{"export_reference_key": "csv", "file_content_template": "{{ x"}]}
}`)
}

func TestAllFaultsOfAllHooksComeInOneError(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for name, text := range spoilt {
		files[name] = &fstest.MapFile{Data: []byte(strings.NewReplacer("IIII", "4", "III", "3").Replace(text))}
	}
	o, err := rossum.LoadOrganisation(files)
	if err != nil {
		t.Fatal(err)
	}
	_, err = organisation.FromHooks(o.Hooks, fullRegistry(), organisation.Options{Queue: "https://acme.rossum.app/api/v1/queues/1"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`hook "Create" (id 1), hooks/Create_[1].json:10:4: settings.request.hedders: unknown key (did you mean headers?)`,
		`hook "Create" (id 1), hooks/Create_[1].json:9:4: settings.request.method: "PUST"`,
		`hook "Create" (id 1), hooks/Create_[1].json:12:3: settings.mode: `,
		`hook "Parse" (id 2), hooks/Parse_[2].json:2:63: events: is a string, expected a list of strings`,
		`hook "Parse" (id 2), hooks/Parse_[2].json:5:16: run_after[1]: is a number, expected a string`,
		`hook "Parse" (id 2), hooks/Parse_[2].json:5:19: run_after[2]: https://acme.rossum.app/api/v1/hooks/99: predecessor is missing`,
		`hook "Parse" (id 2), hooks/Parse_[2].json:7:15: settings.extract: `,
		`hook "A" (id 3), hooks/A_[3].json:5:66: settings.export_configs[0].file_content_template: `,
		`hook "B" (id 4), hooks/B_[4].json:5:66: settings.export_configs[0].file_content_template: `,
		`hook "Rate" (id 5), hooks/Rate_[5].py: config.code: function hook without a step: outside of the supported language: line 2: `,
		`hook "Master data" (id 6), hooks/Master data_[6].json:4:2: config: unknown extension`,
		`hook "Odd" (id 8), hooks/Odd_[8].json:2:2: id: is a string, expected a number`,
		`hook "Odd" (id 8), hooks/Odd_[8].json:3:43: queues: is a string, expected a list of strings`,
		`hook "Odd" (id 8), hooks/Odd_[8].json:4:67: settings: is a string, expected an object`,
		`hook "B" (id 4), hooks/B_[4].json:5:2: settings: two hooks make the same file: hook "A" (id 3) also makes the one with the key "csv"`,
		`hook "Create" (id 1), hooks/Create_[1].json:4:2: run_after: hooks run after each other in a circle: "Create" (id 1) runs after "Parse" (id 2), which runs after "Create" (id 1); take one of them out of run_after`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nis missing in\n%v", want, err)
		}
	}
	for _, other := range []string{"Elsewhere", "settings.request.url"} {
		if strings.Contains(err.Error(), other) {
			t.Errorf("a hook of another queue, or what follows from another fault, is named: %v", err)
		}
	}
	for _, sentinel := range []error{organisation.ErrUnknownExtension, organisation.ErrNoFunction, organisation.ErrCycle, organisation.ErrMissingPredecessor} {
		if !errors.Is(err, sentinel) {
			t.Errorf("%v is not found", sentinel)
		}
	}
	var fault *organisation.Fault
	if !errors.As(err, &fault) || fault.Hook == nil || fault.File == "" || fault.Line == 0 {
		t.Errorf("%+v", fault)
	}
}
