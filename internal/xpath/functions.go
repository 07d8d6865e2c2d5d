package xpath

import (
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// function is one of XPath's core library.
type function struct {
	least, most int  // arguments; most is -1 for any number
	nodes       bool // every argument is a set of nodes
	run         func(r *run, args []value) value
}

type call struct {
	name string
	function
	args []expr
}

func (c *call) isNodes() bool { return c.name == "id" }

func (c *call) eval(r *run) value {
	args := make([]value, len(c.args))
	for i, a := range c.args {
		args[i] = a.eval(r)
	}
	if !r.step(1) {
		if c.isNodes() {
			return nodes(nil)
		}
		return text("")
	}
	return c.run(r, args)
}

func functions() map[string]function { return functionsOnUse.Get(makeFunctions) }

var functionsOnUse onuse.Value[map[string]function]

func makeFunctions() map[string]function {
	return map[string]function{
		"last":            {0, 0, false, func(r *run, _ []value) value { return r.inBrackets(r.size) }},
		"position":        {0, 0, false, func(r *run, _ []value) value { return r.inBrackets(r.position) }},
		"count":           {1, 1, true, func(_ *run, args []value) value { return float(len(args[0].(nodes))) }},
		"sum":             {1, 1, true, sum},
		"id":              {1, 1, false, byID},
		"local-name":      {0, 1, true, func(r *run, args []value) value { return text(r.nameOf(args).Local) }},
		"namespace-uri":   {0, 1, true, func(r *run, args []value) value { return text(r.nameOf(args).Space) }},
		"name":            {0, 1, true, qualifiedName},
		"string":          {0, 1, false, func(r *run, args []value) value { return r.textArgument(args) }},
		"concat":          {2, -1, false, concat},
		"starts-with":     {2, 2, false, onTexts(func(a, b string) value { return boolean(strings.HasPrefix(a, b)) })},
		"contains":        {2, 2, false, onTexts(func(a, b string) value { return boolean(strings.Contains(a, b)) })},
		"substring-after": {2, 2, false, onTexts(func(a, b string) value { _, after, _ := strings.Cut(a, b); return text(after) })},
		"substring-before": {2, 2, false, onTexts(func(a, b string) value {
			if before, _, ok := strings.Cut(a, b); ok {
				return text(before)
			}
			return text("")
		})},
		"substring":       {2, 3, false, substring},
		"string-length":   {0, 1, false, func(r *run, args []value) value { return float(utf8.RuneCountInString(string(r.textArgument(args)))) }},
		"normalize-space": {0, 1, false, func(r *run, args []value) value { return text(normalizeSpace(string(r.textArgument(args)))) }},
		"translate":       {3, 3, false, translate},
		"boolean":         {1, 1, false, func(r *run, args []value) value { return truth(r, args[0]) }},
		"not":             {1, 1, false, func(r *run, args []value) value { return !truth(r, args[0]) }},
		"true":            {0, 0, false, func(*run, []value) value { return boolean(true) }},
		"false":           {0, 0, false, func(*run, []value) value { return boolean(false) }},
		"lang":            {1, 1, false, lang},
		"number": {0, 1, false, func(r *run, args []value) value {
			if len(args) == 1 {
				return toNumber(r, args[0])
			}
			return toNumber(r, nodes{r.node})
		}},
		"floor":   {1, 1, false, func(r *run, args []value) value { return float(math.Floor(float64(toNumber(r, args[0])))) }},
		"ceiling": {1, 1, false, func(r *run, args []value) value { return float(math.Ceil(float64(toNumber(r, args[0])))) }},
		"round":   {1, 1, false, func(r *run, args []value) value { return float(math.Floor(float64(toNumber(r, args[0])) + 0.5)) }},
	}
}

// ErrPosition means that position() or last() stands outside of brackets.
var ErrPosition = errors.New("position() and last() mean something within brackets only")

func (r *run) inBrackets(n int) value {
	if n == 0 {
		r.fail(ErrPosition)
	}
	return float(n)
}

// textArgument is the first argument as a text, or the context node's.
func (r *run) textArgument(args []value) text {
	if len(args) == 1 {
		return toText(r, args[0])
	}
	return r.textOf(r.node)
}

func onTexts(f func(a, b string) value) func(r *run, args []value) value {
	return func(r *run, args []value) value {
		a, b := string(toText(r, args[0])), string(toText(r, args[1]))
		r.step((len(a) + len(b)) / 16)
		return f(a, b)
	}
}

func sum(r *run, args []value) value {
	total := float(0)
	for _, n := range args[0].(nodes) {
		total += parseNumber(string(r.textOf(n)))
	}
	return total
}

// nameOf is the name of the first node of the argument, or of the context node.
func (r *run) nameOf(args []value) xmldoc.Name {
	n := r.node
	if len(args) == 1 {
		list := args[0].(nodes)
		if len(list) == 0 {
			return xmldoc.Name{}
		}
		n = list[0]
	}
	if s, ok := r.spaceNode(n); ok {
		return xmldoc.Name{Local: s.name.Local}
	}
	return r.doc.Name(n)
}

func qualifiedName(r *run, args []value) value {
	n := r.nameOf(args)
	if n.Prefix != "" {
		return text(n.Prefix + ":" + n.Local)
	}
	return text(n.Local)
}

func concat(r *run, args []value) value {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(string(toText(r, a)))
		if !r.step(b.Len() / 16) {
			break
		}
	}
	return text(b.String())
}

