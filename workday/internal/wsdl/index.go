package wsdl

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// Errors that reading wraps.
var (
	// ErrDoctype means that a document has a DOCTYPE, which no WSDL needs.
	ErrDoctype = errors.New("it has a DOCTYPE, which is refused")
	// ErrNotWSDL means that a document is no WSDL: often the HTML of a login page.
	ErrNotWSDL = errors.New("it is not a WSDL document")
	// ErrTooDeep means that a document is nested too deeply.
	ErrTooDeep = errors.New("it is nested too deeply")
)

// maxDepth bounds the nesting of a document.
const maxDepth = 200

// slice is a declaration that has not been read yet.
type slice struct {
	source   int // of the document's sources
	from, to int
	scope    *scope
	schema   *schema // nil for what stands in wsdl:definitions
}

// schema is an xsd:schema, as far as it concerns the declarations in it.
type schema struct {
	target             string
	elementsQualified  bool
	attributeQualified bool
}

// reference is an import or include.
type reference struct {
	location  string
	namespace string
	wsdl      bool
	// including is the schema whose namespace an included one takes on.
	including *schema
}

// indexer reads one document from end to end.
type indexer struct {
	doc       *Document
	data      []byte
	source    int // of the document's sources
	open      []openElement
	refs      []reference
	chameleon string // namespace of an included schema without one
	// Of the declaration that has been read last: its elements, and the bytes of their tags.
	elements, tags int
}

type openElement struct {
	raw    []byte // the name as it stands there
	name   xml.Name
	scope  *scope
	schema *schema
	target string // of wsdl:definitions
	at     int    // where a declaration begins, -1 for other elements
	kind   string
	local  string
	inside bool // a declaration
}

