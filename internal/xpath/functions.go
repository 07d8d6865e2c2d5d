package xpath

import (
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
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
		"last":          {0, 0, false, func(r *run, _ []value) value { return r.inBrackets(r.size) }},
		"position":      {0, 0, false, func(r *run, _ []value) value { return r.inBrackets(r.position) }},
		"count":         {1, 1, true, func(_ *run, args []value) value { return float(len(args[0].(nodes))) }},
		"sum":           {1, 1, true, sum},
		"id":            {1, 1, false, byID},
		"local-name":    {0, 1, true, func(r *run, args []value) value { return text(r.nameOf(args).Local) }},
		"namespace-uri": {0, 1, true, func(r *run, args []value) value { return text(r.nameOf(args).Space) }},
		"name":          {0, 1, true, qualifiedName},
		"string":        {0, 1, false, func(r *run, args []value) value { return r.textArgument(args) }},
		"concat":        {2, -1, false, concat},
		"starts-with":   {2, 2, false, onTexts(func(_ *run, a, b string) value { return boolean(strings.HasPrefix(a, b)) })},
		"contains":      {2, 2, false, onTexts(func(r *run, a, b string) value { return boolean(r.index(a, b) >= 0) })},
		"substring-after": {2, 2, false, onTexts(func(r *run, a, b string) value {
			if at := r.index(a, b); at >= 0 {
				return text(a[at+len(b):])
			}
			return text("")
		})},
		"substring-before": {2, 2, false, onTexts(func(r *run, a, b string) value { return text(a[:max(0, r.index(a, b))]) })},
		"substring":        {2, 3, false, substring},
		"string-length":    {0, 1, false, stringLength},
		"normalize-space":  {0, 1, false, normalizeSpace},
		"translate":        {3, 3, false, translate},
		"boolean":          {1, 1, false, func(r *run, args []value) value { return truth(r, args[0]) }},
		"not":              {1, 1, false, func(r *run, args []value) value { return !truth(r, args[0]) }},
		"true":             {0, 0, false, func(*run, []value) value { return boolean(true) }},
		"false":            {0, 0, false, func(*run, []value) value { return boolean(false) }},
		"lang":             {1, 1, false, lang},
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

func onTexts(f func(r *run, a, b string) value) func(r *run, args []value) value {
	return func(r *run, args []value) value {
		a, b := string(toText(r, args[0])), string(toText(r, args[1]))
		r.step((len(a) + len(b)) / 16)
		return f(r, a, b)
	}
}

// index returns where b is in a, -1 if it is not there.
func (r *run) index(a, b string) int {
	at, err := longtext.Index(a, b, r.look)
	if err != nil {
		r.fail(err)
	}
	return at
}

func stringLength(r *run, args []value) value {
	n, err := longtext.RuneCount(string(r.textArgument(args)), r.look)
	if err != nil {
		r.fail(err)
	}
	return float(n)
}

func sum(r *run, args []value) value {
	total := float(0)
	for _, n := range args[0].(nodes) {
		total += parseNumber(r, string(r.textOf(n)))
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
	parts, size := make([]string, len(args)), int64(0)
	for i, a := range args {
		parts[i] = string(toText(r, a))
		size += int64(len(parts[i]))
	}
	if !r.step(int(size/16)) || !r.grow(size) {
		return text("")
	}
	return text(strings.Join(parts, ""))
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
	begin, end := 0, 0 // in bytes: those from the first to the last character that is taken
	at, offset := 1.0, 0
	err := longtext.Runes(s, r.look, func(c rune) bool {
		size := utf8.RuneLen(c) // XML is UTF-8
		if at >= from && at < to {
			if end == 0 {
				begin = offset
			}
			end = offset + size
		}
		at++
		offset += size
		return at < to // which a NaN ends at once
	})
	if err != nil {
		r.fail(err)
	}
	return text(s[begin:end])
}

func normalizeSpace(r *run, args []value) value {
	s := string(r.textArgument(args))
	if !r.grow(int64(len(s))) {
		return text("")
	}
	var b strings.Builder
	b.Grow(len(s))
	within := false // a word, with which the text so far ends
	err := longtext.Pieces(s, r.look, func(piece string) error {
		for i := range len(piece) {
			switch c := piece[i]; {
			case c == ' ' || c == '\t' || c == '\r' || c == '\n':
				within = false
			default:
				if !within && b.Len() > 0 {
					b.WriteByte(' ')
				}
				within = true
				b.WriteByte(c)
			}
		}
		return nil
	})
	if err != nil {
		r.fail(err)
	}
	return text(b.String())
}

func translate(r *run, args []value) value {
	s, from, to := string(toText(r, args[0])), string(toText(r, args[1])), string(toText(r, args[2]))
	r.step((len(s) + len(from)) / 16)
	with := make(map[rune]rune)
	err := longtext.Runes(from, r.look, func(c rune) bool {
		put, size := utf8.DecodeRuneInString(to)
		to = to[size:]
		if size == 0 {
			put = -1 // it goes
		}
		if _, ok := with[c]; !ok {
			with[c] = put
		}
		return true
	})
	size := int64(0)
	each := func(f func(c rune)) {
		if err == nil {
			err = longtext.Runes(s, r.look, func(c rune) bool {
				if put, ok := with[c]; ok {
					c = put
				}
				if c >= 0 {
					f(c)
				}
				return true
			})
		}
	}
	each(func(c rune) { size += int64(utf8.RuneLen(c)) })
	if err != nil {
		r.fail(err)
	}
	if !r.grow(size) {
		return text("")
	}
	var b strings.Builder
	b.Grow(int(size))
	each(func(c rune) { b.WriteRune(c) })
	if err != nil {
		r.fail(err)
	}
	return text(b.String())
}

// byID finds the elements whose xml:id is a word of the argument. That other attributes are
// IDs only a DTD could say, which is not read here.
func byID(r *run, args []value) value {
	wanted := make(map[string]bool)
	list, isNodes := args[0].(nodes)
	if !isNodes {
		r.addWords(wanted, string(toText(r, args[0])))
	}
	for _, n := range list {
		r.addWords(wanted, string(r.textOf(n)))
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

func (r *run) addWords(to map[string]bool, list string) {
	const bytesOfWord = 48
	for word := range strings.FieldsSeq(list) {
		if !r.step(1+len(word)/16) || !to[word] && !r.grow(bytesOfWord) {
			return
		}
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
		if !r.step(1 + int(to-from) + len(wanted)/16) {
			break
		}
		for a := from; a < to; a++ {
			if name := r.doc.Name(a); name.Prefix == "xml" && name.Local == "lang" {
				return boolean(isLanguage(r.doc.Value(a), wanted))
			}
		}
	}
	return boolean(false)
}

// isLanguage reports whether a language is the wanted one, in lower case, or one of its
// dialects.
func isLanguage(has, wanted string) bool {
	head := strings.ToLower(has[:min(len(has), len(wanted)+1)])
	return head == wanted || head == wanted+"-"
}
