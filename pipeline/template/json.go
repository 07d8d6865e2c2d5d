package template

import (
	"context"
	"errors"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// JSON is a compiled JSON template. It is safe for concurrent use.
type JSON struct{ template *jsontemplate.Template }

// CompileJSON compiles a JSON template: any JSON value, with placeholders in its texts and
// operators as its objects. The error joins a [*settings.Fault] for each fault.
func CompileJSON(raw []byte, o Options) (*JSON, error) {
	return compiled(jsontemplate.Compile(raw, jsontemplate.Options{Place: o.Place}))
}

// CompileText compiles a single text with placeholders, such as the URL of a call. The
// error joins a [*settings.Fault] for each fault.
func CompileText(text string, o Options) (*JSON, error) {
	return compiled(jsontemplate.CompileString(text, jsontemplate.Options{Place: o.Place}))
}

func compiled(t *jsontemplate.Template, err error) (*JSON, error) {
	if err != nil {
		var faults settings.Faults
		faults.AddErr("", err)
		return nil, faults.Err()
	}
	return &JSON{t}, nil
}

// Render renders the template over an export as compact JSON, members in the order of the
// template. file is what #{file_content} is replaced with, nil for none. Files in it are
// texts; other bytes than UTF-8 are an error.
func (t *JSON) Render(ctx context.Context, x *pipeline.Export, file pipeline.Content) ([]byte, error) {
	if x == nil {
		return nil, errNilExport
	}
	v, err := t.template.Render(ctx, dataOf(x, file))
	if err != nil {
		return nil, err
	}
	return jsontemplate.AppendJSON(ctx, nil, v)
}

// RenderText renders the template as a text: null is nothing, objects and lists are JSON.
func (t *JSON) RenderText(ctx context.Context, x *pipeline.Export, file pipeline.Content) (string, error) {
	if x == nil {
		return "", errNilExport
	}
	return t.template.RenderText(ctx, dataOf(x, file))
}

// RenderContent renders the template as the body of a call: a file that the whole template
// stands for is streamed. Where a text is JSON, values within its strings are escaped unless
// they may be there as they are, which the report says. Anything else is as RenderText has it.
func (t *JSON) RenderContent(ctx context.Context, x *pipeline.Export, file pipeline.Content) (pipeline.Content, error) {
	if x == nil {
		return nil, errNilExport
	}
	v, in, err := t.template.RenderBody(ctx, dataOf(x, file), false)
	if err != nil {
		return nil, err
	}
	exporttemplate.NoteJSON(x, "the body of a call", in)
	if content, ok := jsontemplate.File(v); ok {
		return content, nil
	}
	text, err := jsontemplate.Text(ctx, v)
	return pipeline.Bytes(text), err
}

func dataOf(x *pipeline.Export, file pipeline.Content) *jsontemplate.Data {
	d := exporttemplate.Data(x)
	if file != nil {
		d.File = func() (httpcall.Body, error) { return file, nil }
	}
	return d
}

// RenderData renders the template as compact JSON over fields of one's own, which take the
// place of the annotation: a text is a field, a list of texts a repeated field, a list of
// maps a table. There are no secrets and no files.
func (t *JSON) RenderData(ctx context.Context, fields map[string]any) ([]byte, error) {
	root, err := exporttemplate.Fields(fields)
	if err != nil {
		return nil, err
	}
	v, err := t.template.Render(ctx, &jsontemplate.Data{Root: root})
	if err != nil {
		return nil, err
	}
	return jsontemplate.AppendJSON(ctx, nil, v)
}

// Uses lists the fields and secrets that the template reads, for [pipeline.Describer].
// What like says of conditions and steering holds for all of it.
func (t *JSON) Uses(like pipeline.Use) []pipeline.Use {
	if t == nil {
		return nil
	}
	return exporttemplate.Uses(t.template, like)
}

// IsTrue reports what a rendered condition means: it is false if it is empty, or "false"
// in any case, as REST API export has it.
func IsTrue(condition string) bool {
	condition = strings.TrimSpace(condition)
	return condition != "" && !strings.EqualFold(condition, "false")
}

// errNilExport is for a caller that has no export; RenderData needs none.
var errNilExport = errors.New("rendering a template: the export is nil; RenderData needs none")
