// Package expression has conditions of steps that are texts, for chains composed in Go:
//
//	expression.When("field.amount_total > 1000", step)
//
// It is a package of its own, since the language is a large part of a program: whoever
// writes conditions in Go itself, see [pipeline.When], or has none, does without it.
// Conditions of people who configure Rossum are Python; see package steps, Evaluate.
//
// The language is that of github.com/expr-lang/expr, which is alive, widely used, needs no
// other module, knows the types of its variables when it compiles, and bounds the memory of a
// run. It was written for such conditions.
package expression

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// When makes a step run only where a condition is true. The condition is written in the
// language of expr-lang/expr (see https://expr-lang.org/docs/language-definition), which is
// not Python. It knows
//
//	field       the fields by schema_id: with a schema, numbers are float64, dates
//	            time.Time, and nil where they are empty; everything else is a text.
//	            A table is a list of rows, a simple multivalue a list of values.
//	annotation  id (int), url, status, queue, automated (bool)
//	document    id (int), url, mime_type, original_file_name
//	event, action
//
// It must give a bool; one that is not valid fails when the chain is built. What it makes
// while it is evaluated may have 64 MB in all, a pattern that it makes (for matches) 8 kB, and it
// ends with the export's time. A condition that names a field which the annotation has not fails
// the export, with the nearest name, before the step runs. A step that is left out says so in the
// report.
func When(condition string, s pipeline.Step) pipeline.Step {
	c, err := compile(condition)
	if err != nil {
		return invalid{s, err}
	}
	return pipeline.When(c, s)
}

// invalid is a step whose condition could not be compiled, which the chain that it is
// built into is to say.
type invalid struct {
	pipeline.Step
	err error
}

// Unwrap returns the step itself.
func (i invalid) Unwrap() pipeline.Step { return i.Step }

// Wrap refuses the condition.
func (i invalid) Wrap(pipeline.Program) (pipeline.Program, error) {
	return nil, &pipeline.StepError{Place: "condition", Err: i.err}
}

// compiled is a compiled condition.
type compiled struct {
	program *vm.Program
	needs   []string // schema_ids that it cannot do without
}

// maxNodes is how many operations a condition may have.
const maxNodes = 10_000

// compile compiles a condition and lists the fields that it names.
func compile(text string) (*pipeline.Condition, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the condition is not UTF-8")
	}
	env := shape()
	bindBounds(context.Background(), env)
	bounded := &bounding{}
	program, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.MaxNodes(maxNodes), expr.Patch(bounded))
	if bounded.misused { // the calls that count take any arguments
		if _, err := checker.ParseCheck(text, conf.New(env)); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	reads := &fieldReads{needed: make(map[string]bool)}
	ast.Walk(&tree.Node, reads)
	c := &compiled{program: program}
	condition := &pipeline.Condition{Text: text, Reads: reads.ids, Holds: c.holds}
	for _, id := range reads.ids {
		if reads.needed[id] {
			c.needs = append(c.needs, id)
		} else {
			condition.Optional = append(condition.Optional, id)
		}
	}
	if reads.bases > reads.named {
		condition.Reads = append(condition.Reads, "") // it reads fields by names that its text does not show
	}
	return condition, nil
}

// holds evaluates the condition.
func (c *compiled) holds(ctx context.Context, x *pipeline.Export) (bool, error) {
	if x.Annotation.Content == nil {
		return false, pipeline.ErrNoContent
	}
	for _, id := range c.needs {
		if len(x.Annotation.Content.Find(id)) == 0 {
			if _, err := x.Field(id); err != nil { // names the nearest known id
				return false, err
			}
		}
	}
	env, err := environment(x)
	if err != nil {
		return false, err
	}
	bindBounds(ctx, env)
	result, err := expr.Run(c.program, env)
	if err != nil {
		return false, err
	}
	is, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("it gives a %T, not true or false", result)
	}
	return is, nil
}

// fieldReads collects the schema_ids after field.
type fieldReads struct {
	ids          []string
	needed       map[string]bool // false for one that the condition can do without
	bases, named int             // how often field stands in the text, and how often a name after it
}

// Visit implements [ast.Visitor].
func (f *fieldReads) Visit(n *ast.Node) {
	if name, ok := (*n).(*ast.IdentifierNode); ok && name.Value == "field" {
		f.bases++
	}
	m, ok := (*n).(*ast.MemberNode)
	if !ok {
		return
	}
	base, isName := m.Node.(*ast.IdentifierNode)
	id, isText := m.Property.(*ast.StringNode)
	if !isName || !isText || base.Value != "field" {
		return
	}
	f.named++
	needed, seen := f.needed[id.Value]
	if !seen {
		f.ids = append(f.ids, id.Value)
	}
	f.needed[id.Value] = needed || !m.Optional
}

// shape is the environment that conditions are compiled against.
func shape() map[string]any {
	return map[string]any{
		"field": map[string]any{}, "event": "", "action": "",
		"annotation": annotation{}, "document": document{},
	}
}

type annotation struct {
	ID        int    `expr:"id"`
	URL       string `expr:"url"`
	Status    string `expr:"status"`
	Queue     string `expr:"queue"`
	Automated bool   `expr:"automated"`
}

type document struct {
	ID       int    `expr:"id"`
	URL      string `expr:"url"`
	MimeType string `expr:"mime_type"`
	Name     string `expr:"original_file_name"`
}

func environment(x *pipeline.Export) (map[string]any, error) {
	schema, err := x.Payload.Schema()
	if err != nil {
		return nil, err
	}
	types := make(map[string]string)
	if schema != nil {
		for f := range schema.All() {
			types[f.ID] = f.ValueType()
		}
	}
	field := make(map[string]any)
	for _, section := range x.Annotation.Content.Sections() {
		for _, n := range section.Children() {
			field[n.SchemaID()] = value(n, types)
		}
	}
	a, env := x.Annotation, shape()
	env["field"], env["event"], env["action"] = field, x.Payload.Event, x.Payload.Action
	env["annotation"] = annotation{int(a.ID), a.URL, a.Status, a.Queue, a.Automated}
	if d := x.Payload.Document; d != nil {
		env["document"] = document{int(d.ID), d.URL, d.MimeType, d.OriginalFileName}
	}
	return env, nil
}

// value is a field as conditions see it.
func value(n *rossum.Node, types map[string]string) any {
	switch n.Category() {
	case rossum.CategoryDatapoint:
		return typed(n.Text(), types[n.SchemaID()])
	case rossum.CategoryTuple:
		row := make(map[string]any, len(n.Children()))
		for _, cell := range n.Children() {
			row[cell.SchemaID()] = value(cell, types)
		}
		return row
	}
	items := make([]any, len(n.Children()))
	for i, child := range n.Children() {
		items[i] = value(child, types)
	}
	return items
}

// typed reads a text by the type of its field; a text that is none of the type
// stays a text.
func typed(text, kind string) any {
	switch {
	case kind != "number" && kind != "date":
		return text
	case text == "":
		return nil
	case kind == "number":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	default:
		if t, err := time.Parse(time.DateOnly, text); err == nil {
			return t
		}
	}
	return text
}
