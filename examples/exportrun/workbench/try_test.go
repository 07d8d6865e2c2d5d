package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func newContext(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// shownProblem is a problem in a line, with what is underlined.
func shownProblem(o *outcome, p problem) string {
	content := o.Settings
	for _, one := range o.Texts {
		if one.Place == p.Where {
			content = one.Text
		}
	}
	underlined := ""
	if p.Line > 0 {
		line := strings.Split(content, "\n")[p.Line-1]
		underlined = line[p.Column-1 : min(len(line), p.Column-1+p.Length)]
		if len(p.Caret) != strings.Index(p.Text, underlined) && strings.Count(p.Text, underlined) == 1 {
			underlined += fmt.Sprintf(" with a caret below column %d of %q", len(p.Caret), p.Text)
		}
	}
	return fmt.Sprintf("%s: %s [%s:%d:%d %s]", p.Severity, p.Message, p.Where, p.Line, p.Column, underlined)
}

func TestProblemsAreAtTheirPlaces(t *testing.T) {
	t.Parallel()
	const template = "export_configs[0].file_content_template"
	for name, tt := range map[string]struct {
		hook     int64
		from, to string // in the settings
		text     string // of the template
		want     string
	}{
		"unknown field":             {hook: 1, text: "a\nüü {{ field.numbr }}", want: `warning: field "numbr": no such field in the annotation; did you mean "number"? [` + template + `:2:13 `},
		"unknown column":            {hook: 1, text: "{% for i in field.lines %}\n{{ i.amout }}{% endfor %}", want: `did you mean "amount"? [` + template + `:2:6 amout]`},
		"syntax of a template":      {hook: 1, text: "a\n{% for %}", want: "error: TemplateSyntaxError: "},
		"unknown filter":            {hook: 1, text: "x {{ field.number | nope }}", want: "error: TemplateAssertionError: No filter named 'nope'. [" + template + ":1:21 nope]"},
		"error of a run":            {hook: 1, text: "a\n\n{{ 1/0 }}", want: "error: ZeroDivisionError: division by zero [" + template + ":3:1 "},
		"unknown key":               {hook: 1, from: "file_content_template", to: "file_content_templat", want: `unknown key (did you mean file_content_template?) [:5:7 "file_content_templat"]`},
		"value of the wrong type":   {hook: 1, from: `"csv"`, to: "7", want: "export_reference_key: is a number, expected a string [:4:31 7]"},
		"missing key":               {hook: 1, from: `"export_reference_key": "csv",`, to: "", want: "export_reference_key: is missing [:3:5 {]"},
		"no JSON":                   {hook: 1, from: `"csv",`, to: `"csv"`, want: "error: The settings are not valid JSON: "},
		"unknown field in JSON":     {hook: 2, from: "@{number}", to: "@{numbr}", want: `did you mean "number"? [:2:23 numbr]`},
		"unknown operator":          {hook: 2, from: `"@{number}"`, to: `{"$NOPE$": 1}`, want: "unknown operator"},
		"file that nobody makes":    {hook: 2, from: `"export_reference_key": "csv"`, to: `"export_reference_key": "cvs"`, want: `did you mean "csv"? [:1:27 cvs]`},
		"settings of another shape": {hook: 2, from: `"request": {`, to: `"request": 7, "x": {`, want: "is a number, expected an object [:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := newBench(t)
			a := &attempt{ID: tt.hook}
			if tt.text != "" {
				a.Text = &struct {
					Place string `json:"place"`
					Text  string `json:"text"`
				}{template, tt.text}
			} else {
				settings := strings.Replace(ask[openedHook](t, b, "hook", fmt.Sprintf(`{"id": %d}`, tt.hook)).Settings, tt.from, tt.to, 1)
				a.Edits = map[int64]edit{tt.hook: {Settings: &settings}}
			}
			o, err := b.try(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range o.Problems {
				got = append(got, shownProblem(o, p))
			}
			if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tt.want)
			}
		})
	}
}

func TestAHookShowsItsFilesAndRequests(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	o := ask[outcome](t, b, "try", `{"id": 1}`)
	if len(o.Problems) != 0 || len(o.Outputs) != 1 || o.Outputs[0].Text != "Nr,Betrag\n7 <b>,1.50\n7 <b>,2.50\n" ||
		o.Outputs[0].Title != "File csv" {
		t.Errorf("%+v", o)
	}
	// A template that was edited and not saved is what the next hook sends.
	settings := strings.Replace(o.Settings, "Nr,Betrag", "No,Amount", 1)
	edits, err := json.Marshal(map[string]any{"id": 2, "edits": map[string]any{"1": map[string]string{"settings": settings}}})
	if err != nil {
		t.Fatal(err)
	}
	o = ask[outcome](t, b, "try", string(edits))
	if len(o.Outputs) != 1 || o.Outputs[0].Kind != "request" || !strings.Contains(o.Outputs[0].Text, "POST https://erp.example/invoices\n") ||
		!strings.Contains(o.Outputs[0].Text, "No%2CAmount") {
		t.Errorf("%+v", o)
	}
}

