package re

import (
	"math"
	"sync"
)

// Meter bounds how much a search may do. *pyvalue.Meter is one.
type Meter interface {
	// Step counts n operations. Its error ends the search.
	Step(n int64) error
}

// maxChoices bounds the memory of one search, in entries of the stack.
const maxChoices = 4 << 20

// machine runs a program on a text.
type machine struct {
	*program
	text    []rune
	end     int // the text counts as ending here
	slots   []int
	stack   []entry
	meter   Meter
	counted int
	fault   error // of the meter, within an instruction
	from    int   // where this search began
	// whole: the match must reach the end. advance: it must not be empty at from.
	whole, advance bool
}

// entry is what can be undone: a choice, or the old value of a slot.
type entry struct {
	kind entryKind
	pc   int32 // of a choice; a slot otherwise
	pos  int32 // of a choice; the old value otherwise
	low  int32 // how far a greedy run of units can be shortened
}

type entryKind uint8

const (
	choice entryKind = iota
	slotValue
	shorter // a run of units that can give one back
	longer  // a run of units that can take one more; low counts those it may still take
)

var machines = sync.Pool{New: func() any { return new(machine) }}

// search looks for a match that begins at from or later; with exact only at from.
// It appends the slots of the match to kept and returns them; slots is nil if nothing matches.
func (p *program) search(meter Meter, text []rune, from, end int, how searching, kept []int) (start, stop int, slots []int, err error) {
	exact := how.exact
	m := machines.Get().(*machine)
	defer func() {
		m.program, m.text, m.meter, m.fault = nil, nil, nil, nil
		if cap(m.stack) > 1<<16 {
			m.stack = nil
		}
		machines.Put(m)
	}()
	m.program, m.text, m.end, m.meter, m.from, m.whole, m.advance = p, text, end, meter, from, how.whole, how.advance
	if cap(m.slots) < p.slots {
		m.slots = make([]int, p.slots)
	}
	m.slots = m.slots[:p.slots]
	for at := from; at <= end; at++ {
		if !exact {
			if at = m.skip(at); m.fault != nil {
				return 0, 0, nil, m.fault
			}
			if at > end {
				break
			}
		}
		for i := range m.slots {
			m.slots[i] = -1
		}
		m.stack = m.stack[:0]
		stop, err := m.run(at)
		if err != nil {
			return 0, 0, nil, err
		}
		if stop >= 0 {
			return at, stop, append(kept, m.slots...), m.flush()
		}
		if exact || p.anchored {
			break
		}
	}
	return 0, 0, nil, m.flush()
}

// skip returns the next position at which a match can begin, which is beyond the
// end if there is none.
func (m *machine) skip(at int) int {
	if m.anchored && at > 0 {
		return m.end + 1
	}
	if m.first == nil {
		return at
	}
	for {
		piece := min(m.end, at+pieceOfText)
		began := at
		for at < piece && !m.first.fits(m.text[at]) {
			at++
		}
		if !m.passed((at-began)/8) || at < piece || at == m.end {
			break
		}
	}
	if at == m.end {
		return m.end + 1
	}
	return at
}

// pieceOfText is how many characters are looked at without a word to the meter.
const pieceOfText = 1 << 18

// passed counts instructions that a loop over characters stands for, and reports whether to go on.
func (m *machine) passed(n int) bool {
	if m.counted += n; m.counted >= countEvery && m.fault == nil {
		m.fault = m.flush()
	}
	return m.fault == nil
}

// flush tells the meter what has been counted.
func (m *machine) flush() error {
	n := m.counted
	m.counted = 0
	if m.meter == nil {
		return nil
	}
	return m.meter.Step(1 + int64(n)/4)
}

// countEvery is the number of instructions between two looks at the meter.
const countEvery = 1 << 12

func (m *machine) set(slot, value int) {
	m.stack = append(m.stack, entry{kind: slotValue, pc: int32(slot), pos: int32(m.slots[slot])})
	m.slots[slot] = value
}

func (m *machine) choose(pc, pos int) {
	m.stack = append(m.stack, entry{kind: choice, pc: int32(pc), pos: int32(pos)})
}

