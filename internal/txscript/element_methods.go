package txscript

import (
	"errors"
	"iter"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// elementMethod is a method of an Element.
type elementMethod func(e *xmlElement, r *run, c *pyvalue.Call) (value, error)

func elementMethods() map[string]elementMethod { return elementMethodsOnUse.Get(makeElementMethods) }

var elementMethodsOnUse onuse.Value[map[string]elementMethod]

func makeElementMethods() map[string]elementMethod {
	return map[string]elementMethod{
		"get": elementAttribute, "set": setElementAttribute, "keys": ofAttributes("keys"), "items": ofAttributes("items"),
		"append": appendElement, "extend": extendElement, "insert": insertElement, "remove": removeElement, "clear": clearElement,
		"find": findElement, "findall": findAllElements, "iterfind": iterFindElements, "findtext": findElementText,
		"iter": iterElements, "itertext": iterTexts, "makeelement": makeElement,
		"__copy__": copyOf(false), "__deepcopy__": copyOf(true),
	}
}

func elementAttribute(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("get", 1, "key", "default"); err != nil {
		return value{}, err
	}
	key, _ := c.Arg(0, "key")
	otherwise, _ := c.Arg(1, "default")
	v, found, err := e.attributes().GetWithin(r.meter, key)
	if !found {
		v = otherwise
	}
	return v, err
}

func setElementAttribute(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 2 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "set expected 2 arguments, got %d", len(c.Args))
	}
	if err := r.meter.Grow(32); err != nil {
		return value{}, err
	}
	return value{}, e.attributes().SetWithin(r.meter, c.Args[0], c.Args[1])
}

// ofAttributes returns keys or items as a list.
func ofAttributes(name string) elementMethod {
	return func(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly("Element."+name, 0); err != nil {
			return value{}, err
		}
		view, err := pyvalue.CallMethod(r.meter, e.attributes().Value(), name, &pyvalue.Call{Meter: r.meter})
		if err != nil {
			return value{}, err
		}
		list, err := pyvalue.Collect(r.meter, view)
		return pyvalue.NewList(list...), err
	}
}

func appendElement(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.append", 1); err != nil {
		return value{}, err
	}
	if _, err := asElement(c.Args[0], "append() argument"); err != nil {
		return value{}, err
	}
	e.children().Items = append(e.children().Items, c.Args[0])
	return value{}, r.meter.Grow(16)
}

func extendElement(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.extend", 1); err != nil {
		return value{}, err
	}
	if pyvalue.Iterable(c.Args[0]) != nil {
		return value{}, pyvalue.Raise("TypeError", "expected sequence, not \"%s\"", pyvalue.TypeName(c.Args[0]))
	}
	items, err := pyvalue.Collect(r.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	for _, item := range items {
		if _, ok := item.Object().(*xmlElement); !ok {
			return value{}, pyvalue.Raise("TypeError", "expected an Element, not \"%s\"", pyvalue.TypeName(item))
		}
		e.children().Items = append(e.children().Items, item)
	}
	return value{}, nil
}

func insertElement(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 2 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "insert expected 2 arguments, got %d", len(c.Args))
	}
	i, ok := c.Args[0].Int64()
	if !ok || c.Args[0].Kind() == pyvalue.KindFloat {
		return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
	}
	if _, err := asElement(c.Args[1], "insert() argument 2"); err != nil {
		return value{}, err
	}
	list := e.children()
	n := int64(len(list.Items))
	if i < 0 {
		i = max(0, i+n)
	}
	list.Items = slices.Insert(list.Items, int(min(i, n)), c.Args[1])
	return value{}, r.meter.Grow(16 + n/8)
}

func removeElement(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.remove", 1); err != nil {
		return value{}, err
	}
	if _, err := asElement(c.Args[0], "remove() argument"); err != nil {
		return value{}, err
	}
	list := e.children()
	if err := r.meter.Step(int64(len(list.Items)) / 4); err != nil {
		return value{}, err
	}
	for i, item := range list.Items {
		if item.Object() == c.Args[0].Object() {
			list.Items = slices.Delete(list.Items, i, i+1)
			return value{}, nil
		}
	}
	return value{}, pyvalue.Raise("ValueError", "list.remove(x): x not in list")
}

func clearElement(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.clear", 0); err != nil {
		return value{}, err
	}
	e.doc, e.text, e.tail = nil, value{}, value{}
	e.attrs, e.list = pyvalue.NewDict(), &pyvalue.List{}
	return value{}, nil
}

