package re

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// parenthesis reads what an opening parenthesis begins. It returns nil for a
// comment, and nil and true for flags that hold for the whole pattern.
func (p *parser) parenthesis(verbose bool, depth, start int) (n *node, global bool, err error) {
	extended, err := p.accept("?")
	if err != nil {
		return nil, false, err
	}
	if !extended {
		n, err = p.capture("", verbose, depth, start)
		return n, false, err
	}
	unit, err := p.need()
	if err != nil {
		return nil, false, err
	}
	switch {
	case unit == "P":
		n, err = p.pythonExtension(verbose, depth, start)
	case unit == ":":
		n, err = p.group(&node{kind: group}, verbose, depth, start)
	case unit == "#":
		return nil, false, p.groupComment(start)
	case unit == "=" || unit == "!":
		n, err = p.look(&node{kind: look, negate: unit == "!"}, verbose, depth, start)
	case unit == "<":
		if unit, err = p.need(); err != nil {
			return nil, false, err
		}
		if unit != "=" && unit != "!" {
			return nil, false, p.fault("unknown extension ?<"+unit, length(unit)+2)
		}
		n, err = p.look(&node{kind: look, negate: unit == "!", behind: true}, verbose, depth, start)
	case unit == "(":
		n, err = p.conditional(verbose, depth, start)
	case unit == ">":
		n, err = p.group(&node{kind: atomic}, verbose, depth, start)
	case unit == "-" || flagOf[unit] != 0:
		add, del, all, err := p.inlineFlags(unit)
		if err != nil || all {
			return nil, all, err
		}
		verbose = (verbose || add&Verbose != 0) && del&Verbose == 0
		n, err = p.group(&node{kind: group, add: add, del: del}, verbose, depth, start)
		return n, false, err
	default:
		return nil, false, p.fault("unknown extension ?"+unit, length(unit)+1)
	}
	return n, false, err
}

// need takes a unit that has to be there.
func (p *parser) need() (string, error) {
	unit, err := p.take()
	if err == nil && unit == "" {
		err = p.fault("unexpected end of pattern", 0)
	}
	return unit, err
}

// pythonExtension reads the rest of (?P<name>…) and (?P=name).
func (p *parser) pythonExtension(verbose bool, depth, start int) (*node, error) {
	unit, err := p.need()
	if err != nil {
		return nil, err
	}
	switch unit {
	case "<":
		name, err := p.until(">", "group name")
		if err == nil {
			err = p.checkName(name)
		}
		if err != nil {
			return nil, err
		}
		return p.capture(name, verbose, depth, start)
	case "=":
		name, err := p.until(")", "group name")
		if err == nil {
			err = p.checkName(name)
		}
		if err != nil {
			return nil, err
		}
		n, ok := p.names[name]
		if !ok {
			return nil, p.fault("unknown group name "+quote(name), length(name)+1)
		}
		if p.groups[n] == nil {
			return nil, p.fault("cannot refer to an open group", length(name)+1)
		}
		return &node{kind: ref, group: n}, p.checkLookbehind(n)
	}
	return nil, p.fault("unknown extension ?P"+unit, length(unit)+2)
}

func (p *scanner) checkName(name string) error {
	if syntax.IsIdentifier(name) {
		return nil
	}
	return p.fault("bad character in group name "+quote(name), length(name)+1)
}

// capture reads a group that captures.
func (p *parser) capture(name string, verbose bool, depth, start int) (*node, error) {
	number := len(p.groups)
	if name != "" {
		if earlier, ok := p.names[name]; ok {
			return nil, p.fault(fmt.Sprintf("redefinition of group name %s as group %d; was group %d", quote(name), number, earlier), length(name)+1)
		}
		p.names[name] = number
	}
	p.groups, p.order = append(p.groups, nil), append(p.order, name)
	n, err := p.group(&node{kind: group, group: number}, verbose, depth, start)
	if err != nil {
		return nil, err
	}
	w := n.parts[0].width(p.groups)
	p.groups[number] = &w
	n.known = &w
	return n, nil
}

// group reads the body of n and its closing parenthesis.
func (p *parser) group(n *node, verbose bool, depth, start int) (*node, error) {
	body, err := p.alternatives(verbose, depth+1)
	if err != nil {
		return nil, err
	}
	n.parts = []seq{body}
	return n, p.closing(start)
}

func (p *parser) closing(start int) error {
	closed, err := p.accept(")")
	if err == nil && !closed {
		err = p.fault("missing ), unterminated subpattern", p.at-start)
	}
	return err
}

func (p *parser) groupComment(start int) error {
	for {
		if p.next == "" {
			return p.fault("missing ), unterminated comment", p.at-start)
		}
		if unit, err := p.take(); err != nil || unit == ")" {
			return err
		}
	}
}