// substring counts characters from 1 and rounds, as section 4.2 has it: what is NaN
// takes nothing.
func substring(r *run, args []value) value {
	s := string(toText(r, args[0]))
	from := math.Floor(float64(toNumber(r, args[1])) + 0.5)
	to := math.Inf(1)
	if len(args) == 3 {
		to = from + math.Floor(float64(toNumber(r, args[2]))+0.5)
	}
	r.step(len(s) / 16)
	var b strings.Builder
	at := 1.0
	for _, c := range s {
		if at >= from && at < to {
			b.WriteRune(c)
		}
		at++
	}
	return text(b.String())
}

func normalizeSpace(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }), " ")
}

func translate(r *run, args []value) value {
	s, from, to := string(toText(r, args[0])), []rune(string(toText(r, args[1]))), []rune(string(toText(r, args[2])))
	r.step((len(s) + len(from)) / 16)
	with := make(map[rune]rune, len(from))
	for i, c := range from {
		if _, ok := with[c]; ok {
			continue
		}
		with[c] = -1
		if i < len(to) {
			with[c] = to[i]
		}
	}
	return text(strings.Map(func(c rune) rune {
		if put, ok := with[c]; ok {
			return put
		}
		return c
	}, s))
}

// byID finds the elements whose xml:id is a word of the argument. That other attributes are
// IDs only a DTD could say, which is not read here.
func byID(r *run, args []value) value {
	wanted := make(map[string]bool)
	list, isNodes := args[0].(nodes)
	if !isNodes {
		addWords(wanted, string(toText(r, args[0])))
	}
	for _, n := range list {
		addWords(wanted, string(r.textOf(n)))
	}
	var found nodes
	for n := xmldoc.ID(0); len(wanted) > 0 && int(n) < r.doc.Len() && r.step(1); n++ {
		if r.doc.Kind(n) != xmldoc.Attribute {
			continue
		}
		if name := r.doc.Name(n); name.Prefix != "xml" || name.Local != "id" {
			continue
		}
		if id := r.doc.Value(n); wanted[id] {
			found = append(found, r.doc.Parent(n))
			delete(wanted, id)
		}
	}
	return found
}

func addWords(to map[string]bool, list string) {
	for word := range strings.FieldsSeq(list) {
		to[word] = true
	}
}

func lang(r *run, args []value) value {
	wanted := strings.ToLower(string(toText(r, args[0])))
	n := r.node
	if s, ok := r.spaceNode(n); ok {
		n = s.of
	}
	for ; n != xmldoc.None; n = r.doc.Parent(n) {
		if r.doc.Kind(n) != xmldoc.Element {
			continue
		}
		from, to := r.doc.Attributes(n)
		for a := from; a < to; a++ {
			if name := r.doc.Name(a); name.Prefix == "xml" && name.Local == "lang" {
				has := strings.ToLower(r.doc.Value(a))
				return boolean(has == wanted || strings.HasPrefix(has, wanted+"-"))
			}
		}
	}
	return boolean(false)
}
