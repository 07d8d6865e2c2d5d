package txscript

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// byKey keeps what a part of a program that walks over a table gives for a row, by the
// values of the fields of the row that the part reads: many rows of a table have the
// same code, say, and what is counted or added up for it is the same for all of them.
type byKey struct {
	kept         map[string]*keptPart
	hits, misses int
	off          bool // it cannot be kept, or the keys are too many
}

// keptPart is what such a part has given: the value of an expression or of the last
// expression statement, and the variables that statements have set.
type keptPart struct {
	v    value
	vars []variable
}

// maxKept bounds the keys of one part.
const maxKept = 4096

// keyFields returns the fields of the row that something reads which is invariant but
// for them; false if it is not.
func (c *compiler) keyFields(steady map[string]bool, invariant func(h *compiler) bool) (keys []string, ok bool) {
	h := *c
	h.keys, h.steady = &keys, steady
	ok = invariant(&h)
	return keys, ok
}

// isKey reports a field of the row, and notes it, while the fields of a key are looked for.
func (c *compiler) isKey(schemaID string) bool {
	if c.keys != nil {
		*c.keys = append(*c.keys, schemaID)
	}
	return c.keys != nil
}

// walksTable reports a walk over a column, or over the rows of a table.
func (c *compiler) walksTable(iter expr) (found bool) {
	each(iter, func(x expr) bool {
		if a, ok := x.(*attrExpr); ok {
			id, attr, isField := c.fieldOf(a)
			found = found || isField && (attr == "all_values" || attr == "" && !c.options.RowFields(id))
		}
		return !found
	})
	return found
}

// keptCall compiles a call that walks over a table, and whose value depends on fields
// of the row besides; nil if it is none.
func (c *compiler) keptCall(x expr) eval {
	call, ok := x.(*callExpr)
	if !ok || c.options.RowFields == nil || c.depth > 0 || c.inKept {
		return nil
	}
	worth := false
	each(call, func(x expr) bool {
		if comp, ok := x.(*compExpr); ok {
			for _, cl := range comp.clauses {
				worth = worth || c.walksTable(cl.iter)
			}
		}
		return !worth
	})
	if !worth {
		return nil
	}
	keys, ok := c.keyFields(nil, func(h *compiler) bool { return h.invariant(call, nil) })
	if !ok || len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	c.inKept = true
	compute := c.plainExpr(x)
	c.inKept = false
	at, key := c.newByKey(), c.rowKey(slices.Compact(keys))
	return func(r *run, f *frame) (value, error) {
		if r.byKey == nil || r.byKey[at].off {
			return compute(r, f)
		}
		k, kept, err := r.keptFor(at, key)
		if err != nil {
			return value{}, err
		}
		if kept != nil {
			return kept.v, nil
		}
		v, err := compute(r, f)
		if err == nil && k != "" {
			r.keep(at, k, scalar(v), &keptPart{v: v})
		}
		return v, err
	}
}

// keptPart finds the statements at the beginning of a program, from those after its
// functions, that do the same in every row with the same key, up to the last that walks
// over a table; 0 if there are none.
func (c *compiler) keptPart(list []stmt, from int, steady map[string]bool) (to int, keys []string) {
	if c.options.RowFields == nil {
		return 0, nil
	}
	var found []string
	for i := from; i < len(list); i++ {
		more, ok := c.keyFields(steady, func(h *compiler) bool { return h.steadyStmt(list[i]) })
		if !ok {
			break
		}
		found = append(found, more...)
		walks := false
		visit(list[i:i+1], func(st stmt) {
			loop, ok := st.(*forStmt)
			walks = walks || ok && c.walksTable(loop.iter)
		}, func(expr) {})
		if walks && len(found) > 0 {
			to, keys = i+1, slices.Clone(found)
		}
	}
	slices.Sort(keys)
	return to, slices.Compact(keys)
}

