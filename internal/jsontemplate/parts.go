package jsontemplate

import "context"

// Part is a part of a rendered text.
type Part struct {
	Text string
	// Value is the placeholder that Text comes from, such as @{vendor}; "" if it is
	// the settings' own text or a secret.
	Value    string
	SchemaID string // of the field, if it comes from one
}

// RenderParts renders a text and tells what its parts come from. It is for texts in
// which not every value may stand everywhere, such as URLs.
func (t *Template) RenderParts(ctx context.Context, d *Data) ([]Part, error) {
	if d == nil {
		d = &Data{}
	}
	nodes := []node{t.root}
	if j, ok := t.root.(joined); ok {
		nodes = j.parts
	}
	r := newRendering(ctx)
	parts := make([]Part, 0, len(nodes))
	for _, n := range nodes {
		v, err := n.render(r, &scope{data: d})
		if err != nil {
			return nil, t.placed(err)
		}
		text, err := r.text(v)
		if err != nil {
			return nil, err
		}
		p := Part{Text: text}
		switch n := n.(type) {
		case literal, secret, resource:
		case field:
			p.Value, p.SchemaID = "@{"+n.schemaID+"}", n.schemaID
		case file:
			if p.Value = "#{file_content}"; n.original {
				p.Value = "#{original_file}"
			}
		default:
			p.Value = "an expression"
		}
		parts = append(parts, p)
	}
	return parts, nil
}
