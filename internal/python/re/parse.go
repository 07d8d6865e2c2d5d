package re

import (
	"fmt"
	"strconv"
	"strings"
)

// Flags are those of Python's re, as it numbers them.
type Flags int64

// The flags that texts know.
const (
	IgnoreCase Flags = 2
	Locale     Flags = 4
	Multiline  Flags = 8
	DotAll     Flags = 16
	Unicode    Flags = 32
	Verbose    Flags = 64
	Debug      Flags = 128
	ASCII      Flags = 256
)

// maxDepth bounds how deeply groups may be nested.
const maxDepth = 500

// parser turns a pattern into nodes.
type parser struct {
	*scanner
	flags      Flags
	names      map[string]int
	order      []string // of names, by group
	groups     []*width // by number; nil while a group is open
	lookbehind int      // groups before the look-behind that is being read, 0 outside of one
	conds      []condition
}

// condition is a group that (?(n)…) asks for; it may be opened later.
type condition struct{ group, pos int }

func parse(b Budget, source string, flags Flags) (*parser, seq, error) {
	s, err := newScanner(source)
	if err != nil {
		return nil, nil, err
	}
	s.budget = b
	p := &parser{scanner: s, flags: flags, names: make(map[string]int), groups: []*width{nil}, order: []string{""}}
	nodes, err := p.alternatives(flags&Verbose != 0, 0)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case p.flags&Locale != 0:
		return nil, nil, &ValueError{"ValueError", "cannot use LOCALE flag with a str pattern"}
	case p.flags&ASCII == 0:
		p.flags |= Unicode
	case p.flags&Unicode != 0:
		return nil, nil, &ValueError{"ValueError", "ASCII and UNICODE flags are incompatible"}
	}
	if p.next != "" {
		return nil, nil, p.fault("unbalanced parenthesis", 0)
	}
	for _, c := range p.conds {
		if c.group >= len(p.groups) {
			return nil, nil, &Error{Msg: "invalid group reference " + strconv.Itoa(c.group), Pattern: source, Pos: c.pos}
		}
	}
	return p, nodes, nil
}

// alternatives reads a|b|c.
func (p *parser) alternatives(verbose bool, depth int) (seq, error) {
	if depth > maxDepth {
		return nil, &Error{Msg: "the pattern is nested too deeply", Pattern: p.source, Pos: -1}
	}
	var list []seq
	for {
		nodes, err := p.sequence(verbose, depth+1, depth == 0 && len(list) == 0)
		if err != nil {
			return nil, err
		}
		list = append(list, nodes)
		if more, err := p.accept("|"); err != nil || !more {
			if len(list) == 1 {
				return nodes, err
			}
			return seq{{kind: branch, parts: list}}, err
		}
		if depth == 0 {
			verbose = p.flags&Verbose != 0
		}
	}
}

