package message

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

const nsXSI = "http://www.w3.org/2001/XMLSchema-instance"

// Message is what [Encode] makes.
type Message struct {
	Header, Body *Body
	// Namespaces declares every prefix that header and body use, ready to be put
	// into a start tag around them.
	Namespaces string
}

// soapHeaders is the key under which a mapping gives parts of the header, by their
// names. It is zeep's.
const soapHeaders = "_soapheaders"

// Encode writes the parts of a message from a mapping. The error is a [*Faults]
// when the mapping is wrong, and that of the context when it has ended.
func Encode(ctx context.Context, inputs, headers []wsdl.Part, mapping pyvalue.Value) (*Message, error) {
	o := mapping.Dict()
	if mapping.IsNone() {
		o = pyvalue.NewDict()
	}
	if o == nil {
		return nil, &Faults{List: []*Fault{{Err: errors.New("the mapping is not an object")}}}
	}
	w := &writer{ctx: ctx, body: &Body{}, prefixes: make(map[string]string)}
	m := &Message{}
	root := pyvalue.NewDictSize(o.Len())
	for key, v := range o.All() {
		if key.Text() != soapHeaders {
			root.SetStr(key.Text(), v)
			continue
		}
		err := w.at(Step{Key: soapHeaders}, func() error { return w.parts(headers, v.Dict(), false) })
		if err != nil {
			return nil, err
		}
	}
	m.Header = w.finish()
	var err error
	if len(inputs) == 1 {
		err = w.root(inputs[0].Element, root)
	} else {
		err = w.parts(inputs, root, true)
	}
	if err != nil {
		return nil, err
	}
	m.Body = w.finish()
	if w.faults != nil {
		return nil, w.faults
	}
	var declared strings.Builder
	for _, space := range w.spaces {
		fmt.Fprintf(&declared, ` xmlns:%s="`, w.prefixes[space])
		_ = xml.EscapeText(&declared, []byte(space)) // a builder never fails
		declared.WriteByte('"')
	}
	m.Namespaces = declared.String()
	return m, nil
}

// finish returns what was written, and begins anew.
func (w *writer) finish() *Body {
	b := w.body
	b.parts = append(b.parts, part{text: bytes.Clone(w.text.Bytes())})
	w.text.Reset()
	w.body = &Body{}
	return b
}

// root writes the one element of a body. One of a simple type has its text under
// the key value.
func (w *writer) root(e *wsdl.Element, o *pyvalue.Dict) error {
	t, err := e.Type()
	if err != nil || t.Complex {
		if err == nil {
			err = w.element(e, o.Value())
		}
		return err
	}
	return w.parts([]wsdl.Part{{Name: "value", Element: e}}, o, true)
}

