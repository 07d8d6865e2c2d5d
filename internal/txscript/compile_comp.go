package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// comprehension compiles a list, set or dict comprehension, or a generator.
func (c *compiler) comprehension(x *compExpr) eval {
	// The first iterable belongs to the scope around.
	for _, cl := range x.clauses {
		c.owns(cl.iter)
	}
	first := c.walked(x.clauses[0].iter)
	s := newScope(c.scope, compScope)
	for _, cl := range x.clauses {
		s.target(cl.target)
	}
	captured := x.kind == '(' && !c.changes.atOnce[x] // by the generator
	inner := *c
	inner.scope, inner.captured = s, &captured
	inner.depth++ // what varies within it is not kept
	loops := inner.clauses(x)
	size, brief := len(s.slots), !captured
	*c.captured = *c.captured || captured
	c.fields, c.memos = inner.fields, inner.memos
	walk := func(r *run, f *frame, over value, to *taker) error {
		own := r.newFrame(size, f, nil)
		_, err := loops.walk(r, own, over, to)
		if brief {
			r.spareFrame(own)
		}
		return err
	}
	kind, owned := x.kind, c.changes.atOnce[x]
	return func(r *run, f *frame) (value, error) {
		over, err := first(r, f)
		if err != nil {
			return value{}, err
		}
		switch kind {
		case '(':
			// Whether it can be iterated is asked at once, the rest later.
			if err := pyvalue.Iterable(over); err != nil {
				return value{}, err
			}
			return pyvalue.FromObject(&lazy{r: r, class: "generator", owned: owned, each: func(yield func(value) (bool, error)) error {
				return walk(r, f, over, &taker{yield: yield})
			}}), nil
		case ':':
			d := pyvalue.NewDictSize(sizeHint(over))
			err := walk(r, f, over, &taker{dict: d})
			return d.Value(), err
		}
		to := &taker{}
		if err := walk(r, f, over, to); err != nil {
			return value{}, err
		}
		return sequence(r.meter, kind, to.list)
	}
}

// sizeHint is how much room what is made of the elements of a value gets at first.
func sizeHint(over value) int {
	if l := over.PlainList(); l != nil {
		return min(len(l.Items), 16)
	}
	return 0
}

// conditions compiles the conditions of a clause.
func (c *compiler) conditions(list []expr) test {
	switch len(list) {
	case 0:
		return func(*run, *frame) (bool, error) { return true, nil }
	case 1:
		return c.condition(list[0])
	}
	return c.booleanTest(&boolExpr{xs: list})
}

// worthKeeping reports an expression that takes more than a moment: one that
// calls something, or walks over something.
func (c *compiler) worthKeeping(x expr) bool {
	switch x.(type) {
	case *callExpr, *compExpr:
		return true
	}
	return false
}

// invariant reports an expression that has the same value in every row: it reads
// no field of the row, no variable but its own, and calls only what has no effect.
func (c *compiler) invariant(x expr, own []string) bool {
	switch x := x.(type) {
	case *compExpr:
		for _, cl := range x.clauses {
			each(cl.target, func(t expr) bool {
				if n, ok := t.(*nameExpr); ok {
					own = append(own, n.name)
				}
				return true
			})
		}
		for _, cl := range x.clauses {
			if !c.invariant(cl.iter, own) || !c.allInvariant(cl.conditions, own) {
				return false
			}
		}
		return c.invariant(x.value, own) && (x.key == nil || c.invariant(x.key, own))
	case *nameExpr:
		for _, name := range own {
			if name == x.name {
				return true
			}
		}
		_, _, _, isVariable := c.scope.find(x.name)
		return !isVariable && pureBuiltins[x.name] || c.steady[x.name]
	case *constExpr:
		return true
	case *attrExpr:
		if field, inner, ok := c.fieldOf(x); ok {
			return inner == "all_values" || inner == "" && (!c.options.RowFields(field) || c.isKey(field))
		}
		return c.invariant(x.x, own)
	case *callExpr:
		if attr, ok := x.f.(*attrExpr); ok {
			// A method could change what it is called on.
			if name, ok := attr.x.(*nameExpr); !ok || !pureModules[name.name] {
				allowed := pureMethods[attr.name] || c.steady != nil && (ownMethods[attr.name] || changing[attr.name] || changingDicts[attr.name])
				if _, isField, ok := c.fieldOf(attr); ok || isField != "" || !allowed {
					return false
				}
			}
			if !c.invariantBase(attr.x, own) {
				return false
			}
		} else if name, ok := x.f.(*nameExpr); ok && c.steady[name.name] || !c.invariant(x.f, own) {
			return false // a variable may be any function
		}
		for _, a := range x.args {
			if !c.invariant(a.value, own) {
				return false
			}
		}
		return true
	case *lambdaExpr:
		for _, p := range x.f.params {
			if p.value != nil {
				return false
			}
			own = append(own, p.name)
		}
		return x.f.varArgs == "" && x.f.named == "" && c.invariant(x.f.result, own)
	case *walrusExpr, *starExpr:
		return false
	}
	ok := true
	each(x, func(inner expr) bool {
		if inner == x {
			return true
		}
		ok = ok && c.invariant(inner, own)
		return false
	})
	return ok
}

func (c *compiler) invariantBase(x expr, own []string) bool {
	if name, ok := x.(*nameExpr); ok && pureModules[name.name] {
		_, _, _, isVariable := c.scope.find(name.name)
		return !isVariable
	}
	return c.invariant(x, own)
}

func (c *compiler) allInvariant(list []expr, own []string) bool {
	for _, x := range list {
		if !c.invariant(x, own) {
			return false
		}
	}
	return true
}

// fieldOf recognises field.x and field.x.y.
func (c *compiler) fieldOf(x *attrExpr) (schemaID, attr string, ok bool) {
	if c.options.Fields == "" {
		return "", "", false
	}
	isFields := func(x expr) bool {
		n, ok := x.(*nameExpr)
		if !ok || n.name != c.options.Fields {
			return false
		}
		_, _, _, isVariable := c.scope.find(n.name)
		return !isVariable
	}
	if isFields(x.x) {
		return x.name, "", true
	}
	if inner, isAttr := x.x.(*attrExpr); isAttr && isFields(inner.x) {
		return inner.name, x.name, true
	}
	return "", "", false
}

// pureBuiltins are functions without an effect, whose value depends only on their
// arguments.
var pureBuiltins = map[string]bool{
	"sum": true, "min": true, "max": true, "len": true, "any": true, "all": true, "sorted": true, "round": true, "abs": true, "int": true, "float": true,
	"str": true, "bool": true, "list": true, "set": true, "tuple": true, "dict": true, "zip": true, "enumerate": true, "range": true, "reversed": true,
	"is_empty": true, "is_set": true, "default_to": true, "substitute": true, "isinstance": true, "repr": true, "divmod": true, "pow": true,
}

// ownMethods are methods of lists and dicts that change nothing. They may be called
// where what they are called on is the program's own.
var ownMethods = map[string]bool{"get": true, "keys": true, "values": true, "items": true, "copy": true, "index": true, "issubset": true, "union": true, "isdisjoint": true}

// pureModules are modules whose functions are pure.
var pureModules = map[string]bool{"re": true, "math": true}

// pureMethods are methods of texts that change nothing.
var pureMethods = map[string]bool{
	"strip": true, "lstrip": true, "rstrip": true, "lower": true, "upper": true, "split": true, "join": true, "replace": true, "startswith": true,
	"endswith": true, "title": true, "format": true, "count": true, "find": true, "zfill": true, "isdigit": true, "isalpha": true, "casefold": true,
}
