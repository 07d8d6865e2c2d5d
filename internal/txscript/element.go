package txscript

import (
	"context"
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// tree is a document that xml.etree.ElementTree has read.
type tree struct {
	r        *run
	doc      *xmldoc.Document
	elements map[xmldoc.ID]*xmlElement // that were handed out
}

// xmlElement is an Element. It can be read, not changed.
type xmlElement struct {
	in    *tree
	id    xmldoc.ID
	attrs value
}

func (t *tree) element(id xmldoc.ID) value {
	e := t.elements[id]
	if e == nil {
		e = &xmlElement{in: t, id: id}
		t.elements[id] = e
	}
	return pyvalue.FromObject(e)
}

func tagOf(n xmldoc.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// fromXML is fromstring: the outermost element of a document.
func fromXML(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("fromstring", 1, "text"); err != nil {
		return value{}, err
	}
	v, _ := c.Arg(0, "text")
	if !v.IsText() && v.Kind() != pyvalue.KindBytes {
		return value{}, pyvalue.Raise("TypeError", "a bytes-like object is required, not '%s'", pyvalue.TypeName(v))
	}
	size := int64(max(len(v.Text()), len(v.Data())))
	if err := r.meter.Grow(size * 6); err != nil {
		return value{}, err
	}
	if err := r.meter.Step(size / 4); err != nil {
		return value{}, err
	}
	parse := func(ctx context.Context) (*xmldoc.Document, error) { return xmldoc.Parse(ctx, v.Data()) }
	if v.IsText() {
		parse = func(ctx context.Context) (*xmldoc.Document, error) { return xmldoc.ParseText(ctx, v.Text()) }
	}
	doc, err := parse(r.meter.Context())
	if err != nil {
		if ended := r.meter.Context().Err(); ended != nil {
			return value{}, ended
		}
		return value{}, &pyvalue.Error{Type: "ParseError", Msg: err.Error()}
	}
	t := &tree{r: r, doc: doc, elements: make(map[xmldoc.ID]*xmlElement)}
	return t.element(doc.RootElement()), nil
}

// PyType implements [pyvalue.Object].
func (*xmlElement) PyType() string { return "xml.etree.ElementTree.Element" }

// PyRepr prints the element, without its address.
func (e *xmlElement) PyRepr() string { return "<Element '" + tagOf(e.in.doc.Name(e.id)) + "'>" }

// children are the elements in it.
func (e *xmlElement) children() (list []value) {
	d := e.in.doc
	for n := d.FirstChild(e.id); n != xmldoc.None; n = d.Next(n) {
		if d.Kind(n) == xmldoc.Element {
			list = append(list, e.in.element(n))
		}
	}
	return list
}

// PyLen is the number of children.
func (e *xmlElement) PyLen() int { return len(e.children()) }

// PyIter yields the children.
func (e *xmlElement) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, v := range e.children() {
			if !yield(v) {
				return
			}
		}
	}
}

// PyItem returns a child, or several as a list.
func (e *xmlElement) PyItem(key value) (value, error) {
	list := e.children()
	if err := e.in.r.meter.Step(int64(len(list))); err != nil {
		return value{}, err
	}
	if n, ok := key.Int64(); ok && (n < -int64(len(list)) || n >= int64(len(list))) {
		return value{}, pyvalue.Raise("IndexError", "child index out of range")
	}
	return getItem(pyvalue.NewList(list...), key)
}

// PySlice returns some of the children as a list.
func (e *xmlElement) PySlice(lo, hi, step value) (value, error) {
	return pyvalue.Slice(e.in.r.meter, pyvalue.NewList(e.children()...), lo, hi, step)
}

// attributes is attrib.
func (e *xmlElement) attributes() value {
	if e.attrs.Dict() == nil {
		made := pyvalue.NewDict()
		from, to := e.in.doc.Attributes(e.id)
		for n := from; n < to; n++ {
			made.SetStr(tagOf(e.in.doc.Name(n)), pyvalue.Str(e.in.doc.Value(n)))
		}
		e.attrs = made.Value()
	}
	return e.attrs
}

// textOrNone is None for no text.
func textOrNone(text string) value {
	if text == "" {
		return pyvalue.None()
	}
	return pyvalue.Str(text)
}

// PyAttr returns what an Element has.
func (e *xmlElement) PyAttr(name string) (value, bool) {
	switch name {
	case "tag":
		return pyvalue.Str(tagOf(e.in.doc.Name(e.id))), true
	case "text":
		return textOrNone(e.in.doc.TextOf(e.id)), true
	case "tail":
		return textOrNone(e.in.doc.Tail(e.id)), true
	case "attrib":
		return e.attributes(), true
	case "keys", "items":
		m, ok := pyvalue.Method(e.attributes(), name)
		return m, ok
	}
	f, ok := elementMethods()[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) { return f(e, r, c) }}), true
}

// PySetAttr refuses to change the element.
func (e *xmlElement) PySetAttr(name string, _ value) error {
	return pyvalue.Raise("AttributeError", "an element cannot be changed in formulas: its %s is read-only", name)
}

