package jinja

import (
	"context"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Expression is a compiled expression, as Jinja2's compile_expression makes one. It
// may be evaluated by several goroutines.
type Expression struct {
	t *Template
	e expr
}

// CompileExpression compiles what may stand between {{ and }}. The error is an
// [*Error] with Type TemplateSyntaxError.
func CompileExpression(source string, o Options) (*Expression, error) {
	const before = "{{ "
	t, err := Compile("expression", before+source+" }}", o)
	if err != nil {
		return nil, err
	}
	list, err := parse(t.source)
	if err != nil {
		return nil, t.syntax(err)
	}
	if len(list) != 1 {
		return nil, t.error("TemplateSyntaxError", len(before), "one expression is expected", nil)
	}
	printed, ok := list[0].(output)
	if !ok || len(printed.exprs) != 1 {
		return nil, t.error("TemplateSyntaxError", len(before), "one expression is expected", nil)
	}
	root := &scope{fn: t.fn, slots: make(map[string]int), isRoot: true}
	root.analyse(list)
	c := &compiler{t: t, scope: root}
	e, err := c.expr(printed.exprs[0].expr)
	if err != nil {
		return nil, t.syntax(err)
	}
	return &Expression{t, e}, nil
}

// Names lists the variables that the expression may read from outside.
func (x *Expression) Names() []string { return slices.Clone(x.t.names) }

// Eval returns the expression's value, with its type. The error is as that of
// [Template.Render]; a result that is undefined is an UndefinedError.
func (x *Expression) Eval(ctx context.Context, vars map[string]pyvalue.Value, limits Limits) (pyvalue.Value, error) {
	limits = limits.withDefaults()
	s := &state{t: x.t, limits: limits, context: make([]value, len(x.t.names)), near: make([]int, x.t.sites)}
	s.meter = pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: limits.Steps, ValueBytes: limits.ValueBytes, TotalBytes: limits.TotalBytes})
	for i, name := range x.t.names {
		v, ok := vars[name]
		if !ok {
			v = missing
		}
		s.context[i] = v
	}
	v, err := x.e(s.newFrame(x.t.fn.size, nil))
	if err != nil {
		return v, x.t.at(0, err)
	}
	if v.IsUndefined() {
		return v, x.t.error("UndefinedError", 0, v.Hint(), nil)
	}
	return v, nil
}