// look reads a look-ahead or look-behind.
func (p *parser) look(n *node, verbose bool, depth, start int) (*node, error) {
	outer := p.lookbehind
	if n.behind && outer == 0 {
		p.lookbehind = len(p.groups)
	}
	body, err := p.alternatives(verbose, depth+1)
	if err != nil {
		return nil, err
	}
	if n.behind && outer == 0 {
		p.lookbehind = 0
	}
	n.parts = []seq{body}
	return n, p.closing(start)
}

// conditional reads the rest of (?(group)yes|no).
func (p *parser) conditional(verbose bool, depth, start int) (*node, error) {
	name, err := p.until(")", "group name")
	if err != nil {
		return nil, err
	}
	n := &node{kind: cond}
	if syntax.IsIdentifier(name) {
		var ok bool
		if n.group, ok = p.names[name]; !ok {
			return nil, p.fault("unknown group name "+quote(name), length(name)+1)
		}
	} else {
		if n.group, err = strconv.Atoi(strings.TrimSpace(name)); err != nil || n.group < 0 {
			return nil, p.fault("bad character in group name "+quote(name), length(name)+1)
		}
		if n.group == 0 {
			return nil, p.fault("bad group number", length(name)+1)
		}
		p.conds = append(p.conds, condition{n.group, p.at - length(name) - 1})
	}
	if err := p.checkLookbehind(n.group); err != nil {
		return nil, err
	}
	yes, err := p.sequence(verbose, depth+1, false)
	if err != nil {
		return nil, err
	}
	n.parts = []seq{yes}
	if more, err := p.accept("|"); err != nil {
		return nil, err
	} else if more {
		no, err := p.sequence(verbose, depth+1, false)
		if err != nil {
			return nil, err
		}
		if p.next == "|" {
			return nil, p.fault("conditional backref with more than two branches", 0)
		}
		n.parts = append(n.parts, no)
	}
	return n, p.closing(start)
}

var flagOf = map[string]Flags{"i": IgnoreCase, "L": Locale, "m": Multiline, "s": DotAll, "x": Verbose, "a": ASCII, "t": 1, "u": Unicode}

// typeFlags say what a character is; only one of them can hold.
const typeFlags = ASCII | Locale | Unicode

// inlineFlags reads the rest of (?i), (?i:…) and (?i-m:…). It reports all for the
// first form.
func (p *parser) inlineFlags(unit string) (add, del Flags, all bool, err error) {
	if unit != "-" {
		if add, unit, err = p.flagsOn(unit); err != nil {
			return 0, 0, false, err
		}
	}
	if unit == ")" {
		p.flags |= add
		return 0, 0, true, nil
	}
	if add&1 != 0 {
		return 0, 0, false, p.fault("bad inline flags: cannot turn on global flag", 1)
	}
	if unit == "-" {
		if del, err = p.flagsOff(); err != nil {
			return 0, 0, false, err
		}
	}
	switch {
	case del&1 != 0:
		err = p.fault("bad inline flags: cannot turn off global flag", 1)
	case add&del != 0:
		err = p.fault("bad inline flags: flag turned on and off", 1)
	}
	return add, del, false, err
}

func (p *parser) flagsOn(unit string) (add Flags, after string, err error) {
	for {
		flag := flagOf[unit]
		if flag == Locale {
			return 0, "", p.fault("bad inline flags: cannot use 'L' flag with a str pattern", 0)
		}
		add |= flag
		if flag&typeFlags != 0 && add&typeFlags != flag {
			return 0, "", p.fault("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0)
		}
		if unit, err = p.take(); err != nil {
			return 0, "", err
		}
		if unit == "" {
			return 0, "", p.fault("missing -, : or )", 0)
		}
		if unit == ")" || unit == "-" || unit == ":" {
			return add, unit, nil
		}
		if flagOf[unit] == 0 {
			return 0, "", p.fault(unknownFlag(unit, "missing -, : or )"), length(unit))
		}
	}
}

func (p *parser) flagsOff() (del Flags, err error) {
	for missing := "missing flag"; ; missing = "missing :" {
		unit, err := p.take()
		switch {
		case err != nil:
			return 0, err
		case unit == "":
			return 0, p.fault(missing, 0)
		case unit == ":" && del != 0:
			return del, nil
		case flagOf[unit] == 0:
			return 0, p.fault(unknownFlag(unit, missing), length(unit))
		case flagOf[unit]&typeFlags != 0:
			return 0, p.fault("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", 0)
		}
		del |= flagOf[unit]
	}
}

func unknownFlag(unit, otherwise string) string {
	for _, r := range unit {
		if !ucd.IsAlpha(r) {
			return otherwise
		}
	}
	return "unknown flag"
}
