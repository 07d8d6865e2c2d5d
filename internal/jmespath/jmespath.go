// Package jmespath evaluates JMESPath expressions (https://jmespath.org) on
// Python's values, with the results of Python's jmespath 1.0: integers of any
// size, members in their order, numbers that remember how the document spelt
// them. The document is never changed.
//
// Public libraries lose integers above 2^53, change the caller's document, or
// panic on some expressions; the language is small.
package jmespath

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type value = pyvalue.Value

// Expression is a compiled expression. It may be used by several goroutines.
type Expression struct {
	eval   evaluator
	shares bool // what it makes may hold one value many times over
}

// evaluator is a compiled part of an expression.
type evaluator func(r *run, v value) (value, error)

// run is one search.
type run struct {
	meter *pyvalue.Meter
	parts bool // the document is a part of a reply, and so may be what is found in it
}

// whole returns a value without parts of the reply in it.
func (r *run) whole(v value) (value, error) {
	if !r.parts {
		return v, nil
	}
	return pyvalue.Whole(r.meter, v)
}

// opened returns a part of the reply as a list or dict, whose own are parts still.
func (r *run) opened(v value) (value, error) {
	if p, ok := v.Part(); ok {
		return p.Open(r.meter)
	}
	return v, nil
}

// Limits of a search.
const (
	maxSteps  = 20_000_000
	maxBytes  = 256 << 20
	maxNested = 200 // levels of an expression
)

// Error says where an expression is wrong.
type Error struct {
	Expression string
	Offset     int // in bytes, from 0
	Msg        string
}

func (e *Error) Error() string {
	return fmt.Sprintf("JMESPath %q: %s at character %d", e.Expression, e.Msg, e.Offset+1)
}

// Compile compiles an expression. Unknown functions and wrong numbers of
// arguments are found here, too. The error is an [*Error].
func Compile(expression string) (*Expression, error) {
	tokens, err := tokenize(expression)
	if err != nil {
		return nil, err
	}
	p := &parser{expression: expression, tokens: tokens}
	eval, err := p.expression_(0)
	if err == nil && p.cur().kind != tokEOF {
		err = p.fail(p.cur(), "unexpected "+p.cur().describe())
	}
	if err != nil {
		return nil, err
	}
	return &Expression{eval, p.made > 1}, nil
}

// Search returns what the expression finds in v; None if it finds nothing. The
// error is an [*pyvalue.Error] for an argument of the wrong type, or wraps
// [pyvalue.ErrLimit] or the context's error.
func (e *Expression) Search(ctx context.Context, v pyvalue.Value) (pyvalue.Value, error) {
	if err := ctx.Err(); err != nil {
		return pyvalue.None(), err
	}
	return e.SearchWith(pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxBytes}), v)
}

// SearchWith is [Expression.Search] within the budgets of another run.
func (e *Expression) SearchWith(m *pyvalue.Meter, v pyvalue.Value) (pyvalue.Value, error) {
	r := &run{meter: m}
	_, r.parts = v.Part()
	found, err := e.eval(r, v)
	if err == nil {
		found, err = r.whole(found)
	}
	if err == nil && e.shares {
		err = r.weigh(found)
	}
	return found, err
}

// weigh counts all that is in a value, as often as it is in it: those who print or send it go
// through it as through a tree, and [@,@] of [@,@] of [@,@] has more in it than it takes itself.
func (r *run) weigh(v value) error {
	if err := r.meter.Step(1); err != nil {
		return err
	}
	if err := r.meter.Grow(int64(len(v.Text()) + len(v.Data()))); err != nil {
		return err
	}
	items, _ := v.Items()
	for _, item := range items {
		if err := r.weigh(item); err != nil {
			return err
		}
	}
	if v.Dict() != nil {
		for _, item := range v.Dict().All() {
			if err := r.weigh(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func identity(_ *run, v value) (value, error) { return v, nil }

func constant(c value) evaluator { return func(*run, value) (value, error) { return c, nil } }

func field(name string) evaluator {
	return func(r *run, v value) (value, error) {
		if err := r.meter.Step(1); err != nil {
			return value{}, err
		}
		if d := v.Dict(); d != nil {
			found, _ := d.GetStr(name)
			return found, nil
		}
		if p, ok := v.Part(); ok {
			found, _, err := p.Member(r.meter, name)
			return found, err
		}
		return value{}, nil
	}
}

func sub(left, right evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := left(r, v)
		if err != nil {
			return v, err
		}
		return right(r, v)
	}
}

// isFalse is JMESPath's falsehood: 0 is true.
func isFalse(v value) bool {
	switch v.Kind() {
	case pyvalue.KindNone:
		return true
	case pyvalue.KindBool, pyvalue.KindStr, pyvalue.KindList, pyvalue.KindDict:
		return !pyvalue.Truth(v)
	}
	p, ok := v.Part()
	return ok && p.IsEmpty()
}

func list(v value) ([]value, bool) {
	if l := v.List(); l != nil {
		return l.Items, true
	}
	return nil, false
}

// list returns the items of a list, and whether it is one.
func (r *run) list(v value) ([]value, bool, error) {
	if p, ok := v.Part(); ok && p.IsList() {
		opened, err := p.Open(r.meter)
		return opened.List().Items, true, err
	}
	items, ok := list(v)
	return items, ok, nil
}

// each calls f with the items of a list, and reports whether it is one. Those of a reply are
// made one at a time.
func (r *run) each(v value, f func(item value) error) (bool, error) {
	if p, ok := v.Part(); ok && p.IsList() {
		return true, p.Each(r.meter, f)
	}
	items, ok := list(v)
	for _, item := range items {
		if err := f(item); err != nil {
			return ok, err
		}
	}
	return ok, nil
}

// kept is a list that a projection makes.
type kept struct {
	run   *run
	items []value
}

// add keeps what right makes of an item, unless it is None.
func (k *kept) add(item value, right evaluator) error {
	v, err := right(k.run, item)
	if err != nil || v.IsNone() {
		return err
	}
	const bytesOfItem = 24
	k.items = append(k.items, v)
	return k.run.meter.Grow(bytesOfItem)
}

func (k *kept) value() value {
	if k.items == nil {
		k.items = []value{}
	}
	return pyvalue.NewList(k.items...)
}

func projection(left, right evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := left(r, v)
		if err != nil {
			return v, err
		}
		k := &kept{run: r}
		ok, err := r.each(v, func(item value) error { return k.add(item, right) })
		if !ok || err != nil {
			return value{}, err
		}
		return k.value(), nil
	}
}

func valueProjection(left, right evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := left(r, v)
		if err == nil {
			v, err = r.opened(v)
		}
		if err != nil || v.Dict() == nil {
			return value{}, err
		}
		k := &kept{run: r}
		for _, item := range v.Dict().All() {
			if err := k.add(item, right); err != nil {
				return value{}, err
			}
		}
		return k.value(), nil
	}
}

func filterProjection(left, right, condition evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := left(r, v)
		if err != nil {
			return v, err
		}
		k := &kept{run: r}
		ok, err := r.each(v, func(item value) error {
			c, err := condition(r, item)
			if err != nil || isFalse(c) {
				return err
			}
			return k.add(item, right)
		})
		if !ok || err != nil {
			return value{}, err
		}
		return k.value(), nil
	}
}

