package xmldoc

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 1000

const xmlSpace = "http://www.w3.org/XML/1998/namespace"

// Parse reads a document. Its charset is that of a byte order mark, else that of the
// XML declaration, else UTF-8. It keeps nothing of data. The error is that of ctx,
// or says what is wrong with the document.
func Parse(ctx context.Context, data []byte) (*Document, error) {
	utf8, err := toUTF8(data)
	if err != nil {
		return nil, err
	}
	return ParseText(ctx, utf8)
}

var laterVersion = regexp.MustCompile(`^<\?xml\s+version\s*=\s*["']1\.([1-9])["']`)

// ParseText reads a document that is UTF-8, whatever its declaration says.
func ParseText(ctx context.Context, data []byte) (*Document, error) {
	data = bytes.TrimRight(data, "\x00") // of a buffer that was sent whole
	if len(data) > math.MaxInt32 {
		return nil, errors.New("it is larger than 2 GB")
	}
	if at := laterVersion.FindSubmatchIndex(data); at != nil {
		data = bytes.Clone(data)
		data[at[2]] = '0' // libxml2 reads every 1.x as 1.0, encoding/xml refuses it
	}
	r := &reader{data: data, doc: &Document{prefixes: make(map[string]string)}, known: make(map[Name]int32)}
	r.decoder = xml.NewDecoder(bytes.NewReader(data))
	r.decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	return r.doc, nil
}

// reader builds a document.
type reader struct {
	data    []byte
	decoder *xml.Decoder
	doc     *Document
	known   map[Name]int32
	text    bytes.Buffer
	other   bytes.Buffer
	open    []frame
	scope   []binding
	latest  map[string]int // by prefix: where scope has its latest binding
	seen    bool           // the document's element has begun
}

// frame is an element that has not ended.
type frame struct {
	id       ID
	last     ID // its last child
	bindings int
	name     xml.Name
}

// binding is a prefix that stands for a namespace. It hides an earlier one of the same
// prefix, -1 for none.
type binding struct {
	prefix, space string
	hides         int
}

// costOfNode is about what a node costs in bytes while its document is read: the list of
// nodes is copied when it grows.
const costOfNode = 56

func (r *reader) read(ctx context.Context) error {
	r.add(Root, -1)
	r.open = []frame{{id: 0, last: None}}
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		before := r.decoder.InputOffset()
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.token(token, before)
		}
		if err == nil && n%64 == 0 {
			err = treelimit.Check(ctx, int64(len(r.doc.nodes))*costOfNode+int64(r.text.Len()+r.other.Len()))
		}
		if err != nil {
			return err
		}
	}
	if len(r.open) > 1 {
		return fmt.Errorf("it ends within the element <%s>", spelled(r.open[len(r.open)-1].name))
	}
	r.close()
	r.doc.text, r.doc.other = r.text.String(), r.other.String()
	if r.doc.RootElement() == None {
		return errors.New("it has no element")
	}
	return nil
}

func (r *reader) token(token xml.Token, before int64) error {
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(t, before)
	case xml.EndElement:
		top := r.open[len(r.open)-1]
		if len(r.open) == 1 || top.name != t.Name {
			return r.fault("</%s> ends an element that is not open", spelled(t.Name))
		}
		r.close()
	case xml.CharData:
		return r.characters(t)
	case xml.Comment:
		r.leaf(Comment, -1, t)
	case xml.ProcInst:
		if t.Target != "xml" {
			r.leaf(Instruction, r.name(Name{Local: t.Target}), t.Inst)
		}
	case xml.Directive:
		return r.directive(string(t))
	}
	return nil
}

func (r *reader) fault(format string, args ...any) error {
	line, _ := r.decoder.InputPos()
	return fmt.Errorf("line %d: "+format, append([]any{line}, args...)...)
}

