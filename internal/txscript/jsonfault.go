package txscript

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// jsonFault is what CPython's json.loads raises for a text that is not JSON.
func jsonFault(text string) error {
	j := &jsonReader{text: []rune(text)}
	j.space()
	if strings.HasPrefix(text, "\ufeff") {
		j.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
	} else if j.value(0) {
		j.space()
		if j.at == len(j.text) {
			return &pyvalue.Error{Type: "JSONDecodeError", Msg: "invalid JSON"} // CPython would have read it
		}
		j.fail("Extra data", j.at)
	}
	before := j.text[:j.place]
	line, newline := 1, -1
	for i, r := range before {
		if r == '\n' {
			line, newline = line+1, i
		}
	}
	e := newException("JSONDecodeError", pyvalue.Str(fmt.Sprintf("%s: line %d column %d (char %d)", j.msg, line, j.place-newline, j.place)))
	number := func(n int) value { return pyvalue.Int(int64(n)) }
	e.attrs = map[string]value{
		"msg": pyvalue.Str(j.msg), "doc": pyvalue.Str(text), "pos": number(j.place), "lineno": number(line), "colno": number(j.place - newline),
	}
	return &raisedError{e}
}

// jsonReader finds the first fault, in the order in which CPython's scanner looks.
type jsonReader struct {
	text  []rune
	at    int
	msg   string
	place int
}

func (j *jsonReader) fail(msg string, place int) bool {
	j.msg, j.place = msg, min(place, len(j.text))
	return false
}

func (j *jsonReader) space() {
	for j.is(' ', '\t', '\n', '\r') {
		j.at++
	}
}

func (j *jsonReader) is(any ...rune) bool {
	return j.at < len(j.text) && slices.Contains(any, j.text[j.at])
}

var jsonScalar = regexp.MustCompile(`^(?:null|true|false|NaN|-?Infinity|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)`)

// maxJSONDepth keeps the reader itself from going too deep.
const maxJSONDepth = 1000

func (j *jsonReader) value(depth int) bool {
	switch {
	case depth > maxJSONDepth:
		return j.fail("Expecting value", j.at)
	case j.is('"'):
		return j.quoted()
	case j.is('{'):
		return j.members('}', depth)
	case j.is('['):
		return j.members(']', depth)
	}
	// A scalar ends long before this, or is a number whose rest is digits.
	end := j.at
	for end < len(j.text) && strings.ContainsRune("+-.0123456789eEINafilnrstuy", j.text[end]) {
		end++
	}
	n := len(jsonScalar.FindString(string(j.text[j.at:end])))
	if n == 0 {
		return j.fail("Expecting value", j.at)
	}
	j.at += n
	return true
}

// members reads an object or an array.
func (j *jsonReader) members(closing rune, depth int) bool {
	j.at++
	j.space()
	if j.is(closing) {
		j.at++
		return true
	}
	for {
		if closing == '}' {
			if !j.is('"') {
				return j.fail("Expecting property name enclosed in double quotes", j.at)
			}
			if !j.quoted() {
				return false
			}
			if j.space(); !j.is(':') {
				return j.fail("Expecting ':' delimiter", j.at)
			}
			j.at++
			j.space()
		}
		if !j.value(depth + 1) {
			return false
		}
		j.space()
		switch {
		case j.is(closing):
			j.at++
			return true
		case !j.is(','):
			return j.fail("Expecting ',' delimiter", j.at)
		}
		j.at++
		j.space()
	}
}

func (j *jsonReader) quoted() bool {
	begin := j.at
	for j.at++; j.at < len(j.text); j.at++ {
		switch r := j.text[j.at]; {
		case r == '"':
			j.at++
			return true
		case r < ' ':
			return j.fail("Invalid control character at", j.at)
		case r == '\\':
			if !j.escape(begin) {
				return false
			}
		}
	}
	return j.fail("Unterminated string starting at", begin)
}

// escape reads what follows a backslash, up to its last character.
func (j *jsonReader) escape(begin int) bool {
	j.at++
	switch {
	case j.at >= len(j.text):
		return j.fail("Unterminated string starting at", begin)
	case !j.is('u'):
		if !j.is('"', '\\', '/', 'b', 'f', 'n', 'r', 't') {
			return j.fail(`Invalid \escape`, j.at-1)
		}
		return true
	case j.at+5 >= len(j.text):
		return j.fail(`Invalid \uXXXX escape`, j.at)
	}
	for _, r := range j.text[j.at+1 : j.at+5] {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return j.fail(`Invalid \uXXXX escape`, j.at)
		}
	}
	j.at += 4
	return true
}
