package exporttemplate

import (
	"context"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Variables makes the variables field, payload and file of Jinja2 templates. Those that
// the templates do not mention, such as the bytes of the document, are not fetched.
func Variables(ctx context.Context, x *pipeline.Export, templates ...*jinja.Template) (map[string]pyvalue.Value, error) {
	uses := func(name string) bool {
		for _, t := range templates {
			if t != nil && t.Uses(name) {
				return true
			}
		}
		return false
	}
	vars := make(map[string]pyvalue.Value)
	if uses("field") {
		if x.Annotation.Content == nil {
			return nil, pipeline.ErrNoContent
		}
		vars["field"] = fieldValues(x.Annotation.Content)
	}
	if uses("payload") {
		data, err := x.Payload.AppendJSON(nil)
		if err != nil {
			return nil, err
		}
		if vars["payload"], err = pyvalue.FromJSON(data, false); err != nil {
			return nil, fmt.Errorf("reading the payload: %w", err)
		}
	}
	if uses("file") {
		original, err := x.ReadOriginal(ctx)
		if err != nil {
			return nil, err
		}
		files := pyvalue.NewDict()
		files.SetStr("original_file", pyvalue.Bytes(original))
		vars["file"] = files.Value()
	}
	return vars, nil
}

// fieldValues is the variable field.
func fieldValues(c *rossum.Content) pyvalue.Value {
	n := 0
	for _, section := range c.Sections() {
		n += len(section.Children())
	}
	fields := pyvalue.NewDictSize(n)
	for _, section := range c.Sections() {
		for _, n := range section.Children() {
			fields.SetStr(n.SchemaID(), fieldValue(n))
		}
	}
	return fields.Value()
}

func fieldValue(n *rossum.Node) pyvalue.Value {
	switch n.Category() {
	case rossum.CategoryDatapoint:
		return pyvalue.Str(n.Text())
	case rossum.CategoryTuple:
		row := pyvalue.NewDictSize(len(n.Children()))
		for _, cell := range n.Children() {
			row.SetStr(cell.SchemaID(), fieldValue(cell))
		}
		return row.Value()
	}
	items := make([]pyvalue.Value, len(n.Children()))
	last := make(map[string]pyvalue.Value)
	for i, child := range n.Children() {
		items[i] = fieldValue(child)
		if child.Category() == rossum.CategoryDatapoint {
			last[child.SchemaID()] = items[i]
		}
	}
	if len(last) == 0 {
		return pyvalue.NewList(items...)
	}
	return jinja.ListWithAttrs(items, last)
}

// JinjaUses lists what a Jinja2 template reads of field, and names that nothing defines;
// both leave a gap in the output, which Jinja2 says nothing of. lines says that the
// settings hold the template as a list of lines. A nil template reads nothing.
func JinjaUses(t *jinja.Template, place string, lines bool, like pipeline.Use) []pipeline.Use {
	if t == nil {
		return nil
	}
	at := func(kind pipeline.UseKind, name string, line int) pipeline.Use {
		u := like
		u.Kind, u.Name, u.Place, u.Line, u.Optional = kind, name, place, line, true
		if lines {
			u.Place, u.Line = settings.Index(place, line-1), 0
		}
		return u
	}
	var list []pipeline.Use
	for _, r := range t.Reads("field") {
		switch len(r.Path) {
		case 1:
			list = append(list, at(pipeline.UseReads, r.Path[0], r.Line))
		case 2:
			u := at(pipeline.UseReads, r.Path[1], r.Line)
			u.In = r.Path[0]
			list = append(list, u)
		}
	}
	for _, r := range t.Undefined("field", "payload", "file") {
		list = append(list, at(pipeline.UseName, strings.Join(r.Path, "."), r.Line))
	}
	for _, r := range t.Misread() {
		u := at(pipeline.UseName, r.Path[0], r.Line)
		u.Form = "{{ field.%s }}"
		list = append(list, u)
	}
	return list
}
