package txscript

import (
	"iter"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// xmlElement is an Element of xml.etree.ElementTree. One that was read has what is in it
// once that is asked for.
type xmlElement struct {
	r               *run
	tag, text, tail value
	attrs           *pyvalue.Dict
	list            *pyvalue.List

	doc *xmldoc.Document // that it is read from; nil once it has been
	id  xmldoc.ID
}

// elementBytes is what an element takes, with its place among the others.
const elementBytes = 176

func (r *run) newElement(tag value, attrs *pyvalue.Dict) (*xmlElement, error) {
	return &xmlElement{r: r, tag: tag, attrs: attrs, list: &pyvalue.List{}}, r.meter.Grow(elementBytes)
}

// readElement is an element of a document, whose elements have all been counted.
func (r *run) readElement(d *xmldoc.Document, id xmldoc.ID) *xmlElement {
	e := &xmlElement{r: r, doc: d, id: id, text: textOrNone(d.TextOf(id)), tail: textOrNone(d.Tail(id))}
	e.tag = pyvalue.Str(tagText(d.Name(id)))
	return e
}

func tagText(n xmldoc.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// tagName is the name that a tag stands for.
func tagName(tag string) xmldoc.Name {
	if strings.HasPrefix(tag, "{") {
		if end := strings.LastIndexByte(tag, '}'); end > 0 {
			return xmldoc.Name{Space: tag[1:end], Local: tag[end+1:]}
		}
	}
	return xmldoc.Name{Local: tag}
}

// textOrNone is None for no text.
func textOrNone(text string) value {
	if text == "" {
		return pyvalue.None()
	}
	return pyvalue.Str(text)
}

// open reads what is in the element.
func (e *xmlElement) open() {
	d := e.doc
	if d == nil {
		return
	}
	e.doc = nil
	e.attrs, e.list = pyvalue.NewDict(), &pyvalue.List{}
	from, to := d.Attributes(e.id)
	for n := from; n < to; n++ {
		e.attrs.SetStr(tagText(d.Name(n)), pyvalue.Str(d.Value(n)))
	}
	for n := d.FirstChild(e.id); n != xmldoc.None; n = d.Next(n) {
		if d.Kind(n) == xmldoc.Element {
			e.list.Items = append(e.list.Items, pyvalue.FromObject(e.r.readElement(d, n)))
		}
	}
}

// children are the elements in it. They may be changed.
func (e *xmlElement) children() *pyvalue.List {
	e.open()
	return e.list
}

func (e *xmlElement) attributes() *pyvalue.Dict {
	e.open()
	return e.attrs
}

// child returns a child, as long as there is one at the index.
func (e *xmlElement) child(i int) *xmlElement {
	if items := e.children().Items; i < len(items) {
		c, _ := items[i].Object().(*xmlElement)
		return c
	}
	return nil
}

// asElement returns the element that an argument must be.
func asElement(v value, what string) (*xmlElement, error) {
	e, ok := v.Object().(*xmlElement)
	if !ok {
		return nil, pyvalue.Raise("TypeError", "%s must be xml.etree.ElementTree.Element, not %s", what, shownType(v))
	}
	return e, nil
}

// shownType is the type that CPython names where it is written in C.
func shownType(v value) string {
	if v.IsNone() {
		return "None"
	}
	return pyvalue.TypeName(v)
}

// PyType implements [pyvalue.Object].
func (*xmlElement) PyType() string { return "xml.etree.ElementTree.Element" }

// PyReprWithin prints the element, without its address.
func (e *xmlElement) PyReprWithin(m *pyvalue.Meter) (string, error) {
	tag, err := pyvalue.Repr(m, e.tag)
	return "<Element " + tag + ">", err
}

// PyHash makes the element a key.
func (e *xmlElement) PyHash() (string, error) { return identity(e), nil }

// PyLen is the number of children.
func (e *xmlElement) PyLen() int { return len(e.children().Items) }

// PyIter yields the children, also those that are added meanwhile.
func (e *xmlElement) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for i := 0; i < e.PyLen(); i++ {
			if !yield(e.children().Items[i]) {
				return
			}
		}
	}
}

