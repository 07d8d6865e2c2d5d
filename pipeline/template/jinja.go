package template

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Options of a template; the zero value works.
type Options struct {
	// Place is where the template is in the settings, such as request.content. It begins
	// every error.
	Place string
	// Limits bound a rendering of Jinja2.
	Limits Limits
}

// Limits bound a rendering. A field that is 0 gets the default.
type Limits struct {
	Steps       int64 // operations; 200 million
	OutputBytes int64 // 64 MiB
	ValueBytes  int64 // of a single value; 64 MiB
	TotalBytes  int64 // of all values that are made; 1 GiB
	Depth       int   // of calls of macros and recursive loops; 200
}

// ErrLimit is wrapped by the error of a rendering that went beyond its [Limits].
var ErrLimit = pyvalue.ErrLimit

// Jinja is a compiled Jinja2 template. It is safe for concurrent use.
type Jinja struct {
	template *jinja.Template
	options  Options
}

// CompileJinja compiles a Jinja2 template, which renders as stock Jinja2 3.1 does, with
// the filters b64encode and b64decode in addition. An error names place, line and column,
// and shows the line.
func CompileJinja(source string, o Options) (*Jinja, error) {
	t, err := jinja.Compile(o.Place, source, jinja.Options{Place: o.Place})
	if err != nil {
		return nil, err
	}
	return &Jinja{t, o}, nil
}

// Render renders the template over an export, with the variables of custom format
// templating: field, payload (without token and secrets) and file.original_file, whose
// bytes are fetched only if the template mentions file.
func (t *Jinja) Render(ctx context.Context, x *pipeline.Export) (string, error) {
	var b strings.Builder
	err := t.Write(ctx, &b, x)
	return b.String(), err
}

// Write is Render to a writer, which may have got a part of the output beside an error.
func (t *Jinja) Write(ctx context.Context, w io.Writer, x *pipeline.Export) error {
	if x == nil {
		return errNilExport
	}
	vars, err := exporttemplate.Variables(ctx, x, t.template)
	if err != nil {
		return err
	}
	return t.template.Render(ctx, w, vars, jinja.Limits(t.options.Limits))
}

// RenderData renders the template over variables of one's own: whatever encoding/json can
// write, which the template sees as Python's json module would read it.
func (t *Jinja) RenderData(ctx context.Context, variables map[string]any) (string, error) {
	vars := make(map[string]pyvalue.Value, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		data, err := json.Marshal(variables[name])
		if err != nil {
			return "", fmt.Errorf("variable %s: %w", name, err)
		}
		if vars[name], err = pyvalue.FromJSON(data, false); err != nil {
			return "", fmt.Errorf("variable %s: %w", name, err)
		}
	}
	return t.template.RenderString(ctx, vars, jinja.Limits(t.options.Limits))
}

// Uses lists the fields that the template reads and the names that nothing defines, for
// [pipeline.Describer]. What like says of conditions holds for all of it.
func (t *Jinja) Uses(like pipeline.Use) []pipeline.Use {
	if t == nil {
		return nil
	}
	return exporttemplate.JinjaUses(t.template, t.options.Place, false, like)
}