func flatten(left evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := left(r, v)
		if err != nil {
			return v, err
		}
		items, ok, err := r.list(v)
		if !ok || err != nil {
			return value{}, err
		}
		var flat []value
		for _, item := range items {
			inner, ok, err := r.list(item)
			if err != nil {
				return value{}, err
			}
			if !ok {
				inner = []value{item}
			}
			if err := r.growItems(len(inner)); err != nil {
				return value{}, err
			}
			flat = append(flat, inner...)
		}
		return pyvalue.NewList(flat...), nil
	}
}

func index(i int64) evaluator {
	return func(r *run, v value) (value, error) {
		if p, ok := v.Part(); ok {
			found, _, err := p.Index(r.meter, i)
			return found, err
		}
		items, _ := list(v)
		at := i
		if at < 0 {
			at += int64(len(items))
		}
		if at < 0 || at >= int64(len(items)) {
			return value{}, nil
		}
		return items[at], nil
	}
}

func slice(from, to, step value) evaluator {
	return func(r *run, v value) (value, error) {
		v, err := r.opened(v)
		if err != nil || v.List() == nil {
			return value{}, err
		}
		return pyvalue.Slice(r.meter, v, from, to, step)
	}
}

func multiList(items []evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		if v.IsNone() {
			return value{}, nil
		}
		out := make([]value, len(items))
		for i, e := range items {
			var err error
			if out[i], err = e(r, v); err != nil {
				return value{}, err
			}
		}
		return pyvalue.NewList(out...), r.meter.Grow(int64(24 * len(items)))
	}
}

func multiHash(keys []string, items []evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		if v.IsNone() {
			return value{}, nil
		}
		d := pyvalue.NewDictSize(len(keys))
		for i, e := range items {
			item, err := e(r, v)
			if err != nil {
				return value{}, err
			}
			d.SetStr(keys[i], item)
		}
		return d.Value(), r.meter.Grow(int64(96 * len(items)))
	}
}

func either(left, right evaluator, and bool) evaluator {
	return func(r *run, v value) (value, error) {
		l, err := left(r, v)
		if err != nil || isFalse(l) == and {
			return l, err
		}
		return right(r, v)
	}
}

func not(e evaluator) evaluator {
	return func(r *run, v value) (value, error) {
		c, err := e(r, v)
		return pyvalue.Bool(isFalse(c)), err
	}
}

// isActualNumber excludes booleans, which are numbers in Python.
func isActualNumber(v value) bool { return v.IsNumber() && v.Kind() != pyvalue.KindBool }

func comparison(op string, left, right evaluator) evaluator {
	ops := map[string]pyvalue.CmpOp{"<": pyvalue.CmpLt, "<=": pyvalue.CmpLe, ">": pyvalue.CmpGt, ">=": pyvalue.CmpGe}
	return func(r *run, v value) (value, error) {
		a, err := left(r, v)
		if err != nil {
			return a, err
		}
		b, err := right(r, v)
		if err != nil {
			return b, err
		}
		if a, err = r.whole(a); err != nil {
			return value{}, err
		}
		if b, err = r.whole(b); err != nil {
			return value{}, err
		}
		if op == "==" || op == "!=" {
			// A boolean is no number here, though it is one in Python.
			same, err := pyvalue.EqualWithin(r.meter, a, b)
			if err != nil {
				return value{}, err
			}
			same = same && (a.Kind() == pyvalue.KindBool) == (b.Kind() == pyvalue.KindBool)
			return pyvalue.Bool(same == (op == "==")), r.meter.Step(1)
		}
		if (isActualNumber(a) || a.IsText()) && (isActualNumber(b) || b.IsText()) {
			// A number beside a text raises TypeError, as in Python's library; the
			// specification has null there.
			ok, err := pyvalue.CompareWithin(r.meter, ops[op], a, b)
			return pyvalue.Bool(ok), err
		}
		return value{}, nil
	}
}
