// Package jsontext puts values into JSON that is written as text, with places for them:
// it says which places are within strings, and escapes a value so that it ends none.
package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// IsJSON reports whether the parts of a text make JSON wherever each that is not a literal
// makes a number.
func IsJSON[P any](parts []P, literal func(P) (text string, ok bool)) bool {
	literals, _ := literalsOf(parts, literal)
	_, shape := scan(literals)
	return isJSON(shape)
}

// literalsOf returns the texts around the other parts, and which those are.
func literalsOf[P any](parts []P, literal func(P) (text string, ok bool)) (literals []string, places []int) {
	literals = []string{""}
	for i, p := range parts {
		if text, ok := literal(p); ok {
			literals[len(literals)-1] += text
			continue
		}
		literals, places = append(literals, ""), append(places, i)
	}
	return literals, places
}

// DepthsOf is [Depths] for the parts of a text: it returns the depth of each, 0 for a literal,
// whose text literal returns; nil if no part is within a string.
func DepthsOf[P any](parts []P, literal func(P) (text string, ok bool)) []int {
	literals, places := literalsOf(parts, literal)
	within := Depths(literals)
	if within == nil {
		return nil
	}
	depths := make([]int, len(parts))
	for k, i := range places {
		depths[i] = within[k]
	}
	return depths
}

// Depths returns for each place between two literals within how many strings of JSON it
// is: two for JSON that is itself the string of other JSON, or for the string of a GraphQL
// document in one. It returns nil if the text is not JSON, or no place is within a string.
// JSON is an object or a list, or several of them as in lines of their own.
func Depths(literals []string) []int {
	depths := make([]int, max(len(literals)-1, 0))
	strs, shape := scan(literals)
	if !isJSON(shape) {
		return nil
	}
	deepen(depths, strs)
	if !slices.ContainsFunc(depths, func(d int) bool { return d > 0 }) {
		return nil
	}
	return depths
}

// str is a string with places in it.
type str struct {
	first    int // of its places
	literals []string
}

// deepen counts one more string around the places of each, and looks into the strings.
func deepen(depths []int, strs []str) {
	for _, s := range strs {
		within := depths[s.first : s.first+len(s.literals)-1]
		for i := range within {
			within[i]++
		}
		decoded, ok := decode(s.literals)
		if !ok {
			continue
		}
		if inner, shape := scan(decoded); isJSON(shape) || isGraphQL(shape) {
			deepen(within, inner)
		}
	}
}

// scan returns the strings that have places in them, and the text with a digit, which may
// also be beside others, in each place.
func scan(literals []string) (strs []str, shape string) {
	var whole strings.Builder
	open, skip := false, false // within a string, and after a backslash of it
	var s str
	for i, text := range literals {
		if i > 0 {
			whole.WriteByte('1')
			skip = false
		}
		whole.WriteString(text)
		from := 0 // of the string's part in this literal
		for k := range len(text) {
			switch c := text[k]; {
			case skip:
				skip = false
			case open && c == '\\':
				skip = true
			case c == '"' && open:
				if s.literals = append(s.literals, text[from:k]); len(s.literals) > 1 {
					strs = append(strs, s)
				}
				open = false
			case c == '"':
				open, from, s = true, k+1, str{first: i}
			}
		}
		if open {
			s.literals = append(s.literals, text[from:])
		}
	}
	return strs, whole.String()
}

// isJSON reports whether a text consists of objects and lists.
func isJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	if text == "" || text[0] != '{' && text[0] != '[' {
		return false
	}
	for d := json.NewDecoder(strings.NewReader(text)); ; { // several values are JSON, too: a line for each
		var v json.RawMessage
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			return false
		}
	}
}

// isGraphQL reports whether a text is a document of GraphQL, whose strings are those of
// JSON. Its block strings are not.
func isGraphQL(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	for _, word := range []string{"query", "mutation", "subscription"} {
		if rest, ok := strings.CutPrefix(text, word); ok && rest != "" && strings.ContainsRune(" \t\r\n{(", rune(rest[0])) {
			return strings.Contains(rest, "{") && !strings.Contains(rest, `"""`)
		}
	}
	return false
}

// decode returns what the parts of a string say; ok is false if an escape is cut in two.
func decode(parts []string) (decoded []string, ok bool) {
	for _, part := range parts {
		text, ok := unquote([]byte(part))
		if !ok {
			return nil, false
		}
		decoded = append(decoded, string(text))
	}
	return decoded, true
}

func unquote(part []byte) (text []byte, ok bool) {
	if bytes.IndexByte(part, '\\') < 0 {
		return part, bytes.IndexFunc(part, func(c rune) bool { return c < ' ' || c == '"' }) < 0
	}
	quoted := slices.Concat([]byte{'"'}, part, []byte{'"'})
	var s string
	err := json.Unmarshal(quoted, &s)
	return []byte(s), err == nil
}

// Made says what [Escape] has done.
type Made int

// What Escape can have done.
const (
	AsIs    Made = iota // the value needs no escapes
	Kept                // it has escapes already, and was left as it is
	Escaped             // it was escaped
)

// Escape returns a value as it is written into a place that is within depth strings of
// JSON. A value that has escapes already, and may be there as it is, is left so, unless
// raw, which may be nil, says that it is text which nobody has escaped.
func Escape(value []byte, depth int, raw func() bool) ([]byte, Made) {
	switch {
	case depth == 0, bytes.IndexFunc(value, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' }) < 0:
		return value, AsIs
	case fits(value, depth) && (raw == nil || !raw()):
		return value, Kept
	}
	for range depth {
		value = escape(value)
	}
	return value, Escaped
}

// fits reports whether a value may be within the strings as it is.
func fits(value []byte, depth int) bool {
	for range depth {
		var ok bool
		if value, ok = unquote(value); !ok {
			return false
		}
	}
	return true
}

func escape(text []byte) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(string(text)) // a string can always be encoded
	quoted := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return quoted[1 : len(quoted)-1]
}
