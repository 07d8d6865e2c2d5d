package wsdl

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"math"
	"slices"
)

// Format is the version of what [Document.Append] writes.
const Format = 1

// Append appends the document with where its declarations stand, so that [Load] need not
// read it from end to end again.
func (d *Document) Append(dst []byte) []byte {
	k := &keeper{dst: dst, texts: make(map[string]int), scopes: make(map[*scope]int), schemas: make(map[*schema]int)}
	k.number(len(d.sources))
	for _, source := range d.sources {
		k.number(len(source))
	}
	body := &keeper{texts: k.texts, all: k.all, scopes: k.scopes, schemas: k.schemas}
	body.number(len(d.order))
	for _, key := range d.order {
		s := d.declared[group{key.kind, key.name.Space}][key.name.Local]
		body.text(key.kind)
		body.text(key.name.Space)
		body.text(key.name.Local)
		body.number(s.source)
		body.number(s.from)
		body.number(s.to - s.from)
		body.number(body.scope(s.scope))
		body.number(body.schema(s.schema))
	}
	// What the declarations refer to stands before them.
	tables := &keeper{texts: body.texts, all: body.all}
	tables.number(len(body.scopeList))
	for _, s := range body.scopeList {
		names := s.flat()
		tables.number(len(names))
		for prefix, space := range names {
			tables.text(prefix)
			tables.text(space)
		}
	}
	tables.number(len(body.schemaList))
	for _, s := range body.schemaList {
		tables.text(s.target)
		tables.flag(s.elementsQualified)
		tables.flag(s.attributeQualified)
	}
	k.number(len(tables.all))
	for _, text := range tables.all {
		k.number(len(text))
	}
	for _, text := range tables.all {
		k.dst = append(k.dst, text...)
	}
	k.dst = append(k.dst, tables.dst...)
	k.dst = append(k.dst, body.dst...)
	for _, source := range d.sources {
		k.dst = append(k.dst, source...)
	}
	return k.dst
}

// keeper writes numbers, and texts as numbers of a list.
type keeper struct {
	dst        []byte
	texts      map[string]int
	all        []string
	scopes     map[*scope]int
	scopeList  []*scope
	schemas    map[*schema]int
	schemaList []*schema
}

func (k *keeper) number(n int) { k.dst = binary.AppendUvarint(k.dst, uint64(n)) }

func (k *keeper) flag(b bool) {
	n := 0
	if b {
		n = 1
	}
	k.number(n)
}

func (k *keeper) text(text string) {
	n, known := k.texts[text]
	if !known {
		n = len(k.all)
		k.texts[text] = n
		k.all = append(k.all, text)
	}
	k.number(n)
}

// scope returns the number of a scope, counted from 1; 0 for none.
func (k *keeper) scope(s *scope) int {
	if s == nil {
		return 0
	}
	n, known := k.scopes[s]
	if !known {
		k.scopeList = append(k.scopeList, s)
		n = len(k.scopeList)
		k.scopes[s] = n
	}
	return n
}

func (k *keeper) schema(s *schema) int {
	if s == nil {
		return 0
	}
	n, known := k.schemas[s]
	if !known {
		k.schemaList = append(k.schemaList, s)
		n = len(k.schemaList)
		k.schemas[s] = n
	}
	return n
}

// flat returns the prefixes of a scope and of all around it.
func (s *scope) flat() map[string]string {
	all := make(map[string]string)
	for in := s; in != nil; in = in.outer {
		for prefix, space := range in.names {
			if _, inner := all[prefix]; !inner {
				all[prefix] = space
			}
		}
	}
	return all
}

// errKept means that data is not what [Document.Append] has written.
var errKept = errors.New("it is not a document that was kept")