// elementMethods are the methods of an Element.
func elementMethods() map[string]func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	return elementMethodsOnUse.Get(makeElementMethods)
}

var elementMethodsOnUse onuse.Value[map[string]func(e *xmlElement, r *run, c *pyvalue.Call) (value, error)]

func makeElementMethods() map[string]func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	return map[string]func(e *xmlElement, r *run, c *pyvalue.Call) (value, error){
		"get": func(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("get", 1, "key", "default"); err != nil {
				return value{}, err
			}
			key, _ := c.Arg(0, "key")
			otherwise, _ := c.Arg(1, "default")
			if v, ok := e.attributes().Dict().GetStr(key.Text()); ok {
				return v, nil
			}
			return otherwise, nil
		},
		"find": func(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
			found, err := e.search(c, "find", false)
			return first(found), err
		},
		"findall": func(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
			found, err := e.search(c, "findall", false)
			return pyvalue.NewList(found...), err
		},
		"iterfind": func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
			found, err := e.search(c, "iterfind", false)
			return r.iteratorOf(found), err
		},
		"findtext": func(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
			found, err := e.search(c, "findtext", true)
			if err != nil {
				return value{}, err
			}
			if len(found) == 0 {
				otherwise, _ := c.Arg(1, "default")
				return otherwise, nil
			}
			return pyvalue.Str(e.in.doc.TextOf(found[0].Object().(*xmlElement).id)), nil
		},
		"iter": func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("iter", 0, "tag"); err != nil {
				return value{}, err
			}
			tag, _ := c.Arg(0, "tag")
			return e.iter(r, tag)
		},
		"itertext": func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("itertext", 0); err != nil {
				return value{}, err
			}
			return e.texts(r)
		},
	}
}

func (r *run) iteratorOf(list []value) value {
	return r.lazy("iterator", func(yield func(value) (bool, error)) error { return pyvalue.Each(pyvalue.NewList(list...), yield) })
}

// search evaluates a path; withDefault is set if a default comes before the
// namespaces.
func (e *xmlElement) search(c *pyvalue.Call, method string, withDefault bool) ([]value, error) {
	names := []string{"path", "namespaces"}
	if withDefault {
		names = []string{"path", "default", "namespaces"}
	}
	if err := c.Check(method, 1, names...); err != nil {
		return nil, err
	}
	v, _ := c.Arg(0, "path")
	text := v.Text()
	if err := e.in.r.meter.Step(int64(1 + len(text))); err != nil {
		return nil, err
	}
	if spaces, _ := c.Arg(len(names)-1, "namespaces"); spaces.Dict() != nil {
		prefixes := make(map[string]string)
		for prefix, space := range spaces.Dict().All() {
			prefixes[prefix.Text()] = space.Text() // None is the default namespace, as "" is
		}
		var err error
		if text, err = xmldoc.Qualify(text, prefixes); err != nil {
			return nil, pyvalue.Raise("SyntaxError", "%v", err)
		}
	}
	path, err := xmldoc.CompilePath(text)
	if err != nil {
		return nil, pyvalue.Raise("SyntaxError", "%v", err)
	}
	found, err := path.Find(e.in.doc, e.id, e.in.r.meter)
	if err != nil {
		return nil, err
	}
	if err := e.in.r.meter.Grow(int64(len(found)) * 64); err != nil {
		return nil, err
	}
	list := make([]value, len(found))
	for i, id := range found {
		list[i] = e.in.element(id)
	}
	return list, nil
}

// iter walks over the element and everything in it, or what has a tag.
func (e *xmlElement) iter(r *run, tag value) (value, error) {
	d := e.in.doc
	if err := r.meter.Step(int64(d.End(e.id) - e.id)); err != nil {
		return value{}, err
	}
	var list []value
	for n := e.id; n < d.End(e.id); n++ {
		if d.Kind(n) != xmldoc.Element || !tag.IsNone() && tag.Text() != "*" && tag.Text() != tagOf(d.Name(n)) {
			continue
		}
		if err := r.meter.Grow(64); err != nil {
			return value{}, err
		}
		list = append(list, e.in.element(n))
	}
	return r.iteratorOf(list), nil
}

// texts are the pieces of text in the element: text and tails, in order.
func (e *xmlElement) texts(r *run) (value, error) {
	d := e.in.doc
	if err := r.meter.Step(int64(d.End(e.id) - e.id)); err != nil {
		return value{}, err
	}
	var list []value
	var piece strings.Builder
	flush := func() {
		if piece.Len() > 0 {
			list = append(list, pyvalue.Str(piece.String()))
			piece.Reset()
		}
	}
	ends := map[xmldoc.ID]bool{}
	for n := e.id; n < d.End(e.id); n++ {
		if ends[n] {
			flush()
		}
		switch d.Kind(n) {
		case xmldoc.Element:
			flush()
			ends[d.End(n)] = true
		case xmldoc.Text:
			piece.WriteString(d.Value(n))
		}
	}
	flush()
	return r.iteratorOf(list), r.meter.Grow(int64(len(d.Value(e.id)) + 16*len(list)))
}
