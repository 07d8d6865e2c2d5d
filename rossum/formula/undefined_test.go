package formula

import (
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestNamesThatNothingDefinesAreFoundBeforeTheFormulaIsComputed(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct{ err, warning string }{
		"totl + 1":                                         {err: "formula of f: name 'totl' is not defined"},
		"if field.a:\n    totl\nelse:\n    0":              {warning: "formula of f: name 'totl' is not defined"},
		"try:\n    totl\nexcept NameError:\n    0":         {},
		"try:\n    totl\nexcept Exception:\n    0":         {},
		"total = 1\ntotal":                                 {},
		"def f(x):\n    return y + x\ny = 1\nf(2)":         {},
		"[r for r in range(3)] and max(len('a'), 1)":       {},
		"from datetime import date\ndate.today()":          {},
		"class A:\n    x = 1\n    y = x\nA.y":              {},
		"try:\n    1\nexcept ValueError as e:\n    e":      {},
		"default_to(field.a, '') + f'{is_empty(field.a)}'": {},
	} {
		schema := &rossum.Schema{Content: []rossum.SchemaField{{Category: "section", ID: "s", Children: []rossum.SchemaField{
			{ID: "a", Category: "datapoint", Type: "string"},
			{ID: "f", Category: "datapoint", Type: "string", Formula: code},
		}}}}
		set, _ := Compile(schema) // the faults are those of the formulas
		var err, warning error
		for _, one := range set.Formulas() {
			err, warning = one.Err, errors.Join(one.Warnings...)
		}
		if got := text(err); got != want.err {
			t.Errorf("%q: error %q, want %q", code, got, want.err)
		}
		if got := text(warning); got != want.warning {
			t.Errorf("%q: warning %q, want %q", code, got, want.warning)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSpace(err.Error())
}