// parts writes elements that are given by the names of their parts.
func (w *writer) parts(parts []wsdl.Part, o *pyvalue.Dict, required bool) error {
	if o == nil {
		w.fault(errors.New("an object is expected"))
		return nil
	}
	g := newGiven(o)
	var known []string
	for _, p := range parts {
		known = append(known, p.Name)
		v, _ := g.take(p.Name)
		err := w.at(Step{Key: p.Name}, func() error {
			switch {
			case !v.IsNone():
				return w.element(p.Element, v)
			case required:
				w.fault(fmt.Errorf("%w: the element %s is required", ErrMissing, p.Element.Name.Local))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, key := range g.left() {
		_ = w.at(Step{Key: key}, func() error {
			w.fault(fmt.Errorf("%w: there are %s", ErrUnknown, strings.Join(known, ", ")))
			return nil
		})
	}
	return nil
}

// writer writes one body.
type writer struct {
	ctx      context.Context
	size     int64 // of what text had before it was put into body
	body     *Body
	text     bytes.Buffer // since the last file
	prefixes map[string]string
	spaces   []string // in the order of their prefixes
	// The prefix of the last name, which most often is that of the next one.
	lastSpace, lastPrefix string
	path                  Path
	faults                *Faults
}

// fault notes what is wrong with the value at the current path.
func (w *writer) fault(err error) {
	if w.faults == nil {
		w.faults = &Faults{}
	}
	if len(w.faults.List) == maxFaults {
		w.faults.More++
		return
	}
	w.faults.List = append(w.faults.List, &Fault{slices.Clone(w.path), err})
}

// at runs f at a path one step further.
func (w *writer) at(s Step, f func() error) error {
	w.path = append(w.path, s)
	err := f()
	w.path = w.path[:len(w.path)-1]
	return err
}

// name writes a name with its prefix.
func (w *writer) name(n xml.Name) {
	if n.Space != "" && n.Space == w.lastSpace {
		w.text.WriteString(w.lastPrefix)
		w.text.WriteByte(':')
	} else if n.Space != "" {
		prefix := w.prefixes[n.Space]
		if prefix == "" {
			switch n.Space {
			case "urn:com.workday/bsvc":
				prefix = "wd"
			case nsXSI:
				prefix = "xsi"
			case "http://www.w3.org/XML/1998/namespace":
				w.text.WriteString("xml:" + n.Local)
				return
			default:
				prefix = "ns" + strconv.Itoa(len(w.spaces))
			}
			w.prefixes[n.Space] = prefix
			w.spaces = append(w.spaces, n.Space)
		}
		w.lastSpace, w.lastPrefix = n.Space, prefix
		w.text.WriteString(prefix)
		w.text.WriteByte(':')
	}
	w.text.WriteString(n.Local)
}

// element writes one element. The error means that the schema itself is wrong;
// what is wrong with the mapping becomes a fault.
func (w *writer) element(e *wsdl.Element, v pyvalue.Value) error {
	t, err := e.Type()
	if err != nil {
		return err
	}
	if t.Abstract {
		w.fault(fmt.Errorf("the type %s of element %s is abstract, and a mapping cannot say which one is meant", t.Name.Local, e.Name.Local))
		return nil
	}
	w.text.WriteByte('<')
	w.name(e.Name)
	switch {
	case v.IsNone(): // a required element that may be nil
		w.text.WriteByte(' ')
		w.name(xml.Name{Space: nsXSI, Local: "nil"})
		w.text.WriteString(`="true">`)
	case t.Any:
		err = w.anything(v)
	case !t.Complex:
		w.text.WriteByte('>')
		err = w.value(t.Simple, v)
	default:
		err = w.complex(e, t, v)
	}
	w.text.WriteString("</")
	w.name(e.Name)
	w.text.WriteByte('>')
	return err
}

// anything writes a text where the schema does not say what is to stand.
func (w *writer) anything(v pyvalue.Value) error {
	w.text.WriteByte('>')
	if v.Kind() == pyvalue.KindBool {
		v = pyvalue.Str(strconv.FormatBool(pyvalue.Truth(v)))
	}
	return w.value(&wsdl.Simple{Base: "anySimpleType"}, v)
}

// value writes a text, or a file.
func (w *writer) value(s *wsdl.Simple, v pyvalue.Value) error {
	if list, ok := v.Items(); ok && len(list) == 1 && s.Item == nil {
		return w.at(Step{Index: 0}, func() error { return w.value(s, list[0]) })
	}
	if content, ok := jsontemplate.File(v); ok && s.Base == "base64Binary" {
		w.size += int64(w.text.Len())
		w.body.parts = append(w.body.parts, part{text: bytes.Clone(w.text.Bytes()), content: content})
		w.text.Reset()
		return nil
	}
	text, err := textOf(s, v)
	if err != nil {
		w.fault(err)
		return nil
	}
	return w.put(text, escape)
}

// maxMessage bounds a message, besides its files, in bytes. A mapping may put a long text
// of the document into each line.
const maxMessage = 128 << 20

// put writes a text, whose special characters escape replaces.
func (w *writer) put(text string, escape func(*bytes.Buffer, string)) error {
	look := func(int) error {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		return nil
	}
	return longtext.Pieces(text, look, func(piece string) error {
		if w.size+int64(w.text.Len()+len(piece)) > maxMessage {
			w.fault(fmt.Errorf("the message takes more than %d MB; give a file itself, such as {document_content}, and not its text", maxMessage>>20))
			return w.faults
		}
		escape(&w.text, piece)
		return nil
	})
}

// complex writes attributes and content of an element whose tag is open.
func (w *writer) complex(e *wsdl.Element, t *wsdl.Type, v pyvalue.Value) error {
	o := v.Dict()
	if o == nil {
		if list, ok := v.Items(); ok && len(list) == 0 && t.Simple == nil {
			o = pyvalue.NewDict()
		} else if !ok && t.Simple != nil {
			o = pyvalue.NewDictSize(1)
			o.SetStr("_value_1", v)
		}
	}
	if o == nil {
		w.text.WriteByte('>')
		w.fault(fmt.Errorf("got %s where element %s needs an object%s", kindOf(v), e.Name.Local, example(t)))
		return nil
	}
	g := newGiven(o)
	w.attributes(t, g)
	w.text.WriteByte('>')
	var err error
	switch {
	case t.Simple != nil:
		text, _ := g.take("_value_1")
		err = w.content(t.Simple, text)
	case t.Content != nil:
		err = w.particle(t.Content, g, e.Name.Local)
	}
	w.unknown(e, t, g)
	return err
}

// content writes the text of an element with attributes.
func (w *writer) content(s *wsdl.Simple, v pyvalue.Value) error {
	return w.at(Step{Key: "_value_1"}, func() error {
		if v.IsNone() {
			if s.IsText() && s.Check("") == nil {
				return nil
			}
			w.fault(fmt.Errorf("%w: the text of the element", ErrMissing))
			return nil
		}
		return w.value(s, v)
	})
}

func kindOf(v pyvalue.Value) string {
	if list, ok := v.Items(); ok {
		return fmt.Sprintf("a list of %d", len(list))
	}
	if _, ok := jsontemplate.File(v); ok {
		return "a file"
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		return "null"
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return "a string"
	case pyvalue.KindBool:
		return strconv.FormatBool(pyvalue.Truth(v))
	case pyvalue.KindInt, pyvalue.KindFloat:
		return jsontemplate.NumberText(v)
	case pyvalue.KindDict:
		return "an object"
	}
	return "a " + pyvalue.TypeName(v)
}

// example shows what a reference looks like.
func example(t *wsdl.Type) string {
	if t.Content != nil && slices.Equal(t.Content.Keys(), []string{"ID"}) {
		return `, such as {"ID": [{"type": "…", "_value_1": "…"}]}`
	}
	return ""
}

// attributes writes the attributes that are given, or that have a default.
func (w *writer) attributes(t *wsdl.Type, g *given) {
	for _, a := range t.Attributes {
		v, there := g.take(a.Key)
		if !there && a.Default != nil {
			v = pyvalue.Str(*a.Default)
		}
		if v.IsNone() {
			if a.Required {
				_ = w.at(Step{Key: a.Key}, func() error {
					w.fault(fmt.Errorf("%w: the attribute %s is required", ErrMissing, a.Name.Local))
					return nil
				})
			}
			continue
		}
		_ = w.at(Step{Key: a.Key}, func() error {
			text, err := textOf(a.Type, v)
			if err == nil && a.Fixed != nil && text != *a.Fixed {
				err = fmt.Errorf("got %q where the schema allows only %q", text, *a.Fixed)
			}
			if err != nil {
				w.fault(err)
				return nil
			}
			w.text.WriteByte(' ')
			w.name(a.Name)
			w.text.WriteString(`="`)
			err = w.put(text, escapeAttribute)
			w.text.WriteByte('"')
			return err
		})
	}
}

// unknown notes the keys that the schema has no place for.
func (w *writer) unknown(e *wsdl.Element, t *wsdl.Type, g *given) {
	var names []string
	for _, key := range g.left() {
		if names == nil {
			names = keysOf(t)
		}
		_ = w.at(Step{Key: key}, func() error { w.fault(unknownName(key, e.Name.Local, names)); return nil })
	}
}

func unknownName(key, in string, names []string) error {
	if best := settings.Nearest(key, names); best != "" {
		return fmt.Errorf("%w: element %s has no %s (did you mean %s?)", ErrUnknown, in, key, best)
	}
	return fmt.Errorf("%w: element %s has no %s", ErrUnknown, in, key)
}

func keysOf(t *wsdl.Type) []string {
	var names []string
	if t.Content != nil {
		names = t.Content.Keys()
	}
	if t.Simple != nil {
		names = append(names, "_value_1")
	}
	for _, a := range t.Attributes {
		names = append(names, a.Key)
	}
	return names
}