// PyItem returns a child, or several as a list.
func (e *xmlElement) PyItem(key value) (value, error) {
	list := e.children()
	if n, ok := key.Int64(); ok && (n < -int64(len(list.Items)) || n >= int64(len(list.Items))) {
		return value{}, pyvalue.Raise("IndexError", "child index out of range")
	}
	if !isIndex(key) {
		return value{}, pyvalue.Raise("TypeError", "element indices must be integers")
	}
	return getItem(e.r, pyvalue.ListValue(list), key)
}

func isIndex(key value) bool {
	_, isInt := key.Int64()
	_, isSlice := key.Object().(*pyvalue.Slicing)
	return isInt && key.Kind() != pyvalue.KindFloat || isSlice
}

// PySlice returns some of the children as a list.
func (e *xmlElement) PySlice(lo, hi, step value) (value, error) {
	return pyvalue.Slice(e.r.meter, pyvalue.ListValue(e.children()), lo, hi, step)
}

// setItem puts a child, or several, in the place of others.
func (e *xmlElement) setItem(key, v value) error {
	if !isIndex(key) {
		return pyvalue.Raise("TypeError", "element indices must be integers")
	}
	if s, ok := key.Object().(*pyvalue.Slicing); ok {
		if pyvalue.Iterable(v) != nil {
			return pyvalue.Raise("TypeError", "expected sequence, not \"%s\"", pyvalue.TypeName(v))
		}
		items, err := pyvalue.Collect(e.r.meter, v)
		for _, item := range items {
			if _, ok := item.Object().(*xmlElement); !ok {
				return pyvalue.Raise("TypeError", "expected an Element, not \"%s\"", pyvalue.TypeName(item))
			}
		}
		if err != nil {
			return err
		}
		return pyvalue.AssignSlice(e.r.meter, e.children(), s[0], s[1], s[2], func() ([]value, error) { return items, nil })
	}
	if _, ok := v.Object().(*xmlElement); !ok {
		return pyvalue.Raise("TypeError", "expected an Element, not \"%s\"", pyvalue.TypeName(v))
	}
	i, err := e.position(key)
	if err == nil {
		e.list.Items[i] = v
	}
	return err
}

// delItem removes a child, or several.
func (e *xmlElement) delItem(key value) error {
	if !isIndex(key) {
		return pyvalue.Raise("TypeError", "element indices must be integers")
	}
	if s, ok := key.Object().(*pyvalue.Slicing); ok {
		return pyvalue.DeleteSlice(e.r.meter, e.children(), s[0], s[1], s[2])
	}
	i, err := e.position(key)
	if err == nil {
		e.list.Items = slices.Delete(e.list.Items, i, i+1)
	}
	return err
}

func (e *xmlElement) position(key value) (int, error) {
	i, _ := key.Int64()
	n := int64(e.PyLen())
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, pyvalue.Raise("IndexError", "child assignment index out of range")
	}
	return int(i), nil
}

// PyGetAttr returns what an Element has.
func (e *xmlElement) PyGetAttr(name string) (value, bool, error) {
	switch name {
	case "tag":
		return e.tag, true, nil
	case "text":
		return e.text, true, nil
	case "tail":
		return e.tail, true, nil
	case "attrib":
		return e.attributes().Value(), true, nil
	}
	f, ok := elementMethods()[name]
	if !ok {
		return value{}, false, nil
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) { return f(e, r, c) }}), true, nil
}

// PySetAttr sets what an Element has.
func (e *xmlElement) PySetAttr(name string, v value) error {
	switch name {
	case "tag":
		e.tag = v
	case "text":
		e.text = v
	case "tail":
		e.tail = v
	case "attrib":
		d := v.Dict()
		if d == nil {
			return pyvalue.Raise("TypeError", "attrib must be dict, not %s", pyvalue.TypeName(v))
		}
		e.open()
		e.attrs = d
	default:
		return pyvalue.Raise("AttributeError", "'xml.etree.ElementTree.Element' object has no attribute '%s'", name)
	}
	return nil
}

