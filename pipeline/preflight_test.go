package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// hookOf reads a hook of a kind from a file of which the test says what is in it.
func hookOf(t *testing.T, erp, kind, file, text string) pipeline.Step {
	t.Helper()
	h, err := rossum.ParseHook([]byte(strings.ReplaceAll(text, "ERP", erp)))
	if err != nil {
		t.Fatal(err)
	}
	h.File = file
	return pipeline.ForHook(h, made(t, erp, kind, string(h.Settings)))
}

func TestFindingsNameHookFileAndLine(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	create := hookOf(t, address, "rest", "hooks/Create_[1].json", `{"id": 1, "name": "Create", "type": "webhook", "active": true,
  "config": {
    "retry_count": 4
  },
  "settings": {"request": {"url": "ERP/a", "content": "x"}, "response_payload_reference_key": "p"}}`)
	parse := hookOf(t, address, "extract", "hooks/Parse_[2].json", `{"id": 2, "name": "Parse",
  "settings": {"extract": [{
    "source_reference_key": "p", "extract_rules": [
      {"value_path": "id", "target_schema_id": "erp_id"},
      {"value_path": "id", "target_schema_id": "erp_ids"}]}]}}`)
	_, report, err := exportReport(t, chainOf(t, create, parse), queueCall())
	var found []string
	for _, f := range report.Findings {
		found = append(found, string(f.Severity)+": "+f.Error())
	}
	want := `error: hook "Parse" (id 2), hooks/Parse_[2].json:5, settings.extract[0].extract_rules[1].target_schema_id: ` +
		`field "erp_ids": no such field in the annotation; did you mean "erp_id"?
warning: hook "Create" (id 1), hooks/Create_[1].json:3, config.retry_count: is 4, and the hook sends (POST): ` +
		`the platform may call this hook several times for one export; set it to 0`
	if got := strings.Join(found, "\n"); got != want {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
	var refused *pipeline.CheckError
	if !errors.As(err, &refused) || !errors.Is(err, rossum.ErrNoField) || seen.Load() != 0 ||
		len(pipeline.Faults(refused.Findings.Err())) != 1 {
		t.Errorf("%v, %d calls", err, seen.Load())
	}
	if len(report.Steps) != 2 || report.Steps[0].Status != pipeline.StatusNotRun ||
		!strings.Contains(report.Text(), "warning: hook \"Create\"") {
		t.Errorf("%s", report.Text())
	}
	data, err := json.Marshal(report.Findings)
	var again pipeline.Findings
	if err == nil {
		err = json.Unmarshal(data, &again)
	}
	if err != nil || len(again) != 2 || again[0].Error() != report.Findings[0].Error() {
		t.Errorf("%v %s", err, data)
	}
}

func TestAFormulaThatTheExportNeedsIsFoundBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	broken := func(code string) rossumtest.Part {
		return rossumtest.FieldValue("note", rossumtest.Value{Formula: code})
	}
	for name, tt := range map[string]struct {
		steps [][2]string
		code  string
		want  string // of Check and of the run alike; "" for nothing
	}{
		"its input is written":                  {[][2]string{first, extractTo("p", "erp_id")}, "import socket\nfield.erp_id", "error: formula"},
		"its input is written by way of others": {[][2]string{first, extractTo("p", "erp_id")}, "import socket\nfield.via", "error: formula"},
		"its input may be written":              {[][2]string{first, closed, extractTo("c", "erp_id")}, "import socket\nfield.erp_id", "warning: formula"},
		"its input is not written":              {[][2]string{first, extractTo("p", "erp_status")}, "import socket\nfield.erp_id", ""},
		"nothing is written":                    {[][2]string{first}, "import socket\nfield.erp_id", ""},
		"it can be computed":                    {[][2]string{first, extractTo("p", "erp_id")}, "field.erp_id", ""},
		"it reads a field that is not there":    {[][2]string{first, extractTo("p", "erp_id")}, "field.erp_id + field.erp_idd", "error: formula"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, seen := recordingERP(t)
			var list []pipeline.Step
			for _, s := range tt.steps {
				list = append(list, made(t, address, s[0], s[1]))
			}
			chain := chainOf(t, list...)
			call := queueCall(broken(tt.code), rossumtest.FieldValue("via", rossumtest.Value{Formula: "field.erp_id"}))
			_, report, err := exportReport(t, chain, call)
			schema, schemaErr := call.Payload().Schema()
			if schemaErr != nil {
				t.Fatal(schemaErr)
			}
			for by, found := range map[string]pipeline.Findings{"the run": report.Findings, "Check": chain.Check(schema)} {
				got := ""
				for _, f := range found {
					got += string(f.Severity) + ": " + f.Err.Error() + "\n"
				}
				if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
					t.Errorf("%s finds %q, want %q", by, got, tt.want)
				}
			}
			refused := strings.HasPrefix(tt.want, "error")
			var fault *formula.Error
			var check *pipeline.CheckError
			if refused != (seen.Load() == 0) || refused != errors.As(err, &check) || refused && !errors.As(err, &fault) {
				t.Errorf("%d calls, %v", seen.Load(), err)
			}
			if found := chain.Check(schema, pipeline.WithFormulas(pipeline.Formulas{Tolerate: true})); found.Err() != nil {
				t.Errorf("tolerated, but %v", found)
			}
		})
	}
}