// Load returns the document that [Document.Append] has written. It refers to data, which
// must not be changed. Whether data is whole is for the caller to know: damaged data may
// make another document, but never a panic.
func Load(data []byte) (*Document, error) {
	k := &loader{data: data}
	lengths := k.numbers(k.number())
	texts := k.lists()
	scopes := make([]*scope, k.count())
	for i := range scopes {
		n := k.count()
		scopes[i] = &scope{names: make(map[string]string, n)}
		for range n {
			prefix, space := k.text(texts), k.text(texts)
			scopes[i].names[prefix] = space
		}
	}
	schemas := make([]*schema, k.count())
	for i := range schemas {
		schemas[i] = &schema{target: k.text(texts), elementsQualified: k.number() == 1, attributeQualified: k.number() == 1}
	}
	n := k.count()
	d := newDocument()
	kept := make([]slice, n)
	d.order = make([]declared, n)
	sizes := make(map[group]int)
	for i := range kept {
		d.order[i] = declared{k.text(texts), xml.Name{Space: k.text(texts), Local: k.text(texts)}}
		s := &kept[i]
		s.source, s.from = k.number(), k.number()
		s.to = s.from + k.number()
		s.scope, s.schema = pick(k, scopes), pick(k, schemas)
		if s.source >= len(lengths) || k.bad || s.to > lengths[s.source] || s.from >= s.to {
			return nil, errKept
		}
		if s.schema == nil && !slices.Contains(definitions, d.order[i].kind) {
			return nil, errKept
		}
		sizes[group{d.order[i].kind, d.order[i].name.Space}]++
	}
	for in, size := range sizes {
		d.declared[in] = make(map[string]*slice, size)
	}
	var last group
	var names map[string]*slice
	for i, key := range d.order {
		if in := (group{key.kind, key.name.Space}); names == nil || in != last {
			last, names = in, d.declared[in]
		}
		names[key.name.Local] = &kept[i]
	}
	for _, length := range lengths {
		d.sources = append(d.sources, k.bytes(length))
	}
	if k.bad || len(k.data) > 0 {
		return nil, errKept
	}
	for _, s := range kept {
		if d.sources[s.source][s.from] != '<' {
			return nil, errKept
		}
	}
	d.imported = true
	return d, nil
}

// pick returns the thing of a number counted from 1, nil for 0.
func pick[T any](k *loader, list []*T) *T {
	switch n := k.number(); {
	case n == 0:
		return nil
	case n <= len(list):
		return list[n-1]
	}
	k.bad = true
	return nil
}

// loader reads what a keeper has written. After something wrong all is 0.
type loader struct {
	data []byte
	bad  bool
}

func (k *loader) number() int {
	n, length := binary.Uvarint(k.data)
	if length <= 0 || n > math.MaxInt32 {
		k.bad, k.data = true, nil
		return 0
	}
	k.data = k.data[length:]
	return int(n)
}

// count reads how many things follow, each of at least a byte.
func (k *loader) count() int {
	n := k.number()
	if n > len(k.data) {
		k.bad, k.data = true, nil
		return 0
	}
	return n
}

func (k *loader) numbers(n int) []int {
	if n > len(k.data) {
		k.bad, k.data = true, nil
		return nil
	}
	list := make([]int, n)
	for i := range list {
		list[i] = k.number()
	}
	return list
}

func (k *loader) bytes(n int) []byte {
	if n > len(k.data) {
		k.bad, k.data = true, nil
		return nil
	}
	data := k.data[:n:n]
	k.data = k.data[n:]
	return data
}

// lists reads the texts, which become parts of one.
func (k *loader) lists() []string {
	lengths := k.numbers(k.number())
	total := 0
	for _, n := range lengths {
		total += n
	}
	all := string(k.bytes(total))
	if k.bad {
		return nil
	}
	texts := make([]string, len(lengths))
	for i, n := range lengths {
		texts[i], all = all[:n], all[n:]
	}
	return texts
}

func (k *loader) text(texts []string) string {
	if n := k.number(); n < len(texts) {
		return texts[n]
	}
	k.bad = true
	return ""
}
