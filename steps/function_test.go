package steps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// evaluator is written as evaluators of exports are.
const evaluator = `
from rossum_python import RossumPython, is_empty, default_to

ACCEPTED = ("200", "201")

def check(r, label, status, body):
    if is_empty(status):
        r.show_error(f"{label}: the call was not answered", r.field.status)
        return False
    if str(status) not in ACCEPTED:
        try:
            errors = json.loads(body)["errors"]
            for key, texts in errors.items():
                for text in texts:
                    r.show_error(f"{label} ({key}): {text}")
        except (ValueError, KeyError):
            r.show_error(label + ": unhandled error")
        return False
    return True

def rossum_hook_request_handler(payload: dict) -> dict:
    r = RossumPython.from_payload(payload)
    if check(r, "Create", r.field.status, r.field.body):
        r.show_info("Exported on " + date.today().strftime("%d.%m.%Y"))
        r.field.result = "ok"
        r.field.total = r.field.total * 2
    for row in r.field.line_items:
        if row.quantity < 0:
            r.show_warning("negative", row.quantity)
    return r.hook_response()
`

func functionCall(status, body string) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("status", status),
		rossumtest.Field("body", body),
		rossumtest.Field("result", ""),
		rossumtest.Number("total", "5", "5"),
		rossumtest.Table(
			"line_items",
			rossumtest.Row().Typed("quantity", rossumtest.Value{Text: "-1", Normalized: "-1", Type: "number"}),
		),
		rossumtest.Offline(),
	)
}

