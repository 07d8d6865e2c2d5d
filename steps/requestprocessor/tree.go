package requestprocessor

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// contentNodes are {payload.annotation.content} and the children of a node. The tree is
// walked as a path asks for it: as Python's values it would take many times the memory
// of the hook call.
type contentNodes []*rossum.Node

var (
	_ reqproc.Elements = contentNodes(nil)
	_ reqproc.Plain    = contentNodes(nil)
)

// PyType implements [pyvalue.Object].
func (contentNodes) PyType() string { return "a list" }

// Elements returns the nodes.
func (c contentNodes) Elements() []pyvalue.Value {
	items := make([]pyvalue.Value, len(c))
	for i, n := range c {
		items[i] = pyvalue.FromObject(contentNode{n})
	}
	return items
}

// Plain returns the nodes as lists and objects.
func (c contentNodes) Plain(ctx context.Context) (pyvalue.Value, error) {
	items := make([]pyvalue.Value, len(c))
	for i, n := range c {
		var err error
		if items[i], err = (contentNode{n}).Plain(ctx); err != nil {
			return pyvalue.Value{}, err
		}
	}
	return pyvalue.NewList(items...), nil
}

// contentNode is a section, a multivalue, a tuple or a datapoint.
type contentNode struct{ n *rossum.Node }

var (
	_ reqproc.Members = contentNode{}
	_ reqproc.Plain   = contentNode{}
)

// PyType implements [pyvalue.Object].
func (contentNode) PyType() string { return "an object" }

// Plain returns the node as an object.
func (c contentNode) Plain(context.Context) (pyvalue.Value, error) {
	data, err := c.n.AppendJSON(nil)
	if err != nil {
		return pyvalue.Value{}, err
	}
	return pyvalue.FromJSON(data, false)
}

// Member returns a key of the node.
func (c contentNode) Member(ctx context.Context, name string) (pyvalue.Value, error) {
	raw := c.n.Raw()
	if c.n.Category() == rossum.CategoryDatapoint || raw == nil { // which is small, or new
		v, err := c.Plain(ctx)
		if err != nil {
			return pyvalue.Value{}, err
		}
		return memberOf(v.Dict(), name)
	}
	if name == "children" {
		return pyvalue.FromObject(contentNodes(c.n.Children())), nil
	}
	if found := gjson.GetBytes(raw, gjson.Escape(name)); found.Exists() {
		return pyvalue.FromJSON([]byte(found.Raw), false)
	}
	return pyvalue.Value{}, reqproc.NotThere("the "+string(c.n.Category()), name, []string{"id", "url", "schema_id", "category", "children"})
}

func memberOf(d *pyvalue.Dict, name string) (pyvalue.Value, error) {
	if v, ok := d.GetStr(name); ok {
		return v, nil
	}
	var known []string
	for _, k := range d.Keys() {
		known = append(known, k.Text())
	}
	return pyvalue.Value{}, reqproc.NotThere("the node", name, known)
}
