package requestprocessor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// untyped looks for fields that a request sends by their types, in a hook call without
// a schema, which alone knows them: the number 5 would go out as the text "5", and null
// as "". The engine does not run without a schema at all.
func (r *run) untyped() (list faults) {
	if r.schemaField(""); len(r.described) > 0 {
		return nil
	}
	for _, st := range r.p.stages {
		for _, c := range st.calls {
			for _, at := range []struct {
				key      string
				template *reqproc.Template
			}{{"content", c.request.content}, {"params", c.request.params}} {
				if at.template == nil {
					continue
				}
				for _, p := range at.template.Paths() {
					if slices.ContainsFunc(r.nodesOf(c, p), dependsOnType) {
						list = append(list, named(fail(settings.Join(c.request.place, at.key), fmt.Errorf("{%s} goes out with the type of the field, which only the schema knows, "+
							"and the hook call carries none: add \"schemas\" to the hook's sideload, or write {%s.value} to send a string", p, p)), c.name))
					}
				}
			}
		}
	}
	return list
}

// nodesOf returns the fields that a path leads to as a whole: those of an annotation, or
// of the rows that a request is made for.
func (r *run) nodesOf(c *call, p *reqproc.Path) []*rossum.Node {
	content := r.x.Annotation.Content
	switch {
	case p.Len() != 2 || strings.HasSuffix(p.String(), ".@"):
		return nil
	case p.Root() == "field":
		return content.Find(p.Name(1))
	case c.iterate == nil || p.Root() != c.item || c.iterate.Root() != "field":
		return nil
	}
	var cells []*rossum.Node
	for _, table := range content.Find(c.iterate.Name(1)) {
		for _, row := range table.Children() {
			if cell := row.Cell(p.Name(1)); cell != nil {
				cells = append(cells, cell)
			}
		}
	}
	return cells
}

// dependsOnType reports whether the type of a field decides what is sent for it.
func dependsOnType(n *rossum.Node) bool {
	if n.Category() != rossum.CategoryDatapoint {
		return false
	}
	text := n.Text()
	_, err := rossum.ParseDecimal(text)
	return err == nil || text == "" || text != n.Value()
}