func TestARunWithoutASchemaSaysSoIfItNeedsOne(t *testing.T) {
	t.Parallel()
	gate := [2]string{"rest", `{"condition": "@{gate}", "request": {"url": "ERP/second", "content": "x"}}`}
	for name, tt := range map[string]struct {
		steps  [][2]string
		schema bool
		want   string
	}{
		"a gate after a field was written": {
			[][2]string{first, extractTo("p", "erp_id"), gate}, false, "REST API export reads gate, which keeps its value if it is a formula",
		},
		"a gate that the chain writes itself": {[][2]string{first, extractTo("p", "gate"), gate}, false, ""},
		"a gate before anything was written":  {[][2]string{gate, first, extractTo("p", "erp_id")}, false, ""},
		"a gate, with a schema":               {[][2]string{first, extractTo("p", "erp_id"), gate}, true, ""},
		"a number that is compared": {
			[][2]string{{"evaluate", `{"condition": "field.amount_total > 1000", "type": "info"}`}}, false,
			"Export evaluator depends on the types of fields",
		},
		"a text that is compared": {
			[][2]string{{"evaluate", `{"condition": "r.field.erp_status == '9'", "type": "info"}`}}, false, "",
		},
		"a value that is sent with its type": {
			[][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST", "content_type": "json", "content": {"a": "{field.amount_total}"}}}`)},
			false, "Request Processor depends on the types of fields",
		},
		"the text of a field, which has none": {
			[][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST", "content_type": "json", "content": {"a": ` +
				`"{field.amount_total.value}"}}}`)},
			false, "every field counts as text",
		},
		"nothing that depends on the schema":   {[][2]string{first}, false, ""},
		"a computed address after a write":     {[][2]string{first, extractTo("p", "erp_id"), {"rest", `{"request": {"url": "ERP/@{gate}", "content": "x"}}`}}, false, "reads gate"},
		"a computed address without any write": {[][2]string{first, {"rest", `{"request": {"url": "ERP/@{gate}", "content": "x"}}`}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := recordingERP(t)
			var list []pipeline.Step
			for _, s := range tt.steps {
				list = append(list, made(t, address, s[0], s[1]))
			}
			call := queueCall()
			if !tt.schema {
				call = call.With(rossumtest.Sideload("schemas", nil))
			}
			answer, _, _ := exportReport(t, chainOf(t, list...), call)
			got := ""
			for _, m := range answer.Messages {
				if m.Type == rossum.MessageWarning {
					got += m.Content
				}
			}
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) ||
				tt.want != "" && !strings.Contains(got, `Add "schemas" to the hook's sideload`) {
				t.Errorf("warnings %q, want %q", got, tt.want)
			}
		})
	}
}

// opaque is a step of somebody else's, which does not say what it does.
func opaque(do func(ctx context.Context, x *pipeline.Export) error) pipeline.Step {
	return pipeline.Named("opaque", pipeline.StepFunc(do))
}