func runFunction(t *testing.T, code string, c *rossumtest.Call) (*rossum.Response, error) {
	t.Helper()
	chain, err := pipeline.New(&steps.Function{Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return chain.Export(t.Context(), c.Payload())
}

func texts(r *rossum.Response) string {
	var out []string
	for _, m := range r.Messages {
		out = append(out, string(m.Type)+": "+m.Content)
	}
	return strings.Join(out, "\n")
}

// What shows a message is a value like any other, and finds the field all the same.
func TestAFunctionChoosesHowToShowAMessage(t *testing.T) {
	t.Parallel()
	code := `
import json
from txscript import TxScript, show_info

def body_of(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text

def judge(t, status, text, fatal):
    if int(status) < 300:
        return
    tell = t.show_error if fatal else t.show_warning
    body = body_of(text)
    found = body.get("errors", [{}])[0] if isinstance(body, dict) else None
    for place, reasons in (found or {"reply": ["it cannot be read"]}).items():
        for reason in reasons:
            tell(place + ": " + reason.strip(), t.field.status)

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    judge(t, t.field.status, t.field.body, False)
    (t.show_error if t.field.total > 1 else t.show_info)("total", t.field.total)
    show_info("seen")
    return t.hook_response()
`
	for body, want := range map[string]string{
		`{"errors": [{"lines": [" too few ", "no tax"]}]}`: "warning: lines: too few\nwarning: lines: no tax\nerror: total\ninfo: seen",
		"<html>": "warning: reply: it cannot be read\nerror: total\ninfo: seen",
	} {
		c := functionCall("422", body)
		r, err := runFunction(t, code, c)
		if err != nil {
			t.Fatal(err)
		}
		content := c.Payload().Annotation.Content
		if got := texts(r); got != want || r.Messages[0].ID != content.Find("status")[0].ID() ||
			r.Messages[len(r.Messages)-2].ID != content.Find("total")[0].ID() {
			t.Errorf("%s\ngot %s, %+v", body, got, r.Messages)
		}
	}
}

// A field that was given to a function is still the place of a message.
func TestAFunctionPassesFieldsOnToItsOwnFunctions(t *testing.T) {
	t.Parallel()
	c := functionCall("500", "")
	r, err := runFunction(t, `
def complain(t, field, text):
    t.show_error(f"{text}: {field}", field)

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    complain(t, t.field.status, "status")
    for row in t.field.line_items:
        quantity = row.quantity
        if quantity < 0:
            complain(t, quantity, "quantity")
    return t.hook_response()
`, c)
	if err != nil || len(r.Messages) != 2 {
		t.Fatalf("%v, %v", r, err)
	}
	content := c.Payload().Annotation.Content
	for i, id := range []string{"status", "quantity"} {
		if want := content.Find(id)[0].ID(); r.Messages[i].ID != want {
			t.Errorf("the message %q is at %d, want %s, %d", r.Messages[i].Content, r.Messages[i].ID, id, want)
		}
	}
}

func TestAFunctionWritesRows(t *testing.T) {
	t.Parallel()
	code := `
def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    groups = {}
    for row in t.field.lines:
        row.net = row.quantity * 2
        groups.setdefault(row.code, []).append(row.net)
    t.field.groups = [{"group": "none"}]
    t.field.groups = []
    for code, values in groups.items():
        t.field.groups.append({"group": code, "sum": sum(values)})
    t.show_info(str([(r.group, r.sum) for r in t.field.groups]) + str(t.field.net.all_values))
    return t.hook_response()
`
	number := func(text string) rossumtest.Value {
		return rossumtest.Value{Text: text, Normalized: text, Type: "number"}
	}
	line := func(code, quantity string) rossumtest.TableRow {
		return rossumtest.Row("code", code).Typed("quantity", number(quantity)).Typed("net", number(""))
	}
	c := rossumtest.Annotation(
		rossumtest.Table("lines", line("a", "1"), line("b", "2"), line("a", "3")),
		rossumtest.Table("groups", rossumtest.Row("group", "old").Typed("sum", number("9"))), rossumtest.Offline(),
	)
	r, err := runFunction(t, "from txscript import TxScript\n"+code, c)
	if err != nil {
		t.Fatal(err)
	}
	ops := ""
	for _, o := range r.Operations {
		ops += string(o.Op) + " "
	}
	if got, want := texts(r), "info: [('a', 8.0), ('b', 4.0)][2.0, 4.0, 6.0]"; got != want || strings.Count(ops, "replace") != 3 ||
		strings.Count(ops, "remove") != 1 ||
		strings.Count(ops, "add") != 2 {
		t.Errorf("got %s, operations %s", got, ops)
	}
}

func TestAFunctionReadsTheOptionsThatItWrote(t *testing.T) {
	t.Parallel()
	r, err := runFunction(t, `
def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    t.field.status.attr.options = [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]
    t.show_info(f"{len(t.field.status.attr.options)} {t.field.status.attr.options[1]['label']}")
    t.field.status.attr.options = [o for o in t.field.status.attr.options if o.value == "b"]
    t.show_info(f"{len(t.field.status.attr.options)} {t.field.status.attr.options[0]['label']}")
    return t.hook_response()

from txscript import TxScript
`, functionCall("", ""))
	if err != nil || texts(r) != "info: 2 B\ninfo: 1 B" {
		t.Errorf("%v, %s", err, texts(r))
	}
}

func TestAnEvaluatorFunctionRunsAsItIs(t *testing.T) {
	t.Parallel()
	for status, tt := range map[string]struct{ body, want string }{
		"":    {"", "error: Create: the call was not answered\nwarning: negative"},
		"422": {`{"errors": {"number": ["is taken", "is old"]}}`, "error: Create (number): is taken\nerror: Create (number): is old\nwarning: negative"},
		"500": {"<html>", "error: Create: unhandled error\nwarning: negative"},
	} {
		r, err := runFunction(t, evaluator, functionCall(status, tt.body))
		if err != nil || texts(r) != tt.want || len(r.Operations) != 0 {
			t.Errorf("status %q: %v\n%s\n%+v", status, err, texts(r), r.Operations)
		}
	}
	r, err := runFunction(t, evaluator, functionCall("201", "{}"))
	if err != nil || !strings.HasPrefix(texts(r), "info: Exported on ") || len(r.Operations) != 2 ||
		!strings.Contains(string(r.Operations[1].Value), `"10"`) {
		t.Errorf("%v\n%s\n%+v", err, texts(r), r.Operations)
	}
}

func TestAFunctionMayAnswerWithADict(t *testing.T) {
	t.Parallel()
	const code = `
def rossum_hook_request_handler(payload):
    content = payload["annotation"]["content"]
    section = content[0]
    field = [c for c in section["children"] if c["schema_id"] == "result"][0]
    assert payload["secrets"] == {"password": "hunter2-hunter2"} and payload.get("rossum_authorization_token") is None
    return {
        "messages": [{"type": "warning", "content": "id %d of %s" % (payload["annotation"]["id"], payload["event"])}],
        "operations": [{"op": "replace", "id": field["id"], "value": {"content": {"value": "done"}}}],
    }
`
	c := functionCall("201", "").With(rossumtest.Secret("password", "hunter2-hunter2"))
	r, err := runFunction(t, code, c)
	if err != nil || texts(r) != "warning: id 314528 of annotation_content" || len(r.Operations) != 1 {
		t.Errorf("%v %s %+v", err, texts(r), r.Operations)
	}
}

func TestWhatAFunctionDoesWrongFailsTheExport(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"an exception":       {"    return 1 / 0", "step function, config.code: line 2: ZeroDivisionError: division by zero"},
		"an answer":          {"    return 'text'", "the function returned a str"},
		"an unknown field":   {"    TxScript.from_payload(payload).field.nope = 1", "there is no field nope that can be written"},
		"an operation":       {"    return {'operations': [{'op': 'replace', 'id': 1}]}", "no such node"},
		"a loop without end": {"    while True: pass", "more than"},
		"a list for a field": {"    TxScript.from_payload(payload).field.result = [1]", "writing the field result"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runFunction(t, "from txscript import TxScript\ndef rossum_hook_request_handler(payload):\n"+tt.body, functionCall("", ""))
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "line 3", "line 2"), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestFunctionHooksOutsideOfTheLanguageNeedAStep(t *testing.T) {
	t.Parallel()
	r := &organisation.Registry{}
	steps.Register(r, steps.RegisterOptions{})
	hook := func(code string) *rossum.Hook {
		return &rossum.Hook{
			ID:     7,
			Name:   "Notify",
			Type:   "function",
			Active: true,
			Events: []string{"annotation_content.export"},
			Config: rossum.HookConfig{Code: code},
		}
	}
	for code, want := range map[string]string{
		"import requests\n": `hook "Notify" (id 7): config.code: function hook without a step: outside of the supported language: line 1: the module requests is not supported in formulas, and in functions only if the program allows it (steps.Function.HTTP, FunctionsMaySend in steps.RegisterOptions); register a step in Go with Registry.Function("Notify", …)`,
		"x = 1":             "the code does not define rossum_hook_request_handler; register a step in Go",
	} {
		_, err := organisation.FromHooks([]*rossum.Hook{hook(code)}, r, organisation.Options{})
		if !errors.Is(err, organisation.ErrNoFunction) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", code, err, want)
		}
	}
	if _, err := organisation.FromHooks([]*rossum.Hook{hook("import requests\n")}, r, organisation.Options{}); !errors.Is(
		err,
		formula.ErrUnsupported,
	) ||
		!strings.Contains(err.Error(), "line 1: the module requests is not supported") {
		t.Errorf("got %v", err)
	}
	if _, err := organisation.FromHooks([]*rossum.Hook{hook("def f(:")}, r, organisation.Options{}); !errors.Is(err, formula.ErrSyntax) {
		t.Errorf("got %v", err)
	}
	chain, err := organisation.FromHooks([]*rossum.Hook{hook(evaluator)}, r, organisation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := chain.Export(t.Context(), functionCall("", "").Payload()); err != nil || !answer.Failed() {
		t.Errorf("%v %+v", err, answer)
	}
}

func TestAFunctionPassesTheSuite(t *testing.T) {
	step := &steps.Function{Code: evaluator}
	if err := step.Validate(); err != nil {
		t.Fatal(err)
	}
	pipelinetest.TestStep(
		t,
		step,
		pipelinetest.Case{Name: "passes", Call: functionCall("201", "")},
		pipelinetest.Case{Name: "fails", Call: functionCall("500", ""), Fails: true},
	)
}

func ExampleFunction() {
	chain, err := pipeline.New(&steps.Function{Code: `
from txscript import TxScript, is_empty

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    if is_empty(t.field.erp_id):
        t.show_error("The ERP has not taken the invoice.", t.field.erp_id)
    return t.hook_response()
`})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := chain.Export(context.Background(), rossumtest.Annotation(rossumtest.Field("erp_id", ""), rossumtest.Offline()).Payload())
	fmt.Println(answer.Messages[0].Content, err)
	// Output: The ERP has not taken the invoice. <nil>
}

// rossumsEvaluator is written as Rossum's export evaluator is.
const rossumsEvaluator = `
from rossum_python import RossumPython

def rossum_hook_request_handler(payload):
    r = RossumPython.from_payload(payload)
    if eval(payload["settings"]["condition"]):
        raise Exception("Draft invoice not created.")
    return r.hook_response()
`

func TestRossumsEvaluatorRunsAsAFunction(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"r.field.status != '201'":                                        "",
		"r.field.status == '201'":                                        "Exception: Draft invoice not created.",
		"r.field.status == '201' and not r.field.body":                   "",
		"any(row.quantity < 0 for row in r.field.line_items)":            "Exception: Draft invoice not created.",
		"payload['settings']['condition'].endswith('x')  # endswith('x'": "",
		"r.field.nowhere":                                                "AttributeError: Field 'nowhere' is not defined",
		"q.field.status":                                                 "NameError: name 'q' is not defined",
	} {
		r, err := runFunction(t, rossumsEvaluator, functionCall("201", "{}").With(rossumtest.Settings(map[string]any{"condition": condition})))
		switch {
		case want == "" && (err != nil || r.Failed()):
			t.Errorf("%s: %v, %s", condition, err, texts(r))
		case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want) || !strings.Contains(texts(r), want)):
			t.Errorf("%s: %v, %s, want %s", condition, err, texts(r), want)
		}
	}
}