func TestWhatIsSentComesBeforeWhatIsKeptAndTokensLast(t *testing.T) {
	t.Parallel()
	token := callOutput(
		&pipeline.CallReport{
			Method:  "POST",
			URL:     "https://erp.example/token",
			Request: &pipeline.MessageReport{Size: 9, Hidden: "it is a token request"},
		},
	)
	for _, o := range []struct {
		output
		want int
	}{{callOutput(&pipeline.CallReport{Method: "POST"}), 0}, {fileOutput(&pipeline.FileReport{Key: "a"}), 1}, {token, 2}} {
		if got := rank(o.output); got != o.want {
			t.Errorf("%s: %d, want %d", o.Title, got, o.want)
		}
	}
}

func TestAnErrorThatAHookShowsIsAProblemWithoutAPlace(t *testing.T) {
	t.Parallel()
	o := &outcome{}
	step := &pipeline.StepReport{
		Name:     "Evaluate",
		Status:   pipeline.StatusFailed,
		Messages: []string{"error: Submit: status 201", "info: it is there"},
	}
	o.take(&pipeline.Report{Steps: []*pipeline.StepReport{step}}, nil, &rossum.Hook{ID: 1, Name: "Evaluate"}, &sources{settings: "{}"})
	if len(o.Problems) != 1 || o.Problems[0] != (problem{Severity: "error", Message: "Submit: status 201"}) ||
		strings.Join(o.Notes, "|") != "info: it is there" {
		t.Errorf("%+v", o)
	}
}

func TestAHookRunsAloneWhereOthersAreAtFault(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	settings := `{"request": {"url": "https://erp.example", "methd": "PUT"}}`
	edits, err := json.Marshal(map[string]any{"id": 1, "edits": map[string]any{"2": map[string]string{"settings": settings}}})
	if err != nil {
		t.Fatal(err)
	}
	o := ask[outcome](t, b, "try", string(edits))
	if len(o.Outputs) != 1 || len(o.Problems) != 0 || o.Others[2] != 1 ||
		!strings.Contains(strings.Join(o.Notes, "\n"), "this hook was run alone") {
		t.Errorf("%+v", o)
	}
	if w := call(b, "POST", "/api/run", string(edits), nil); !strings.Contains(w.Body.String(), "unknown key (did you mean method?)") {
		t.Errorf("the chain: %s", w.Body)
	}
}

func TestATemplateThatNeverEndsIsEnded(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	settings := `{"export_configs": [{"export_reference_key": "csv", "file_content_template": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"}]}`
	o, err := b.try(ctx, &attempt{ID: 1, Edits: map[int64]edit{1: {Settings: &settings}}})
	if err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		return // before the first step
	}
	if len(o.Problems) == 0 || o.Problems[0].Severity != "error" {
		t.Errorf("%+v", o)
	}
}

func TestTheDataIsWhatTemplatesSee(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	for query, want := range map[string]string{
		"number":           "field.number=7 <b>|{{ field.number }}|@{number}",
		"lines[1] amount":  "field.lines[1].amount=2.50|{{ field.lines[1].amount }}|@{amount}",
		"LINES|length":     "field.lines|length=2|{{ field.lines|length }}|",
		"action":           "payload.action=export|{{ payload.action }}|",
		"canary":           "",
		"rossum_authoriza": "",
	} {
		f := ask[found](t, b, "data", `{"query": "`+query+`"}`)
		got := ""
		if f.Total > 0 {
			got = fmt.Sprintf("%s=%s|%s|%s", f.Data[0].Path, f.Data[0].Value, f.Data[0].Jinja, f.Data[0].JSON)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := member("field", "items") + member("x", "a b'c"); got != `field['items']x['a b\'c']` {
		t.Error(got)
	}
	if known := ask[struct{ Names map[string][]string }](t, b, "state", "{}").Names; strings.Join(known[""], " ") != "number lines" ||
		strings.Join(known["lines"], " ") != "amount" {
		t.Errorf("%v", known)
	}
}
