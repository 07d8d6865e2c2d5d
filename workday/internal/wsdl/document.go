package wsdl

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"sync"
)

// Options of [Parse]; the zero value works.
type Options struct {
	// Fetch returns what an import or include points to. location is as it stands
	// in the document that from was the location of ("" for the first). nil
	// refuses every import that has a location.
	Fetch func(location, from string) (data []byte, resolved string, err error)
}

// maxImports bounds how many documents one can import.
const maxImports = 50

// Document is a WSDL document with everything it imports. It may be used by
// several goroutines.
type Document struct {
	sources    [][]byte // what was read, which declarations are slices of
	declared   map[group]map[string]*slice
	order      []declared
	namespaces map[string]bool
	imported   bool // while an import is read

	// mu guards what follows: what has been understood so far.
	mu         sync.Mutex
	elements   map[xml.Name]*Element
	types      map[xml.Name]*Type
	attributes map[xml.Name]*Attribute
	busy       map[declared]bool
	expanded   int // groups that have been put in where they are used
	held       int // parts of content models and attributes that types have
	operations map[string]*Operation
}

// group is what the declarations of one kind and namespace have in common. Names within
// it are looked up by themselves, which is a good deal faster with ten thousands of them.
type group struct{ kind, space string }

// declared is the kind and name of a declaration.
type declared struct {
	kind string
	name xml.Name
}

// Parse reads a document. It ends with its context, whose cause is the error then.
func Parse(ctx context.Context, data []byte, o Options) (*Document, error) {
	d := newDocument()
	x := d.indexer(data)
	if err := x.run(ctx); err != nil {
		return nil, err
	}
	d.imported = true
	if err := d.imports(ctx, x.refs, "", o, make(map[string]bool)); err != nil {
		return nil, err
	}
	return d, nil
}

func newDocument() *Document {
	return &Document{
		declared:   make(map[group]map[string]*slice),
		namespaces: map[string]bool{nsXSD: true},
		elements:   make(map[xml.Name]*Element),
		types:      make(map[xml.Name]*Type),
		attributes: make(map[xml.Name]*Attribute),
		busy:       make(map[declared]bool),
		operations: make(map[string]*Operation),
	}
}

// indexer returns what reads one more source.
func (d *Document) indexer(data []byte) *indexer {
	data = withoutBOM(data)
	d.sources = append(d.sources, data)
	return &indexer{doc: d, data: data, source: len(d.sources) - 1}
}

// declare keeps a declaration; the first of one name counts.
func (d *Document) declare(key declared, s *slice) {
	in := group{key.kind, key.name.Space}
	names := d.declared[in]
	if names == nil {
		names = make(map[string]*slice)
		d.declared[in] = names
	}
	if _, twice := names[key.name.Local]; !twice {
		names[key.name.Local] = s
		d.order = append(d.order, key)
	}
}

func withoutBOM(data []byte) []byte {
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		return data[3:]
	}
	return data
}

// imports reads what a document refers to.
func (d *Document) imports(ctx context.Context, refs []reference, from string, o Options, read map[string]bool) error {
	for _, r := range refs {
		if r.location == "" || r.namespace == nsXML || r.including == nil && !r.wsdl && d.namespaces[r.namespace] {
			continue // it stands in the document itself, or is known
		}
		if o.Fetch == nil {
			return fmt.Errorf("it imports %q, which is refused", r.location)
		}
		data, resolved, err := o.Fetch(r.location, from)
		if err != nil {
			return fmt.Errorf("importing %q: %w", r.location, err)
		}
		if read[resolved] {
			continue
		}
		if read[resolved] = true; len(read) > maxImports {
			return fmt.Errorf("it imports more than %d documents", maxImports)
		}
		x := d.indexer(data)
		if r.including != nil {
			x.chameleon = r.including.target
		}
		if err := x.run(ctx); err != nil {
			return fmt.Errorf("importing %q: %w", r.location, err)
		}
		if err := d.imports(ctx, x.refs, resolved, o, read); err != nil {
			return err
		}
	}
	return nil
}

// lookup returns the node of a declaration. The caller holds d.mu.
func (d *Document) lookup(kind string, name xml.Name) (*node, *schema, error) {
	s := d.declared[group{kind, name.Space}][name.Local]
	if s == nil {
		return nil, nil, fmt.Errorf("the WSDL has no %s %s in %q", kind, name.Local, name.Space)
	}
	n, err := parseNode(d.sources[s.source][s.from:s.to], s.scope)
	return n, s.schema, err
}

// Faults of how declarations are made of others.
var (
	errCircle = errors.New("is made of itself")
	errNested = fmt.Errorf("is nested in more than %d others", maxNested)
)

// enter guards against declarations that are made of themselves. The caller holds
// d.mu, and calls the function when the declaration has been understood.
func (d *Document) enter(kind string, name xml.Name) (leave func(), err error) {
	key := declared{kind, name}
	if d.busy[key] {
		return nil, fmt.Errorf("%s %s %w", kind, name.Local, errCircle)
	}
	if len(d.busy) >= maxNested {
		return nil, fmt.Errorf("%s %s %w", kind, name.Local, errNested)
	}
	d.busy[key] = true
	return func() { delete(d.busy, key) }, nil
}

// maxExpanded bounds how often groups are put in where they are used: one that
// holds another twice, which holds another twice, would never end.
const maxExpanded = 10_000

func (d *Document) expand() error {
	if d.expanded++; d.expanded > maxExpanded {
		return fmt.Errorf("too many groups: more than %d uses", maxExpanded)
	}
	return nil
}

// Bounds of what types are made of. Workday's largest have some hundred elements.
const (
	maxNested     = 500       // declarations of which each is made of the next
	maxAttributes = 5_000     // of one type
	maxUnion      = 1_000     // types of a union, those of its unions among them
	maxParts      = 50_000    // elements and content models of one content model
	maxHeld       = 1_000_000 // of these, those of all types that are used
	maxDeclared   = 100_000   // elements of one declaration, of whatever kind
	maxTags       = 4 << 20   // bytes of its tags
	maxTag        = 1 << 20   // bytes of one tag
)

// hold counts the parts of a type.
func (d *Document) hold(parts int) error {
	if parts > maxParts {
		return fmt.Errorf("a type has more than %d elements", maxParts)
	}
	if d.held += parts; d.held > maxHeld {
		return fmt.Errorf("the types that are used have more than %d elements and attributes", maxHeld)
	}
	return nil
}

// Element returns the global element with the name.
func (d *Document) Element(name xml.Name) (*Element, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.element(name)
}

func (d *Document) element(name xml.Name) (*Element, error) {
	if e := d.elements[name]; e != nil {
		return e, nil
	}
	n, s, err := d.lookup("element", name)
	if err != nil {
		return nil, err
	}
	e := &Element{Name: name, Min: 1, Max: 1, doc: d, schema: s}
	if err := e.read(n); err != nil {
		return nil, fmt.Errorf("element %s: %w", name.Local, err)
	}
	d.elements[name] = e
	return e, nil
}

// Type returns the global type with the name.
func (d *Document) Type(name xml.Name) (*Type, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.typeNamed(name)
}