func TestAFieldThatTheConditionOfRossumsEvaluatorLacksIsFoundBeforeTheRun(t *testing.T) {
	t.Parallel()
	const named = `field "statuss": no such field in the annotation; did you mean "status"?`
	guarded := strings.Replace(rossumsEvaluator, "    if eval", "    if not r.field.body:\n        return\n    if eval", 1)
	for name, tt := range map[string]struct{ code, condition, severity string }{
		"misspelt":                {rossumsEvaluator, "r.field.statuss != '201'", "error"},
		"read only sometimes":     {rossumsEvaluator, "r.field.body and r.field.statuss != '201'", "warning"},
		"after a return":          {guarded, "r.field.statuss != '201'", "warning"},
		"in a try":                {strings.Replace(rossumsEvaluator, "    if eval", "    try:\n        x = 1\n    except Exception:\n        pass\n    if eval", 1), "r.field.statuss", "warning"},
		"in another function":     {rossumsEvaluator + "\ndef other(payload):\n    return eval(payload['settings']['other'])\n", "r.field.status", ""},
		"of a variable of theirs": {strings.ReplaceAll(rossumsEvaluator, "r =", "q ="), "q.field.statuss", ""},
		"right":                   {rossumsEvaluator, "r.field.status != '201'", ""},
	} {
		registry := &organisation.Registry{}
		steps.Register(registry, steps.RegisterOptions{})
		settings, _ := json.Marshal(map[string]string{"condition": tt.condition, "other": "r.field.statuss"})
		hook := &rossum.Hook{
			ID:       7,
			Name:     "Evaluator",
			Type:     "function",
			Active:   true,
			Events:   []string{"annotation_content.export"},
			Settings: settings,
		}
		hook.Config.Code = tt.code
		chain, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		schema, err := functionCall("201", "{}").Payload().Schema()
		if err != nil {
			t.Fatal(err)
		}
		found := chain.Check(schema)
		if name == "in another function" {
			if len(found) != 1 || found[0].Severity != pipeline.SeverityWarning || found[0].Place != "settings.other" {
				t.Errorf("%s: %v", name, found)
			}
			continue
		}
		if tt.severity == "" && len(found) != 0 || tt.severity != "" && (len(found) != 1 || string(found[0].Severity) != tt.severity ||
			!strings.Contains(found[0].Error(), named) || !strings.Contains(found[0].Error(), "settings.condition")) {
			t.Errorf("%s: %v, want %s", name, found, tt.severity)
		}
	}
}

