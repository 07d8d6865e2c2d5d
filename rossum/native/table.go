package native

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// MetaColumns are the columns that are not fields, as Rossum's API names them.
func MetaColumns() []string {
	return []string{
		"meta_arrived_at", "meta_file", "meta_file_name", "meta_status", "meta_url",
		"meta_automated", "meta_modified_at", "meta_assigned_at",
	}
}

// meta returns the value of a meta column.
func (a *annotation) meta(column string) string {
	_, name, file := a.document()
	switch column {
	case "meta_arrived_at":
		return a.arrivedAt()
	case "meta_file":
		return file
	case "meta_file_name":
		return name
	case "meta_status":
		return a.Annotation.Status
	case "meta_url":
		return a.Annotation.URL
	case "meta_automated":
		if a.Annotation.Automated {
			return "True"
		}
		return "False"
	}
	return a.text(strings.TrimPrefix(column, "meta_"))
}

// column is a column of CSV and XLSX.
type column struct {
	id    string // schema_id, or a meta column
	title string
	meta  bool
}

// columns lists the columns of an export; the first annotation's schema says
// which there are, since all are of one queue.
func (o *Options) columns(list []*annotation) ([]column, error) {
	if len(list) == 0 {
		return nil, nil
	}
	a := list[0]
	var fields []string
	collect(a.schema.Content, &fields)
	chosen := o.Columns
	if chosen == nil {
		chosen = fields
	}
	var columns []column
	for _, group := range []struct {
		option string
		ids    []string
	}{{"prepend_columns", o.PrependColumns}, {"columns", chosen}, {"append_columns", o.AppendColumns}} {
		for i, id := range group.ids {
			c, err := a.column(id, fields)
			if err != nil {
				return nil, fmt.Errorf("%w: %s[%d]: %w", ErrOptions, group.option, i, err)
			}
			columns = append(columns, c)
		}
	}
	return columns, nil
}

// collect lists the datapoints that are exported, in the schema's order.
func collect(fields []rossum.SchemaField, into *[]string) {
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Category == "datapoint":
			if f.Exported() {
				*into = append(*into, f.ID)
			}
		case f.Category != "multivalue" || f.Exported():
			collect(f.Children, into)
		}
	}
}

func (a *annotation) column(id string, fields []string) (column, error) {
	if slices.Contains(MetaColumns(), id) {
		return column{id, id, true}, nil
	}
	if slices.Contains(fields, id) {
		title := a.fields[id].Label
		if title == "" {
			title = id
		}
		return column{id: id, title: title}, nil
	}
	if f := a.fields[id]; f != nil {
		return column{}, fmt.Errorf("%s is a %s that is not exported (can_export)", id, f.Category)
	}
	hint := ""
	if near := settings.Nearest(id, append(fields, MetaColumns()...)); near != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", near)
	}
	return column{}, fmt.Errorf("%q is neither a schema_id of the schema nor a meta column%s", id, hint)
}

// lines calls f with each line of a table, the titles first. The slice is used
// again for the next line.
func (o *Options) lines(list []*annotation, f func([]string) error) error {
	columns, err := o.columns(list)
	if err != nil || len(columns) == 0 {
		return err
	}
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.title
	}
	if err := f(line); err != nil {
		return err
	}
	for _, a := range list {
		if err := a.lines(columns, line, f); err != nil {
			return err
		}
	}
	return nil
}

// maxRepeated bounds what the lines of an annotation repeat of the header, in bytes: everything
// else is as large as what the hook call has.
const maxRepeated = 64 << 20

// lines calls f with each line of one annotation.
func (a *annotation) lines(columns []column, line []string, f func([]string) error) error {
	rows := make([][]*rossum.Node, len(columns)) // the children of each column's multivalue
	count, repeated := 1, 0
	for i, c := range columns {
		if c.meta {
			line[i] = a.meta(c.id)
			continue
		}
		line[i] = ""
		nodes := a.Annotation.Content.Find(c.id)
		if len(nodes) == 0 {
			continue
		}
		if m := multivalue(nodes[0]); m != nil {
			rows[i] = m.Children()
			count = max(count, len(rows[i]))
		} else {
			line[i] = nodes[0].Text()
		}
	}
	for i, text := range line {
		if rows[i] == nil {
			repeated += len(text)
		}
	}
	if count > 1 && repeated > maxRepeated/count {
		return fmt.Errorf("%w: each of its %d lines would repeat %d bytes of the header, more than %d MB together", ErrUnwritable, count, repeated, maxRepeated>>20)
	}
	for n := range count {
		for i, c := range columns {
			if rows[i] != nil {
				line[i] = cell(rows[i], n, c.id)
			}
		}
		if err := f(line); err != nil {
			return err
		}
	}
	return nil
}

// multivalue returns the table or list that a datapoint stands in, nil for a
// field of the header.
func multivalue(n *rossum.Node) *rossum.Node {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Category() == rossum.CategoryMultivalue {
			return p
		}
	}
	return nil
}

// cell returns the value of a column in the nth row.
func cell(rows []*rossum.Node, n int, schemaID string) string {
	if n >= len(rows) {
		return ""
	}
	row := rows[n]
	if row.Category() == rossum.CategoryTuple {
		if row = row.Cell(schemaID); row == nil {
			return ""
		}
	}
	if row.SchemaID() != schemaID {
		return ""
	}
	return row.Text()
}
