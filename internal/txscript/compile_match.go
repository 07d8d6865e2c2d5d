package txscript

import (
	"errors"
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// bindPattern adds the names that a pattern sets, refuses one that is set twice, and reports
// whether the pattern matches everything; of alternatives only the last may.
func bindPattern(p pattern, names map[string]bool) (everything bool) {
	add := func(at int, name string) {
		if name == "" {
			return
		}
		if names[name] {
			fail(at, "multiple assignments to name '%s' in pattern", name)
		}
		names[name] = true
	}
	all := func(list []pattern) {
		for _, p := range list {
			bindPattern(p, names)
		}
	}
	switch p := p.(type) {
	case *anyPattern:
		return true
	case *namePattern:
		everything = p.within == nil || bindPattern(p.within, names)
		add(p.at(), p.name)
		return everything
	case *orPattern:
		return bindAlternatives(p, names)
	case *sequencePattern:
		all(p.items)
	case *mappingPattern:
		all(p.list)
		add(p.at(), p.rest)
	case *classPattern:
		all(p.list)
	}
	return false
}

func bindAlternatives(p *orPattern, names map[string]bool) (everything bool) {
	var first map[string]bool
	for i, alternative := range p.list {
		if everything {
			fail(p.at(), "an alternative that matches everything makes remaining patterns unreachable")
		}
		own := make(map[string]bool)
		everything = bindPattern(alternative, own)
		if i == 0 {
			first = own
		} else if !maps.Equal(first, own) {
			fail(p.at(), "alternative patterns bind different names")
		}
	}
	for name := range first {
		if names[name] {
			fail(p.at(), "multiple assignments to name '%s' in pattern", name)
		}
		names[name] = true
	}
	return everything
}

// eachOf calls onExpr with the expressions of a pattern.
func eachOf(p pattern, onExpr func(expr)) {
	var list []pattern
	switch p := p.(type) {
	case *namePattern:
		if p.within != nil {
			list = []pattern{p.within}
		}
	case *valuePattern:
		onExpr(p.x)
	case *orPattern:
		list = p.list
	case *sequencePattern:
		list = p.items
	case *mappingPattern:
		for _, key := range p.keys {
			onExpr(key)
		}
		list = p.list
	case *classPattern:
		onExpr(p.class)
		list = p.list
	}
	for _, p := range list {
		eachOf(p, onExpr)
	}
}

// matcher compares a value with a pattern. What the pattern's names get is added to
// found, which counts only if the whole pattern matches.
type matcher func(r *run, f *frame, v value, found *[]capture) (bool, error)

type capture struct {
	set setter
	v   value
}

// match compiles a match statement.
func (c *compiler) match(s *matchStmt) exec {
	type branch struct {
		matches matcher
		guard   test
		body    exec
	}
	subject := c.expr(s.subject)
	branches := make([]branch, len(s.cases))
	for i, k := range s.cases {
		branches[i].matches = c.pattern(k.pattern)
		if k.guard != nil {
			branches[i].guard = c.condition(k.guard)
		}
		branches[i].body = c.block(k.body)
	}
	return func(r *run, f *frame) (control, error) {
		v, err := subject(r, f)
		if err != nil {
			return goOn, err
		}
		for _, b := range branches {
			var found []capture
			ok, err := b.matches(r, f, v, &found)
			for i := 0; ok && err == nil && i < len(found); i++ {
				err = found[i].set(r, f, found[i].v)
			}
			if ok && err == nil && b.guard != nil {
				ok, err = b.guard(r, f)
			}
			if err != nil {
				return goOn, err
			}
			if ok {
				return b.body(r, f)
			}
		}
		return goOn, nil
	}
}

func (c *compiler) pattern(p pattern) matcher {
	m := c.patternOf(p)
	return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
		if err := r.meter.Step(1); err != nil {
			return false, err
		}
		return m(r, f, v, found)
	}
}

func (c *compiler) patterns(list []pattern) []matcher {
	made := make([]matcher, len(list))
	for i, p := range list {
		made[i] = c.pattern(p)
	}
	return made
}

func (c *compiler) patternOf(p pattern) matcher {
	switch p := p.(type) {
	case *namePattern:
		set := c.store(&nameExpr{p.line, p.name})
		within := c.pattern(&anyPattern{p.line})
		if p.within != nil {
			within = c.pattern(p.within)
		}
		return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
			ok, err := within(r, f, v, found)
			if ok && err == nil {
				*found = append(*found, capture{set, v})
			}
			return ok, err
		}
	case *valuePattern:
		return c.valuePattern(p)
	case *orPattern:
		list := c.patterns(p.list)
		return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
			before := len(*found)
			for _, m := range list {
				*found = (*found)[:before]
				if ok, err := m(r, f, v, found); ok || err != nil {
					return ok, err
				}
			}
			return false, nil
		}
	case *sequencePattern:
		return c.sequencePattern(p)
	case *mappingPattern:
		return c.mappingPattern(p)
	case *classPattern:
		return c.classPattern(p)
	}
	return func(*run, *frame, value, *[]capture) (bool, error) { return true, nil } // _
}

func (c *compiler) valuePattern(p *valuePattern) matcher {
	x, compare := c.expr(p.x), comparisonOf("==")
	if p.same {
		compare = comparisonOf("is")
	}
	return func(r *run, f *frame, v value, _ *[]capture) (bool, error) {
		want, err := x(r, f)
		if err != nil {
			return false, err
		}
		return compare(r, v, want)
	}
}

