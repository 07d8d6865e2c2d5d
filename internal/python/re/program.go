package re

import "math"

// program is a compiled pattern: instructions for the machine in run.go.
type program struct {
	code     []inst
	slots    int // marks of groups, then the last group, then what loops and groups need
	captures int
	first    *unit
	// anchored tells that a match can begin only where the text does.
	anchored bool
}

// inst is one instruction. Which fields count depends on op.
type inst struct {
	op   opcode
	x    int // where to go on otherwise; or a group; or a width
	slot int
	min  int
	max  int // -1 for without end
	unit unit
}

type opcode uint8

const (
	opUnit      opcode = iota // one character
	opMark                    // set slot to the position
	opGroupEnd                // opMark, and the group x is the last one
	opAt                      // x: a place
	opSplit                   // try the next instruction, later x
	opJump                    // go to x
	opRef                     // the text of group x again
	opCond                    // go on if group min has matched, else at x
	opLoop                    // begin to count in slot
	opUntil                   // greedy: once more, or x
	opUntilLazy               // x, or once more
	opMore                    // once more, after opUntilLazy
	opUnits                   // greedy: min to max characters
	opUnitsLazy               // lazy: min to max characters
	opUnitsAll                // possessive: min to max characters
	opAtomic                  // note the height of the stack in slot
	opAtomicEnd               // forget the choices made since
	opLook                    // opAtomic that also notes the position, x characters back
	opLookEnd                 // opAtomicEnd that also returns to it
	opNot                     // what follows must fail; then go on at x
	opNotEnd                  // it has not failed
	opMatch
)

// unit is a test for one character.
type unit struct {
	kind   unitKind
	negate bool
	char   rune
	class  *class
	same   []rune // lower-case characters that count as char; nil for it alone
	ascii  bool
	low    [2]uint64 // of a class: the characters of ASCII that fit
}

type unitKind uint8

const (
	unitChar unitKind = iota
	unitFolded
	unitClass
	unitClassFolded
	unitAny
	unitNotNewline
)

// fits reports whether the unit stands for a character.
func (u *unit) fits(r rune) bool {
	if u.class != nil && r < 0x80 {
		return u.low[r>>6&1]>>(r&63)&1 != 0
	}
	return u.tests(r)
}

func (u *unit) tests(r rune) bool {
	switch u.kind {
	case unitChar:
		return (r == u.char) != u.negate
	case unitNotNewline:
		return r != '\n'
	case unitAny:
		return true
	case unitClass:
		return u.class.holds(r, u.ascii)
	case unitClassFolded:
		return u.class.holdsFolded(r, u.ascii)
	}
	return u.fitsFolded(r) != u.negate
}

func (u *unit) fitsFolded(r rune) bool {
	r = lower(r, u.ascii)
	for _, same := range u.same {
		if r == same {
			return true
		}
	}
	return r == u.char
}

// compiler writes the program.
type compiler struct {
	code   []inst
	slots  int
	groups []*width
	budget Budget
	err    error
}

func compile(b Budget, nodes seq, flags Flags, groups []*width) (*program, error) {
	c := &compiler{slots: 2*(len(groups)-1) + 1, groups: groups, budget: b}
	c.sequence(nodes, flags)
	c.emit(inst{op: opMatch})
	if c.err != nil {
		return nil, c.err
	}
	p := &program{code: c.code, slots: c.slots, captures: len(groups) - 1}
	p.look()
	return p, nil
}

// look finds out how a match can begin.
func (p *program) look() {
	for _, in := range p.code {
		switch in.op {
		case opMark:
			continue
		case opUnit:
			p.first = &in.unit
		case opUnits, opUnitsAll:
			if in.min > 0 {
				p.first = &in.unit
			}
		case opAt:
			p.anchored = place(in.x) == atTextBeginning
		}
		return
	}
}

// emit writes an instruction and returns where. Once there is an error, no more are written.
func (c *compiler) emit(in inst) int {
	if c.err == nil && c.budget != nil {
		c.err = c.budget.Step(1)
	}
	if c.err == nil || len(c.code) == 0 {
		c.code = append(c.code, in)
	}
	return len(c.code) - 1
}

func (c *compiler) newSlots(n int) int {
	c.slots += n
	return c.slots - n
}

func (c *compiler) here() int { return len(c.code) }

func (c *compiler) sequence(nodes seq, flags Flags) {
	for _, n := range nodes {
		if c.err == nil && c.budget != nil {
			c.err = c.budget.Step(1)
		}
		if c.err != nil {
			return
		}
		c.node(n, flags)
	}
}

func (c *compiler) node(n *node, flags Flags) {
	switch n.kind {
	case literal, anyChar, set:
		c.emit(inst{op: opUnit, unit: unitOf(n, flags)})
	case at:
		c.emit(inst{op: opAt, x: int(placeOf(n.at, flags))})
	case group:
		c.group(n, flags.with(n.add, n.del))
	case branch:
		c.branch(n, flags)
	case repeat:
		c.repeat(n, flags)
	case look:
		c.look(n, flags)
	case ref:
		c.emit(inst{op: opRef, x: n.group, unit: unit{kind: folding(flags), ascii: flags&ASCII != 0}})
	case cond:
		c.cond(n, flags)
	case atomic:
		c.atomic(func() { c.sequence(n.parts[0], flags) })
	}
}