func makeElement(_ *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.makeelement", 2); err != nil {
		return value{}, err
	}
	return constructed(r, "makeelement", c, 0)
}

func copyOf(deep bool) elementMethod {
	return func(e *xmlElement, _ *run, _ *pyvalue.Call) (value, error) {
		copied, err := e.copied(deep, 0)
		if err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(copied), nil
	}
}

// elements are what a path is followed in.
type elements struct {
	from    *xmlElement
	parents map[*xmlElement]*xmlElement
	err     error // of elements that are in one another without an end
}

// deepestElement bounds elements in elements that are walked over.
const deepestElement = 20_000

// ends reports that elements are too deep in one another.
func (t *elements) ends(depth int) bool {
	if depth > deepestElement {
		t.err = pyvalue.Raise("RecursionError", "an element has more than %d others around it; it may be in itself", deepestElement)
	}
	return t.err != nil
}

// Children implements [xmldoc.Tree].
func (*elements) Children(n *xmlElement) iter.Seq[*xmlElement] {
	return func(yield func(*xmlElement) bool) {
		for i := 0; n.child(i) != nil; i++ {
			if !yield(n.child(i)) {
				return
			}
		}
	}
}

// Descendants implements [xmldoc.Tree].
func (t *elements) Descendants(n *xmlElement) iter.Seq[*xmlElement] {
	return func(yield func(*xmlElement) bool) {
		type place struct {
			in   *xmlElement
			next int
		}
		at := []place{{n, 0}}
		for len(at) > 0 {
			last := &at[len(at)-1]
			c := last.in.child(last.next)
			if c == nil {
				at = at[:len(at)-1]
				continue
			}
			last.next++
			if t.ends(len(at)) || !yield(c) {
				return
			}
			at = append(at, place{c, 0})
		}
	}
}

// Tag implements [xmldoc.Tree].
func (*elements) Tag(n *xmlElement) (xmldoc.Name, bool) { return tagName(n.tag.Text()), n.tag.IsText() }

// Parent implements [xmldoc.Tree].
func (t *elements) Parent(n *xmlElement) (*xmlElement, bool) {
	if t.parents == nil {
		t.parents = make(map[*xmlElement]*xmlElement)
		t.around(t.from)
		for d := range t.Descendants(t.from) {
			if t.from.r.meter.Grow(32) != nil {
				break // the search ends at its next step
			}
			t.around(d)
		}
	}
	up, ok := t.parents[n]
	return up, ok
}

func (t *elements) around(parent *xmlElement) {
	for c := range t.Children(parent) {
		t.parents[c] = parent
	}
}

// Attribute implements [xmldoc.Tree].
func (*elements) Attribute(n *xmlElement, fits func(xmldoc.Name) bool) (string, bool) {
	for k, v := range n.attributes().All() {
		if !k.IsText() || !fits(tagName(k.Text())) {
			continue
		}
		if !v.IsText() {
			return "\xff", !v.IsNone() // None counts as no attribute, and no text equals "\xff"
		}
		return v.Text(), true
	}
	return "", false
}

// Content implements [xmldoc.Tree].
func (t *elements) Content(n *xmlElement) string {
	var out []byte
	for v := range t.texts(n) {
		if n.r.meter.Grow(int64(len(v.Text()))) != nil {
			break // the search ends at its next step
		}
		out = append(out, v.Text()...)
	}
	return string(out)
}

// texts yields the pieces of text in an element: text and tails, in order.
func (t *elements) texts(n *xmlElement) iter.Seq[value] {
	return func(yield func(value) bool) {
		type place struct {
			in   *xmlElement
			next int
		}
		if pyvalue.Truth(n.text) && !yield(n.text) {
			return
		}
		at := []place{{n, 0}}
		for len(at) > 0 && n.r.meter.Step(1) == nil {
			last := &at[len(at)-1]
			c := last.in.child(last.next)
			text := value{}
			if c == nil {
				if at = at[:len(at)-1]; len(at) > 0 {
					text = last.in.tail
				}
			} else {
				last.next++
				text = c.text
				at = append(at, place{c, 0})
			}
			if t.ends(len(at)) || pyvalue.Truth(text) && !yield(text) {
				return
			}
		}
	}
}

