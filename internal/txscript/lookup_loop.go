package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// filter recognises a loop's body that does something only under one condition.
func filter(body []stmt) (cond expr, then []stmt, at int) {
	s, ok := body[0].(*ifStmt)
	switch {
	case !ok || len(s.otherwise) > 0:
		return nil, nil, 0
	case len(body) == 1:
		return s.cond, s.then, s.at()
	}
	// if row.code != field.code: continue
	skip, ok := s.then[0].(*simpleStmt)
	unequal, isCompare := s.cond.(*compareExpr)
	if !ok || skip.word != "continue" || len(s.then) > 1 || !isCompare || len(unequal.ops) != 1 || unequal.ops[0] != "!=" {
		return nil, nil, 0
	}
	return &compareExpr{unequal.line, unequal.first, []string{"=="}, unequal.rest}, body[1:], s.at()
}

// lookupLoop compiles a loop that is a lookup; nil if it is none.
func (c *compiler) lookupLoop(s *forStmt) exec {
	cond, then, at := filter(s.body)
	assigned := newScope(nil, functionScope)
	assigned.collect(s.body)
	l := c.lookup(s.target, s.iter, cond, func(name string) bool {
		_, ok := assigned.slots[name]
		return ok
	})
	if l == nil {
		return nil
	}
	over, set := c.walked(s.iter), c.store(s.target)
	depth, slot, _, _ := c.scope.find(s.target.(*nameExpr).name)
	c.loops++
	body := c.block(then)
	c.loops--
	otherwise := c.block(s.otherwise)
	return func(r *run, f *frame) (control, error) {
		v, err := over(r, f)
		if err != nil {
			return goOn, err
		}
		begin := func(item value) error {
			if err := r.meter.Step(2); err != nil { // the element and the if
				return err
			}
			r.line = at
			if depth == 0 {
				f.vars[slot] = variable{item, true}
				return nil
			}
			return set(r, f, item)
		}
		ctl, ended := goOn, false
		one := func(item value, cond test) (more bool, err error) {
			if err := begin(item); err != nil {
				return false, err
			}
			if cond != nil {
				if ok, err := cond(r, f); err != nil || !ok {
					return err == nil, err
				}
			}
			ctl, err = body(r, f)
			ended = ctl == breakLoop || ctl == returned
			return !ended, err
		}
		found, indexed, err := l.matches(r, f, v, begin)
		switch {
		case err != nil:
			return goOn, err
		case indexed:
			items := v.List().Items
			var rests test
			if len(l.rest) > 0 {
				rests = l.rests
			}
			for _, i := range found {
				if more, err := one(items[i], rests); err != nil {
					return goOn, err
				} else if !more {
					break
				}
			}
			if !ended && passesOver(items, found) {
				err = set(r, f, items[len(items)-1])
			}
		default:
			err = pyvalue.Each(v, func(item value) (bool, error) { return one(item, l.all) })
		}
		switch {
		case err != nil:
			return goOn, err
		case ctl == returned:
			return returned, nil
		case ended:
			return goOn, nil
		}
		return otherwise(r, f)
	}
}

// passesOver reports that a walk ends with an element that it does nothing with, so that
// the variable keeps it.
func passesOver(items []value, found []int32) bool {
	return len(found) == 0 || int(found[len(found)-1]) < len(items)-1
}

// lookupClause recognises a clause of a comprehension that is a lookup; nil if it is
// none.
func (c *compiler) lookupClause(x *compExpr, i int) *lookup {
	cl := x.clauses[i]
	if len(cl.conditions) == 0 {
		return nil
	}
	assigned := newScope(nil, compScope)
	for _, later := range x.clauses[i:] {
		assigned.target(later.target)
	}
	assigned.walruses(x)
	l := c.lookup(cl.target, cl.iter, cl.conditions[0], func(name string) bool {
		_, ok := assigned.slots[name]
		// What walks over a generator may assign to anything meanwhile.
		return ok || x.kind == '(' && !c.changes.atOnce[x]
	})
	if l == nil {
		return nil
	}
	for _, cond := range cl.conditions[1:] {
		l.rest = append(l.rest, c.condition(cond))
	}
	return l
}

// atOnce are functions that walk over all of their argument before they return.
var atOnce = map[string]bool{
	"sum": true, "min": true, "max": true, "any": true, "all": true, "sorted": true, "list": true, "set": true, "tuple": true, "dict": true, "next": true,
}

// walksAtOnce notes generators that a call walks over before anything else happens.
func (c *compiler) walksAtOnce(x *callExpr) {
	if name, ok := x.f.(*nameExpr); !ok || !atOnce[name.name] || !c.isOuter(name.name) {
		return
	}
	for _, a := range x.args {
		c.owns(a.value)
		if g, ok := a.value.(*compExpr); ok && a.stars == 0 {
			c.changes.atOnce[g] = true
		}
	}
}