// sequence reads what comes before a | or a closing parenthesis.
func (p *parser) sequence(verbose bool, depth int, outermost bool) (seq, error) {
	var nodes seq
	for p.next != "" && p.next != "|" && p.next != ")" {
		unit, err := p.take()
		if err != nil {
			return nil, err
		}
		if verbose {
			if strings.Contains(" \t\n\r\v\f", unit) {
				continue
			}
			if unit == "#" {
				if err := p.comment(); err != nil {
					return nil, err
				}
				continue
			}
		}
		var n *node
		switch unit {
		case "[":
			n, err = p.brackets()
		case "*", "+", "?", "{":
			nodes, err = p.quantifier(unit, nodes)
		case ".":
			n = &node{kind: anyChar}
		case "^":
			n = &node{kind: at, at: beginning}
		case "$":
			n = &node{kind: at, at: end}
		case "(":
			start := p.at - 1
			var global bool
			if n, global, err = p.parenthesis(verbose, depth, start); global && err == nil {
				if !outermost || len(nodes) > 0 {
					return nil, p.fault("global flags not at the start of the expression", p.at-start)
				}
				verbose = p.flags&Verbose != 0
			}
		default:
			if unit[0] == '\\' {
				n, err = p.escape(unit)
			} else {
				n = &node{kind: literal, char: first(unit)}
			}
		}
		if err != nil {
			return nil, err
		}
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	return p.unpacked(nodes)
}

// unpacked puts the contents of groups that capture and change nothing in their
// place.
func (p *parser) unpacked(nodes seq) (seq, error) {
	var out seq
	for _, n := range nodes {
		if n.isPlain() {
			if err := p.step(len(n.parts[0])); err != nil {
				return nil, err
			}
			out = append(out, n.parts[0]...)
			continue
		}
		out = append(out, n)
	}
	return out, nil
}

func (n *node) isPlain() bool { return n.kind == group && n.group == 0 && n.add == 0 && n.del == 0 }

// comment skips to the end of the line.
func (p *parser) comment() error {
	for {
		if unit, err := p.take(); err != nil || unit == "" || unit == "\n" {
			return err
		}
	}
}

// maxRepeat is where Python says that a number is too large.
const maxRepeat = 1<<32 - 1

// quantifier makes the last node a repeated one.
func (p *parser) quantifier(unit string, nodes seq) (seq, error) {
	here := p.at
	least, most := 0, -1
	switch unit {
	case "?":
		most = 1
	case "+":
		least = 1
	case "{":
		var ok bool
		var err error
		if least, most, ok, err = p.bounds(here); err != nil {
			return nil, err
		}
		if !ok {
			return append(nodes, &node{kind: literal, char: '{'}), nil
		}
	}
	back := p.at - here + 1
	if len(nodes) == 0 || nodes[len(nodes)-1].kind == at {
		return nil, p.fault("nothing to repeat", back)
	}
	last := nodes[len(nodes)-1]
	if last.kind == repeat {
		return nil, p.fault("multiple repeat", back)
	}
	body := seq{last}
	if last.isPlain() {
		body = last.parts[0]
	}
	n := &node{kind: repeat, min: least, max: most, parts: []seq{body}}
	for _, suffix := range []struct {
		unit string
		mode repeatMode
	}{{"?", lazy}, {"+", possessive}} {
		found, err := p.accept(suffix.unit)
		if err != nil {
			return nil, err
		}
		if found {
			n.mode = suffix.mode
			break
		}
	}
	nodes[len(nodes)-1] = n
	return nodes, nil
}

const decimalDigits = "0123456789"

// bounds reads the rest of {m,n}. It reports false, having read nothing, if the
// brace is a literal one.
func (p *parser) bounds(here int) (least, most int, ok bool, err error) {
	if p.next == "}" {
		return 0, 0, false, nil
	}
	lo, err := p.while(len(p.runes), decimalDigits)
	if err != nil {
		return 0, 0, false, err
	}
	hi := lo
	comma, err := p.accept(",")
	if err == nil && comma {
		hi, err = p.while(len(p.runes), decimalDigits)
	}
	if err != nil {
		return 0, 0, false, err
	}
	if closed, err := p.accept("}"); err != nil || !closed {
		if err == nil {
			err = p.seek(here)
		}
		return 0, 0, false, err
	}
	least, most = 0, -1
	for _, bound := range []struct {
		text string
		to   *int
	}{{lo, &least}, {hi, &most}} {
		if bound.text == "" {
			continue
		}
		n, err := strconv.ParseUint(bound.text, 10, 64)
		if err != nil || n >= maxRepeat {
			return 0, 0, false, &ValueError{"OverflowError", "the repetition number is too large"}
		}
		*bound.to = int(n)
	}
	if hi != "" && most < least {
		return 0, 0, false, p.fault("min repeat greater than max repeat", p.at-here)
	}
	return least, most, true, nil
}

// brackets reads a set of characters.
func (p *parser) brackets() (*node, error) {
	here := p.at - 1
	c := &class{}
	var err error
	if c.negate, err = p.accept("^"); err != nil {
		return nil, err
	}
	for empty := true; ; empty = false {
		unit, err := p.take()
		switch {
		case err != nil:
			return nil, err
		case unit == "":
			return nil, p.fault("unterminated character set", p.at-here)
		case unit == "]" && !empty:
			return c.node(), nil
		}
		if done, err := p.member(c, unit, here); err != nil {
			return nil, err
		} else if done {
			return c.node(), nil
		}
	}
}

// node is a set, or the literal that a set of one character is.
func (c *class) node() *node {
	if len(c.kinds) == 0 && len(c.ranges) == 1 && c.ranges[0].lo == c.ranges[0].hi {
		return &node{kind: literal, char: c.ranges[0].lo, negate: c.negate}
	}
	return &node{kind: set, class: c}
}

// member adds a character, a category or a range; done tells that the set has
// ended.
func (p *parser) member(c *class, unit string, here int) (done bool, err error) {
	low, err := p.item(unit)
	if err != nil {
		return false, err
	}
	dash, err := p.accept("-")
	if err != nil {
		return false, err
	}
	if !dash {
		c.add(low)
		return false, nil
	}
	that, err := p.take()
	switch {
	case err != nil:
		return false, err
	case that == "":
		return false, p.fault("unterminated character set", p.at-here)
	case that == "]":
		c.add(low)
		c.add(item{char: '-'})
		return true, nil
	}
	high, err := p.item(that)
	if err != nil {
		return false, err
	}
	if low.isKind || high.isKind || high.char < low.char {
		return false, p.fault(fmt.Sprintf("bad character range %s-%s", unit, that), length(unit)+1+length(that))
	}
	c.ranges = append(c.ranges, runeRange{low.char, high.char})
	return false, nil
}

// item is a member of a set.
type item struct {
	char   rune
	kind   category
	isKind bool
}

func (c *class) add(i item) {
	if i.isKind {
		c.kinds = append(c.kinds, i.kind)
		return
	}
	c.ranges = append(c.ranges, runeRange{i.char, i.char})
}

func (p *parser) item(unit string) (item, error) {
	if unit[0] != '\\' {
		return item{char: first(unit)}, nil
	}
	c := first(unit[1:])
	if kind, ok := categories[c]; ok {
		return item{kind: kind, isKind: true}, nil
	}
	if c == 'b' {
		return item{char: '\b'}, nil
	}
	if strings.ContainsRune("89", c) {
		return item{}, p.fault("bad escape "+unit, len(unit))
	}
	if strings.ContainsRune(octalDigits, c) {
		r, err := p.octal(unit)
		return item{char: r}, err
	}
	r, err := p.character(unit)
	return item{char: r}, err
}
