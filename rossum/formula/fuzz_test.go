package formula_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// refused checks what is said of code that cannot run.
func refused(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, formula.ErrSyntax) && !errors.Is(err, formula.ErrUnsupported) && !errors.Is(err, formula.ErrNoHandler) {
		t.Errorf("%v is of no kind", err)
	}
	if err.Error() == "" {
		t.Error("an error says nothing")
	}
}

// FuzzCondition evaluates any condition, twice with the same result, and changes nothing.
func FuzzCondition(f *testing.F) {
	for _, c := range fuzzing.Rows[struct{ Condition string }](f, "rossum/formula/testdata/conditions.jsonl") {
		f.Add(c.Condition)
	}
	p := conditionPayload()
	f.Fuzz(func(t *testing.T, text string) {
		c, err := formula.CompileCondition(text)
		if err != nil {
			refused(t, err)
			return
		}
		holds, err := c.Holds(t.Context(), p, formula.ConditionOptions{})
		if operations := p.Annotation.Content.Operations(); len(operations) > 0 {
			t.Fatalf("the condition has written: %v", operations)
		}
		if strings.Contains(text, "now") || strings.Contains(text, "today") || strings.Contains(text, "id(") {
			return
		}
		if again, _ := c.Holds(t.Context(), p, formula.ConditionOptions{}); err == nil && again != holds {
			t.Errorf("%q holds or not: %t, %t", text, holds, again)
		}
	})
}

// FuzzFunction runs the code of a function hook.
func FuzzFunction(f *testing.F) {
	for _, code := range fuzzing.Files(f, "rossum/formula/testdata/function.py", "examples/organisation/*/*/hooks/*.py") {
		f.Add(string(code))
	}
	f.Add(
		"from rossum_python import RossumPython\ndef rossum_hook_request_handler(payload):\n    t = RossumPython.from_payload(payload)\n    t.field.status = 'x'\n    t.show_info('y')\n    return t.hook_response()\n",
	)
	body, err := os.ReadFile("../native/testdata/golden/01_invoice/payload.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, code string) {
		fn, err := formula.CompileFunction(code)
		if err != nil {
			refused(t, err)
			return
		}
		p, err := rossum.ParsePayload(body)
		if err != nil {
			t.Fatal(err)
		}
		_ = fn.Run(t.Context(), p, formula.FunctionOptions{Show: func(rossum.Message) {}})
		if _, err := json.Marshal(p.Annotation.Content.Operations()); err != nil {
			t.Error(err)
		}
	})
}

// FuzzFormulas computes the formula of a field.
func FuzzFormulas(f *testing.F) {
	data, err := os.ReadFile("testdata/formulas.json")
	if err != nil {
		f.Fatal(err)
	}
	var rows []struct{ Code string }
	if err := json.Unmarshal(data, &rows); err != nil {
		f.Fatal(err)
	}
	for _, r := range rows {
		f.Add(r.Code)
	}
	for _, code := range fuzzing.Files(f, "examples/organisation/*/*/workspaces/*/queues/*/formulas/*.py") {
		f.Add(string(code))
	}
	p := conditionPayload()
	f.Fuzz(func(t *testing.T, code string) {
		schema := &rossum.Schema{Content: rossum.SchemaChildren{{ID: "s", Category: "section", Children: rossum.SchemaChildren{
			{ID: "empty", Category: "datapoint", Type: "string", Formula: code},
			{ID: "amount", Category: "datapoint", Type: "number"},
			{
				ID:       "items",
				Category: "multivalue",
				Children: rossum.SchemaChildren{
					{ID: "item", Category: "tuple", Children: rossum.SchemaChildren{{ID: "qty", Category: "datapoint", Type: "number"}}},
				},
			},
		}}}}
		set, err := formula.Compile(schema)
		if err != nil {
			return // the texts of exceptions are Python's, which code can read
		}
		_, err = set.Run(context.WithoutCancel(t.Context()), p.Annotation.Content, nil, formula.Options{})
		var fault *formula.Error
		if err != nil && !errors.As(err, &fault) {
			t.Errorf("%v", err)
		}
	})
}
