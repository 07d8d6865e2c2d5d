package reqproc

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// operators are those of a comparison.
var operators = []string{"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$size"}

func (c *Condition) operation(place, name string, v value, o ConditionOptions, faults *settings.Faults) *operation {
	if !slices.Contains(operators, name) {
		faults.Add(place, "%s", unknownOperator(name, operators))
		return nil
	}
	op := &operation{name: name}
	if name == "$size" && v.Dict() != nil {
		for k, inner := range v.Dict().All() {
			at := settings.Join(place, k.Text())
			if k.Text() == "$size" || k.Text() == "$regex" {
				faults.Add(at, "a size is a number, which has no %s", k.Text())
				continue
			}
			if o := c.operation(at, k.Text(), inner, o, faults); o != nil {
				op.size = append(op.size, o)
			}
		}
		return op
	}
	t := &Template{node: constant{v}}
	if o.Keys == nil {
		t.node = t.compile(place, v, o.Options, faults)
	} else if p, found := placeholderIn(v, o.Roots); found {
		faults.Add(place, "%s is not filled in here: the engine compares with the text as it is written", p)
	}
	op.right = t
	c.paths = append(c.paths, t.paths...)
	if literal, ok := t.Literal(); ok {
		op.check(place, literal, faults)
	}
	return op
}

// check looks at an operand that is known.
func (op *operation) check(place string, v value, faults *settings.Faults) {
	switch op.name {
	case "$exists":
		if v.Kind() != pyvalue.KindBool && !v.IsNumber() {
			faults.Add(place, "is %s, expected true or false", Describe(v))
		}
	case "$in", "$nin":
		if v.List() == nil && !v.IsText() {
			faults.Add(place, "is %s, expected a list", Describe(v))
		}
	case "$size":
		if _, ok := v.Int64(); !ok || v.Kind() == pyvalue.KindBool {
			faults.Add(place, "is %s, expected a whole number or an object of operators", Describe(v))
		}
	case "$regex":
		if !v.IsText() {
			faults.Add(place, "is %s, expected a pattern", Describe(v))
			return
		}
		var err error
		op.pattern, err = CompilePattern(v.Text())
		faults.AddErr(place, err)
	case "$gt", "$gte", "$lt", "$lte":
		if v.IsNone() {
			faults.Add(place, "is null, with which nothing compares")
		}
	}
}

// ErrBothMissing means that a comparison would be true because neither side is
// there.
var ErrBothMissing = errors.New("neither side is there, and the two would count as equal")

// holds compares. The texts of the reasons carry values, which are the document's.
func (op *operation) holds(ctx context.Context, s *Scope, path *Path, left side) (bool, string, error) {
	if op.name == "$size" {
		return op.sized(ctx, s, path, left)
	}
	right, err := op.fill(ctx, s)
	if err != nil {
		return false, "", err
	}
	if op.name == "$exists" {
		there := !left.missing
		if there {
			_, many := left.v.Object().(Elements)
			if _, part := left.v.Part(); !many && !part {
				v, err := Simple(ctx, left.v)
				there = err != nil || !v.IsNone() // what is no plain value is something
			}
		}
		return there == pyvalue.Truth(right.v), fmt.Sprintf("%s %s", path, map[bool]string{true: "exists", false: "does not exist"}[there]), nil
	}
	if left.missing && right.missing && (op.name == "$eq" || op.name == "$in") {
		return false, "", fmt.Errorf("%w: %s and what it is compared with; check both names, and test with $exists that they are there", ErrBothMissing, path)
	}
	if left.v, err = Simple(ctx, left.v); err != nil {
		return false, "", err
	}
	ok, err := op.compare(ctx, s, path, left.v, right.v)
	if err != nil || ok {
		return ok, "", err
	}
	return false, fmt.Sprintf("%s is %s, which is not %s %s", path, shown(left.v), op.name, shown(right.v)), nil
}

// fill returns the right side, and whether it is missing.
func (op *operation) fill(ctx context.Context, s *Scope) (side, error) {
	strict := *s
	strict.Lenient = false
	v, err := op.right.Fill(ctx, &strict)
	if errors.Is(err, ErrNotThere) {
		_, isExact := op.right.node.(exact) // else it is a text with nothing put in, or a list with null in it
		v, err = op.right.Fill(ctx, s)
		return side{v, isExact || op.name == "$in"}, err
	}
	if err != nil {
		return side{}, err
	}
	v, err = Simple(ctx, v)
	return side{v: v}, err
}

// compare compares as Python does.
func (op *operation) compare(ctx context.Context, s *Scope, path *Path, left, right value) (bool, error) {
	switch op.name {
	case "$eq", "$ne":
		same, err := pyvalue.EqualWithin(meterOf(ctx), left, right)
		if err != nil {
			return false, err
		}
		if !same {
			op.hint(s, path, left, right)
		}
		return same == (op.name == "$eq"), nil
	case "$in", "$nin":
		if right.IsNone() || right.IsNumber() {
			s.note("%s: nothing is in %s, so %s is false", path, Describe(right), op.name)
			return false, nil
		}
		meter := meterOf(ctx)
		in, err := pyvalue.Contains(meter, right, left)
		if errors.Is(err, pyvalue.ErrLimit) || ctx.Err() != nil {
			return false, err
		}
		if err != nil {
			return false, fmt.Errorf("%s cannot be looked for in %s", Describe(left), Describe(right))
		}
		if items, ok := right.Items(); ok && !in {
			for _, item := range items {
				if err := meter.Step(1); err != nil {
					return false, err
				}
				if op.hint(s, path, left, item) {
					break // the others would be told of in the same words
				}
			}
		}
		return in == (op.name == "$in"), nil
	case "$regex":
		return op.matches(ctx, s, path, left, right)
	}
	return op.order(ctx, s, path, left, right)
}

