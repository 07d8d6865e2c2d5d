package xmldoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Path is a path as ElementTree's findall has it: a small part of XPath. It may be
// used by several goroutines.
type Path struct {
	parts []part
}

// part takes nodes on to the nodes that it finds.
type part struct {
	kind           partKind
	tag            tag
	compare, value string // of a predicate: =' or !=', and what with
	position       int    // from 0, or from the end if it is negative
}

type partKind uint8

const (
	isChild partKind = iota
	isAnyChild
	isItself
	isParent
	isDescendant
	isAnyDescendant
	hasAttribute
	hasChild
	hasText
	childHasText
	isAtPosition
)

// Bounds of a path. Its parts are iterators within one another, of which ElementTree follows
// about as many.
const (
	maxPath  = 64 << 10 // bytes
	maxParts = 990
)

var (
	// ErrLongPath means that a path has more bytes than are looked at.
	ErrLongPath = fmt.Errorf("a path has more than %d bytes", maxPath)
	// ErrManyParts means that a path has more parts than are followed.
	ErrManyParts = fmt.Errorf("a path has more than %d parts", maxParts)
)

// pathError is what Python raises for a path that it cannot read.
func pathError(path, format string, args ...any) error {
	const shown = 200
	if len(path) > shown {
		path = strings.ToValidUTF8(path[:shown], "") + "…"
	}
	return fmt.Errorf("path %q: "+format, append([]any{path}, args...)...)
}

// token is a token of a path: an operator, or a name; white space is neither.
type token struct{ op, name string }

var tokens = regexp.MustCompile(`('[^']*'|"[^"]*"|::|//?|\.\.|\(\)|!=|[/.*:\[\]\(\)@=])|((?:\{[^}]+\})?[^/\[\]\(\)@!=\s]+)|\s+`)

// special are the characters that make a path more than the name of a child.
const special = "/*[@."

// CompilePath compiles a path. What ElementTree cannot read is an error; so are [ErrLongPath]
// and [ErrManyParts].
func CompilePath(text string) (*Path, error) {
	if !isPath(text) {
		return &Path{[]part{{kind: isChild, tag: tagOf(text)}}}, nil
	}
	if len(text) > maxPath {
		return nil, ErrLongPath
	}
	if strings.HasPrefix(text, "/") {
		return nil, pathError(text, "it is absolute; paths begin at the reply's outermost element, as in .//name")
	}
	if strings.HasSuffix(text, "/") {
		text += "*"
	}
	c := &pathReader{path: text}
	for _, m := range tokens.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[2], ":") && !strings.HasPrefix(m[2], "{") {
			return nil, pathError(text, "the prefix of %q is not known; write {namespace}name or {*}name", m[2])
		}
		c.tokens = append(c.tokens, token{m[1], m[2]})
	}
	p := &Path{}
	for {
		t, ok := c.next()
		if ok && t.op == "/" && len(p.parts) > 0 {
			if t, ok = c.next(); !ok {
				break
			}
		}
		if !ok {
			break
		}
		next, err := c.part(t)
		switch {
		case err != nil:
			return nil, err
		case len(p.parts) == maxParts:
			return nil, ErrManyParts
		}
		p.parts = append(p.parts, next)
	}
	return p, nil
}

// isPath tells a path from the name of a child, as ElementTree does: outside of
// braces.
func isPath(text string) bool {
	inBraces := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '{':
			if strings.HasPrefix(text[i:], "{}") || strings.HasPrefix(text[i:], "{*}") {
				return true
			}
			inBraces = true
		case c == '}':
			inBraces = false
		case !inBraces && strings.IndexByte(special, c) >= 0:
			return true
		}
	}
	return strings.HasSuffix(text, "}*")
}

type pathReader struct {
	path   string
	tokens []token
}

func (c *pathReader) next() (token, bool) {
	if len(c.tokens) == 0 {
		return token{}, false
	}
	t := c.tokens[0]
	c.tokens = c.tokens[1:]
	return t, true
}

func (c *pathReader) part(t token) (part, error) {
	switch t.op {
	case "":
		return part{kind: isChild, tag: tagOf(t.name)}, nil
	case "*":
		return part{kind: isAnyChild}, nil
	case ".":
		return part{kind: isItself}, nil
	case "..":
		return part{kind: isParent}, nil
	case "//":
		switch t, ok := c.next(); {
		case !ok || t.op != "" && t.op != "*":
			return part{}, pathError(c.path, "// is not followed by a name or *")
		case t.op == "*":
			return part{kind: isAnyDescendant}, nil
		default:
			return part{kind: isDescendant, tag: tagOf(t.name)}, nil
		}
	case "[":
		return c.predicate()
	}
	return part{}, pathError(c.path, "%q is not a part of the paths that the engine knows", t.op)
}

