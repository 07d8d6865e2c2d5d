package txscript

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// xmlWriter writes elements as ElementTree does.
type xmlWriter struct {
	r               *run
	out             []byte
	counted         int
	method          string
	shortEmpty      bool
	comment, pi     value
	own             map[string]string // the name of each tag and attribute, with its prefix
	spaces          map[string]string // the prefix of each namespace
	defaultSpace    string
	hasDefaultSpace bool
	known           *pyvalue.Dict // prefixes of namespaces that programs know
}

// writeXML is what ElementTree.write writes, without the declaration.
func writeXML(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("write", 7); err != nil {
		return value{}, err
	}
	e, ok := c.Args[0].Object().(*xmlElement)
	if !ok {
		missing := "iter"
		if _, err := getAttr(c.Args[0], missing); err == nil {
			missing = "tag"
		}
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(c.Args[0]), missing)
	}
	w := &xmlWriter{
		r: r, method: c.Args[1].Text(), shortEmpty: pyvalue.Truth(c.Args[3]), known: c.Args[4].Dict(), comment: c.Args[5], pi: c.Args[6],
		own: make(map[string]string), spaces: make(map[string]string),
	}
	if pyvalue.Truth(c.Args[2]) {
		w.defaultSpace, w.hasDefaultSpace = c.Args[2].Text(), true
		w.spaces[w.defaultSpace] = ""
	}
	err := w.all(e)
	if err == nil {
		err = r.meter.Grow(int64(len(w.out)))
	}
	return pyvalue.Str(string(w.out)), err
}

func (w *xmlWriter) all(e *xmlElement) error {
	if w.method == "text" {
		tree := &elements{}
		for v := range tree.texts(e) {
			if !v.IsText() {
				return pyvalue.Raise("TypeError", "write() argument must be str, not %s", pyvalue.TypeName(v))
			}
			w.raw(v.Text())
			if err := w.count(); err != nil {
				return err
			}
		}
		w.raw(e.tail.Text())
		return tree.err
	}
	if err := w.collect(e); err != nil {
		return err
	}
	return w.element(e, true, 0)
}

// count counts what was written since it was called last.
func (w *xmlWriter) count() error {
	n := len(w.out) - w.counted
	w.counted = len(w.out)
	if err := w.r.meter.Fits(int64(len(w.out))); err != nil {
		return err
	}
	return w.r.meter.Step(1 + int64(n)/16)
}

func (w *xmlWriter) raw(text string) { w.out = append(w.out, text...) }

// qname is the text of a QName of the module.
func qname(v value) value {
	if o, ok := v.Object().(*instance); ok && o.class.name == "QName" {
		text, _ := o.attrs.GetStr("text")
		return text
	}
	return value{}
}

func isQName(v value) bool { return !qname(v).IsNone() }

func tagOfValue(v value) string {
	if q := qname(v); !q.IsNone() {
		return q.Text()
	}
	return v.Text()
}

// unserializable is what CPython raises for a value that cannot be written.
func unserializable(m *pyvalue.Meter, v value) error {
	text, err := pyvalue.Repr(m, v)
	if err != nil {
		return err
	}
	return pyvalue.Raise("TypeError", "cannot serialize %s (type %s)", text, pyvalue.TypeName(v))
}

func isContainer(v value) bool {
	return v.List() != nil || v.Dict() != nil || v.Set() != nil || v.Kind() == pyvalue.KindTuple
}

// collect finds the names of an element and of all in it, and their namespaces.
func (w *xmlWriter) collect(e *xmlElement) error {
	tree := &elements{}
	for n := range tree.everything(e) {
		if err := w.r.meter.Step(1); err != nil {
			return err
		}
		if !n.tag.IsNone() && !w.isComment(n.tag) && !w.isInstruction(n.tag) {
			if err := w.name(n.tag); err != nil {
				return err
			}
		}
		for k, v := range n.attributes().All() {
			if err := w.name(k); err != nil {
				return err
			}
			if isQName(v) {
				if err := w.name(v); err != nil {
					return err
				}
			}
		}
		if isQName(n.text) {
			if err := w.name(n.text); err != nil {
				return err
			}
		}
	}
	return tree.err
}

func (w *xmlWriter) isComment(tag value) bool {
	return tag.Object() != nil && tag.Object() == w.comment.Object()
}
func (w *xmlWriter) isInstruction(tag value) bool {
	return tag.Object() != nil && tag.Object() == w.pi.Object()
}