func TestAFunctionSeesItsSettingsAndSecrets(t *testing.T) {
	t.Parallel()
	const code = `
from txscript import TxScript

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    accepted = payload.get("settings", {}).get("accepted")
    if accepted and t.field.status not in accepted:
        t.show_error(f"The call was answered with {t.field.status}.")
    if payload["secrets"].get("key") != "hunter2-hunter2":
        t.show_error("no key")
    return t.hook_response()
`
	call := functionCall(
		"500",
		"",
	).With(rossumtest.Settings(map[string]any{"accepted": []string{"200", "201"}}), rossumtest.Secret("key", "hunter2-hunter2"))
	if r, err := runFunction(t, code, call); err != nil || texts(r) != "error: The call was answered with 500." {
		t.Errorf("%v, %s", err, texts(r))
	}
	// A run may set them for the hook.
	own := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Payload.Settings, x.Payload.Secrets = json.RawMessage(`{"accepted": ["500"]}`), rossum.Secrets{"key": "hunter2-hunter2"}
		return nil
	})
	chain, err := pipeline.New(own, &steps.Function{Code: code})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := chain.Export(t.Context(), functionCall("500", "").Payload()); err != nil || texts(r) != "" {
		t.Errorf("%v, %s", err, texts(r))
	}
}

