package steps

import (
	"context"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

func compileURL(faults *settings.Faults, place, text string) *jsontemplate.Template {
	if strings.TrimSpace(text) == "" {
		faults.Add(place, "is missing")
		return nil
	}
	t := compileText(faults, place, text)
	if t == nil {
		return nil
	}
	if literal, ok := t.Literal(); ok {
		if _, err := address.Join([]address.Part{{Text: literal}}, nil); err != nil {
			faults.Add(place, "%q: %v", literal, err)
		}
	}
	return t
}

// urls fills URLs in. Where values of the document choose the host, it must be one that
// the step's settings name, or that the export allows.
type urls struct {
	known address.Known
	x     *pipeline.Export
}

func (u *urls) allows(target *url.URL) bool {
	return u.known.Allows(target) || pipelinerun.AllowsURL(u.x, target)
}

func (u *urls) fill(ctx context.Context, t *jsontemplate.Template, data *jsontemplate.Data) (string, error) {
	rendered, err := t.RenderParts(ctx, data)
	if err != nil {
		return "", err
	}
	parts := make([]address.Part, len(rendered))
	for i, p := range rendered {
		parts[i] = address.Part{Text: p.Text, Value: p.Value}
		// A formula that writes a "/" makes a path of several segments.
		if p.SchemaID != "" && i > 0 && strings.Contains(p.Text, "/") {
			parts[i].Path = strings.Contains(pipelinerun.FormulaOf(u.x, p.SchemaID), "/")
			parts[i].Rest = parts[i].Path
		}
	}
	return address.Join(parts, u.allows)
}
