package xmldoc

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
)

// Path is a path as ElementTree's findall has it: a small part of XPath. It may be
// used by several goroutines.
type Path struct {
	selectors []selector
}

// selector takes nodes on to the nodes that the next part of a path finds.
type selector func(s *search, from []ID) []ID

// search is one evaluation of a path.
type search struct {
	*Document
	meter Meter
	err   error
}

// Meter bounds how much an evaluation may do. *pyvalue.Meter is one.
type Meter interface {
	// Step counts n operations. Its error ends the evaluation.
	Step(n int64) error
}

// step counts n operations and reports whether the search may go on.
func (s *search) step(n int) bool {
	if s.err == nil && s.meter != nil {
		s.err = s.meter.Step(int64(n))
	}
	return s.err == nil
}

// pathError is what Python raises for a path that it cannot read.
func pathError(path, format string, args ...any) error {
	return fmt.Errorf("path %q: "+format, append([]any{path}, args...)...)
}

// token is a token of a path: an operator, or a name; white space is neither.
type token struct{ op, name string }

var tokens = regexp.MustCompile(`('[^']*'|"[^"]*"|::|//?|\.\.|\(\)|!=|[/.*:\[\]\(\)@=])|((?:\{[^}]+\})?[^/\[\]\(\)@!=\s]+)|\s+`)

// special are the characters that make a path more than the name of a child.
const special = "/*[@."

