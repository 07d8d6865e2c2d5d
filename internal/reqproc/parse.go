package reqproc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// part is a literal text, or a placeholder.
type part struct {
	text   string // as it was written
	path   *Path  // nil for a literal text, and for what holds no path
	base64 int    // how many times the value is encoded
	empty  bool   // a placeholder in which nothing begins as a path does
}

func (p part) isText() bool { return p.path == nil && !p.empty }

// String returns a placeholder as it was written, without blanks around it.
func (p part) String() string {
	if p.isText() {
		return p.text
	}
	return "{" + strip(strings.Trim(p.text, "{}")) + "}"
}

// maxParts bounds the number of placeholders and texts of one text.
const maxParts = 10_000

// parse splits a text. What stands between an opening brace and the next closing
// one, without another brace between them, is a placeholder, also with blanks
// around it. Other braces are text: those that hold nothing, or other braces. For
// what does not even begin as a path, such as {"a": 1} or { }, the engine puts
// nothing in; a path that is broken is an error.
func parse(text string) ([]part, error) {
	var parts []part
	var faults []error
	literal := 0
	for i := 0; i < len(text); {
		open := strings.IndexByte(text[i:], '{')
		if open < 0 {
			break
		}
		open += i
		end := strings.IndexAny(text[open+1:], "{}")
		if end < 0 {
			break
		}
		end += open + 1
		i = end
		if text[end] == '{' {
			continue
		}
		i = end + 1
		if end == open+1 {
			continue
		}
		p, err := placeholder(text[open : end+1])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if open > literal {
			parts = append(parts, part{text: text[literal:open]})
		}
		parts = append(parts, p)
		literal = end + 1
		if len(parts) > maxParts {
			return nil, fmt.Errorf("a text has more than %d placeholders", maxParts)
		}
	}
	if literal < len(text) {
		parts = append(parts, part{text: text[literal:]})
	}
	return parts, errors.Join(faults...)
}

// placeholder reads a placeholder with its braces.
func placeholder(text string) (part, error) {
	inside := strip(text[1 : len(text)-1])
	p := part{text: text}
	if wordLen(inside) == 0 {
		p.empty = true
		return p, nil
	}
	for {
		open := wordLen(inside)
		if open == 0 || open+2 >= len(inside) || inside[open] != '(' || inside[len(inside)-1] != ')' {
			break
		}
		if function := inside[:open]; function != "base64" {
			return part{}, fmt.Errorf("%s: unknown function %s (expected base64)", text, function)
		}
		inside = inside[open+1 : len(inside)-1]
		p.base64++
		if inside != strip(inside) {
			return part{}, fmt.Errorf("%s: remove the blanks within the parentheses of base64()", text)
		}
	}
	var err error
	if p.path, err = ParsePath(inside); err == nil && p.path.Root()[0] >= '0' && p.path.Root()[0] <= '9' {
		err = fmt.Errorf("%s is not a context", p.path.Root())
	}
	if err != nil {
		return part{}, fmt.Errorf("%s: %w; braces hold a path, such as {field.total.value}", text, err)
	}
	return p, nil
}

// strip is Python's str.strip().
func strip(text string) string { return strings.TrimFunc(text, ucd.IsSpace) }

// isName reports whether a text is an identifier.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

// IsName reports whether a text can be the name of a context or a property.
func IsName(text string) bool { return isName(text) }