// name finds the prefix of a name.
func (w *xmlWriter) name(v value) error {
	if q := qname(v); !q.IsNone() {
		v = q
	}
	if !v.IsText() {
		return unserializable(w.r.meter, v)
	}
	text := v.Text()
	if _, known := w.own[text]; known {
		return nil
	}
	if err := w.r.meter.Grow(int64(len(text)) + 64); err != nil {
		return err
	}
	if !strings.HasPrefix(text, "{") {
		if w.hasDefaultSpace {
			return pyvalue.Raise("ValueError", "cannot use non-qualified names with default_namespace option")
		}
		w.own[text] = text
		return nil
	}
	end := strings.LastIndexByte(text, '}')
	if end < 0 {
		return pyvalue.Raise("ValueError", "not enough values to unpack (expected 2, got 1)")
	}
	space, local := text[1:end], text[end+1:]
	prefix, known := w.spaces[space]
	if !known {
		if v, ok := w.known.GetStr(space); ok {
			prefix = v.Text()
		} else {
			prefix = fmt.Sprintf("ns%d", len(w.spaces))
		}
		if prefix != "xml" {
			w.spaces[space] = prefix
		}
	}
	w.own[text] = local
	if prefix != "" {
		w.own[text] = prefix + ":" + local
	}
	return nil
}

