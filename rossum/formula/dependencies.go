package formula

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// Formula is what is known of a formula field before it is computed.
type Formula struct {
	SchemaID string
	Table    string   // the multivalue that it is in a row of, "" for the header
	Reads    []string // schema_ids that it depends on, sorted: fields, columns, tables whose rows it looks at
	// Err is set if the formula cannot be computed: it wraps an [*Error] each for what
	// is wrong with it.
	Err error
	// Warnings are fields that it reads, perhaps, and that the schema has not: on a
	// branch that is not always taken.
	Warnings []error
	// Circle lists the formulas that need each other's values, this one among them, in
	// the order in which they are computed; it is this one alone if the formula reads
	// its own field. Nil if there is no circle.
	Circle []string
}

// Formulas describes the formula fields in the order in which they are computed.
func (s *Set) Formulas() []Formula {
	return slices.Clone(s.formulas)
}

// Affected describes the formulas that are due when the given fields or tables
// change, directly or through other formulas, in the order in which they are
// computed. One with an Err among them makes [Set.Run] fail.
func (s *Set) Affected(changed ...string) []Formula {
	dirty := make(map[string]bool)
	for _, id := range changed {
		dirty[id] = true
	}
	due := make([]bool, len(s.formulas))
	for again := true; again; { // within a circle a formula may be due through a later one
		again = false
		for i, f := range s.formulas {
			if !due[i] && f.due(dirty) {
				due[i], dirty[f.SchemaID], again = true, true, true
			}
		}
	}
	var list []Formula
	for i, f := range s.formulas {
		if due[i] {
			list = append(list, f)
		}
	}
	return list
}

// due reports whether something that the formula reads has changed.
func (f *Formula) due(dirty map[string]bool) bool {
	// A row that was added has no value yet.
	return f.Table != "" && dirty[f.Table] || slices.ContainsFunc(f.Reads, func(id string) bool { return dirty[id] })
}

// reading resolves what the source reads to what the schema has.
func (c *compiled) reading(s *program, reads *txscript.Reads) {
	all := make(map[string]bool)
	named := func(id string) bool { return reads.Attrs[id] || reads.Computed && reads.Texts[id] }
	columns := make(map[string]bool) // tables of which a column is read by its name
	for _, id := range reads.Fields {
		if s.fields[id] != nil {
			all[id] = true
		}
	}
	for id, d := range s.fields {
		switch {
		case d.Category != "datapoint" && d.Category != "multivalue" || !named(id):
		case d.table != "" && all[d.table], reads.Passed:
			all[id], columns[d.table] = true, true
		case reads.Computed && reads.Texts[id] && d.table == "":
			all[id] = true
		}
	}
	for id, d := range s.fields {
		if reads.Computed && d.table != "" && all[d.table] && !columns[d.table] && id != c.SchemaID && d.Category == "datapoint" {
			all[id] = true
		}
	}
	for id := range all {
		c.Reads = append(c.Reads, id)
	}
	slices.Sort(c.Reads)
}

// order sorts the formulas so that each comes after those whose values it reads;
// those that need each other stay in the order of the schema.
func order(all []*compiled) []*compiled {
	o := &ordering{byID: make(map[string]*compiled), place: make(map[*compiled]int), low: make(map[*compiled]int), seen: make(map[*compiled]int), open: make(map[*compiled]bool)}
	for i, f := range all {
		o.byID[f.SchemaID], o.place[f] = f, i
	}
	for _, f := range all {
		if o.seen[f] == 0 {
			o.visit(f)
		}
	}
	return o.sorted
}

// ordering is Tarjan's search for strongly connected components, which come out with
// those first that depend on none of the others.
type ordering struct {
	byID   map[string]*compiled
	place  map[*compiled]int // in the schema
	seen   map[*compiled]int // from 1, in the order of the search
	low    map[*compiled]int
	open   map[*compiled]bool
	stack  []*compiled
	sorted []*compiled
}

func (o *ordering) visit(f *compiled) {
	o.seen[f] = len(o.seen) + 1
	o.low[f], o.open[f] = o.seen[f], true
	o.stack = append(o.stack, f)
	for _, id := range f.Reads {
		g := o.byID[id]
		if g == nil {
			continue
		}
		if o.seen[g] == 0 {
			o.visit(g)
			o.low[f] = min(o.low[f], o.low[g])
		} else if o.open[g] {
			o.low[f] = min(o.low[f], o.seen[g])
		}
	}
	if o.low[f] != o.seen[f] {
		return
	}
	from := slices.Index(o.stack, f)
	group := slices.Clone(o.stack[from:])
	o.stack = o.stack[:from]
	slices.SortFunc(group, func(a, b *compiled) int { return o.place[a] - o.place[b] })
	var circle []string
	for _, g := range group {
		o.open[g] = false
		circle = append(circle, g.SchemaID)
	}
	for _, g := range group {
		if len(group) > 1 || slices.Contains(g.Reads, g.SchemaID) {
			g.Circle = circle
		}
	}
	o.sorted = append(o.sorted, group...)
}
