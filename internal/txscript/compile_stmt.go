package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// compiler turns a syntax tree into closures.
type compiler struct {
	options    Options
	program    *Program
	scope      *scope
	inFunction bool
	loops      int
	within     string // what the names of functions begin with in errors
	fields     []string
	memos      int
	depth      int // of memoised expressions around the current one
	changes    *changes
	rowFields  func(schemaID string) bool // of the options, in functions, too
	steady     map[string]bool            // variables that are the same in every row, while that is found out
	keys       *[]string                  // collects the fields of the row that something reads; nil if nobody asks
	inKept     bool                       // it is part of what is kept by key
	undefined  map[string]int             // names that nothing defines, and the lines; nil if nobody asks
	imports    map[string]string          // modules by the names that nothing else is bound to
	library    bool                       // the source is one of the library
	captured   *bool                      // set where what outlives a call may refer to the frame around
}

// changes is what is known of the source as a whole: whether anything in it can
// change a list in place, or assign to a variable of another function, which
// generators are walked over at once, and how many places read an attribute or a member,
// or are a lookup.
type changes struct {
	seen, rebinds  bool
	apart          bool // it is a text that eval gets, compiled while the program runs
	atOnce         map[*compExpr]bool
	owned          map[*callExpr]bool // what they return is used up where they stand
	slots          map[string]int     // of fields that were read by name
	sites, lookups int
	byKeys         int // parts that are kept by fields of the row
	members        int // places that read a member of a dict by a name
}

// changing are the methods of lists that do so. A list that is passed on as an
// argument is changed by one of them all the same.
var changing = map[string]bool{
	"append": true, "extend": true, "insert": true, "remove": true, "pop": true, "clear": true, "sort": true, "reverse": true,
}

// block compiles statements that run one after the other.
func (c *compiler) block(list []stmt) exec {
	steps := make([]lineStep, 0, len(list))
	for _, s := range list {
		step, at := c.statement(s), s.at()
		if step == nil {
			continue
		}
		if c.library {
			at = 0 // errors name the line of the program
		}
		steps = append(steps, lineStep{at, step})
	}
	if len(steps) == 1 {
		return steps[0].run
	}
	return func(r *run, f *frame) (control, error) {
		for i := range steps {
			if ctl, err := steps[i].run(r, f); ctl != goOn || err != nil {
				return ctl, err
			}
		}
		return goOn, nil
	}
}

// lineStep is a statement at a line, 0 for one of the library.
type lineStep struct {
	at   int
	step exec
}

func (s *lineStep) run(r *run, f *frame) (control, error) {
	if s.at > 0 {
		r.line = s.at
	}
	if err := r.meter.Step(1); err != nil {
		return goOn, err
	}
	ctl, err := s.step(r, f)
	if r.late != nil && err == nil {
		err, r.late = r.late, nil
	}
	return ctl, err
}

// statement compiles one statement; nil for one that does nothing.
func (c *compiler) statement(s stmt) exec {
	switch s := s.(type) {
	case *exprStmt:
		return c.exprStatement(s)
	case *assignStmt:
		return c.assign(s)
	case *augStmt:
		return c.augmented(s)
	case *ifStmt:
		cond, then, otherwise := c.condition(s.cond), c.block(s.then), c.block(s.otherwise)
		return func(r *run, f *frame) (control, error) {
			ok, err := cond(r, f)
			if err != nil {
				return goOn, err
			}
			if ok {
				return then(r, f)
			}
			return otherwise(r, f)
		}
	case *whileStmt:
		return c.while(s)
	case *forStmt:
		return c.forLoop(s)
	case *tryStmt:
		return c.try(s)
	case *raiseStmt:
		return c.raise(s)
	case *returnStmt:
		return c.ret(s)
	case *defStmt:
		make, set := c.function(s.f), c.decorated(s.decorators, &nameExpr{s.line, s.f.name})
		return func(r *run, f *frame) (control, error) {
			v, err := make(r, f)
			if err != nil {
				return goOn, err
			}
			return goOn, set(r, f, v)
		}
	case *importStmt:
		return c.imported(s)
	case *classStmt:
		return c.classStatement(s)
	case *matchStmt:
		return c.match(s)
	case *withStmt:
		return c.with(s, 0)
	case *delStmt:
		return c.del(s)
	case *assertStmt:
		return c.assert(s)
	case *scopeStmt:
		c.declare(s)
	case *simpleStmt:
		switch s.word {
		case "break", "continue":
			if c.loops == 0 {
				fail(s.at(), "'%s' outside loop", s.word)
			}
			ctl := breakLoop
			if s.word == "continue" {
				ctl = continueLoop
			}
			return func(*run, *frame) (control, error) { return ctl, nil }
		}
	}
	return nil
}

