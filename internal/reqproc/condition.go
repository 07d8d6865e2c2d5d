package reqproc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Condition is a compiled condition in the manner of MongoDB: an object of paths
// with operators, $and and $or. An empty one is always true.
type Condition struct {
	tests []test
	paths []*Path
}

// test is one of the things that must all be true.
type test interface {
	// holds reports whether it is true, and if not, why not.
	holds(ctx context.Context, s *Scope) (bool, string, error)
}

// ConditionOptions say what a condition may name.
type ConditionOptions struct {
	Options
	// Keys are the members of what the condition looks at, where that is an object
	// without contexts, such as a relation; nil means that paths begin with a context.
	// Operands are not filled in then: they are compared as they are written.
	Keys []string
}

// maxNesting bounds $and and $or.
const maxNesting = 100

// CompileCondition compiles a condition. The error joins a [*settings.Fault] for
// each thing that is wrong.
func CompileCondition(data []byte, o ConditionOptions) (*Condition, error) {
	v, err := pyvalue.FromJSON(data, false)
	if err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	c := &Condition{}
	var faults settings.Faults
	c.tests = c.compile("", v, o, &faults, 0)
	return c, faults.Err()
}

func (c *Condition) compile(place string, v value, o ConditionOptions, faults *settings.Faults, depth int) []test {
	if v.Dict() == nil {
		faults.Add(place, "is %s, expected an object such as {\"field.total.value\": {\"$ne\": \"\"}}", Describe(v))
		return nil
	}
	if depth > maxNesting {
		faults.Add(place, "is nested deeper than %d levels", maxNesting)
		return nil
	}
	for _, key := range []string{"$and", "$or"} {
		if _, there := v.Dict().GetStr(key); there && v.Dict().Len() > 1 {
			faults.Add(place, "has %s beside other keys, which the engine would pass over; put them into its list", key)
		}
	}
	var tests []test
	for k, operand := range v.Dict().All() {
		key := k.Text()
		at := settings.Join(place, key)
		switch {
		case key == "$and" || key == "$or":
			tests = append(tests, c.logical(at, key, operand, o, faults, depth))
		case strings.HasPrefix(key, "$"):
			faults.Add(at, "%s", unknownOperator(key, []string{"$and", "$or"}))
		default:
			tests = append(tests, c.comparison(at, key, operand, o, faults))
		}
	}
	return tests
}

func unknownOperator(key string, known []string) string {
	switch key {
	case "$not", "$nor":
		return key + " does not exist; choose the opposite comparison ($ne, $nin, $exists: false)"
	}
	if best := settings.Nearest(key, known); best != "" {
		return fmt.Sprintf("%s is not known (did you mean %s?)", key, best)
	}
	return fmt.Sprintf("%s is not known here (expected one of %s)", key, strings.Join(known, ", "))
}

func (c *Condition) logical(place, key string, operand value, o ConditionOptions, faults *settings.Faults, depth int) test {
	items := operand.List()
	if items == nil {
		faults.Add(place, "is %s, expected a list of conditions", Describe(operand))
		return logical{}
	}
	l := logical{any: key == "$or"}
	for i, item := range items.Items {
		l.of = append(l.of, c.compile(settings.Index(place, i), item, o, faults, depth+1))
	}
	return l
}

// logical is $and or $or.
type logical struct {
	any bool
	of  [][]test
}

func (l logical) holds(ctx context.Context, s *Scope) (bool, string, error) {
	var reasons []string
	for _, tests := range l.of {
		ok, why, err := all(ctx, s, tests)
		if err != nil || ok == l.any {
			return ok, why, err
		}
		reasons = append(reasons, why)
	}
	switch {
	case !l.any:
		return true, "", nil
	case len(reasons) == 0:
		return false, "$or has no conditions, of which one would have to hold", nil
	}
	return false, strings.Join(reasons, ", and "), nil
}

func all(ctx context.Context, s *Scope, tests []test) (bool, string, error) {
	for _, t := range tests {
		if ok, why, err := t.holds(ctx, s); err != nil || !ok {
			return false, why, err
		}
	}
	return true, "", nil
}

// Holds reports whether the condition is true, and if it is not, says why not. The
// scope should be lenient and have no Fetch. The error says that the condition
// cannot be decided.
func (c *Condition) Holds(ctx context.Context, s *Scope) (bool, string, error) {
	return all(ctx, s, c.tests)
}

// Paths returns the paths on both sides of all comparisons.
func (c *Condition) Paths() []*Path { return c.paths }

func (c *Condition) comparison(place, key string, operand value, o ConditionOptions, faults *settings.Faults) test {
	if strings.ContainsAny(key, "{}") {
		faults.Add(place, "a key is a path without braces, such as field.total.value")
		return logical{}
	}
	left, err := placeholder("{" + key + "}")
	switch {
	case err == nil && left.empty:
		err = fmt.Errorf("%q is not a path", key)
	case err == nil && key != strip(key):
		err = errors.New("has blanks around the path")
	}
	if err != nil {
		faults.AddErr(place, err)
		return logical{}
	}
	path := left.path
	if o.Keys == nil {
		c.paths = append(c.paths, path)
		if err := o.check(path); err != nil {
			faults.AddErr(place, err)
		}
	} else if !slices.Contains(o.Keys, path.Root()) {
		best := settings.Nearest(path.Root(), o.Keys)
		if best != "" {
			best = " (did you mean " + best + "?)"
		}
		faults.Add(place, "there is no key %s; the keys are %s%s", path.Root(), strings.Join(o.Keys, ", "), best)
	}
	cmp := &comparison{left: left}
	if operand.Dict() == nil { // equality
		if op := c.operation(place, "$eq", operand, o, faults); op != nil {
			cmp.ops = append(cmp.ops, op)
		}
		return cmp
	}
	for k, v := range operand.Dict().All() {
		at := settings.Join(place, k.Text())
		op := c.operation(at, k.Text(), v, o, faults)
		if op != nil {
			cmp.ops = append(cmp.ops, op)
		}
	}
	if operand.Dict().Len() == 0 {
		faults.Add(place, "has no operator")
	}
	return cmp
}

// comparison is a path with operators, all of which must hold.
type comparison struct {
	left part
	ops  []*operation
}

// operation is an operator with what stands to its right.
type operation struct {
	name    string
	right   *Template
	pattern *Pattern     // of $regex, if it is known already
	size    []*operation // of $size
}

// side is one side of a comparison.
type side struct {
	v       value
	missing bool // there is no such value; it counts as None
}

func (c *comparison) holds(ctx context.Context, s *Scope) (bool, string, error) {
	path := c.left.path
	left, err := path.Resolve(ctx, s)
	missing := err
	found := side{v: left}
	if errors.Is(err, ErrNotThere) {
		found, err = side{missing: true}, nil
	}
	for range c.left.base64 {
		if err == nil {
			found.v, err = encode64(ctx, found.v)
		}
	}
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", path, err)
	}
	for _, op := range c.ops {
		if found.missing && op.name != "$exists" {
			s.note("%s counts as null: %v", path, missing)
		}
		ok, why, err := op.holds(ctx, s, path, found)
		if err != nil {
			return false, "", fmt.Errorf("%s.%s: %w", path, op.name, err)
		}
		if !ok {
			return false, why, nil
		}
	}
	return true, "", nil
}