func (c *compiler) sequencePattern(p *sequencePattern) matcher {
	list, star := c.patterns(p.items), p.star
	return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
		if !isPatternSequence(v) {
			return false, nil
		}
		n, err := pyvalue.Len(v)
		if err != nil || star < 0 && n != len(list) || star >= 0 && n < len(list)-1 {
			return false, err
		}
		items, err := pyvalue.Collect(r.meter, v)
		if err != nil {
			return false, err
		}
		for i, m := range list {
			at := i
			if star >= 0 && i > star {
				at = n - len(list) + i
			}
			var item value
			if i == star {
				item = pyvalue.NewList(slices.Clone(items[i : n-len(list)+i+1])...)
			} else {
				item = items[at]
			}
			if ok, err := m(r, f, item, found); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

// isPatternSequence reports a list, tuple or range: a text is no sequence for a
// pattern.
func isPatternSequence(v value) bool {
	return v.Kind() == pyvalue.KindList || v.Kind() == pyvalue.KindTuple || pyvalue.TypeName(v) == "range"
}

func (c *compiler) mappingPattern(p *mappingPattern) matcher {
	keys, list := make([]eval, len(p.keys)), c.patterns(p.list)
	for i, key := range p.keys {
		keys[i] = c.expr(key)
		for _, other := range p.keys[:i] {
			a, ok := key.(*constExpr)
			b, both := other.(*constExpr)
			if ok && both && pyvalue.Equal(a.v, b.v) {
				fail(key.at(), "mapping pattern checks duplicate key")
			}
		}
	}
	var rest setter
	if p.rest != "" {
		rest = c.store(&nameExpr{p.line, p.rest})
	}
	return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
		d := v.Dict()
		if d == nil {
			return false, nil
		}
		var left *pyvalue.Dict
		if rest != nil {
			var err error
			if left, err = d.CopyWithin(r.meter); err != nil {
				return false, err
			}
		}
		for i, key := range keys {
			key, err := key(r, f)
			if err != nil {
				return false, err
			}
			item, ok, err := d.GetWithin(r.meter, key)
			if !ok || err != nil {
				return false, err
			}
			if left != nil {
				if _, _, err := left.Delete(key); err != nil {
					return false, err
				}
			}
			if ok, err := list[i](r, f, item, found); !ok || err != nil {
				return false, err
			}
		}
		if rest != nil {
			*found = append(*found, capture{rest, left.Value()})
		}
		return true, nil
	}
}

// selfMatching are the classes whose only positional pattern is for the value itself.
var selfMatching = map[string]bool{
	"bool": true, "bytes": true, "dict": true, "float": true, "frozenset": true, "int": true, "list": true, "set": true, "str": true, "tuple": true,
}

func (c *compiler) classPattern(p *classPattern) matcher {
	class, list, positional := c.expr(p.class), c.patterns(p.list), len(p.list)-len(p.names)
	return func(r *run, f *frame, v value, found *[]capture) (bool, error) {
		k, err := class(r, f)
		if err != nil {
			return false, err
		}
		ok, err := instanceOf(r, v, k)
		if err != nil || k.Kind() == pyvalue.KindTuple {
			return false, pyvalue.Raise("TypeError", "called match pattern must be a type")
		}
		if !ok {
			return false, nil
		}
		names, self, err := matchArgs(k, positional, p.names)
		if err != nil {
			return false, err
		}
		for i, m := range list {
			item := v
			if i > 0 || !self {
				at := i
				if self {
					at--
				}
				if item, err = getAttr(v, names[at]); isMissing(err) {
					return false, nil
				} else if err != nil {
					return false, err
				}
			}
			if ok, err := m(r, f, item, found); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
}

func isMissing(err error) bool {
	var e *pyvalue.Error
	return errors.As(err, &e) && e.Type == "AttributeError"
}

// matchArgs returns the attributes that the patterns of a class are for, or that the
// first of them is for the value itself.
func matchArgs(k value, positional int, named []string) (names []string, self bool, err error) {
	if positional == 0 {
		return named, false, nil
	}
	name, known := "object", []value(nil)
	switch o := k.Object().(type) {
	case *class:
		if name = o.name; selfMatching[name] {
			if positional == 1 {
				return named, true, nil
			}
			return nil, false, pyvalue.Raise("TypeError", "%s() accepts 1 positional sub-pattern (%d given)", name, positional)
		}
	case *userClass:
		name = o.name
		if v, ok := o.find("__match_args__", nil); ok {
			if v.Kind() != pyvalue.KindTuple {
				return nil, false, pyvalue.Raise("TypeError", "%s.__match_args__ must be a tuple (got %s)", name, pyvalue.TypeName(v))
			}
			known, _ = v.Items()
		} else if o.data != nil {
			for _, field := range o.data.fields {
				if field.init {
					known = append(known, pyvalue.Str(field.name))
				}
			}
		}
	case *excClass:
		name = o.name
	case *clock.Class:
		name = o.Name()
	}
	if positional > len(known) {
		return nil, false, pyvalue.Raise("TypeError", "%s() accepts %d positional sub-pattern%s (%d given)", name, len(known), plural(len(known)), positional)
	}
	for _, v := range known[:positional] {
		if !v.IsText() {
			return nil, false, pyvalue.Raise("TypeError", "__match_args__ elements must be strings (got %s)", pyvalue.TypeName(v))
		}
		for _, other := range named {
			if other == v.Text() {
				return nil, false, pyvalue.Raise("TypeError", "%s() got multiple sub-patterns for attribute '%s'", name, other)
			}
		}
		names = append(names, v.Text())
	}
	return append(names, named...), false, nil
}
