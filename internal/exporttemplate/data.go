// Package exporttemplate gives JSON templates what they read of an export, and lists what
// they name. It is what the components and package pipeline/template have in common.
package exporttemplate

import (
	"context"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Data is what templates work with: the annotation, the secrets, the original document,
// and the contents at URLs of the hook's own Rossum. File is left for the step to set.
func Data(x *pipeline.Export) *jsontemplate.Data {
	d := &jsontemplate.Data{
		Root:     func(string) []jsontemplate.Node { return nil },
		Original: func() (httpcall.Body, error) { return x.Original() },
		Secret: func(name string) (string, bool) {
			secret, ok := x.Secrets[name]
			return secret, ok
		},
		Now: x.Now,
		Raw: func(schemaID, text string) bool { return pipelinerun.IsRaw(x, schemaID, text) },
	}
	if c := x.Annotation.Content; c != nil {
		d.Root = func(schemaID string) []jsontemplate.Node { return nodes(c.Find(schemaID)) }
		d.Suggest = func(schemaID string) string {
			return settings.Nearest(schemaID, slices.Collect(c.SchemaIDs()))
		}
	}
	if x.Rossum != nil {
		d.Fetch = func(_ context.Context, url string) (httpcall.Body, error) {
			return x.Rossum.ContentAt(url), nil
		}
	}
	return d
}

// node is a node as templates see it.
type node struct{ *rossum.Node }

func (n node) IsField() bool { return n.Category() == rossum.CategoryDatapoint }

func (n node) Count() int { return len(n.Children()) }

func (n node) Elements() ([]jsontemplate.Node, bool) {
	if n.Category() != rossum.CategoryMultivalue {
		return nil, false
	}
	return nodes(n.Children()), true
}

func (n node) Find(schemaID string) []jsontemplate.Node { return nodes(n.Node.Find(schemaID)) }

func nodes(all []*rossum.Node) []jsontemplate.Node {
	list := make([]jsontemplate.Node, len(all))
	for i, n := range all {
		list[i] = node{n}
	}
	return list
}

// NoteJSON says in the report what became of values within strings of JSON.
func NoteJSON(x *pipeline.Export, place string, in jsontemplate.WithinJSON) {
	if len(in.Escaped) > 0 {
		x.Decide("%s: %s within a string of JSON: characters that JSON does not allow there were escaped", place, strings.Join(in.Escaped, ", "))
	}
	if len(in.Kept) > 0 {
		x.Decide("%s: %s within a string of JSON: it has escapes of JSON already, and was left as it is", place, strings.Join(in.Kept, ", "))
	}
}
