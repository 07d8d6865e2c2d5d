package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// steadyBlock are the variables that the steady statements of a program have set,
// kept between its runs over the rows of a table.
type steadyBlock struct {
	state uint8
	vars  []variable // in the order of the slots
	last  value
}

const (
	unseen   uint8 = iota
	seen           // once: it may be the only time
	usable         // it is kept
	unusable       // it cannot be kept
)

// moduleBody compiles a program. Statements at its beginning that do the same in
// every row are run once for a table, and those that do the same in every row with the
// same key once for a key, if what they make can be kept.
func (c *compiler) moduleBody(list []stmt) exec {
	from, names := c.definitions(list)
	to := c.steadyPart(list, from, names)
	end, keys := c.keptPart(list, from, names)
	if to = max(from, to); end <= to {
		end, keys = to, nil
	}
	if from == end {
		return c.block(list)
	}
	head := c.block(list[:from])
	part := c.steadyBody(list[from:to], c.containersStay(list, from, to))
	if to < end {
		inner, more := part, c.block(list[to:end])
		part = func(r *run, f *frame) (control, error) {
			if _, err := inner(r, f); err != nil {
				return goOn, err
			}
			return more(r, f)
		}
		part = c.keptBody(list[from:end], part, keys, c.containersStay(list, from, end))
	}
	rest := c.block(list[end:])
	return func(r *run, f *frame) (control, error) {
		if _, err := head(r, f); err != nil {
			return goOn, err
		}
		if _, err := part(r, f); err != nil {
			return goOn, err
		}
		return rest(r, f)
	}
}

// containersStay reports that only the statements in between can change a container:
// what they have made may be handed out again.
func (*compiler) containersStay(list []stmt, from, to int) bool {
	return !changesValues(list[:from]) && !changesValues(list[to:])
}

// assignedBy returns the slots of the variables that statements of the module set.
func (c *compiler) assignedBy(list []stmt) []int {
	assigned := newScope(nil, moduleScope)
	assigned.collect(list)
	var slots []int
	for name := range assigned.slots {
		slots = append(slots, c.scope.slots[name])
	}
	slices.Sort(slots)
	return slots
}

// steadyBody compiles the steady statements of a program.
func (c *compiler) steadyBody(list []stmt, containers bool) exec {
	steady := c.block(list)
	if len(list) == 0 {
		return steady
	}
	slots := c.assignedBy(list)
	return func(r *run, f *frame) (control, error) {
		if r.block.state == usable {
			for i, slot := range slots {
				f.vars[slot] = r.block.vars[i]
			}
			r.last = r.block.last
			return goOn, r.meter.Step(int64(1 + len(slots)))
		}
		if _, err := steady(r, f); err != nil {
			return goOn, err
		}
		return goOn, r.keepBlock(f, slots, containers)
	}
}

// keepBlock keeps what the steady statements have set, the second time that they run.
func (r *run) keepBlock(f *frame, slots []int, containers bool) error {
	b := &r.block
	if r.host.Memo == nil || b.state == unusable {
		return nil
	}
	if b.state++; b.state != usable {
		return nil
	}
	size := 0
	keep := func(v value) bool { return scalar(v) || containers && unchanging(v, 0, &size) }
	ok := keep(r.last)
	for _, slot := range slots {
		ok = ok && keep(f.vars[slot].v)
	}
	if !ok {
		b.state = unusable
		return r.meter.Step(int64(size))
	}
	b.last = r.last
	for _, slot := range slots {
		b.vars = append(b.vars, f.vars[slot])
	}
	return r.meter.Step(int64(size))
}

// unchanging reports a value that stays the same as long as nobody changes a
// container in it. It counts what it has looked at.
func unchanging(v value, depth int, size *int) bool {
	const deepest, most = 8, 200_000
	if *size++; depth > deepest || *size > most {
		return false
	}
	all := func(list []value) bool {
		for _, item := range list {
			if !unchanging(item, depth+1, size) {
				return false
			}
		}
		return true
	}
	switch v.Kind() {
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		return all(items)
	case pyvalue.KindDict:
		for k, item := range v.Dict().All() {
			if !unchanging(k, depth+1, size) || !unchanging(item, depth+1, size) {
				return false
			}
		}
		return true
	case pyvalue.KindSet:
		return all(v.Set().Members())
	case pyvalue.KindObject:
		if rows, ok := v.Object().(Columnar); ok {
			table, _ := rows.Row()
			return table != nil
		}
	}
	return scalar(v)
}

// definitions returns how many statements at the beginning of a program are imports
// and functions, and which variables of the module those after them may set.
func (c *compiler) definitions(list []stmt) (n int, names map[string]bool) {
	if c.options.RowFields == nil {
		return 0, nil
	}
	defined := make(map[string]bool) // what functions and imports have set
	for ; n < len(list); n++ {
		switch s := list[n].(type) {
		case *defStmt:
			defined[s.f.name] = true
			continue
		case *importStmt:
			defined[s.name] = true
			continue
		case *scopeStmt:
			continue
		}
		break
	}
	names = make(map[string]bool)
	for name := range c.scope.slots {
		names[name] = !defined[name] && !slices.Contains(c.options.Globals, name)
	}
	return n, names
}

// steadyPart finds the end of the statements after the definitions that do the same in
// every row, if they take more than a moment; 0 if not.
func (c *compiler) steadyPart(list []stmt, from int, names map[string]bool) (to int) {
	if c.options.RowFields == nil {
		return 0
	}
	h := *c
	h.steady = names
	worth := false
	for to = from; to < len(list) && h.steadyStmt(list[to]); to++ {
		visit(list[to:to+1], func(st stmt) {
			switch st.(type) {
			case *forStmt, *whileStmt:
				worth = true
			}
		}, func(x expr) { worth = worth || c.worthKeeping(x) })
	}
	if !worth {
		return 0
	}
	return to
}

func (c *compiler) steadyStmts(list []stmt) bool {
	for _, s := range list {
		if !c.steadyStmt(s) {
			return false
		}
	}
	return true
}

// steadyStmt reports a statement that does the same in every row: it changes only
// variables of the module, by what is invariant.
func (c *compiler) steadyStmt(s stmt) bool {
	switch s := s.(type) {
	case *exprStmt:
		return c.invariant(s.x, nil)
	case *assignStmt:
		for _, t := range s.targets {
			if !c.steadyTarget(t) {
				return false
			}
		}
		return c.invariant(s.value, nil)
	case *augStmt:
		return c.steadyTarget(s.target) && c.invariant(s.target, nil) && c.invariant(s.value, nil)
	case *ifStmt:
		return c.invariant(s.cond, nil) && c.steadyStmts(s.then) && c.steadyStmts(s.otherwise)
	case *whileStmt:
		return c.invariant(s.cond, nil) && c.steadyStmts(s.body) && c.steadyStmts(s.otherwise)
	case *forStmt:
		return c.steadyTarget(s.target) && c.invariant(s.iter, nil) && c.steadyStmts(s.body) && c.steadyStmts(s.otherwise)
	case *simpleStmt:
		return true
	}
	return false
}

func (c *compiler) steadyTarget(x expr) bool {
	switch x := x.(type) {
	case *nameExpr:
		return c.steady[x.name]
	case *starExpr:
		return c.steadyTarget(x.x)
	case *listExpr:
		for _, item := range x.items {
			if !c.steadyTarget(item) {
				return false
			}
		}
		return true
	case *indexExpr:
		return c.invariant(x.x, nil) && c.invariant(x.index, nil)
	}
	return false
}
