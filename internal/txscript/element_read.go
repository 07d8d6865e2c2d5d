package txscript

import (
	"context"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// fromXML is fromstring: the outermost element of a document.
func fromXML(r *run, c *pyvalue.Call) (value, error) {
	doc, err := r.readXML(c)
	if err != nil {
		return value{}, err
	}
	return pyvalue.FromObject(r.readElement(doc, doc.RootElement())), r.meter.GrowTimes(doc.Len(), elementBytes/2)
}

// readXML reads the document that a call is given.
func (r *run) readXML(c *pyvalue.Call) (*xmldoc.Document, error) {
	if err := c.Exactly("fromstring", 1); err != nil {
		return nil, err
	}
	v := c.Args[0]
	if !v.IsText() && v.Kind() != pyvalue.KindBytes {
		return nil, pyvalue.Raise("TypeError", "a bytes-like object is required, not '%s'", pyvalue.TypeName(v))
	}
	size := int64(max(len(v.Text()), len(v.Data())))
	if err := r.meter.Grow(size * 6); err != nil {
		return nil, err
	}
	if err := r.meter.Step(size / 4); err != nil {
		return nil, err
	}
	parse := func(ctx context.Context) (*xmldoc.Document, error) { return xmldoc.Parse(ctx, v.Data()) }
	if v.IsText() {
		parse = func(ctx context.Context) (*xmldoc.Document, error) { return xmldoc.ParseText(ctx, v.Text()) }
	}
	doc, err := parse(r.meter.Context())
	if err == nil {
		return doc, nil
	}
	if ended := r.meter.Context().Err(); ended != nil {
		return nil, ended
	}
	return nil, &pyvalue.Error{Type: "ParseError", Msg: err.Error()}
}

// xmlNodes is what minidom reads: the nodes of a document as tuples of kind, name or text,
// namespace or text, attributes and the nodes in it.
func xmlNodes(r *run, c *pyvalue.Call) (value, error) {
	doc, err := r.readXML(c)
	if err != nil {
		return value{}, err
	}
	for _, v := range c.Args {
		for _, lost := range []string{"<![CDATA[", "<!DOCTYPE"} {
			if strings.Contains(v.Text(), lost) || strings.Contains(string(v.Data()), lost) {
				return value{}, pyvalue.Raise("NotImplementedError", "minidom reads no %s here; xml.etree.ElementTree does", lost)
			}
		}
	}
	if err := r.meter.GrowTimes(doc.Len(), elementBytes); err != nil {
		return value{}, err
	}
	return nodesIn(doc, 0), nil
}

const xmlnsSpace = "http://www.w3.org/2000/xmlns/"

func nodesIn(d *xmldoc.Document, around xmldoc.ID) value {
	var list []value
	add := func(kind, name, space string, more ...value) {
		list = append(list, pyvalue.NewTuple(append([]value{pyvalue.Str(kind), pyvalue.Str(name), textOrNone(space)}, more...)...))
	}
	none := value{}
	for n := d.FirstChild(around); n != xmldoc.None; n = d.Next(n) {
		switch d.Kind(n) {
		case xmldoc.Element:
			add("element", prefixed(d.Name(n)), d.Name(n).Space, attributesOf(d, n), nodesIn(d, n))
		case xmldoc.Text:
			add("text", d.Value(n), "", none, none)
		case xmldoc.Comment:
			add("comment", d.Value(n), "", none, none)
		case xmldoc.Instruction:
			list = append(list, pyvalue.NewTuple(pyvalue.Str("instruction"), pyvalue.Str(d.Name(n).Local), pyvalue.Str(d.Value(n)), none, none))
		}
	}
	return pyvalue.NewList(list...)
}

// attributesOf lists what an element declares, and its attributes.
func attributesOf(d *xmldoc.Document, n xmldoc.ID) value {
	var list []value
	add := func(name, space, v string) {
		list = append(list, pyvalue.NewTuple(pyvalue.Str(name), textOrNone(space), pyvalue.Str(v)))
	}
	for name := range d.Declares(n) {
		if name.Local == "" {
			add("xmlns", xmlnsSpace, name.Space)
		} else {
			add("xmlns:"+name.Local, xmlnsSpace, name.Space)
		}
	}
	from, to := d.Attributes(n)
	for a := from; a < to; a++ {
		add(prefixed(d.Name(a)), d.Name(a).Space, d.Value(a))
	}
	return pyvalue.NewList(list...)
}

func prefixed(n xmldoc.Name) string {
	if n.Prefix == "" {
		return n.Local
	}
	return n.Prefix + ":" + n.Local
}