// with changes flags as (?add-del:…) does.
func (f Flags) with(add, del Flags) Flags {
	if add&typeFlags != 0 {
		f &^= typeFlags
	}
	return (f | add) &^ del
}

func folding(flags Flags) unitKind {
	if flags&IgnoreCase != 0 {
		return unitFolded
	}
	return unitChar
}

func unitOf(n *node, flags Flags) unit {
	u := unit{negate: n.negate, char: n.char, class: n.class, ascii: flags&ASCII != 0}
	folded := flags&IgnoreCase != 0
	switch {
	case n.kind == anyChar && flags&DotAll != 0:
		u.kind = unitAny
	case n.kind == anyChar:
		u.kind = unitNotNewline
	case n.kind == set && folded:
		u.kind = unitClassFolded
	case n.kind == set:
		u.kind = unitClass
	case folded:
		u.kind, u.char = unitFolded, lower(n.char, u.ascii)
		if !u.ascii {
			u.same = sameCase[u.char]
		}
	}
	for r := rune(0); u.class != nil && r < 0x80; r++ {
		if u.tests(r) {
			u.low[r>>6] |= 1 << (r & 63)
		}
	}
	return u
}

func (c *compiler) group(n *node, flags Flags) {
	if n.group == 0 {
		c.sequence(n.parts[0], flags)
		return
	}
	slot := 2 * (n.group - 1)
	c.emit(inst{op: opMark, slot: slot})
	c.sequence(n.parts[0], flags)
	c.emit(inst{op: opGroupEnd, slot: slot + 1, x: n.group})
}

func (c *compiler) branch(n *node, flags Flags) {
	var ends []int
	for i, alternative := range n.parts {
		if i == len(n.parts)-1 {
			c.sequence(alternative, flags)
			break
		}
		split := c.emit(inst{op: opSplit})
		c.sequence(alternative, flags)
		ends = append(ends, c.emit(inst{op: opJump}))
		c.code[split].x = c.here()
	}
	for _, at := range ends {
		c.code[at].x = c.here()
	}
}

func (c *compiler) repeat(n *node, flags Flags) {
	body := n.parts[0]
	if len(body) == 1 && body[0].isUnit() {
		op := map[repeatMode]opcode{greedy: opUnits, lazy: opUnitsLazy, possessive: opUnitsAll}[n.mode]
		c.emit(inst{op: op, min: n.min, max: n.max, unit: unitOf(body[0], flags)})
		return
	}
	if n.mode == possessive {
		c.atomic(func() { c.loop(n, flags, opUntil) })
		return
	}
	if n.mode == lazy {
		c.loop(n, flags, opUntilLazy)
		return
	}
	c.loop(n, flags, opUntil)
}

func (c *compiler) loop(n *node, flags Flags, op opcode) {
	slot := c.newSlots(2)
	c.emit(inst{op: opLoop, slot: slot})
	until := c.emit(inst{op: op, slot: slot, min: n.min, max: n.max})
	if op == opUntilLazy {
		c.emit(inst{op: opMore, slot: slot, max: n.max})
	}
	c.sequence(n.parts[0], flags)
	c.emit(inst{op: opJump, x: until})
	c.code[until].x = c.here()
}

func (c *compiler) atomic(body func()) {
	slot := c.newSlots(1)
	c.emit(inst{op: opAtomic, slot: slot})
	body()
	c.emit(inst{op: opAtomicEnd, slot: slot})
}

func (c *compiler) look(n *node, flags Flags) {
	back := 0
	if n.behind {
		w := n.parts[0].width(c.groups)
		if w.lo != w.hi {
			c.err = &Error{Msg: "look-behind requires fixed-width pattern", Pos: -1}
			return
		}
		back = int(min(w.lo, math.MaxInt))
	}
	slot := c.newSlots(2)
	if n.negate {
		not := c.emit(inst{op: opNot, slot: slot, min: back})
		c.sequence(n.parts[0], flags)
		c.emit(inst{op: opNotEnd, slot: slot})
		c.code[not].x = c.here()
		return
	}
	c.emit(inst{op: opLook, slot: slot, min: back})
	c.sequence(n.parts[0], flags)
	c.emit(inst{op: opLookEnd, slot: slot})
}

func (c *compiler) cond(n *node, flags Flags) {
	test := c.emit(inst{op: opCond, min: n.group})
	c.sequence(n.parts[0], flags)
	if len(n.parts) == 1 {
		c.code[test].x = c.here()
		return
	}
	jump := c.emit(inst{op: opJump})
	c.code[test].x = c.here()
	c.sequence(n.parts[1], flags)
	c.code[jump].x = c.here()
}

// place is a position with the flags that matter to it.
type place uint8

const (
	atTextBeginning place = iota
	atLineBeginning
	atEnd // also before a final newline
	atTextEnd
	atLineEnd
	atBoundary
	atNotBoundary
	atBoundaryASCII
	atNotBoundaryASCII
)

func placeOf(p position, flags Flags) place {
	lines, ascii := flags&Multiline != 0, flags&ASCII != 0
	switch {
	case p == beginning && lines:
		return atLineBeginning
	case p == beginning || p == textBeginning:
		return atTextBeginning
	case p == end && lines:
		return atLineEnd
	case p == end:
		return atEnd
	case p == textEnd:
		return atTextEnd
	case p == boundary && ascii:
		return atBoundaryASCII
	case p == boundary:
		return atBoundary
	case ascii:
		return atNotBoundaryASCII
	}
	return atNotBoundary
}