// keptBody compiles statements that are kept by key.
func (c *compiler) keptBody(list []stmt, part exec, keys []string, containers bool) exec {
	slots := c.assignedBy(list)
	at, key := c.newByKey(), c.rowKey(keys)
	return func(r *run, f *frame) (control, error) {
		if r.byKey == nil || r.byKey[at].off {
			return part(r, f)
		}
		k, kept, err := r.keptFor(at, key)
		if err != nil {
			return goOn, err
		}
		if kept != nil {
			for i, slot := range slots {
				f.vars[slot] = kept.vars[i]
			}
			r.last = kept.v
			return goOn, r.meter.Step(int64(len(slots)))
		}
		if ctl, err := part(r, f); err != nil || k == "" {
			return ctl, err
		}
		size := 0
		keeps := func(v value) bool { return scalar(v) || containers && unchanging(v, 0, &size) }
		ok, made := keeps(r.last), &keptPart{v: r.last}
		for _, slot := range slots {
			ok = ok && keeps(f.vars[slot].v)
			made.vars = append(made.vars, f.vars[slot])
		}
		r.keep(at, k, ok, made)
		return goOn, r.meter.Step(int64(size))
	}
}

func (c *compiler) newByKey() int {
	c.changes.byKeys++
	return c.changes.byKeys - 1
}

// rowKey compiles the key that fields of the row make; false for a row that has none,
// since one of them is not a cell of a column, or is of a class whose values are not told
// apart here.
func (c *compiler) rowKey(ids []string) func(r *run, key []byte) ([]byte, bool) {
	slots := make([]int, len(ids))
	for i, id := range ids {
		slots[i] = c.slotOf(id)
	}
	return func(r *run, key []byte) ([]byte, bool) {
		for i, slot := range slots {
			v, ok := r.cell(slot, ids[i])
			if ok {
				key, ok = appendKey(key, v)
			}
			if !ok {
				return nil, false
			}
		}
		return key, true
	}
}

// appendKey appends what tells values apart: two that differ in anything make different
// keys.
func appendKey(key []byte, v value) ([]byte, bool) {
	if _, isSpelt := v.Spelling(); isSpelt || v.Derived() != nil {
		return nil, false
	}
	key = append(key, byte(v.Kind()))
	switch v.Kind() {
	case pyvalue.KindStr:
		key = binary.AppendUvarint(key, uint64(len(v.Text())))
		return append(key, v.Text()...), true
	case pyvalue.KindFloat:
		x, _ := v.Float64()
		return binary.LittleEndian.AppendUint64(key, math.Float64bits(x)), true
	case pyvalue.KindObject:
		if t, full, ok := clock.Of(v); ok && !full {
			return binary.AppendVarint(append(key, 'd'), t.Unix()), true
		}
		_, isEmpty := v.Object().(*empty)
		return append(key, 'e'), isEmpty
	}
	return key, v.IsNone()
}

// keptFor returns what was kept for the row's key, or else the key; none if there is to
// be none.
func (r *run) keptFor(at int, rowKey func(r *run, key []byte) ([]byte, bool)) (key string, kept *keptPart, err error) {
	b := &r.byKey[at]
	if r.row == nil {
		return "", nil, nil
	}
	made, ok := rowKey(r, r.key[:0])
	if !ok {
		b.off, b.kept = true, nil
		return "", nil, nil
	}
	r.key = made
	if err := r.meter.Step(1 + int64(len(made))/64); err != nil {
		return "", nil, err
	}
	if kept = b.kept[string(made)]; kept != nil {
		b.hits++
		return "", kept, nil
	}
	if b.misses++; b.misses > 32 && b.hits < 4*b.misses || len(b.kept) >= maxKept {
		b.off, b.kept = true, nil
		return "", nil, nil
	}
	return string(made), nil, r.meter.Grow(int64(len(made)) + 128)
}

// keep keeps what was made for a key, if that can be handed out again.
func (r *run) keep(at int, key string, ok bool, made *keptPart) {
	b := &r.byKey[at]
	if !ok {
		b.off, b.kept = true, nil
		return
	}
	if b.kept == nil {
		b.kept = make(map[string]*keptPart)
	}
	b.kept[key] = made
}
