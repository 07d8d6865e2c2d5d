package jsontemplate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Options say what a template may use.
type Options struct {
	// Place is where the template stands in the settings; it leads every error.
	Place string
	// Resources allows {current_datetime} and {document_content}, and expressions
	// of these, as the Workday connector knows them. Elsewhere such text passes
	// unchanged.
	Resources bool
}

// Template is a compiled template. It may be rendered by several goroutines.
type Template struct {
	root  node
	place string // in the settings
	text  string // of a template that has no placeholder
	lit   bool
	odd   []Use // text that is most likely meant as a placeholder
}

// node is a compiled part of a template.
type node interface {
	render(r *rendering, s *scope) (pyvalue.Value, error)
}

// maxDepth bounds the nesting of a template.
const maxDepth = 200

// Compile compiles a JSON template. The error joins all faults, each a
// [*settings.Fault] with its place.
func Compile(raw []byte, o Options) (*Template, error) {
	c := &compiler{options: o, json: json.NewDecoder(bytes.NewReader(raw))}
	c.json.UseNumber()
	root := c.value(o.Place, 0)
	if c.broken == nil {
		if _, err := c.json.Token(); err != io.EOF {
			c.faults.Add(o.Place, "text after the end of the JSON value")
		}
	}
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	return c.template(root), nil
}

// CompileString compiles a single string with placeholders.
func CompileString(text string, o Options) (*Template, error) {
	c := &compiler{options: o}
	root := c.text(o.Place, text)
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	return c.template(root), nil
}

func (c *compiler) template(root node) *Template {
	t := &Template{root: root, place: c.options.Place, odd: c.odd}
	if l, ok := root.(literal); ok {
		t.text, t.lit = l.value.Text(), l.value.IsText()
	}
	return t
}

// Literal returns the text of a string template that has no placeholder.
func (t *Template) Literal() (string, bool) { return t.text, t.lit }

type compiler struct {
	odd     []Use
	noted   map[[2]string]bool // of odd: place and text
	options Options
	json    *json.Decoder
	faults  settings.Faults
	broken  error
	loops   int // around what is being compiled
}

func (c *compiler) token(place string) json.Token {
	if c.broken != nil {
		return nil
	}
	t, err := c.json.Token()
	if err != nil {
		c.broken = err
		c.faults.Add(place, "not valid JSON: %v", err)
	}
	return t
}

// value compiles the next JSON value.
func (c *compiler) value(place string, depth int) node {
	t := c.token(place)
	if depth > maxDepth {
		c.broken = io.ErrShortBuffer
		c.faults.Add(place, "nested deeper than %d levels", maxDepth)
	}
	if c.broken != nil {
		return literal{}
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return c.list(place, depth)
		}
		return c.object(place, depth)
	case string:
		return c.text(place, t)
	}
	return c.literal(place, t)
}

// literal compiles a number, true, false or null.
func (c *compiler) literal(place string, t json.Token) node {
	switch t := t.(type) {
	case bool:
		return literal{pyvalue.Bool(t)}
	case json.Number:
		v, err := pyvalue.Number(t.String())
		c.faults.AddErr(place, err)
		return literal{v}
	}
	return literal{}
}

func (c *compiler) list(place string, depth int) node {
	l := list{}
	for c.broken == nil && c.json.More() {
		l.elements = append(l.elements, c.value(settings.Index(place, len(l.elements)), depth+1))
	}
	c.token(place)
	return l
}

func (c *compiler) object(place string, depth int) node {
	o, seen := object{}, make(map[string]bool)
	for c.broken == nil && c.json.More() {
		key, _ := c.token(place).(string)
		if c.broken != nil {
			break
		}
		below := settings.Join(place, key)
		if seen[key] {
			c.faults.Add(below, "duplicate key")
		}
		seen[key] = true
		if isOperator(key) {
			return c.operatorObject(o, key, below, depth)
		}
		if name := strings.Trim(key, "$"); name != key && operators()[name].make != nil {
			c.faults.Add(below, "unknown operator (did you mean $%s$?)", name)
		}
		o.members = append(o.members, member{key, c.value(below, depth+1)})
	}
	c.token(place)
	return o
}

