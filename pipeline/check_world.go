package pipeline

import (
	"iter"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// world is what a flow is judged against: a schema, the content of an annotation, or
// both.
type world struct {
	facts   *schemaFacts          // of the schema, nil if there is none
	content *rossum.Content       // nil if there is none
	files   []string              // reference keys that are there before the first step
	skipped func(key string) bool // reports whether the step that makes a file was not due; nil for none
	stored  func(key string) bool // reports whether an earlier export may have left a file; nil for no store
	secrets func(hook *rossum.Hook) rossum.Secrets
	holds   decider // nil if no export is known
}

// schema returns the fields of the schema, nil if there is none.
func (w *world) schema() *schemaIndex {
	if w.facts == nil {
		return nil
	}
	return w.facts.index()
}

// schemaIndex finds the fields of a schema.
type schemaIndex struct {
	fields map[string]*indexed
	ids    []string
}

// indexed is a field of a schema.
type indexed struct {
	*rossum.SchemaField
	table string // the multivalue around it, "" for a field of the header
}

func newSchemaIndex(s *rossum.Schema) *schemaIndex {
	if s == nil {
		return nil
	}
	x := &schemaIndex{fields: make(map[string]*indexed)}
	for i := range s.Content {
		x.add(&s.Content[i], "")
	}
	return x
}

func (x *schemaIndex) add(f *rossum.SchemaField, table string) {
	if x.fields[f.ID] == nil {
		x.fields[f.ID] = &indexed{f, table}
		x.ids = append(x.ids, f.ID)
	}
	if f.Category == rossum.CategoryMultivalue.String() {
		table = f.ID
	}
	for i := range f.Children {
		x.add(&f.Children[i], table)
	}
}

// place is what the world knows of a schema_id.
type place struct {
	category string // "" if nothing has the schema_id
	table    string // the multivalue around it
	nodes    int    // in the content, -1 if there is no content
}

// find looks in the content first, which is at hand, and then in the schema.
func (w *world) find(schemaID string) place {
	p := place{nodes: -1}
	if w.content != nil {
		nodes := w.content.Find(schemaID)
		if p.nodes = len(nodes); p.nodes > 0 {
			p.category = nodes[0].Category().String()
			for at := nodes[0].Parent(); at != nil; at = at.Parent() {
				if at.Category() == rossum.CategoryMultivalue {
					p.table = at.SchemaID()
				}
			}
			return p
		}
	}
	if x := w.schema(); x != nil {
		if f := x.fields[schemaID]; f != nil {
			p.category, p.table = f.Category, f.table
		}
	}
	return p
}

// rows reports how many elements a table or repeated field has, -1 if that is not known.
func (w *world) rows(schemaID string) int {
	if w.content == nil {
		return -1
	}
	n := 0
	for _, node := range w.content.Find(schemaID) {
		if node.Category() == rossum.CategoryMultivalue {
			n += len(node.Children())
		} else {
			n++
		}
	}
	return n
}

// columns are the schema_ids below a table, in the schema and in the content; none if
// they are not known.
func (w *world) columns(table string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if w.content != nil {
			for _, m := range w.content.Find(table) {
				rows := m.Children()
				for _, row := range rows[:min(1, len(rows))] { // the others have the same
					if !yield(row.SchemaID()) {
						return
					}
					for _, cell := range row.Children() {
						if !yield(cell.SchemaID()) {
							return
						}
					}
				}
			}
		}
		if x := w.schema(); x != nil {
			for _, id := range x.ids {
				if x.fields[id].table == table && !yield(id) {
					return
				}
			}
		}
	}
}

func (w *world) hasColumn(table, schemaID string) bool {
	for id := range w.columns(table) {
		if id == schemaID {
			return true
		}
	}
	return false
}

// nearest names the schema_id or, if one is nearer, which of the other names a wrong one
// most likely meant.
func (w *world) nearest(schemaID string, others ...string) string {
	var ids []string
	if w.content != nil {
		ids = slices.AppendSeq(ids, w.content.SchemaIDs())
	}
	if x := w.schema(); x != nil {
		ids = append(ids, x.ids...)
	}
	return settings.NearestFirst(schemaID, ids, others)
}
