package formula_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func conditionPayload() *rossum.Payload {
	row := func(code, quantity, price string) rossumtest.TableRow {
		return rossumtest.Row("code", code).Typed("qty", number(quantity)).Typed("price", number(price))
	}
	return rossumtest.Annotation(
		rossumtest.Field(
			"status",
			"201",
		),
		rossumtest.Field("other", "404"),
		rossumtest.Field("message", "Created"),
		rossumtest.Field("empty", ""),
		rossumtest.Field("vendor", "Müller GmbH"),
		rossumtest.Field("code", "00123"),
		rossumtest.Number("amount", "999.5", "999.5"),
		rossumtest.Number(
			"negative",
			"-7",
			"-7",
		),
		rossumtest.FieldValue("nothing", rossumtest.Value{Type: "number"}),
		rossumtest.Date("issued", "20. 11. 2026", "2026-11-20"),
		rossumtest.Table("items", row("A", "2", "1.5"), row("B", "10", "0.1")),
	).Payload()
}

// Expectations come from CPython: see testdata/conditions_oracle.py.
func TestConditionsDoWhatCPythonDoes(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/conditions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	p := conditionPayload()
	schema, err := p.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var want struct {
			Condition, Error string
			Value            bool
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got, class := false, ""
		c, err := formula.CompileCondition(want.Condition)
		switch {
		case err != nil && strings.Contains(err.Error(), "is not defined"):
			class = "NameError" // found when it is compiled
		case err != nil && strings.Contains(err.Error(), "has no attribute"):
			class = "AttributeError"
		case errors.Is(err, formula.ErrSyntax):
			class = "SyntaxError"
		case err != nil:
			class = err.Error()
		default:
			var raised *pyvalue.Error
			if got, err = c.Holds(t.Context(), p, formula.ConditionOptions{Schema: schema}); errors.As(err, &raised) {
				class = raised.Type
			} else if err != nil {
				class = err.Error()
			}
		}
		if got != want.Value || class != want.Error {
			t.Errorf("%s: got %v %s, want %v %s", want.Condition, got, class, want.Value, want.Error)
		}
	}
}

func TestWhatCannotBeIsFoundWhenAConditionIsCompiled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nil == None":                  "name 'nil' is not defined",
		"fields.status == '201'":       "name 'fields' is not defined (did you mean field?)",
		"r.status == '201'":            "'r' has no attribute 'status' (it has field, payload,",
		"field.status.starts('2')":     "the value of field.status has no attribute 'starts'",
		"r.field.status.length == 3":   "the value of field.status has no attribute 'length'",
		"'x'.contains('y')":            "'str' object has no attribute 'contains'",
		"open('/etc/passwd')":          "open is not supported",
		"__import__('os')":             "__import__ is not supported",
		"field.status == '201' and":    "invalid syntax",
		"":                             "there is no expression",
		"True; False":                  "invalid syntax",
		"[i.code for i in field.items": "line 1",
	} {
		_, err := formula.CompileCondition(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{
		"[x for x in field.items if x.code]", "(lambda v, *a, **k: v)(1)", "(y := 5) and y", "field.status.lower()", "payload['annotation']['id']", "r.payload", "annotation.id",
	} {
		if _, err := formula.CompileCondition(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAConditionTellsWhatItReads(t *testing.T) {
	t.Parallel()
	c, err := formula.CompileCondition("r.field.a == '1' and field.b and hasattr(field, 'c') and r.field.c")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Reads(), " "); got != "a b" {
		t.Errorf("reads %s", got)
	}
	if got := strings.Join(c.Needs(), " "); got != "a" {
		t.Errorf("needs %s", got)
	}
}

func TestAConditionSeesThePayloadWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	p := conditionPayload()
	p.Secrets, p.Settings, p.Token = rossum.Secrets{"key": "hidden"}, json.RawMessage(`{"limit": 5}`), "token"
	for text, want := range map[string]bool{
		"payload['settings']['limit'] == 5": true, "'secrets' in payload": false, "'rossum_authorization_token' in payload": false, "r.payload == payload": true,
		"payload['annotation']['content'][0]['category'] == 'section'": true, "payload.get('nothing') is None": true, "isinstance(payload, dict)": true,
	} {
		c, err := formula.CompileCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Holds(t.Context(), p, formula.ConditionOptions{}); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	c, err := formula.CompileCondition("setattr(field, 'status', 'x') or True")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Holds(t.Context(), p, formula.ConditionOptions{}); err == nil || p.Annotation.Content.Find("status")[0].Value() != "201" {
		t.Errorf("a condition wrote a field: %v", err)
	}
}