func TestWhatAStepOfAnotherModuleMayHaveDoneIsAWarning(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	makes := opaque(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "own", Data: []byte(`{"id": 1}`)})
	})
	chain := chainOf(t, makes, made(t, address, first[0], first[1]), made(t, address, "extract", extractTo("own", "erp_id")[1]))
	_, report, err := exportReport(t, chain, queueCall())
	if err != nil || seen.Load() != 1 || len(report.Findings) != 1 || report.Findings[0].Severity != pipeline.SeverityWarning {
		t.Errorf("%v, %d calls, %v", err, seen.Load(), report.Findings)
	}
}

func TestBranchesDoNotSeeEachOthersFiles(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	one, other := made(t, address, first[0], first[1]), made(t, address, "extract", extractTo("p", "erp_id")[1])
	if _, report, err := exportReport(t, chainOf(t, pipeline.Parallel(one, other)), queueCall()); err == nil || seen.Load() != 0 ||
		len(report.Findings) != 1 {
		t.Errorf("%v, %d calls, %v", err, seen.Load(), report.Findings)
	}
	if _, report, err := exportReport(
		t, chainOf(t, pipeline.Parallel(one, made(t, address, gated[0], gated[1])), other), queueCall(),
	); err != nil ||
		len(report.Findings) != 0 {
		t.Errorf("%v, %v", err, report.Findings)
	}
}

func TestAConditionOfAChainMakesUsesConditional(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	step := made(t, address, "rest", `{"request": {"url": "ERP/a", "content": "@{documentid}"}}`)
	_, report, err := exportReport(t, chainOf(t, expression.When(`field.gate == "no"`, step)), queueCall())
	if err != nil || seen.Load() != 0 || len(report.Findings) != 1 || report.Findings[0].Severity != pipeline.SeverityWarning {
		t.Errorf("%v, %v", err, report.Findings)
	}
	_, report, err = exportReport(t, chainOf(t, expression.When(`field.gates == "no"`, step)), queueCall())
	if err == nil || seen.Load() != 0 || len(report.Findings) != 2 {
		t.Errorf("%v, %v", err, report.Findings)
	}
}

func TestWhatIsNoExportIsNotChecked(t *testing.T) {
	t.Parallel()
	purge := made(t, "", "purge", `{"reset_schema_ids": ["nope"]}`)
	call := queueCall(rossumtest.Event(rossum.EventAnnotationStatus, rossum.ActionChanged), rossumtest.Set("status", "purged"))
	if _, report, err := exportReport(t, chainOf(t, purge), call); err != nil || len(report.Findings) != 0 {
		t.Errorf("%v, %v", err, report.Findings)
	}
}

// kept is a store with a file of an earlier export.
type kept struct{ pipeline.Store }

func (kept) Load(_ context.Context, _ *pipeline.Export, key string) (*pipeline.File, error) {
	if key != "p" {
		return nil, pipeline.ErrNoFile
	}
	return &pipeline.File{Key: key, Data: []byte(`{"id": 7}`)}, nil
}

func (kept) Purge(context.Context, *pipeline.Export, ...string) (int, error) { return 0, nil }

func TestAStoreIsAskedForFilesThatNoStepMakes(t *testing.T) {
	t.Parallel()
	extract := func(key string) pipeline.Step { return made(t, "", "extract", extractTo(key, "erp_id")[1]) }
	for name, tt := range map[string]struct {
		chain *pipeline.Chain
		want  pipeline.Severity
	}{
		"there":              {chainOf(t, extract("p")), pipeline.SeverityWarning},
		"not there":          {chainOf(t, extract("q")), pipeline.SeverityError},
		"there, but removed": {chainOf(t, made(t, "", "purge", `{}`), extract("p")), pipeline.SeverityError},
	} {
		_, report, err := exportReport(t, tt.chain, queueCall(), pipeline.WithStore(kept{}))
		if len(report.Findings) != 1 || report.Findings[0].Severity != tt.want || (err != nil) != (tt.want == pipeline.SeverityError) {
			t.Errorf("%s: %v, %v", name, err, report.Findings)
		}
	}
}

