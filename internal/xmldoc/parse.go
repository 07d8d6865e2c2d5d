package xmldoc

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/loggable"
	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 1000

const xmlSpace = "http://www.w3.org/XML/1998/namespace"

// Parse reads a document. Its charset is that of a byte order mark, else that of the
// XML declaration, else UTF-8. It keeps nothing of data. The error is that of ctx,
// or says what is wrong with the document.
func Parse(ctx context.Context, data []byte) (*Document, error) {
	text, err := toUTF8(ctx, data)
	if err != nil {
		return nil, err
	}
	return ParseText(ctx, unsafe.String(unsafe.SliceData(text), len(text)))
}

// ErrDoctype is the error of [ParsePlain] for a document with a DOCTYPE.
var ErrDoctype = errors.New("it has a DOCTYPE, which is refused")

// ParsePlain is [Parse] for what needs no DOCTYPE, such as a SOAP envelope: one that has
// a DOCTYPE is refused with [ErrDoctype].
func ParsePlain(ctx context.Context, data []byte) (*Document, error) {
	text, err := toUTF8(ctx, data)
	if err != nil {
		return nil, err
	}
	return parse(ctx, unsafe.String(unsafe.SliceData(text), len(text)), true)
}

var laterVersion = regexp.MustCompile(`^<\?xml\s+version\s*=\s*["']1\.([1-9])["']`)

// ParseText reads a document that is UTF-8, whatever its declaration says. It keeps nothing
// of text.
func ParseText(ctx context.Context, text string) (*Document, error) { return parse(ctx, text, false) }

func parse(ctx context.Context, text string, plain bool) (*Document, error) {
	text = strings.TrimRight(text, "\x00") // of a buffer that was sent whole
	if len(text) > math.MaxInt32 {
		return nil, errors.New("it is larger than 2 GB")
	}
	if at := laterVersion.FindStringSubmatchIndex(text); at != nil {
		text = text[:at[2]] + "0" + text[at[3]:] // libxml2 reads every 1.x as 1.0, encoding/xml refuses it
	}
	r := &reader{scanner: scanner{ctx: ctx, data: text}, doc: &Document{prefixes: make(map[string]string)}, known: make(map[Name]uint32), plain: plain}
	err := r.read(ctx)
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		return r.doc, nil
	case errors.As(err, &syntax):
		return nil, &xml.SyntaxError{Msg: loggable.Text(syntax.Msg), Line: syntax.Line}
	}
	return nil, err
}

// reader builds a document.
type reader struct {
	scanner
	doc     *Document
	known   map[Name]uint32
	text    strings.Builder
	other   strings.Builder
	open    []frame
	scope   []binding
	latest  map[string]int // by prefix: where scope has its latest binding
	seen    bool           // the document's element has begun
	doctype bool           // there was a DOCTYPE
	plain   bool           // there must be no DOCTYPE
	listed  int64          // how many bytes the names and prefixes take, about
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

func (r *reader) read(ctx context.Context) error {
	r.add(Root, noName)
	r.open = []frame{{id: 0, last: None}}
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.token(n == 0)
		}
		if err == nil && n%64 == 0 {
			err = r.fits()
		}
		if err != nil {
			return err
		}
	}
	if len(r.open) > 1 {
		return errors.New(loggable.Text("it ends within the element <" + spelled(r.open[len(r.open)-1].name) + ">"))
	}
	r.close()
	r.doc.text, r.doc.other = r.text.String(), r.other.String()
	if r.doc.RootElement() == None {
		return errors.New("it has no element")
	}
	return nil
}

// fits returns an error if the document is beyond the limit of trees.
func (r *reader) fits() error {
	return treelimit.Check(r.ctx, r.doc.nodes.cost()+int64(r.text.Cap()+r.other.Cap())+r.listed)
}

// token adds what the scanner has read; first says that nothing was before it.
func (r *reader) token(first bool) error {
	switch r.kind {
	case tokenStart:
		return r.start()
	case tokenEnd:
		top := r.open[len(r.open)-1]
		if len(r.open) == 1 || top.name != r.name {
			return r.fault("</%s> ends an element that is not open", spelled(r.name))
		}
		r.close()
		return nil
	case tokenText:
		return r.characters(r.scanner.text)
	}
	return r.aside(first)
}

// aside adds what is neither an element nor its text.
func (r *reader) aside(first bool) error {
	text, ok := r.decodedText(r.scanner.text, true, false)
	switch {
	case !ok && r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case !ok:
		return r.fault("a comment or an instruction has a character that XML does not allow")
	case r.kind == tokenComment:
		return r.leaf(Comment, noName, text)
	case r.kind == tokenInstruction:
		return r.instruction(first, text)
	}
	return r.directive(text)
}

// versioned is an XML declaration with the version that it must have.
var versioned = regexp.MustCompile(`^version\s*=\s*["']1\.[0-9]+["'](\s+encoding\s*=\s*["'][A-Za-z][^"']*["'])?(\s+standalone\s*=\s*["'](yes|no)["'])?\s*$`)

// instruction adds a processing instruction; the XML declaration is none.
func (r *reader) instruction(first bool, text string) error {
	switch {
	case !strings.EqualFold(r.name.Local, "xml"):
		return r.leaf(Instruction, r.numbered(Name{Local: r.name.Local}), text)
	case !first:
		return r.fault("the XML declaration is allowed at the start of the document only")
	case r.name.Local != "xml" || !versioned.MatchString(text):
		return r.fault("the XML declaration is not valid: <?%s %.100s?>", r.name.Local, text)
	}
	return nil
}