// tag is what is asked of the name of an element.
type tag struct{ space, local string }

func tagOf(text string) tag {
	if strings.HasPrefix(text, "{") {
		if end := strings.IndexByte(text, '}'); end > 0 {
			return tag{text[1:end], text[end+1:]}
		}
	}
	return tag{"", text}
}

func (t tag) fits(n Name) bool {
	return t.local != "" && (t.space == "*" || n.Space == t.space) && (t.local == "*" || n.Local == t.local)
}

var wholeNumber = regexp.MustCompile(`^-?\d+$`)

// predicate reads what is in brackets. ElementTree knows a handful of forms, which
// it tells apart by the kinds of their tokens.
func (c *pathReader) predicate() (part, error) {
	var form string
	var words []string
	for {
		t, ok := c.next()
		if !ok {
			return part{}, pathError(c.path, "a bracket is not closed")
		}
		if t.op == "]" {
			break
		}
		switch {
		case t == token{}:
			continue
		case t.op != "" && strings.IndexByte(`'"`, t.op[0]) >= 0:
			form, words = form+"'", append(words, t.op[1:len(t.op)-1])
		case t.op != "":
			form, words = form+t.op, append(words, t.name)
		default:
			form, words = form+"-", append(words, t.name)
		}
	}
	isNumber := len(words) > 0 && wholeNumber.MatchString(words[0])
	switch form {
	case "@-", "@-='", "@-!='":
		return part{kind: hasAttribute, tag: tagOf(words[1]), compare: form[2:], value: words[len(words)-1]}, nil
	case ".='", ".!='":
		return part{kind: hasText, compare: form[1:], value: words[len(words)-1]}, nil
	case "-='", "-!='":
		if !isNumber {
			return part{kind: childHasText, tag: tagOf(words[0]), compare: form[1:], value: words[len(words)-1]}, nil
		}
	case "-":
		if !isNumber {
			return part{kind: hasChild, tag: tagOf(words[0])}, nil
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 1 {
			return part{}, pathError(c.path, "positions count from 1")
		}
		return part{kind: isAtPosition, position: n - 1}, nil
	case "-()", "-()-":
		return c.last(words)
	}
	return part{}, pathError(c.path, "the engine does not know what is in the brackets; it knows [@a], [@a='v'], [tag], [tag='v'], [.='v'], [1] and [last()]")
}

// last reads [last()] and [last()-1].
func (c *pathReader) last(words []string) (part, error) {
	if words[0] != "last" {
		return part{}, pathError(c.path, "%q is not a function that the engine knows", words[0]+"()")
	}
	if len(words) == 2 {
		return part{kind: isAtPosition, position: -1}, nil
	}
	n, err := strconv.Atoi(words[2])
	if err != nil || n > -1 {
		return part{}, pathError(c.path, "last() takes only a number less, as in last()-1")
	}
	return part{kind: isAtPosition, position: n - 1}, nil
}

// Qualify puts namespaces in the place of the prefixes of a path: a:b becomes
// {namespace of a}b, and that of the prefix "" goes to names without one. An error is
// [ErrLongPath], or says which prefix is not known.
func Qualify(path string, spaces map[string]string) (string, error) {
	if len(path) > maxPath {
		return "", ErrLongPath
	}
	var out strings.Builder
	at, attribute := 0, false
	for _, m := range tokens.FindAllStringSubmatchIndex(path, -1) {
		out.WriteString(path[at:m[0]])
		at = m[1]
		whole := path[m[0]:m[1]]
		if m[4] < 0 || strings.HasPrefix(whole, "{") {
			out.WriteString(whole)
			attribute = whole == "@"
			continue
		}
		prefix, name, found := strings.Cut(whole, ":")
		space, known := spaces[prefix]
		switch {
		case found && !known:
			return "", fmt.Errorf("prefix '%s' not found in prefix map", prefix)
		case found:
			whole = "{" + space + "}" + name
		case spaces[""] != "" && !attribute:
			whole = "{" + spaces[""] + "}" + whole
		}
		out.WriteString(whole)
		attribute = false
	}
	return out.String() + path[at:], nil
}