func spelled(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// add appends a node whose parent is the innermost open one.
func (r *reader) add(kind Kind, name int32) ID {
	id := ID(len(r.doc.nodes))
	n := node{kind: kind, name: name, parent: None, prev: None, end: id + 1, from: uint32(r.text.Len())}
	if len(r.open) > 0 {
		top := &r.open[len(r.open)-1]
		n.parent = top.id
		if kind != Attribute {
			n.prev, top.last = top.last, id
		}
	}
	r.doc.nodes = append(r.doc.nodes, n)
	return id
}

func (r *reader) name(n Name) int32 {
	if i, ok := r.known[n]; ok {
		return i
	}
	i := int32(len(r.doc.names))
	n = Name{strings.Clone(n.Space), strings.Clone(n.Prefix), strings.Clone(n.Local)}
	r.doc.names = append(r.doc.names, n)
	r.known[n] = i
	return i
}

// leaf adds a node whose value is not a part of any element's text.
func (r *reader) leaf(kind Kind, name int32, value []byte) {
	n := &r.doc.nodes[r.add(kind, name)]
	n.from = uint32(r.other.Len())
	r.other.Write(value)
	n.to = uint32(r.other.Len())
}

func (r *reader) characters(data []byte) error {
	if len(r.open) == 1 {
		if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && !bytes.Equal(trimmed, []byte("\ufeff")) {
			return r.fault("text outside of the document's element")
		}
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	last := r.open[len(r.open)-1].last
	if last == None || r.doc.nodes[last].kind != Text {
		last = r.add(Text, -1)
	}
	r.text.Write(data)
	r.doc.nodes[last].to = uint32(r.text.Len())
	return nil
}

func (r *reader) close() {
	top := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	n := &r.doc.nodes[top.id]
	n.end, n.to = ID(len(r.doc.nodes)), uint32(r.text.Len())
	for i := len(r.scope) - 1; i >= top.bindings; i-- {
		if b := r.scope[i]; b.hides >= 0 {
			r.latest[b.prefix] = b.hides
		} else {
			delete(r.latest, b.prefix)
		}
	}
	r.scope = r.scope[:top.bindings]
}

func (r *reader) start(t xml.StartElement, before int64) error {
	switch {
	case len(r.open) > maxDepth:
		return r.fault("it is nested deeper than %d levels", maxDepth)
	case len(r.open) == 1 && r.seen:
		return r.fault("a second element <%s> after the document's element", spelled(t.Name))
	}
	if raw := r.data[before:r.decoder.InputOffset()]; bytes.ContainsAny(raw, "\n\t\r") {
		t = normalized(raw, t)
	}
	r.seen = true
	bindings := len(r.scope)
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			r.bind(a)
		}
	}
	name, err := r.resolve(t.Name, true)
	if err != nil {
		return err
	}
	id := r.add(Element, r.name(name))
	r.open = append(r.open, frame{id, None, bindings, t.Name})
	var used map[Name]bool
	if len(t.Attr) > fewAttributes {
		used = make(map[Name]bool)
	}
	for _, a := range t.Attr {
		if err := r.attribute(id, a, used); err != nil {
			return err
		}
	}
	return nil
}

// fewAttributes are so few that they are compared with each other.
const fewAttributes = 16

func (r *reader) bind(a xml.Attr) {
	prefix := ""
	if a.Name.Space != "" {
		prefix = a.Name.Local
	}
	hides, ok := r.latest[prefix]
	if !ok {
		hides = -1
	}
	if r.latest == nil {
		r.latest = make(map[string]int)
	}
	r.latest[prefix] = len(r.scope)
	r.scope = append(r.scope, binding{prefix, a.Value, hides})
	if _, ok := r.doc.prefixes[prefix]; !ok {
		r.doc.prefixes[prefix] = a.Value
	}
}

// resolve finds the namespace of a name. The default namespace is for elements.
func (r *reader) resolve(n xml.Name, isElement bool) (Name, error) {
	if n.Space == "" && !isElement {
		return Name{Local: n.Local}, nil
	}
	if i, ok := r.latest[n.Space]; ok {
		return Name{r.scope[i].space, n.Space, n.Local}, nil
	}
	switch n.Space {
	case "":
		return Name{Local: n.Local}, nil
	case "xml":
		return Name{xmlSpace, "xml", n.Local}, nil
	}
	return Name{}, r.fault("the namespace prefix %q is not declared", n.Space)
}

// attribute adds an attribute; used has those before it, and is nil for few.
func (r *reader) attribute(of ID, a xml.Attr, used map[Name]bool) error {
	if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
		return nil
	}
	name, err := r.resolve(a.Name, false)
	if err != nil {
		return err
	}
	twice := used[Name{Space: name.Space, Local: name.Local}]
	for n := of + 1; used == nil && int(n) < len(r.doc.nodes); n++ {
		other := r.doc.Name(n)
		twice = twice || other.Space == name.Space && other.Local == name.Local
	}
	if twice {
		return r.fault("duplicate attribute %q", spelled(a.Name))
	}
	if used != nil {
		used[Name{Space: name.Space, Local: name.Local}] = true
	}
	r.leaf(Attribute, r.name(name), []byte(a.Value))
	return nil
}

// normalized reads a start tag again in which line ends and tabs within values are
// blanks, as XML wants it for all but character references.
func normalized(raw []byte, t xml.StartElement) xml.StartElement {
	changed := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if len(changed) == len(raw) {
		changed = bytes.Clone(raw)
	}
	quote := byte(0)
	for i, c := range changed {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		case quote != 0 && (c == '\n' || c == '\t' || c == '\r'):
			changed[i] = ' '
		}
	}
	if again, err := xml.NewDecoder(bytes.NewReader(changed)).RawToken(); err == nil {
		if s, ok := again.(xml.StartElement); ok {
			return s
		}
	}
	return t // with an entity of the document's own, which keeps its line ends
}
