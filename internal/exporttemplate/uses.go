package exporttemplate

import (
	"context"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Uses lists what a template names. What like says of conditions and of steering holds for
// all of it. A nil template names nothing.
func Uses(t *jsontemplate.Template, like pipeline.Use) []pipeline.Use {
	if t == nil {
		return nil
	}
	var list []pipeline.Use
	chosen := make(map[string]*pipeline.Condition)
	for _, u := range t.Uses() {
		use := like
		use.Name, use.Place = u.Name, u.Place
		use.IfFields = slices.Concat(like.IfFields, u.Within)
		if u.Branch != "" {
			if chosen[u.Branch] == nil {
				chosen[u.Branch] = branchCondition(t, u)
			}
			use.If = append(slices.Clone(like.If), chosen[u.Branch])
		}
		switch u.Kind {
		case jsontemplate.UseField:
			use.Kind, use.Single, use.Group, use.Optional = pipeline.UseReads, u.Single, u.Group, u.Optional
			use.Unquoted = u.Bare
		case jsontemplate.UseSecret:
			use.Kind = pipeline.UseSecret
		case jsontemplate.UseText:
			use.Kind = pipeline.UseName
		default:
			continue // files are those of the settings' reference keys
		}
		list = append(list, use)
	}
	return list
}

// branchCondition holds where rendering comes to a branch of a template.
func branchCondition(t *jsontemplate.Template, u jsontemplate.Use) *pipeline.Condition {
	return &pipeline.Condition{Reads: u.Deciding, Holds: func(ctx context.Context, x *pipeline.Export) (bool, error) {
		return t.Chosen(ctx, local(x))[u.Branch], nil
	}}
}

// Conditions are those of a step that skips something unless a template renders to a true
// text. There are none where it always does, or where there is no template.
func Conditions(t *jsontemplate.Template) []*pipeline.Condition {
	if t == nil {
		return nil
	}
	if text, literal := t.Literal(); literal && jsontemplate.Truth(text) {
		return nil
	}
	c := &pipeline.Condition{Holds: func(ctx context.Context, x *pipeline.Export) (bool, error) {
		text, err := t.RenderText(ctx, local(x))
		return jsontemplate.Truth(text), err
	}}
	for _, u := range t.Uses() {
		switch u.Kind {
		case jsontemplate.UseField:
			c.Reads = append(c.Reads, u.Name)
		case jsontemplate.UseSecret, jsontemplate.UseText: // of the hook itself, and no more than text
		default:
			c.Holds = nil // a file that may not be there yet
		}
	}
	return []*pipeline.Condition{c}
}

// local is what templates work with beforehand: all that is at hand, and nothing that
// would have to be fetched.
func local(x *pipeline.Export) *jsontemplate.Data {
	d := Data(x)
	d.Original, d.Fetch, d.Now = nil, nil, x.WallTime
	return d
}
