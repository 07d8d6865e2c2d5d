package native

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// xmlWriter writes XML as Python's XMLGenerator does: no empty-element tags, and
// characters as they are but for the three that must be escaped. Errors of w come
// back when it is flushed; err is the first text that XML cannot hold.
type xmlWriter struct {
	w   *bufio.Writer
	err error
}

func writeXML(w *bufio.Writer, list []*annotation) error {
	x := &xmlWriter{w: w}
	x.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<export><results>")
	for _, a := range list {
		x.annotation(a)
	}
	x.raw("</results><pagination><next></next><previous></previous>")
	x.element("total", strconv.Itoa(len(list)))
	x.element("total_pages", "1")
	x.raw("</pagination></export>")
	return x.err
}

func (x *xmlWriter) raw(texts ...string) {
	for _, t := range texts {
		_, _ = x.w.WriteString(t) // bufio keeps the error for Flush
	}
}

var textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// text writes character data; field names it in an error.
func (x *xmlWriter) text(field, text string) {
	if x.err == nil {
		if err := checkXML(text); err != nil {
			x.err = fmt.Errorf("%s: %w: %w", field, ErrUnwritable, err)
		}
	}
	_, _ = textEscapes.WriteString(x.w, text)
}

// checkXML looks for characters that XML 1.0 has no way to write.
func checkXML(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it is not UTF-8")
	}
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
			return fmt.Errorf("XML cannot have the character %U", c)
		}
	}
	return nil
}

func (x *xmlWriter) element(name, text string) {
	x.raw("<", name, ">")
	x.text(name, text)
	x.raw("</", name, ">")
}

// optional writes an element unless there is nothing in it.
func (x *xmlWriter) optional(name, text string) {
	if text != "" {
		x.element(name, text)
	}
}

var attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")

// attribute writes one attribute, quoted as Python's quoteattr does.
func (x *xmlWriter) attribute(name, value string) {
	if err := checkXML(value); err != nil && x.err == nil {
		x.err = fmt.Errorf("attribute %s: %w: %w", name, ErrUnwritable, err)
	}
	quote := `"`
	value = attributeEscapes.Replace(value)
	if strings.Contains(value, `"`) {
		if strings.Contains(value, "'") {
			value = strings.ReplaceAll(value, `"`, "&quot;")
		} else {
			quote = "'"
		}
	}
	x.raw(" ", name, "=", quote, value, quote)
}

// open opens an element with one attribute, which is left out if it has no value.
func (x *xmlWriter) open(name, attribute, value string) {
	x.raw("<", name)
	if value != "" {
		x.attribute(attribute, value)
	}
	x.raw(">")
}

func (x *xmlWriter) annotation(a *annotation) {
	x.open("annotation", "url", a.Annotation.URL)
	x.element("status", a.Annotation.Status)
	x.element("arrived_at", a.arrivedAt())
	x.optional("exported_at", a.text("exported_at"))
	url, name, file := a.document()
	x.open("document", "url", url)
	x.element("file_name", name)
	x.element("file", file)
	x.raw("</document>")
	url, name = a.modifier()
	x.open("modifier", "url", url)
	x.optional("username", name)
	x.raw("</modifier>")
	x.open("schema", "url", a.schemaURL())
	x.raw("</schema><metadata>")
	x.metadata(gjson.ParseBytes(a.Annotation.Metadata))
	x.raw("</metadata><content>")
	x.nodes(a, a.Annotation.Content.Sections())
	x.raw("</content>")
	x.element("automated", strconv.FormatBool(a.Annotation.Automated))
	x.optional("modified_at", a.text("modified_at"))
	x.optional("assigned_at", a.text("assigned_at"))
	x.raw("</annotation>")
}

// metadata writes an object as items with their keys, a list as items without.
func (x *xmlWriter) metadata(v gjson.Result) {
	switch {
	case v.IsObject(), v.IsArray():
		v.ForEach(func(key, value gjson.Result) bool {
			x.raw("<item")
			if v.IsObject() {
				x.attribute("key", key.String())
			}
			x.raw(">")
			x.metadata(value)
			x.raw("</item>")
			return true
		})
	case v.Type == gjson.String:
		x.text("metadata", v.Str)
	case v.Type != gjson.Null:
		x.raw(v.Raw)
	}
}

// nodes writes a part of the content tree. Attributes come in the order of their
// names.
func (x *xmlWriter) nodes(a *annotation, nodes []*rossum.Node) {
	for _, n := range nodes {
		if !a.exported(n) {
			continue
		}
		name := n.Category().String()
		x.raw("<", name)
		if n.Category() == rossum.CategoryDatapoint {
			if c := confidence(n); c != "" {
				x.attribute("rir_confidence", c)
			}
		}
		x.attribute("schema_id", n.SchemaID())
		if n.Category() == rossum.CategoryDatapoint {
			x.attribute("type", a.fields[n.SchemaID()].Type)
			x.raw(">")
			x.text("field "+n.SchemaID(), n.Text())
		} else {
			x.raw(">")
			x.nodes(a, n.Children())
		}
		x.raw("</", name, ">")
	}
}