// search follows the path of a call; withDefault is set if a default comes before the
// namespaces. What it finds is counted.
func (e *xmlElement) search(c *pyvalue.Call, method string, withDefault, one bool) ([]value, error) {
	names := []string{"path", "namespaces"}
	if withDefault {
		names = []string{"path", "default", "namespaces"}
	}
	if err := c.CheckNative(method, 1, names...); err != nil {
		return nil, err
	}
	meter := e.r.meter
	v, _ := c.Arg(0, "path")
	path, err := pathOf(meter, v, c, names)
	if err != nil {
		return nil, err
	}
	tree := &elements{from: e}
	s := xmldoc.Search[*xmlElement]{Tree: tree, Meter: meter}
	var list []value
	for n := range s.Find(path, e) {
		if list = append(list, pyvalue.FromObject(n)); one {
			break
		}
		if err := meter.Grow(16); err != nil {
			return nil, err
		}
	}
	if tree.err != nil {
		return nil, tree.err
	}
	return list, s.Err()
}

func pathOf(m *pyvalue.Meter, v value, c *pyvalue.Call, names []string) (*xmldoc.Path, error) {
	if !v.IsText() && !isQName(v) {
		return nil, pyvalue.Raise("TypeError", "'%s' object is not subscriptable", pyvalue.TypeName(v))
	}
	text := tagOfValue(v)
	if err := m.Step(int64(1 + len(text))); err != nil {
		return nil, err
	}
	if spaces, _ := c.Arg(len(names)-1, "namespaces"); spaces.Dict() != nil {
		prefixes := make(map[string]string)
		for prefix, space := range spaces.Dict().All() {
			prefixes[prefix.Text()] = space.Text() // None is the default namespace, as "" is
		}
		var err error
		if text, err = xmldoc.Qualify(text, prefixes); err != nil {
			return nil, pathFault(err)
		}
	}
	path, err := xmldoc.CompilePath(text)
	if err != nil {
		return nil, pathFault(err)
	}
	return path, nil
}

func pathFault(err error) error {
	switch {
	case errors.Is(err, xmldoc.ErrManyParts):
		return pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	case errors.Is(err, xmldoc.ErrLongPath):
		return pyvalue.Raise("MemoryError", "%v", err)
	}
	return pyvalue.Raise("SyntaxError", "%v", err)
}

func findElement(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
	found, err := e.search(c, "find", false, true)
	return first(found), err
}

func findAllElements(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
	found, err := e.search(c, "findall", false, false)
	return pyvalue.NewList(found...), err
}

func iterFindElements(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	found, err := e.search(c, "iterfind", false, false)
	return r.iteratorOf(found), err
}

func findElementText(e *xmlElement, _ *run, c *pyvalue.Call) (value, error) {
	found, err := e.search(c, "findtext", true, true)
	if err != nil {
		return value{}, err
	}
	if len(found) == 0 {
		otherwise, _ := c.Arg(1, "default")
		return otherwise, nil
	}
	if text := found[0].Object().(*xmlElement).text; !text.IsNone() {
		return text, nil
	}
	return pyvalue.Str(""), nil
}

func (r *run) iteratorOf(list []value) value {
	return r.lazy("iterator", func(yield func(value) (bool, error)) error { return pyvalue.Each(pyvalue.NewList(list...), yield) })
}

// iterElements walks over the element and everything in it, or what has a tag.
func iterElements(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("iter", 0, "tag"); err != nil {
		return value{}, err
	}
	tag, given := c.Arg(0, "tag")
	all := !given || tag.IsNone() || tag.Text() == "*"
	return r.lazy("_elementtree._element_iterator", func(yield func(value) (bool, error)) error {
		tree := &elements{}
		for n := range tree.everything(e) {
			if err := r.meter.Step(1); err != nil {
				return err
			}
			if !all && !r.equal(n.tag, tag) {
				continue
			}
			if more, err := yield(pyvalue.FromObject(n)); err != nil || !more {
				return err
			}
		}
		return tree.err
	}), nil
}

// everything yields the element and what is below it.
func (t *elements) everything(e *xmlElement) iter.Seq[*xmlElement] {
	return func(yield func(*xmlElement) bool) {
		if !yield(e) {
			return
		}
		t.Descendants(e)(yield)
	}
}

func iterTexts(e *xmlElement, r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("Element.itertext", 0); err != nil {
		return value{}, err
	}
	return r.lazy("_elementtree._element_iterator", func(yield func(value) (bool, error)) (err error) {
		tree := &elements{}
		for v := range tree.texts(e) {
			if err = r.meter.Step(1); err != nil {
				return err
			}
			more, err := yield(v)
			if err != nil || !more {
				return err
			}
		}
		return tree.err
	}), nil
}
