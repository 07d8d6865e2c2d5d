package xmldoc

import (
	"iter"
	"slices"
)

// declared is a namespace that an element declares: in the name, Local is the prefix.
type declared struct {
	by   ID
	name uint32
}

// declare notes what the innermost element declares.
func (r *reader) declare(by ID, from int) {
	const costOfDeclaration = 8
	for _, b := range r.scope[from:] {
		r.listed += costOfDeclaration
		r.doc.declared = append(r.doc.declared, declared{by, r.numbered(Name{Space: b.space, Local: b.prefix})})
	}
}

var xmlPrefix = Name{Space: xmlSpace, Local: "xml"}

// Scope returns the namespaces that are in force for an element: in Space a namespace, in
// Local its prefix, which is "" for the default. That of xml comes first, then the outermost
// ones, as libxml2 lists them.
func (d *Document) Scope(n ID) []*Name {
	var found []*Name
	for ; n != None; n = d.Parent(n) {
		for name := range d.Declares(n) {
			if !slices.ContainsFunc(found, func(inner *Name) bool { return inner.Local == name.Local }) {
				found = append(found, name)
			}
		}
	}
	found = append(found, &xmlPrefix)
	slices.Reverse(found)
	return found
}

// Declares yields the namespaces that an element declares, as [Document.Scope] has them.
func (d *Document) Declares(n ID) iter.Seq[*Name] {
	return func(yield func(*Name) bool) {
		at, _ := slices.BinarySearchFunc(d.declared, n, func(e declared, n ID) int { return int(e.by - n) })
		for ; at < len(d.declared) && d.declared[at].by == n; at++ {
			if !yield(&d.names[d.declared[at].name-1]) {
				return
			}
		}
	}
}