func (c *compiler) exprStatement(s *exprStmt) exec {
	x := c.expr(s.x)
	if c.inFunction {
		return func(r *run, f *frame) (control, error) {
			_, err := x(r, f)
			return goOn, err
		}
	}
	return func(r *run, f *frame) (control, error) {
		v, err := x(r, f)
		r.last = v
		return goOn, err
	}
}

func (c *compiler) declare(s *scopeStmt) {
	if !s.global && !c.inFunction {
		fail(s.at(), "nonlocal declaration not allowed at module level")
	}
	for _, name := range s.names {
		if s.global {
			continue
		}
		if _, _, in, ok := c.scope.parent.find(name); !ok || in.kind == moduleScope {
			fail(s.at(), "no binding for nonlocal '%s' found", name)
		}
	}
}

func (c *compiler) while(s *whileStmt) exec {
	cond := c.condition(s.cond)
	c.loops++
	body := c.block(s.body)
	c.loops--
	otherwise := c.block(s.otherwise)
	return func(r *run, f *frame) (control, error) {
		for {
			if err := r.meter.Step(1); err != nil {
				return goOn, err
			}
			ok, err := cond(r, f)
			if err != nil {
				return goOn, err
			}
			if !ok {
				return otherwise(r, f)
			}
			switch ctl, err := body(r, f); {
			case err != nil || ctl == returned:
				return ctl, err
			case ctl == breakLoop:
				return goOn, nil
			}
		}
	}
}

func (c *compiler) forLoop(s *forStmt) exec {
	if look := c.lookupLoop(s); look != nil {
		return look
	}
	c.owns(s.iter)
	x, set := c.walked(s.iter), c.store(s.target)
	c.loops++
	body := c.block(s.body)
	c.loops--
	otherwise := c.block(s.otherwise)
	return func(r *run, f *frame) (control, error) {
		v, err := x(r, f)
		if err != nil {
			return goOn, err
		}
		ctl, ended := goOn, false
		err = pyvalue.Each(v, func(item value) (bool, error) {
			if err := r.meter.Step(1); err != nil {
				return false, err
			}
			if err := set(r, f, item); err != nil {
				return false, err
			}
			var err error
			ctl, err = body(r, f)
			ended = ctl == breakLoop || ctl == returned
			return !ended, err
		})
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

func (c *compiler) ret(s *returnStmt) exec {
	if !c.inFunction {
		fail(s.at(), "'return' outside function")
	}
	if s.x == nil {
		return func(r *run, _ *frame) (control, error) {
			r.ret = value{}
			return returned, nil
		}
	}
	x := c.expr(s.x)
	return func(r *run, f *frame) (control, error) {
		v, err := x(r, f)
		r.ret = v
		return returned, err
	}
}

func (c *compiler) del(s *delStmt) exec {
	c.changes.seen = true
	var dels []exec
	for _, t := range s.targets {
		switch t := t.(type) {
		case *nameExpr:
			get := c.expr(t)
			depth, slot, _, _ := c.scope.find(t.name)
			dels = append(dels, func(r *run, f *frame) (control, error) {
				if _, err := get(r, f); err != nil {
					return goOn, err
				}
				for range depth {
					f = f.up
				}
				f.vars[slot] = variable{}
				return goOn, nil
			})
		case *indexExpr:
			on, index := c.expr(t.x), c.expr(t.index)
			dels = append(dels, func(r *run, f *frame) (control, error) {
				container, err := on(r, f)
				if err != nil {
					return goOn, err
				}
				key, err := index(r, f)
				if err != nil {
					return goOn, err
				}
				return goOn, delItem(r, container, key)
			})
		case *attrExpr:
			on, name := c.expr(t.x), t.name
			dels = append(dels, func(r *run, f *frame) (control, error) {
				o, err := on(r, f)
				if err != nil {
					return goOn, err
				}
				return goOn, delAttr(o, name)
			})
		default:
			unsupported(t.at(), "deleting this")
		}
	}
	return func(r *run, f *frame) (control, error) {
		for _, del := range dels {
			if _, err := del(r, f); err != nil {
				return goOn, err
			}
		}
		return goOn, nil
	}
}

func (c *compiler) assert(s *assertStmt) exec {
	cond := c.condition(s.cond)
	var msg eval
	if s.msg != nil {
		msg = c.expr(s.msg)
	}
	return func(r *run, f *frame) (control, error) {
		ok, err := cond(r, f)
		if ok || err != nil {
			return goOn, err
		}
		if msg == nil {
			return goOn, &pyvalue.Error{Type: "AssertionError"}
		}
		v, err := msg(r, f)
		if err != nil {
			return goOn, err
		}
		return goOn, &raisedError{newException("AssertionError", v)}
	}
}
