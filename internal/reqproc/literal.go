package reqproc

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
)

// literal reads what brackets hold, as Python's ast.literal_eval does: a whole number in
// any base, True and False, which count as 1 and 0, or texts in quotes of any kind. What
// else it may hold leads nowhere in a hook call, and is refused; so are carriage returns,
// which Python reads as newlines, and a form feed at the start.
func literal(text string) (pyvalue.Value, bool) {
	r := literalReader{strings.TrimLeft(text, " \t")}
	if strings.ContainsAny(text, "\x00\r") || strings.HasPrefix(r.rest, "\f") {
		return pyvalue.Value{}, false
	}
	v, ok := r.value(maxParentheses, false)
	if v.Kind() == pyvalue.KindBool {
		v = truth(v)
	}
	return v, ok && r.rest == ""
}

const maxParentheses = 100

type literalReader struct{ rest string }

func (r *literalReader) skip() { r.rest = strings.TrimLeft(r.rest, " \t\f") }

// value reads a value and the blanks after it. Of what is signed already, Python takes
// a number without another sign.
func (r *literalReader) value(deep int, signed bool) (v pyvalue.Value, ok bool) {
	switch r.skip(); {
	case r.rest == "" || deep == 0:
		return v, false
	case r.rest[0] == '(':
		r.rest = r.rest[1:]
		v, ok = r.value(deep-1, signed)
		if !ok || !strings.HasPrefix(r.rest, ")") {
			return v, false
		}
		r.rest = r.rest[1:]
	case (r.rest[0] == '-' || r.rest[0] == '+') && !signed:
		negative := r.rest[0] == '-'
		r.rest = r.rest[1:]
		v, ok = r.value(deep-1, true)
		ok = ok && v.Kind() == pyvalue.KindInt
		if n, _ := v.Int64(); negative && ok {
			v = pyvalue.Int(-n)
		}
	case opening.MatchString(r.rest):
		v, ok = r.texts()
	default:
		v, ok = r.word()
	}
	r.skip()
	return v, ok
}

// number is a whole number of Python, whose zeros alone may begin with another one.
var number = regexp.MustCompile(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)$`)

// word reads a number, True or False.
func (r *literalReader) word() (pyvalue.Value, bool) {
	n := wordLen(r.rest)
	word := r.rest[:n]
	r.rest = r.rest[n:]
	switch {
	case word == "True" || word == "False":
		return pyvalue.Bool(word == "True"), true
	case !number.MatchString(word):
		return pyvalue.Value{}, false
	}
	index, err := strconv.ParseInt(strings.ReplaceAll(word, "_", ""), 0, 32)
	return pyvalue.Int(index), err == nil
}

// opening begins a text: its prefix, and the quotes that end it.
var opening = regexp.MustCompile(`^([rRuU]?)("""|'''|"|')`)

// texts reads texts in quotes; those that follow one another are one.
func (r *literalReader) texts() (pyvalue.Value, bool) {
	whole := ""
	for {
		m := opening.FindStringSubmatch(r.rest)
		if m == nil {
			return pyvalue.Str(whole), utf8.ValidString(whole)
		}
		inside, ok := untilQuote(r.rest[len(m[0]):], m[2])
		if !ok {
			return pyvalue.Value{}, false
		}
		r.rest = r.rest[len(m[0])+len(inside)+len(m[2]):]
		if !strings.EqualFold(m[1], "r") {
			var err error
			if inside, err = syntax.Unescape(inside, false); err != nil {
				return pyvalue.Value{}, false
			}
		}
		whole += inside
		r.skip()
	}
}

// untilQuote is what comes before the quotes that end a text. Only a text in three quotes
// may have a newline without a backslash.
func untilQuote(text, quotes string) (string, bool) {
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], quotes):
			return text[:i], true
		case text[i] == '\n' && len(quotes) == 1:
			return "", false
		case text[i] == '\\':
			i++
		}
	}
	return "", false
}

// truth is a boolean as the number that it is in Python.
func truth(v pyvalue.Value) pyvalue.Value {
	if pyvalue.Truth(v) {
		return pyvalue.Int(1)
	}
	return pyvalue.Int(0)
}