func (r *reader) fault(format string, args ...any) error {
	return errors.New(loggable.Text(fmt.Sprintf("line %d: "+format, append([]any{r.line()}, args...)...)))
}

func spelled(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// add appends a node whose parent is the innermost open one.
func (r *reader) add(kind Kind, name uint32) ID {
	id := ID(r.doc.Len())
	n := node{is: uint32(kind) | name<<kindBits, parent: None, prev: None, end: id + 1, from: uint32(r.text.Len())}
	if len(r.open) > 0 {
		top := &r.open[len(r.open)-1]
		n.parent = top.id
		if kind != Attribute {
			n.prev, top.last = top.last, id
		}
	}
	r.doc.nodes.add(n)
	return id
}

// numbered returns the number of a name, which is not 0.
func (r *reader) numbered(n Name) uint32 {
	if i, ok := r.known[n]; ok {
		return i
	}
	const costOfName = 200 // and its place in the map
	r.listed += costOfName + int64(len(n.Local))
	i := uint32(len(r.doc.names)) + 1
	n = Name{strings.Clone(n.Space), strings.Clone(n.Prefix), strings.Clone(n.Local)}
	r.doc.names = append(r.doc.names, n)
	r.known[n] = i
	return i
}

// leaf adds a node whose value is not a part of any element's text.
func (r *reader) leaf(kind Kind, name uint32, value string) error {
	n := r.doc.nodes.get(r.add(kind, name))
	n.from = uint32(r.other.Len())
	err := r.append(&r.other, value)
	n.to = uint32(r.other.Len())
	return err
}

// append adds to a text of the document in pieces, with a look at the context between them:
// where memory is slow, 60 MB take a third of a second.
func (r *reader) append(to *strings.Builder, text string) error {
	if len(text) > longtext.Piece {
		to.Grow(len(text))
	}
	return longtext.Pieces(text, func(int) error { return context.Cause(r.ctx) }, func(piece string) error {
		to.WriteString(piece)
		return nil
	})
}

func (r *reader) characters(data string) error {
	if len(r.open) == 1 {
		if trimmed := strings.TrimSpace(data); trimmed != "" && trimmed != "\ufeff" {
			return r.fault("text outside of the document's element")
		}
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	last := r.open[len(r.open)-1].last
	if last == None || r.doc.Kind(last) != Text {
		last = r.add(Text, noName)
	}
	err := r.append(&r.text, data)
	r.doc.nodes.get(last).to = uint32(r.text.Len())
	return err
}

func (r *reader) close() {
	top := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	n := r.doc.nodes.get(top.id)
	n.end, n.to = ID(r.doc.Len()), uint32(r.text.Len())
	for i := len(r.scope) - 1; i >= top.bindings; i-- {
		if b := r.scope[i]; b.hides >= 0 {
			r.latest[b.prefix] = b.hides
		} else {
			delete(r.latest, b.prefix)
		}
	}
	r.scope = r.scope[:top.bindings]
}

func (r *reader) start() error {
	switch {
	case len(r.open) > maxDepth:
		return r.fault("it is nested deeper than %d levels", maxDepth)
	case len(r.open) == 1 && r.seen:
		return r.fault("a second element <%s> after the document's element", spelled(r.name))
	}
	r.seen = true
	bindings := len(r.scope)
	for _, a := range r.attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			if err := r.bind(a); err != nil {
				return err
			}
		}
	}
	name, err := r.resolve(r.name, true)
	if err != nil {
		return err
	}
	id := r.add(Element, r.numbered(name))
	r.declare(id, bindings)
	r.open = append(r.open, frame{id, None, bindings, r.name})
	var used map[Name]bool
	if len(r.attrs) > fewAttributes {
		used = make(map[Name]bool)
	}
	for i, a := range r.attrs {
		err := r.attribute(id, a, used)
		if i%1024 == 1023 && err == nil {
			err = errors.Join(context.Cause(r.ctx), r.fits())
		}
		if err != nil {
			return err
		}
	}
	if after := ID(r.doc.Len()); after > id+1 {
		r.doc.nodes.get(id + 1).prev = after
	}
	return nil
}

// fewAttributes are so few that they are compared with each other.
const fewAttributes = 16

func (r *reader) bind(a xml.Attr) error {
	prefix := ""
	if a.Name.Space != "" {
		prefix = a.Name.Local
	}
	switch {
	case prefix == "xmlns", prefix == "xml" && a.Value != xmlSpace:
		return r.fault("the prefix %q is XML's own", prefix)
	case prefix != "" && a.Value == "":
		return r.fault("the namespace prefix %q stands for no namespace", prefix)
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
		const costOfPrefix = 160
		r.listed += costOfPrefix + int64(len(prefix)+len(a.Value))
		r.doc.prefixes[strings.Clone(prefix)] = strings.Clone(a.Value)
	}
	return nil
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
	for n := of + 1; used == nil && int(n) < r.doc.Len(); n++ {
		other := r.doc.Name(n)
		twice = twice || other.Space == name.Space && other.Local == name.Local
	}
	if twice {
		return r.fault("duplicate attribute %q", spelled(a.Name))
	}
	if used != nil {
		used[Name{Space: name.Space, Local: name.Local}] = true
	}
	return r.leaf(Attribute, r.numbered(name), a.Value)
}
