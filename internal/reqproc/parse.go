package reqproc

import (
	"fmt"
	"strings"
)

// part is a literal text, or a placeholder.
type part struct {
	text     string
	path     *Path  // nil for a literal text
	function string // that the value goes through, "" for none
}

// String returns a placeholder as it was written.
func (p part) String() string {
	switch {
	case p.path == nil:
		return p.text
	case p.function != "":
		return fmt.Sprintf("{%s(%s)}", p.function, p.path)
	}
	return "{" + p.path.String() + "}"
}

// maxParts bounds the number of placeholders and texts of one text.
const maxParts = 10_000

// parse splits a text. Braces whose inside is a path, or a path in the call of a
// function, without blanks, are a placeholder; all others are text, such as those
// of JSON.
func parse(text string) ([]part, error) {
	var parts []part
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
		p, ok := placeholder(text[open+1 : end])
		i = end + 1
		if !ok {
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
	return parts, nil
}

// placeholder reads what stands between two braces.
func placeholder(inside string) (part, bool) {
	function := ""
	if open := strings.IndexByte(inside, '('); open > 0 && strings.HasSuffix(inside, ")") {
		function, inside = inside[:open], inside[open+1:len(inside)-1]
		if !isName(function) {
			return part{}, false
		}
	}
	path, err := ParsePath(inside)
	if err != nil || !isName(path.Root()) {
		return part{}, false
	}
	return part{path: path, function: function}, true
}

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
