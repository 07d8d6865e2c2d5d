package xmldoc

import (
	"slices"
	"strconv"
	"strings"
)

// wellKnown are the prefixes that ElementTree gives to some namespaces.
var wellKnown = map[string]string{
	xmlSpace:                       "xml",
	"http://www.w3.org/1999/xhtml": "html",
	"http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
	"http://schemas.xmlsoap.org/wsdl/":            "wsdl",
	"http://www.w3.org/2001/XMLSchema":            "xs",
	"http://www.w3.org/2001/XMLSchema-instance":   "xsi",
	"http://purl.org/dc/elements/1.1/":            "dc",
}

// String returns an element as XML, as ElementTree's tostring does: prefixes are
// made anew, comments and instructions are left out, and the text after the element
// is a part of it.
func (d *Document) String(n ID) string {
	text, _ := d.StringWithin(n, nil) // nothing bounds it
	return text
}

// StringWithin is [Document.String] within the bounds of a meter, whose error it returns.
func (d *Document) StringWithin(n ID, meter Meter) (string, error) {
	w := &writer{Document: d, prefixes: make(map[string]string), meter: meter}
	w.collect(n)
	w.element(n, true)
	w.escape(d.Tail(n), textEscapes)
	return w.out.String(), w.err
}

type writer struct {
	*Document
	prefixes map[string]string // by namespace
	order    []string          // namespaces, as they come
	out      strings.Builder
	meter    Meter // nil for none
	err      error // of the meter
}

// step counts what is written for a node.
func (w *writer) step(n int) bool {
	if w.meter != nil && w.err == nil {
		w.err = w.meter.Step(1 + int64(n)/64)
	}
	return w.err == nil
}

// collect gives a prefix to every namespace of the element and what is in it.
func (w *writer) collect(n ID) {
	for at := n; at < w.End(n) && w.step(0); at++ {
		space := w.Name(at).Space
		if k := w.Kind(at); k != Element && k != Attribute || space == "" || w.prefixes[space] != "" {
			continue
		}
		prefix := wellKnown[space]
		if prefix == "" {
			prefix = "ns" + strconv.Itoa(len(w.order))
		}
		w.prefixes[space] = prefix
		if prefix != "xml" {
			w.order = append(w.order, space)
		}
	}
}

func (w *writer) name(n ID) string {
	name := w.Name(n)
	if name.Space == "" {
		return name.Local
	}
	return w.prefixes[name.Space] + ":" + name.Local
}

func (w *writer) element(n ID, outermost bool) {
	if !w.step(0) {
		return
	}
	name := w.name(n)
	w.out.WriteString("<" + name)
	if outermost {
		slices.SortFunc(w.order, func(a, b string) int { return strings.Compare(w.prefixes[a], w.prefixes[b]) })
		for _, space := range w.order {
			w.out.WriteString(" xmlns:" + w.prefixes[space] + `="`)
			w.escape(space, attributeEscapes)
			w.out.WriteByte('"')
		}
	}
	from, to := w.Attributes(n)
	for a := from; a < to; a++ {
		w.out.WriteString(" " + w.name(a) + `="`)
		w.escape(w.Value(a), attributeEscapes)
		w.out.WriteByte('"')
	}
	if !w.hasContent(n) {
		w.out.WriteString(" />")
		return
	}
	w.out.WriteByte('>')
	for child := w.FirstChild(n); child != None; child = w.Next(child) {
		switch w.Kind(child) {
		case Text:
			w.escape(w.Value(child), textEscapes)
		case Element:
			w.element(child, false)
		}
	}
	w.out.WriteString("</" + name + ">")
}

func (w *writer) hasContent(n ID) bool {
	for child := w.FirstChild(n); child != None; child = w.Next(child) {
		if k := w.Kind(child); k == Text || k == Element {
			return true
		}
	}
	return false
}

var (
	textEscapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;", "\t", "&#09;")
)

func (w *writer) escape(text string, with *strings.Replacer) {
	if w.step(len(text)) {
		_, _ = with.WriteString(&w.out, text)
	}
}

// TextOf returns the text of an element before its first child element.
func (d *Document) TextOf(n ID) string { return d.textFrom(d.FirstChild(n)) }

// Tail returns the text between an element and the next one, or its parent's end.
func (d *Document) Tail(n ID) string { return d.textFrom(d.Next(n)) }

func (d *Document) textFrom(n ID) string {
	text := ""
	var several strings.Builder // with comments between them
	for ; n != None && d.Kind(n) != Element; n = d.Next(n) {
		switch {
		case d.Kind(n) != Text:
			continue
		case text == "":
			text = d.Value(n)
			continue
		case several.Len() == 0:
			several.WriteString(text)
		}
		several.WriteString(d.Value(n))
	}
	if several.Len() > 0 {
		return several.String()
	}
	return text
}
