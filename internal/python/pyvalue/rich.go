package pyvalue

import "math"

// richer is a value of a class of the program, which may compare by methods of its own.
type richer interface {
	// PyRich calls the method of an operator, __lt__ say. It reports false if the class
	// has none, or that leaves it to the other side.
	PyRich(op CmpOp, other Value) (Value, bool, error)
	// PyAbove reports that the class derives from the other value's class and has a method
	// that this one has not, so that it comes first as the right side of an operator; ""
	// is any method.
	PyAbove(other Value, method string) bool
}

// richer returns the value as one that may compare by methods of its own, nil for others.
func (v Value) richer() richer {
	switch x := v.any.(type) {
	case nil, Kind, strPtr, *List, *Dict, *tuple:
		return nil // the commonest, which are quickly told
	case richer:
		return x
	}
	return nil
}

// swapped is the operator that says the same with its sides exchanged.
var swapped = [...]CmpOp{CmpEq: CmpEq, CmpNe: CmpNe, CmpLt: CmpGt, CmpLe: CmpGe, CmpGt: CmpLt, CmpGe: CmpLe}

// comparisonMethods are what the operators call.
var comparisonMethods = [...]string{CmpEq: "__eq__", CmpNe: "__ne__", CmpLt: "__lt__", CmpLe: "__le__", CmpGt: "__gt__", CmpGe: "__ge__"}

// ComparisonMethod returns the name of the method that an operator calls.
func ComparisonMethod(op CmpOp) string { return comparisonMethods[op] }

// Rich is a op b by the methods of the program's classes, in Python's order: that of the
// right side comes first if its class derives from the left one's. It reports false where
// no method says anything.
func Rich(op CmpOp, a, b Value) (Value, bool, error) {
	x, y := a.richer(), b.richer()
	if y != nil && y.PyAbove(a, "") {
		if v, ok, err := y.PyRich(swapped[op], a); ok || err != nil {
			return v, true, err
		}
		y = nil
	}
	if x != nil {
		if v, ok, err := x.PyRich(op, b); ok || err != nil {
			return v, true, err
		}
	}
	if y != nil && !builtinAnswers(op, a, b) {
		if v, ok, err := y.PyRich(swapped[op], a); ok || err != nil {
			return v, true, err
		}
	}
	return Value{}, false, nil
}

// builtinAnswers reports that the left side's builtin class compares with the right one's, so
// that this is not asked. The class of an object answers nothing.
func builtinAnswers(op CmpOp, a, b Value) bool {
	a, b = a.Base(), b.Base()
	if a.IsNumber() && b.IsNumber() || a.IsText() && b.IsText() {
		return true
	}
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case KindBytes, KindList, KindTuple, KindSet:
		return true
	case KindDict:
		return op == CmpEq || op == CmpNe
	}
	return false
}

// sameObject reports two values that are one object for sure. Containers find an object
// that is equal to nothing, such as nan, by that. A nan is the one that has its bits.
func (v Value) sameObject(o Value) bool {
	switch x := v.any.(type) {
	case Kind:
		y, ok := o.any.(Kind)
		return ok && x == KindFloat && y == KindFloat && v.num == o.num && math.IsNaN(math.Float64frombits(v.num))
	case strPtr, *tuple, nil:
		return false
	case *List:
		y, ok := o.any.(*List)
		return ok && x == y
	}
	x, y := v.richer(), o.richer()
	return x != nil && x == y
}

// SameOrEqual is what containers ask of their elements: is it the same object, or equal?
func SameOrEqual(m *Meter, a, b Value) (bool, error) {
	if a.sameObject(b) {
		return true, nil
	}
	return EqualWithin(m, a, b)
}

// PyRich implements richer.
func (d *Derived) PyRich(op CmpOp, other Value) (Value, bool, error) {
	return d.special(comparisonMethods[op], other)
}

// PyAbove implements richer.
func (d *Derived) PyAbove(other Value, method string) bool {
	k, ok := d.Class.(interface {
		Above(other Value, method string) bool
	})
	return ok && k.Above(other, method)
}