// CompilePath compiles a path. What ElementTree cannot read is an error.
func CompilePath(text string) (*Path, error) {
	if !isPath(text) {
		return &Path{[]selector{child(text)}}, nil
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
		if ok && t.op == "/" && len(p.selectors) > 0 {
			if t, ok = c.next(); !ok {
				break
			}
		}
		if !ok {
			break
		}
		s, err := c.selector(t)
		if err != nil {
			return nil, err
		}
		p.selectors = append(p.selectors, s)
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

// Find returns the elements that the path finds, seen from an element, in the order
// in which ElementTree finds them. An element can be found more than once. The error
// is the meter's; nil bounds nothing.
func (p *Path) Find(d *Document, from ID, meter Meter) ([]ID, error) {
	s := &search{Document: d, meter: meter}
	found := []ID{from}
	for _, selector := range p.selectors {
		if found = selector(s, found); s.err != nil {
			return nil, s.err
		}
	}
	if len(p.selectors) == 0 {
		return nil, nil
	}
	return found, nil
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

func (c *pathReader) selector(t token) (selector, error) {
	switch t.op {
	case "":
		return child(t.name), nil
	case "*":
		return children, nil
	case ".":
		return func(_ *search, from []ID) []ID { return from }, nil
	case "..":
		return parents, nil
	case "//":
		t, ok := c.next()
		if !ok || t.op != "" && t.op != "*" {
			return nil, pathError(c.path, "// is not followed by a name or *")
		}
		if t.op == "*" {
			return descendants("*"), nil
		}
		return descendants(t.name), nil
	case "[":
		return c.predicate()
	}
	return nil, pathError(c.path, "%q is not a part of the paths that the engine knows", t.op)
}

// matcher tests the name of an element.
func matcher(tag string) func(Name) bool {
	space, local := "", tag
	if strings.HasPrefix(tag, "{") {
		if end := strings.IndexByte(tag, '}'); end > 0 {
			space, local = tag[1:end], tag[end+1:]
		}
	}
	return func(n Name) bool { return (space == "*" || n.Space == space) && (local == "*" || n.Local == local) }
}

func child(tag string) selector {
	if tag == "" {
		return func(*search, []ID) []ID { return nil }
	}
	return eachChild(matcher(tag))
}

var children = eachChild(func(Name) bool { return true })

func eachChild(fits func(Name) bool) selector {
	return func(s *search, from []ID) (found []ID) {
		for _, n := range from {
			for c := s.FirstChild(n); c != None && s.step(1); c = s.Next(c) {
				if s.Kind(c) == Element && fits(s.Name(c)) {
					found = append(found, c)
				}
			}
		}
		return found
	}
}

func descendants(tag string) selector {
	fits := matcher(tag)
	if tag == "*" {
		fits = func(Name) bool { return true }
	}
	return func(s *search, from []ID) (found []ID) {
		for _, n := range from {
			if !s.step(int(s.End(n) - n)) {
				return nil
			}
			for at := n + 1; at < s.End(n); at++ {
				if s.Kind(at) == Element && fits(s.Name(at)) {
					found = append(found, at)
				}
			}
		}
		return found
	}
}

func parents(s *search, from []ID) (found []ID) {
	seen := make(map[ID]bool)
	for _, n := range from {
		if up := s.Parent(n); up > 0 && !seen[up] && s.step(1) {
			seen[up] = true
			found = append(found, up)
		}
	}
	return found
}

var wholeNumber = regexp.MustCompile(`^-?\d+$`)

// predicate reads what is in brackets. ElementTree knows a handful of forms, which
// it tells apart by the kinds of their tokens.
func (c *pathReader) predicate() (selector, error) {
	var form string
	var words []string
	for {
		t, ok := c.next()
		if !ok {
			return nil, pathError(c.path, "a bracket is not closed")
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
		return withAttribute(words[1], form[2:], words[len(words)-1]), nil
	case ".='", ".!='":
		return withText("", form[1:], words[len(words)-1]), nil
	case "-='", "-!='":
		if !isNumber {
			return withText(words[0], form[1:], words[len(words)-1]), nil
		}
	case "-":
		if !isNumber {
			return withChild(words[0]), nil
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 1 {
			return nil, pathError(c.path, "positions count from 1")
		}
		return atPosition(n - 1), nil
	case "-()", "-()-":
		return c.last(words)
	}
	return nil, pathError(c.path, "the engine does not know what is in the brackets; it knows [@a], [@a='v'], [tag], [tag='v'], [.='v'], [1] and [last()]")
}

// last reads [last()] and [last()-1].
func (c *pathReader) last(words []string) (selector, error) {
	if words[0] != "last" {
		return nil, pathError(c.path, "%s() is not a function that the engine knows", words[0])
	}
	if len(words) == 2 {
		return atPosition(-1), nil
	}
	n, err := strconv.Atoi(words[2])
	if err != nil || n > -1 {
		return nil, pathError(c.path, "last() takes only a number less, as in last()-1")
	}
	return atPosition(n - 1), nil
}

func filter(fits func(s *search, n ID) bool) selector {
	return func(s *search, from []ID) (found []ID) {
		for _, n := range from {
			if s.step(1) && fits(s, n) {
				found = append(found, n)
			}
		}
		return found
	}
}

func withAttribute(name, compare, value string) selector {
	fits := matcher(name)
	return filter(func(s *search, n ID) bool {
		from, to := s.Attributes(n)
		for a := from; a < to; a++ {
			if !fits(s.Name(a)) {
				continue
			}
			return compare == "" || (s.Value(a) == value) == (compare == "='")
		}
		return false
	})
}

func withChild(tag string) selector {
	find := child(tag)
	return filter(func(s *search, n ID) bool { return len(find(s, []ID{n})) > 0 })
}

func withText(tag, compare, value string) selector {
	find := func(_ *search, n []ID) []ID { return n }
	if tag != "" {
		find = child(tag)
	}
	return filter(func(s *search, n ID) bool {
		for _, e := range find(s, []ID{n}) {
			if s.step(1+len(value)/16) && (s.Value(e) == value) == (compare == "='") {
				return true
			}
		}
		return false
	})
}

// atPosition keeps what is the nth of its parent's children of the same name; from
// the end if n is negative.
func atPosition(n int) selector {
	return func(s *search, from []ID) (found []ID) {
		known := make(map[place]ID)
		for _, at := range from {
			up := s.Parent(at)
			if up <= 0 || !s.step(1) {
				continue
			}
			p := place{up, Name{Space: s.Name(at).Space, Local: s.Name(at).Local}}
			wanted, ok := known[p]
			if !ok {
				wanted = s.nth(p, n)
				known[p] = wanted
			}
			if wanted == at {
				found = append(found, at)
			}
		}
		return found
	}
}

// place is where elements of one name are: the children of an element.
type place struct {
	parent ID
	name   Name // without its prefix
}

// nth returns the element at a position among those of a place, None if there is none.
func (s *search) nth(p place, n int) ID {
	if n < 0 {
		for range s.of(p) {
			n++
		}
		if n < 0 {
			return None
		}
	}
	for c := range s.of(p) {
		if n--; n < 0 {
			return c
		}
	}
	return None
}

// of yields the elements of a place.
func (s *search) of(p place) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for c := s.FirstChild(p.parent); c != None && s.step(1); c = s.Next(c) {
			name := s.Name(c)
			if s.Kind(c) == Element && name.Space == p.name.Space && name.Local == p.name.Local && !yield(c) {
				return
			}
		}
	}
}

// Qualify puts namespaces in the place of the prefixes of a path: a:b becomes
// {namespace of a}b, and that of the prefix "" goes to names without one.
func Qualify(path string, spaces map[string]string) (string, error) {
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