func TestAFormulaIsNamedWithItsFileAndLine(t *testing.T) {
	t.Parallel()
	o, err := rossum.LoadOrganisation(fstest.MapFS{
		"queues/Q_[7]/schema.json": &fstest.MapFile{Data: []byte(`{"content": [{"category": "section", "id": "s", "children": [
			{"category": "datapoint", "id": "erp_id"}, {"category": "datapoint", "id": "gate"}, {"category": "datapoint", "id": "note"},
			{"category": "datapoint", "id": "own", "formula": "import socket\nfield.erp_id"}]}]}`)},
		"queues/Q_[7]/formulas/note.py": &fstest.MapFile{Data: []byte("field.erp_id\nimport socket")},
	})
	if err != nil {
		t.Fatal(err)
	}
	address, _ := recordingERP(t)
	for _, tt := range []struct {
		steps []pipeline.Step
		o     pipeline.Formulas
		want  string
	}{
		{[]pipeline.Step{made(t, address, first[0], first[1]), made(t, "", "extract", extractTo("p", "erp_id")[1])}, pipeline.Formulas{},
			`error: step formula fields, queues/Q_[7]/formulas/note.py:2: formula of note: outside of the supported language: line 2: the module socket is not supported in formulas; ` +
				`the export writes fields that it depends on; change the formula, or let the export go on with a warning (pipeline.Formulas.Tolerate, exportrun -tolerate)
error: step formula fields, queues/Q_[7]/schema.json:3, line 1 of the text: formula of own: outside of the supported language: line 1: the module socket is not supported in formulas; ` +
				`the export writes fields that it depends on; change the formula, or let the export go on with a warning (pipeline.Formulas.Tolerate, exportrun -tolerate)`},
		{[]pipeline.Step{made(t, "", "function", sets("gate", "x")[1])}, pipeline.Formulas{},
			`warning: step formula fields, queues/Q_[7]/formulas/note.py:2: formula of note: outside of the supported language: line 2: the module socket is not supported in formulas; ` +
				`the export may write fields that it depends on; change the formula, or let the export go on with a warning (pipeline.Formulas.Tolerate, exportrun -tolerate)
warning: step formula fields, queues/Q_[7]/schema.json:3, line 1 of the text: formula of own: outside of the supported language: line 1: the module socket is not supported in formulas; ` +
				`the export may write fields that it depends on; change the formula, or let the export go on with a warning (pipeline.Formulas.Tolerate, exportrun -tolerate)`},
		{[]pipeline.Step{made(t, "", "purge", `{"reset_schema_ids": ["erp_id"]}`)}, pipeline.Formulas{Tolerate: true},
			`warning: step formula fields, queues/Q_[7]/formulas/note.py:2: formula of note: outside of the supported language: line 2: the module socket is not supported in formulas; ` +
				`the export writes fields that it depends on; change the formula
warning: step formula fields, queues/Q_[7]/schema.json:3, line 1 of the text: formula of own: outside of the supported language: line 1: the module socket is not supported in formulas; ` +
				`the export writes fields that it depends on; change the formula`},
	} {
		var got []string
		for _, f := range chainOf(t, tt.steps...).Check(o.Queues[0].Schema, pipeline.WithFormulas(tt.o)) {
			got = append(got, string(f.Severity)+": "+f.Error())
		}
		if text := strings.Join(got, "\n"); text != tt.want {
			t.Errorf("found\n%s\nwant\n%s", text, tt.want)
		}
	}
}

func TestLinesOfATextStayBelowIt(t *testing.T) {
	t.Parallel()
	r := pipeline.Report{
		Findings: pipeline.Findings{{Severity: pipeline.SeverityError, Step: "a", Err: errors.New("one\ntwo")}},
		Steps:    []*pipeline.StepReport{{Name: "b", Status: pipeline.StatusFailed, Error: "three\nfour"}},
	}
	if text := r.Text(); !strings.Contains(text, "  error: step a: one\n    two\n") ||
		!strings.Contains(text, "\n     error: three\n       four\n") {
		t.Errorf("%s", text)
	}
}