// hint tells of values that differ only in their type, which is a common mistake, and
// reports whether it has.
func (op *operation) hint(s *Scope, path *Path, left, right value) bool {
	if left.IsNone() || right.IsNone() || left.IsText() == right.IsText() {
		return false
	}
	text, other := left, right
	if right.IsText() {
		text, other = right, left
	}
	const most = 1 << 10 // bytes of a text that somebody mistakes for another value
	if len(text.Text()) > most {
		return false
	}
	printed, err := pyvalue.String(pyvalue.NewMeter(context.Background(), pyvalue.Limits{ValueBytes: most}), other)
	if err == nil && printed == text.Text() {
		s.note("%s is %s and is compared with %s: they are never equal; for a field, write .value and compare with a string", path, Describe(left), Describe(right))
		return true
	}
	return false
}

func (op *operation) matches(ctx context.Context, s *Scope, path *Path, left, right value) (bool, error) {
	p := op.pattern
	if p == nil {
		if !right.IsText() {
			return false, fmt.Errorf("the pattern is %s", Describe(right))
		}
		var err error
		if p, err = CompilePattern(right.Text()); err != nil {
			return false, err
		}
	}
	if !left.IsText() {
		if !left.IsNone() {
			s.note("%s is %s, which no $regex matches; for a field, write .value", path, Describe(left))
		}
		return false, nil
	}
	_, ok, err := p.Find(ctx, left.Text())
	return ok, err
}

var comparisons = map[string]pyvalue.CmpOp{"$gt": pyvalue.CmpGt, "$gte": pyvalue.CmpGe, "$lt": pyvalue.CmpLt, "$lte": pyvalue.CmpLe}

// order compares as Python does. null is neither less nor greater than anything.
// The text of a plain decimal number counts as the number beside another number,
// as Rossum's reference has it in its examples; the engine raises a TypeError there,
// and for all other values of unlike kinds, which are an error here, too.
func (op *operation) order(ctx context.Context, s *Scope, path *Path, left, right value) (bool, error) {
	if left.IsNone() || right.IsNone() {
		return false, nil
	}
	l, r := left, right
	if left.IsText() && right.IsNumber() {
		l = asNumber(left)
	} else if left.IsNumber() && right.IsText() {
		r = asNumber(right)
	}
	if l.IsNumber() && r.IsNumber() && (left.IsText() || right.IsText()) {
		s.note("%s: a string and a number are compared as numbers; Rossum's engine fails here, so leave .value out of the path of a number field", path)
	}
	ok, err := pyvalue.CompareWithin(meterOf(ctx), comparisons[op.name], l, r)
	if err == nil || errors.Is(err, pyvalue.ErrLimit) || ctx.Err() != nil {
		return ok, err
	}
	hint := ""
	switch {
	case !left.IsText() || !right.IsNumber() || path.Root() != "field":
	case strings.HasSuffix(path.String(), ".value"):
		hint = "; .value is the text that people see, so leave it out of the path to compare the number"
	default:
		hint = "; to compare numbers, use a field whose type in the schema is number"
	}
	return false, fmt.Errorf("%s cannot be compared with %s%s", Describe(left), Describe(right), hint)
}

// plainNumber is a decimal number without exponent and separators.
var plainNumber = regexp.MustCompile(`^[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})$`)

func asNumber(v value) value {
	if !plainNumber.MatchString(v.Text()) {
		return v
	}
	f, err := pyvalue.ParseFloat(nil, v.Text())
	if err != nil {
		return v
	}
	return f
}

// sized is $size.
func (op *operation) sized(ctx context.Context, s *Scope, path *Path, left side) (bool, string, error) {
	n := 0
	if items, ok := elementsOf(left.v); ok {
		n = len(items)
	} else if p, ok := left.v.Part(); ok {
		var err error
		if n, err = p.Len(meterOf(ctx)); err != nil {
			return false, "", err
		}
	} else {
		v, err := Simple(ctx, left.v)
		if err != nil {
			return false, "", err
		}
		if n, err = pyvalue.Len(v); err != nil {
			s.note("%s is %s, which has no size, so $size is false", path, Describe(v))
			return false, fmt.Sprintf("%s is %s, which has no size", path, Describe(v)), nil
		}
	}
	size := side{v: pyvalue.Int(int64(n))}
	if op.right != nil {
		right, err := op.fill(ctx, s)
		return err == nil && pyvalue.Equal(size.v, right.v), fmt.Sprintf("%s has the size %d, not %s", path, n, shown(right.v)), err
	}
	for _, inner := range op.size {
		if ok, _, err := inner.holds(ctx, s, path, size); err != nil || !ok {
			return false, fmt.Sprintf("%s has the size %d, which is not %s", path, n, inner.name), err
		}
	}
	return true, "", nil
}

// maxShown is how much of a value a reason shows.
const maxShown = 80

func shown(v value) string {
	const most = 64 << 10 // of a list or an object, in bytes: a reply may be of any size
	if v.IsText() {
		if head, cut := beginning(v.Text(), maxShown); cut {
			v = pyvalue.Str(head)
		}
	}
	out, err := pyvalue.JSON{Unicode: true, Spelling: true}.Append(pyvalue.NewMeter(context.Background(), pyvalue.Limits{ValueBytes: most}), nil, v)
	if err != nil {
		return Describe(v)
	}
	head, cut := beginning(string(out), maxShown)
	if cut {
		head += "…"
	}
	return head
}

// beginning is the beginning of a text, of n characters at most, and whether there is more.
func beginning(text string, n int) (head string, cut bool) {
	for at := range text {
		if n--; n < 0 {
			return text[:at], true
		}
	}
	return text, false
}