func (x *indexer) run(ctx context.Context) error {
	if err := checkUTF8(ctx, x.data); err != nil {
		return err
	}
	s := &scanner{data: x.data}
	roots, looked := 0, 0
	for {
		t, err := s.next()
		if s.at-looked > longtext.Piece {
			if looked = s.at; ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
		if t.end {
			if err := x.end(t.name, t.to); err != nil {
				return err
			}
			continue
		}
		if len(x.open) == 0 {
			if roots++; roots > 1 {
				return errors.New("it has more than one root element")
			}
		}
		if err := x.start(s, t); err != nil {
			return err
		}
		if t.empty {
			if err := x.end(t.name, t.to); err != nil {
				return err
			}
		}
	}
	if len(x.open) > 0 {
		return fmt.Errorf("%w: <%s> is not closed", io.ErrUnexpectedEOF, x.open[len(x.open)-1].raw)
	}
	if roots == 0 {
		return ErrNotWSDL
	}
	return nil
}

// definitions are the children of wsdl:definitions that are declared; what else is declared is
// of a schema.
var definitions = []string{"message", "portType", "binding", "service"}

// errEncoding begins the error of a document that is not UTF-8.
var errEncoding = errors.New("its encoding")

func checkEncoding(p xml.ProcInst) error {
	_, rest, ok := strings.Cut(string(p.Inst), "encoding")
	if p.Target != "xml" || !ok {
		return nil
	}
	rest = strings.TrimLeft(rest, " \t\r\n=")
	if len(rest) == 0 {
		return nil
	}
	name, _, _ := strings.Cut(rest[1:], rest[:1])
	switch strings.ToUpper(name) {
	case "UTF-8", "UTF8", "US-ASCII", "ASCII":
		return nil
	}
	return fmt.Errorf("%w is %q; only UTF-8 is read", errEncoding, name)
}

// start notes an element, and whether it is a declaration.
func (x *indexer) start(s *scanner, found tag) error {
	if len(x.open) >= maxDepth {
		return fmt.Errorf("%w: more than %d levels", ErrTooDeep, maxDepth)
	}
	at := found.from
	e := openElement{raw: found.name, at: -1}
	var parent *openElement
	if len(x.open) > 0 {
		parent = &x.open[len(x.open)-1]
		if parent.at >= 0 || parent.inside {
			// Only the end of the declaration matters until then.
			e.inside = true
			x.open = append(x.open, e)
			return x.count(found)
		}
		e.scope, e.schema, e.target = parent.scope, parent.schema, parent.target
	}
	t, err := s.start(found)
	if err != nil {
		return err
	}
	outer := e.scope
	e.scope = e.scope.with(t.Attr)
	e.name = e.scope.resolve(t.Name)
	n := &node{name: e.name, attrs: t.Attr, scope: e.scope}
	switch {
	case parent == nil:
		if err := x.root(&e, n); err != nil {
			return err
		}
	case e.name == xml.Name{Space: nsXSD, Local: "schema"} && parent.name == xml.Name{Space: nsWSDL, Local: "types"}:
		e.schema = x.newSchema(n)
	case parent.name == xml.Name{Space: nsWSDL, Local: "definitions"}:
		x.definition(&e, n, at, outer)
	case parent.name == xml.Name{Space: nsXSD, Local: "schema"} && e.schema != nil: // within wsdl:types
		x.declaration(&e, n, at, outer)
	}
	x.open = append(x.open, e)
	if e.at >= 0 {
		x.elements, x.tags = 0, 0
		return x.count(found)
	}
	return nil
}

// count bounds what a declaration has: whoever asks for one reads all of it at once.
func (x *indexer) count(t tag) error {
	x.elements++
	x.tags += t.to - t.from
	if x.elements <= maxDeclared && x.tags <= maxTags {
		return nil
	}
	for _, e := range x.open {
		if e.at >= 0 {
			return fmt.Errorf("%s %.100s has more than %d elements, or %d MB of tags", e.kind, e.local, maxDeclared, maxTags>>20)
		}
	}
	return nil
}

func (x *indexer) root(e *openElement, n *node) error {
	switch n.name {
	case xml.Name{Space: nsWSDL, Local: "definitions"}:
		e.target = n.attr("targetNamespace")
	case xml.Name{Space: nsXSD, Local: "schema"}:
		if x.chameleon == "" && !x.doc.imported {
			return fmt.Errorf("%w: it is an XML schema without a WSDL around it", ErrNotWSDL)
		}
		e.schema = x.newSchema(n)
	default:
		return fmt.Errorf("%w: its root element is <%s>", ErrNotWSDL, n.name.Local)
	}
	return nil
}

func (x *indexer) newSchema(n *node) *schema {
	target := n.attr("targetNamespace")
	if target == "" {
		target = x.chameleon
	}
	x.doc.namespaces[target] = true
	return &schema{
		target:             target,
		elementsQualified:  n.attr("elementFormDefault") == "qualified",
		attributeQualified: n.attr("attributeFormDefault") == "qualified",
	}
}

// definition notes a child of wsdl:definitions.
func (x *indexer) definition(e *openElement, n *node, at int, outer *scope) {
	if n.name.Space != nsWSDL {
		return
	}
	switch {
	case n.name.Local == "import":
		x.refs = append(x.refs, reference{location: n.attr("location"), namespace: n.attr("namespace"), wsdl: true})
	case slices.Contains(definitions, n.name.Local):
		e.at, e.kind, e.local = at, n.name.Local, n.attr("name")
		e.scope = outer // the slice has its own declarations
	}
}

// declaration notes a child of xsd:schema.
func (x *indexer) declaration(e *openElement, n *node, at int, outer *scope) {
	if n.name.Space != nsXSD {
		return
	}
	switch n.name.Local {
	case "import":
		x.refs = append(x.refs, reference{location: n.attr("schemaLocation"), namespace: n.attr("namespace")})
	case "include":
		x.refs = append(x.refs, reference{location: n.attr("schemaLocation"), namespace: e.schema.target, including: e.schema})
	case "element", "attribute", "group", "attributeGroup":
		e.at, e.kind, e.local = at, n.name.Local, n.attr("name")
		e.scope = outer
	case "complexType", "simpleType":
		e.at, e.kind, e.local = at, "type", n.attr("name")
		e.scope = outer
	}
}

// end keeps a declaration that ends here.
func (x *indexer) end(name []byte, to int) error {
	if len(x.open) == 0 || !bytes.Equal(x.open[len(x.open)-1].raw, name) {
		return fmt.Errorf("it is not well formed: </%s> closes nothing that is open", name)
	}
	e := &x.open[len(x.open)-1]
	x.open = x.open[:len(x.open)-1]
	if e.at < 0 || e.local == "" {
		return nil
	}
	target := e.target
	if e.schema != nil {
		target = e.schema.target
	}
	x.doc.declare(declared{e.kind, xml.Name{Space: target, Local: e.local}}, &slice{x.source, e.at, to, e.scope, e.schema})
	return nil
}