func (w *xmlWriter) element(e *xmlElement, outermost bool, depth int) error {
	if depth > maxElementDepth {
		return pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	if err := w.count(); err != nil {
		return err
	}
	if err := w.inner(e, outermost, depth); err != nil {
		return err
	}
	return w.cdata(e.tail)
}

func (w *xmlWriter) inner(e *xmlElement, outermost bool, depth int) error {
	switch {
	case w.isComment(e.tag):
		return w.between("<!--", e.text, "-->")
	case w.isInstruction(e.tag):
		return w.between("<?", e.text, "?>")
	case e.tag.IsNone():
		return w.content(e, "", depth)
	}
	tag := w.own[tagOfValue(e.tag)]
	w.raw("<" + tag)
	if err := w.attributes(e, outermost); err != nil {
		return err
	}
	if w.method == "html" {
		w.raw(">")
		if err := w.content(e, strings.ToLower(tag), depth); err != nil || htmlEmpty[strings.ToLower(tag)] {
			return err
		}
		w.raw("</" + tag + ">")
		return nil
	}
	if !pyvalue.Truth(e.text) && e.PyLen() == 0 && w.shortEmpty {
		w.raw(" />")
		return nil
	}
	w.raw(">")
	if err := w.content(e, "", depth); err != nil {
		return err
	}
	w.raw("</" + tag + ">")
	return nil
}

// content writes what is in an element; tag is that of one of HTML.
func (w *xmlWriter) content(e *xmlElement, tag string, depth int) error {
	if tag == "script" || tag == "style" {
		w.raw(e.text.Text())
	} else if err := w.cdata(e.text); err != nil {
		return err
	}
	for i := 0; e.child(i) != nil; i++ {
		if err := w.element(e.child(i), false, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// between writes a comment or an instruction.
func (w *xmlWriter) between(begin string, v value, end string) error {
	text, err := pyvalue.String(w.r.meter, v)
	if err != nil {
		return err
	}
	if w.method == "html" {
		if !v.IsText() {
			return unserializable(w.r.meter, v)
		}
		text = cdataEscapes.Replace(text)
	}
	w.raw(begin + text + end)
	return nil
}

func (w *xmlWriter) attributes(e *xmlElement, outermost bool) error {
	if outermost {
		order := slices.SortedFunc(maps.Keys(w.spaces), func(a, b string) int { return strings.Compare(w.spaces[a], w.spaces[b]) })
		for _, space := range order {
			prefix := w.spaces[space]
			if prefix != "" {
				prefix = ":" + prefix
			}
			w.raw(" xmlns" + prefix + `="` + attributeEscapes.Replace(space) + `"`)
		}
	}
	escapes := attributeEscapes
	if w.method == "html" {
		escapes = htmlAttributeEscapes
	}
	for k, v := range e.attributes().All() {
		w.raw(" " + w.own[tagOfValue(k)] + `="`)
		switch q := qname(v); {
		case !q.IsNone():
			w.raw(w.own[q.Text()])
		case isContainer(v): // CPython asks whether "&" is in it
			text, err := pyvalue.String(w.r.meter, v)
			if err != nil {
				return err
			}
			w.raw(text)
		case !v.IsText():
			return unserializable(w.r.meter, v)
		default:
			w.raw(escapes.Replace(v.Text()))
		}
		w.raw(`"`)
		if err := w.count(); err != nil {
			return err
		}
	}
	return nil
}

var (
	cdataEscapes         = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attributeEscapes     = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#09;")
	htmlAttributeEscapes = strings.NewReplacer("&", "&amp;", ">", "&gt;", `"`, "&quot;")
)

// htmlEmpty are the elements that have no end in HTML.
var htmlEmpty = map[string]bool{
	"area": true, "base": true, "basefont": true, "br": true, "col": true, "embed": true, "frame": true, "hr": true, "img": true, "input": true,
	"isindex": true, "link": true, "meta": true, "param": true, "source": true, "track": true, "wbr": true,
}

// cdata writes a text or tail, if there is one.
func (w *xmlWriter) cdata(v value) error {
	if !pyvalue.Truth(v) {
		return nil
	}
	if isContainer(v) {
		return pyvalue.Raise("TypeError", "write() argument must be str, not %s", pyvalue.TypeName(v))
	}
	if !v.IsText() {
		return unserializable(w.r.meter, v)
	}
	if err := w.r.meter.Fits(int64(len(w.out)) + int64(len(v.Text()))); err != nil {
		return err
	}
	w.raw(cdataEscapes.Replace(v.Text()))
	return nil
}

// indentXML is indent: it puts line ends and space between elements.
func indentXML(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("indent", 3); err != nil {
		return value{}, err
	}
	e, ok := c.Args[0].Object().(*xmlElement)
	if !ok && c.Args[0].Text() != "" {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'text'", pyvalue.TypeName(c.Args[0]))
	}
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "object of type '%s' has no len()", pyvalue.TypeName(c.Args[0]))
	}
	level, ok := c.Args[2].Int64()
	if !ok || level < 0 {
		text, err := pyvalue.String(r.meter, c.Args[2])
		if err != nil {
			return value{}, err
		}
		return value{}, pyvalue.Raise("ValueError", "Initial indentation level must be >= 0, got %s", text)
	}
	if e.PyLen() == 0 {
		return value{}, nil
	}
	i := &indenter{r: r, space: c.Args[1].Text(), levels: []value{}}
	if !c.Args[1].IsText() {
		return value{}, pyvalue.Raise("TypeError", "can only concatenate str (not \"%s\") to str", pyvalue.TypeName(c.Args[1]))
	}
	space, err := pyvalue.Binary(r.meter, pyvalue.OpMul, pyvalue.Str(i.space), pyvalue.Int(level))
	if err != nil {
		return value{}, err
	}
	i.levels = append(i.levels, pyvalue.Str("\n"+space.Text()))
	return value{}, i.children(e, 0)
}

type indenter struct {
	r      *run
	space  string
	levels []value
}

// isBlank reports no text, or one of white space; what is no text has no strip.
func isBlank(v value) (bool, error) {
	switch {
	case !pyvalue.Truth(v):
		return true, nil
	case !v.IsText():
		return false, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'strip'", pyvalue.TypeName(v))
	}
	return strings.TrimFunc(v.Text(), ucd.IsSpace) == "", nil
}

func (i *indenter) children(e *xmlElement, level int) error {
	if level >= maxElementDepth {
		return pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	if len(i.levels) == level+1 {
		text := i.levels[level].Text() + i.space
		if err := i.r.meter.Grow(int64(len(text))); err != nil {
			return err
		}
		i.levels = append(i.levels, pyvalue.Str(text))
	}
	inner := i.levels[level+1]
	blank, err := isBlank(e.text)
	if err != nil {
		return err
	}
	if blank {
		e.text = inner
	}
	var last *xmlElement
	for n := 0; e.child(n) != nil; n++ {
		last = e.child(n)
		if err := i.r.meter.Step(1); err != nil {
			return err
		}
		if last.PyLen() > 0 {
			if err := i.children(last, level+1); err != nil {
				return err
			}
		}
		if blank, err = isBlank(last.tail); err != nil {
			return err
		}
		if blank {
			last.tail = inner
		}
	}
	if blank, err = isBlank(last.tail); blank { // the last child's end is that of the element
		last.tail = i.levels[level]
	}
	return err
}