// isOperator recognises $NAME$, and the one name that is also written without
// its last $.
func isOperator(key string) bool {
	return len(key) > 2 && key[0] == '$' && key[len(key)-1] == '$' && strings.Count(key, "$") == 2 || key == "$IF_DATAPOINT_VALUE"
}

func (c *compiler) operatorObject(o object, key, place string, depth int) node {
	op := c.operator(key, place, depth)
	if len(o.members) > 0 || c.broken == nil && c.json.More() {
		c.faults.Add(place, "an operator must be the only key of its object")
	}
	for c.broken == nil && c.json.More() {
		c.token(place)
		c.value(place, depth+1)
	}
	c.token(place)
	return op
}

// text compiles a string with placeholders.
func (c *compiler) text(place, text string) node {
	var parts []node
	start, end := 0, -1 // end is the next closing brace
	for i := 0; i < len(text); i++ {
		if !strings.ContainsRune("@#{", rune(text[i])) {
			continue
		}
		if end < i {
			next := strings.IndexByte(text[i:], '}')
			if next < 0 {
				break
			}
			end = i + next
		}
		if opens := text[i] == '{' || text[i+1] == '{'; !opens { // a brace follows, so that there is a next one
			continue
		}
		p, begins := c.placeholder(place, text[i:end+1])
		if !begins {
			continue
		}
		if i > start {
			c.lookAt(place, text[start:i])
			parts = append(parts, literal{pyvalue.Str(text[start:i])})
		}
		parts = append(parts, p)
		i = end
		start = i + 1
	}
	if start < len(text) || len(parts) == 0 {
		c.lookAt(place, text[start:])
		parts = append(parts, literal{pyvalue.Str(text[start:])})
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return joined{place, parts, depthsOf(parts)}
}

// meantAsPlaceholder finds what people write who know other templates, or know the names
// of these only nearly. It is sent as it is.
var meantAsPlaceholder = regexp.MustCompile(`\{\s*(?:secrets?|payload\.secrets?|field)\s*\.\s*[\w.-]+\s*\}`)

// lookAt notes what looks like a placeholder in a text without any, once if it is there more often.
func (c *compiler) lookAt(place, text string) {
	for _, found := range meantAsPlaceholder.FindAllString(text, -1) {
		if c.noted[[2]string{place, found}] {
			continue
		}
		if c.noted == nil {
			c.noted = make(map[[2]string]bool)
		}
		c.noted[[2]string{place, found}] = true
		c.odd = append(c.odd, Use{Kind: UseText, Name: found, Place: place})
	}
}

// placeholder compiles text that reaches from here to the next closing brace,
// if a placeholder begins here.
func (c *compiler) placeholder(place, text string) (node, bool) {
	name := strings.TrimSpace(text[strings.IndexByte(text, '{')+1 : len(text)-1])
	switch {
	case strings.HasPrefix(text, "@{"):
		if name == "" || strings.ContainsAny(name, "@#{ \t\n") {
			c.faults.Add(place, "%q is not a schema_id", text)
			return literal{}, true
		}
		return field{place, name, "string"}, true
	case text == "#{file_content}":
		return file{place, false}, true
	case text == "#{original_file}":
		return file{place, true}, true
	case strings.HasPrefix(text, "#{"):
		c.faults.Add(place, "%q is unknown (expected #{file_content} or #{original_file})", text)
		return literal{}, true
	case strings.HasPrefix(text, "{secret."):
		return secret{place, strings.TrimPrefix(name, "secret.")}, true
	case text[0] == '{' && (c.options.Resources || loopVariable(name)):
		return c.resource(place, text, name)
	}
	return nil, false
}

// loopVariable recognises {schema_loop.…}, which every component knows.
func loopVariable(name string) bool {
	rest, found := strings.CutPrefix(name, "schema_loop.")
	return found && strings.HasPrefix(rest, "index")
}

func (c *compiler) resource(place, text, name string) (node, bool) {
	switch name {
	case "schema_loop.index", "schema_loop.index0":
		if c.loops == 0 {
			c.faults.Add(place, "{%s} is undefined outside of $FOR_EACH_SCHEMA_ID$", name)
		}
		return resource{place, name}, true
	case "current_datetime":
		return resource{place, name}, true
	case "document_content":
		return file{place, true}, true
	case "":
		return nil, false
	}
	e, err := compileExpression(name, place)
	if err == nil && c.loops == 0 && slices.Contains(e.names, "schema_loop") {
		err = errors.New("schema_loop is undefined outside of $FOR_EACH_SCHEMA_ID$")
	}
	if err != nil {
		c.faults.Add(place, "%s: %v", text, err)
		return literal{}, true
	}
	return e, true
}

// arguments are those of an operator, still by name.
type arguments struct {
	c     *compiler
	place string
	names map[string]node
	texts map[string]string
}

// operator compiles an operator's arguments and makes it.
func (c *compiler) operator(key, place string, depth int) node {
	name := strings.Trim(key, "$")
	spec, known := operators()[name]
	if !known {
		names := make([]string, 0, len(operators()))
		for n := range operators() {
			names = append(names, "$"+n+"$")
		}
		slices.Sort(names)
		hint := "expected one of " + strings.Join(names, ", ")
		if best := settings.Nearest(key, names); best != "" {
			hint = "did you mean " + best + "?"
		}
		c.faults.Add(place, "unknown operator (%s)", hint)
		c.value(place, depth+1)
		return literal{}
	}
	a := &arguments{c: c, place: place, names: make(map[string]node), texts: make(map[string]string)}
	t := c.token(place)
	if t != json.Delim('{') {
		if t == nil && spec.bare && c.broken == nil {
			return spec.make(a)
		}
		c.faults.Add(place, "its arguments are not an object")
		if t == json.Delim('[') {
			c.list(place, depth)
		}
		return literal{}
	}
	for c.broken == nil && c.json.More() {
		a.read(spec, depth)
	}
	c.token(place)
	for _, required := range spec.required {
		if a.names[required] == nil && c.broken == nil {
			c.faults.Add(place, "argument %s is missing", required)
		}
	}
	return spec.make(a)
}

func (a *arguments) read(spec operatorSpec, depth int) {
	c := a.c
	name, _ := c.token(a.place).(string)
	below := settings.Join(a.place, name)
	all := append(append([]string{}, spec.required...), spec.optional...)
	if !slices.Contains(all, name) {
		hint := "takes " + strings.Join(all, ", ")
		if best := settings.Nearest(name, all); best != "" {
			hint = "did you mean " + best + "?"
		}
		c.faults.Add(below, "unknown argument (%s)", hint)
		c.value(below, depth+1)
		return
	}
	if a.names[name] != nil {
		c.faults.Add(below, "duplicate key")
	}
	switch name {
	case "schema_id", "value_type", "datapoint":
		t := c.token(below)
		text, isText := t.(string)
		if !isText || text == "" {
			c.faults.Add(below, "is not a string")
			if d, ok := t.(json.Delim); ok && d == '{' {
				c.object(below, depth)
			} else if ok {
				c.list(below, depth)
			}
		}
		a.texts[name], a.names[name] = text, literal{pyvalue.Str(text)}
	case "mapping":
		if spec.loop {
			c.loops++
			defer func() { c.loops-- }()
		}
		if spec.mapping {
			a.names[name] = c.branches(below, depth)
			return
		}
		fallthrough
	default:
		a.names[name] = c.value(below, depth+1)
	}
}

// branches compiles the mapping of $DATAPOINT_MAPPING$: values to templates. A
// key may join several values with |; the first definition of a value counts.
func (c *compiler) branches(place string, depth int) node {
	b := branches{}
	if t := c.token(place); t != json.Delim('{') {
		c.faults.Add(place, "is not an object")
		if t == json.Delim('[') {
			c.list(place, depth)
		}
		return b
	}
	b.byValue, b.keyOf = make(map[string]node), make(map[string]string)
	for c.broken == nil && c.json.More() {
		key, _ := c.token(place).(string)
		template := c.value(settings.Join(place, key), depth+1)
		if b.byValue[key] == nil {
			b.keys = append(b.keys, key)
		}
		for _, value := range append([]string{key}, strings.Split(key, "|")...) {
			if b.byValue[value] == nil {
				b.byValue[value], b.keyOf[value] = template, key
			}
		}
	}
	c.token(place)
	return b
}

func (a *arguments) fault(name, format string, args ...any) {
	a.c.faults.Add(settings.Join(a.place, name), "%s", fmt.Sprintf(format, args...))
}
