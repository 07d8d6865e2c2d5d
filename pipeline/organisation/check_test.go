package organisation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// hookFile is a hook of the queue 1, whose settings begin in line 3.
func hookFile(id int, name, kind, more, settings string) string {
	return fmt.Sprintf(`{"id": %d, "name": %q, "type": "webhook", "active": true, "events": ["annotation_content.export"],
 "queues": ["https://acme.rossum.app/api/v1/queues/1"], "config": {"url": "https://us.%s.rossum-ext.app/"}, %s
 "settings": %s}`, id, name, kind, more, settings)
}

const createsAndKeeps = `{"request": {"url": "http://erp.example/", "content": "x"}, "response_payload_reference_key": "reply"}`

func extracts(key, target string) string {
	return `{"extract": [{"source_reference_key": "` + key + `",
  "extract_rules": [{"value_path": "id", "target_schema_id": "` + target + `"}]}]}`
}

func runAfter(id int) string {
	return fmt.Sprintf(`"run_after": ["https://acme.rossum.app/api/v1/hooks/%d"],`, id)
}

func TestFaultsAgainstTheSchemaComeWithAllOthers(t *testing.T) {
	t.Parallel()
	var schema rossum.Schema
	if err := json.Unmarshal([]byte(`{"content": [{"category": "section", "id": "s", "children": [{"category": "datapoint", "id": "erp_id"}]}]}`), &schema); err != nil {
		t.Fatal(err)
	}
	queue := organisation.Options{Queue: "https://acme.rossum.app/api/v1/queues/1"}
	for name, tt := range map[string]struct {
		hooks map[string]string
		o     organisation.Options
		want  []string // one for each fault
	}{
		"one hook cannot be read and another names an unknown field": {map[string]string{
			"Create_[1]": hookFile(1, "Create", "rest-api-export", "", `{"request": {"url": "http://erp.example/", "methd": "POST"}}`),
			"Parse_[2]":  hookFile(2, "Parse", "data-value-extractor", runAfter(1), extracts("reply", "erp_idd")),
		}, queue, []string{
			`hook "Create" (id 1), hooks/Create_[1].json:3:`,
			`hook "Parse" (id 2), hooks/Parse_[2].json:4:42: settings.extract[0].extract_rules[0].target_schema_id: field "erp_idd": no such field in the annotation; did you mean "erp_id"?`,
		}},
		"the hook that makes a file is inactive": {map[string]string{
			"Create_[1]": strings.Replace(hookFile(1, "Create", "rest-api-export", "", createsAndKeeps), `"active": true`, `"active": false`, 1),
			"Parse_[2]":  hookFile(2, "Parse", "data-value-extractor", runAfter(1), extracts("reply", "erp_id")),
		}, queue, []string{`hook "Parse" (id 2), hooks/Parse_[2].json:3:28: settings.extract[0].source_reference_key: file "reply": no step before this one makes it; ` +
			`hook "Create" (id 1) would make it, but is left out (not active; passed through by "Parse" (id 2))`}},
		"the hook that makes a file is left out": {map[string]string{
			"Create_[1]": hookFile(1, "Create", "rest-api-export", "", createsAndKeeps),
			"Parse_[2]":  hookFile(2, "Parse", "data-value-extractor", runAfter(1), extracts("reply", "erp_id")),
		}, organisation.Options{LeaveOut: []string{"Create"}}, []string{`hook "Create" (id 1) would make it, but is left out (as the options say; passed through by "Parse" (id 2))`}},
		"in a circle nothing is said of the order": {map[string]string{
			"Create_[1]": hookFile(1, "Create", "rest-api-export", runAfter(2), createsAndKeeps),
			"Parse_[2]":  hookFile(2, "Parse", "data-value-extractor", runAfter(1), extracts("reply", "erp_id")),
		}, queue, []string{"hooks run after each other in a circle"}},
		"sound": {map[string]string{
			"Create_[1]": hookFile(1, "Create", "rest-api-export", "", createsAndKeeps),
			"Parse_[2]":  hookFile(2, "Parse", "data-value-extractor", runAfter(1), extracts("reply", "erp_id")),
		}, queue, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{}
			for file, text := range tt.hooks {
				files["hooks/"+file+".json"] = &fstest.MapFile{Data: []byte(text)}
			}
			o, err := rossum.LoadOrganisation(files)
			if err != nil {
				t.Fatal(err)
			}
			tt.o.Check = &organisation.Check{Schema: &schema}
			_, err = organisation.FromHooks(o.Hooks, fullRegistry(), tt.o)
			faults := pipeline.Faults(err)
			if len(faults) != len(tt.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(faults), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.Contains(faults[i].Error(), want) {
					t.Errorf("fault\n%v\nwant\n%s", faults[i], want)
				}
			}
			var found *pipeline.Finding
			if name == "the hook that makes a file is inactive" && (!errors.As(err, &found) || !errors.Is(err, pipeline.ErrNotMade)) {
				t.Errorf("the finding is not to be had from %v", err)
			}
		})
	}
}

func TestWarningsOfTheCheckAreHandedOut(t *testing.T) {
	t.Parallel()
	h, err := rossum.ParseHook(
		[]byte(strings.Replace(hookFile(1, "Create", "rest-api-export", "", createsAndKeeps), `"config": {`, `"config": {"retry_count": 4, `, 1)),
	)
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	_, err = organisation.FromHooks([]*rossum.Hook{h}, fullRegistry(), organisation.Options{
		Check: &organisation.Check{Warn: func(f *pipeline.Finding) { warnings = append(warnings, f.Error()) }},
	})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "config.retry_count") {
		t.Errorf("%v, %q", err, warnings)
	}
}