// fail undoes what was done since the last choice and makes the other one. It
// reports false if there is none left.
func (m *machine) fail() (pc, pos int, ok bool) {
	for len(m.stack) > 0 {
		top := &m.stack[len(m.stack)-1]
		switch top.kind {
		case slotValue:
			m.slots[top.pc] = int(top.pos)
		case choice:
			pc, pos = int(top.pc), int(top.pos)
			m.stack = m.stack[:len(m.stack)-1]
			return pc, pos, true
		case shorter:
			if top.pos > top.low {
				top.pos--
				return int(top.pc) + 1, int(top.pos), true
			}
		case longer:
			in := &m.code[top.pc]
			if top.low != 0 && int(top.pos) < m.end && in.unit.fits(m.text[top.pos]) {
				top.pos++
				top.low--
				return int(top.pc) + 1, int(top.pos), true
			}
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

// cut forgets the choices made since the stack had the given height, but not how
// to undo what was done.
func (m *machine) cut(height int) {
	kept := m.stack[:height]
	for _, e := range m.stack[height:] {
		if e.kind == slotValue {
			kept = append(kept, e)
		}
	}
	m.stack = kept
}

// unwind undoes all that was done since the stack had the given height.
func (m *machine) unwind(height int) {
	for len(m.stack) > height {
		if top := m.stack[len(m.stack)-1]; top.kind == slotValue {
			m.slots[top.pc] = int(top.pos)
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
}

// run matches at one position and returns where the match ends, -1 for none.
func (m *machine) run(pos int) (int, error) {
	pc := 0
	for {
		if m.counted++; m.counted >= countEvery || m.fault != nil {
			if err := m.flush(); err != nil {
				return -1, err
			}
			if m.fault != nil {
				return -1, m.fault
			}
			if len(m.stack) > maxChoices {
				return -1, ErrLimit
			}
		}
		in := &m.code[pc]
		if in.op == opMatch {
			if (!m.whole || pos == m.end) && (!m.advance || pos != m.from) {
				return pos, nil
			}
		}
		var ok bool
		if in.op != opMatch {
			pc, pos, ok = m.step(in, pc, pos)
		}
		if ok {
			continue
		}
		if pc, pos, ok = m.fail(); !ok {
			return -1, nil
		}
	}
}

// step carries out one instruction. It reports false if it fails.
func (m *machine) step(in *inst, pc, pos int) (int, int, bool) {
	next := pc + 1
	switch in.op {
	case opUnit:
		return next, pos + 1, pos < m.end && in.unit.fits(m.text[pos])
	case opMark:
		m.set(in.slot, pos)
	case opGroupEnd:
		m.set(in.slot, pos)
		m.set(m.lastGroup(), in.x)
	case opAt:
		return next, pos, m.at(place(in.x), pos)
	case opSplit:
		m.choose(in.x, pos)
	case opJump:
		return in.x, pos, true
	case opRef:
		pos, ok := m.reference(in, pos)
		return next, pos, ok
	case opCond:
		if !m.matched(in.min) {
			next = in.x
		}
	case opLoop:
		m.set(in.slot, -1)
		m.set(in.slot+1, -1)
	case opUntil, opUntilLazy, opMore:
		return m.loop(in, pc, pos)
	case opUnits, opUnitsAll, opUnitsLazy:
		pos, ok := m.units(in, pc, pos)
		return next, pos, ok
	default:
		return m.around(in, next, pos)
	}
	return next, pos, true
}

// loop decides whether the body of a repeat is tried once more. A body that takes
// nothing is tried once, not for ever.
func (m *machine) loop(in *inst, pc, pos int) (int, int, bool) {
	count := m.slots[in.slot] + 1
	mayRepeat := (in.max < 0 || count < in.max) && pos != m.slots[in.slot+1]
	switch {
	case in.op != opMore && count < in.min:
		m.set(in.slot, count)
		if in.op == opUntilLazy {
			pc++
		}
		return pc + 1, pos, true
	case in.op == opUntilLazy:
		m.choose(pc+1, pos)
		return in.x, pos, true
	case !mayRepeat && in.op == opMore:
		return 0, 0, false
	case !mayRepeat:
		return in.x, pos, true
	case in.op == opUntil:
		m.choose(in.x, pos)
	}
	m.set(in.slot, count)
	m.set(in.slot+1, pos)
	return pc + 1, pos, true
}

// units matches a repeat of one character.
func (m *machine) units(in *inst, pc, pos int) (int, bool) {
	most := m.end - pos
	if most < in.min {
		return 0, false
	}
	if in.max >= 0 {
		most = min(most, in.max)
	}
	if in.op == opUnitsLazy {
		most = in.min
	}
	n := 0
	for {
		piece, began := min(most, n+pieceOfText), n
		for n < piece && in.unit.fits(m.text[pos+n]) {
			n++
		}
		if !m.passed((n-began)/4) || n < piece || n == most {
			break
		}
	}
	if n < in.min {
		return 0, false
	}
	switch {
	case in.op == opUnits && n > in.min:
		m.stack = append(m.stack, entry{kind: shorter, pc: int32(pc), pos: int32(pos + n), low: int32(pos + in.min)})
	case in.op == opUnitsLazy && in.max != n:
		m.stack = append(m.stack, entry{kind: longer, pc: int32(pc), pos: int32(pos + n), low: int32(min(in.max-n, math.MaxInt32))})
	}
	return pos + n, true
}

// around is for groups that are left with one result only, and for lookaround.
func (m *machine) around(in *inst, next, pos int) (int, int, bool) {
	switch in.op {
	case opAtomic:
		m.set(in.slot, len(m.stack)+1)
	case opAtomicEnd:
		m.cut(m.slots[in.slot])
	case opLook:
		m.set(in.slot+1, pos)
		m.set(in.slot, len(m.stack)+1)
		return next, pos - in.min, pos >= in.min
	case opLookEnd:
		pos = m.slots[in.slot+1]
		m.cut(m.slots[in.slot])
	case opNot:
		if pos < in.min {
			return in.x, pos, true
		}
		m.set(in.slot, len(m.stack)+1)
		m.choose(in.x, pos)
		return next, pos - in.min, true
	case opNotEnd:
		m.unwind(m.slots[in.slot])
		return 0, 0, false
	}
	return next, pos, true
}

func (m *machine) lastGroup() int { return 2 * m.captures }

func (m *machine) matched(group int) bool {
	from, to := m.slots[2*group-2], m.slots[2*group-1]
	return from >= 0 && to >= from
}

// reference matches the text of a group once more.
func (m *machine) reference(in *inst, pos int) (int, bool) {
	if !m.matched(in.x) {
		return 0, false
	}
	from, to := m.slots[2*in.x-2], m.slots[2*in.x-1]
	if to-from > m.end-pos {
		return 0, false
	}
	m.counted += (to - from) / 4
	for ; from < to; from, pos = from+1, pos+1 {
		a, b := m.text[from], m.text[pos]
		if a != b && (in.unit.kind != unitFolded || lower(a, in.unit.ascii) != lower(b, in.unit.ascii)) {
			return 0, false
		}
	}
	return pos, true
}

func (m *machine) at(where place, pos int) bool {
	switch where {
	case atTextBeginning:
		return pos == 0
	case atLineBeginning:
		return pos == 0 || m.text[pos-1] == '\n'
	case atEnd:
		return pos == m.end || pos == m.end-1 && m.text[pos] == '\n'
	case atTextEnd:
		return pos == m.end
	case atLineEnd:
		return pos == m.end || m.text[pos] == '\n'
	}
	if m.end == 0 {
		return false // as Python has it: nothing has no boundary, and lacks none
	}
	ascii := where == atBoundaryASCII || where == atNotBoundaryASCII
	before := pos > 0 && isWord(m.text[pos-1], ascii)
	after := pos < m.end && isWord(m.text[pos], ascii)
	return (before != after) == (where == atBoundary || where == atBoundaryASCII)
}