func TestATextThatAFunctionEvaluatesIsCheckedWhenTheChainIsBuilt(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`{"condition": "r.field.status = '201'"}`: "settings.condition: invalid syntax: line 1", `{"condition": "r.field.status != '201'"}`: "", `{}`: "", `{"condition": 5}`: "",
	} {
		hook := &rossum.Hook{
			ID:       7,
			Name:     "Evaluator",
			Type:     "function",
			Active:   true,
			Events:   []string{"annotation_content.export"},
			Settings: json.RawMessage(settings),
		}
		hook.Config.Code = rossumsEvaluator
		registry := &organisation.Registry{}
		steps.Register(registry, steps.RegisterOptions{})
		_, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", settings, err, want)
		}
	}
}

// A value that holds another one twice, which holds another one twice, is small in a function, and
// would be without an end as a text or JSON: what leaves the function is counted as well.
func TestWhatLeavesAFunctionIsCounted(t *testing.T) {
	t.Parallel()
	answers := []string{"return {'messages': a}", "return {'operations': [a]}", "return {'x': a}"}
	others := []string{
		"return {'messages': [{'type': 'info', 'content': a}]}", "r.show_info(a)", "r.automation_blocker(a)", "r.field.status = a",
		"r.field.status.attr.options = a", "raise ValueError(a)", "raise KeyError(a)", "assert False, a",
	}
	for head, bodies := range map[string][]string{
		"a = [1]\nfor _ in range(60): a = [a, a]": append(others, answers...), "a = {}\nfor _ in range(60): a = {'a': a, 'b': a}": answers,
		"a = ['x' * 1000000] * 1000": answers[:1],
	} {
		for _, body := range bodies {
			code := "from rossum_python import RossumPython\n" + head +
				"\ndef rossum_hook_request_handler(payload):\n    r = RossumPython.from_payload(payload)\n    " + body + "\n    return r.hook_response()\n"
			_, err := runFunction(t, code, functionCall("200", "x").With(rossumtest.Offline()))
			if err == nil || len(err.Error()) > 100_000 {
				t.Errorf("%s: %s: %.300v", head, body, err)
			}
		}
	}
}