// copied returns the element with the same attributes and children, or, if deep, with
// copies of them.
func (e *xmlElement) copied(deep bool, depth int) (*xmlElement, error) {
	if depth > maxElementDepth {
		return nil, pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	if err := e.r.meter.GrowTimes(1+e.PyLen(), 16); err != nil {
		return nil, err
	}
	made, err := e.r.newElement(e.tag, e.attributes())
	if err != nil {
		return nil, err
	}
	made.text, made.tail = e.text, e.tail
	if deep || made.attrs.Len() == 0 {
		made.attrs = pyvalue.NewDict()
		if err := pyvalue.UpdateDict(e.r.meter, made.attrs, e.attributes().Value()); err != nil {
			return nil, err
		}
	}
	for i := 0; e.child(i) != nil; i++ {
		item := e.list.Items[i]
		if deep {
			c, err := e.child(i).copied(true, depth+1)
			if err != nil {
				return nil, err
			}
			item = pyvalue.FromObject(c)
		}
		made.list.Items = append(made.list.Items, item)
	}
	return made, nil
}

// maxElementDepth bounds elements in elements, about as CPython's stack does.
const maxElementDepth = 950

// elementClass makes elements.
func elementClass() *class { return elementClassOnUse.Get(makeElementClass) }

var elementClassOnUse onuse.Value[*class]

func makeElementClass() *class {
	return &class{
		builtin: builtin{"xml.etree.ElementTree.Element", func(r *run, c *pyvalue.Call) (value, error) {
			if len(c.Args) == 0 {
				return value{}, pyvalue.Raise("TypeError", "Element() takes at least 1 argument (0 given)")
			}
			return constructed(r, "Element", c, 0)
		}},
		has: func(v value) bool { _, ok := v.Object().(*xmlElement); return ok },
	}
}

// constructed is Element(tag, attrib, **extra), of the arguments from one on.
func constructed(r *run, function string, c *pyvalue.Call, from int) (value, error) {
	attrs, err := givenAttributes(function, c, from+1)
	if err != nil {
		return value{}, err
	}
	e, err := r.newElement(c.Args[from], attrs)
	return pyvalue.FromObject(e), err
}

// givenAttributes are those of an argument, and of named ones.
func givenAttributes(function string, c *pyvalue.Call, at int) (*pyvalue.Dict, error) {
	if len(c.Args) > at+1 {
		return nil, pyvalue.Raise("TypeError", "%s() takes at most %d arguments (%d given)", function, at+1, len(c.Args))
	}
	attrs := pyvalue.NewDict()
	if len(c.Args) > at {
		if c.Args[at].Dict() == nil {
			return nil, pyvalue.Raise("TypeError", "%s() argument %d must be dict, not %s", function, at+1, shownType(c.Args[at]))
		}
		if err := pyvalue.UpdateDict(c.Meter, attrs, c.Args[at]); err != nil {
			return nil, err
		}
	}
	for i, name := range c.Names {
		if name != "attrib" || len(c.Args) > at {
			attrs.SetStr(name, c.Named[i])
			continue
		}
		if c.Named[i].Dict() == nil {
			return nil, pyvalue.Raise("TypeError", "attrib must be dict, not %s", pyvalue.TypeName(c.Named[i]))
		}
		before := attrs
		attrs = pyvalue.NewDict()
		if err := pyvalue.UpdateDict(c.Meter, attrs, c.Named[i]); err != nil {
			return nil, err
		}
		if err := pyvalue.UpdateDict(c.Meter, attrs, before.Value()); err != nil {
			return nil, err
		}
	}
	return attrs, nil
}

// subElement is SubElement.
func subElement(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) < 2 {
		return value{}, pyvalue.Raise("TypeError", "SubElement() takes at least 2 arguments (%d given)", len(c.Args))
	}
	parent, err := asElement(c.Args[0], "SubElement() argument 1")
	if err != nil {
		return value{}, err
	}
	v, err := constructed(r, "SubElement", c, 1)
	if err == nil {
		parent.children().Items = append(parent.children().Items, v)
	}
	return v, err
}
