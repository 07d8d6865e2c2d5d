package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// When makes a step run only where a condition is true:
//
//	pipeline.When("field.amount_total > 1000", step)
//
// The condition is written in the language of expr-lang/expr (see
// https://expr-lang.org/docs/language-definition), which is not Python: it is for
// chains that are composed in Go. Conditions of people who configure Rossum are
// Python; see package steps, Evaluate. It knows
//
//	field       the fields by schema_id: with a schema, numbers are float64, dates
//	            time.Time, and nil where they are empty; everything else is a text.
//	            A table is a list of rows, a simple multivalue a list of values.
//	annotation  id (int), url, status, queue, automated (bool)
//	document    id (int), url, mime_type, original_file_name
//	event, action
//
// It is compiled when the chain is built, and must give a bool. What it makes while it is
// evaluated may have 64 MB in all, and it ends with the export's time. A condition that
// names a field which the annotation has not fails the export, with the nearest name,
// before the step runs. A step that is left out says so in the report.
func When(condition string, s Step) Step { return &when{Step: s, condition: condition} }

// when is a step with its condition.
type when struct {
	Step
	condition string
}

// Unwrap returns the step itself.
func (w *when) Unwrap() Step { return w.Step }

// Run runs the step as it is if the condition is true.
func (w *when) Run(ctx context.Context, x *Export) error {
	program, err := w.Wrap(w.Step)
	if err != nil {
		return err
	}
	return program.Run(ctx, x)
}

// Wrap compiles the condition.
func (w *when) Wrap(p Program) (Program, error) {
	compiled, err := compileWhen(w.condition)
	if err != nil {
		return nil, &StepError{Place: "condition", Err: err}
	}
	return StepFunc(func(ctx context.Context, x *Export) error {
		holds, err := compiled.holds(ctx, x)
		if err != nil {
			return &StepError{Place: "condition", Err: err}
		}
		if !holds {
			x.Decide("skipped: %s is not true", w.condition)
			for _, key := range w.makes() {
				x.Files.Skip(key, ReasonNotDue) // so that a step that reads it passes quietly
			}
			return nil
		}
		return p.Run(ctx, x)
	}), nil
}

// makes lists the reference keys of the files that the step would have made.
func (w *when) makes() (keys []string) {
	if m, ok := Ability[Maker](w.Step); ok {
		keys = m.Makes()
	}
	if d, ok := Ability[Describer](w.Step); ok {
		for _, u := range d.Uses(0) {
			if u.Kind == UseMakes {
				keys = append(keys, u.Name)
			}
		}
	}
	return keys
}

// uses lists the fields that the condition reads, and what it decides.
func (w *when) uses() ([]Use, *Condition) {
	compiled, err := compileWhen(w.condition)
	if err != nil {
		return nil, nil // it is no part of a chain
	}
	var list []Use
	for _, id := range compiled.reads {
		list = append(list, Use{Kind: UseReads, Name: id, Place: "condition", Steers: true})
	}
	c := &Condition{Reads: compiled.mayRead}
	if !compiled.computed {
		c.Holds = compiled.holds
	}
	return list, c
}

// compiledWhen is a compiled condition.
type compiledWhen struct {
	program  *vm.Program
	reads    []string // schema_ids
	mayRead  []string // those that it can do without among them
	computed bool     // it reads fields by names that its text does not show
}

func (c *compiledWhen) holds(ctx context.Context, x *Export) (bool, error) {
	if x.Annotation.Content == nil {
		return false, ErrNoContent
	}
	for _, id := range c.reads {
		if len(x.Annotation.Content.Find(id)) == 0 {
			if _, err := x.Field(id); err != nil { // names the nearest known id
				return false, err
			}
		}
	}
	env, err := whenEnv(x)
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

// compileWhen compiles a condition and lists the fields that it names.
func compileWhen(text string) (*compiledWhen, error) {
	shape := whenShape()
	bindBounds(context.Background(), shape)
	program, err := expr.Compile(text, expr.Env(shape), expr.AsBool(), expr.MaxNodes(10000), expr.Patch(bounding{}))
	if err != nil {
		return nil, err
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	reads := &fieldReads{seen: make(map[string]bool)}
	ast.Walk(&tree.Node, reads)
	return &compiledWhen{program, reads.ids, reads.all, reads.bases > reads.named}, nil
}

// fieldReads collects the schema_ids after field.
type fieldReads struct {
	ids, all     []string
	seen         map[string]bool
	bases, named int // how often field stands in the text, and how often a name after it
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
	f.all = append(f.all, id.Value)
	if !m.Optional && !f.seen[id.Value] {
		f.seen[id.Value] = true
		f.ids = append(f.ids, id.Value)
	}
}

// whenShape is the environment that conditions are compiled against.
func whenShape() map[string]any {
	return map[string]any{
		"field": map[string]any{}, "event": "", "action": "",
		"annotation": whenAnnotation{}, "document": whenDocument{},
	}
}

type whenAnnotation struct {
	ID        int    `expr:"id"`
	URL       string `expr:"url"`
	Status    string `expr:"status"`
	Queue     string `expr:"queue"`
	Automated bool   `expr:"automated"`
}

type whenDocument struct {
	ID       int    `expr:"id"`
	URL      string `expr:"url"`
	MimeType string `expr:"mime_type"`
	Name     string `expr:"original_file_name"`
}

func whenEnv(x *Export) (map[string]any, error) {
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
			field[n.SchemaID()] = whenValue(n, types)
		}
	}
	a, env := x.Annotation, whenShape()
	env["field"], env["event"], env["action"] = field, x.Payload.Event, x.Payload.Action
	env["annotation"] = whenAnnotation{int(a.ID), a.URL, a.Status, a.Queue, a.Automated}
	if d := x.Payload.Document; d != nil {
		env["document"] = whenDocument{int(d.ID), d.URL, d.MimeType, d.OriginalFileName}
	}
	return env, nil
}

// whenValue is a field as conditions see it.
func whenValue(n *rossum.Node, types map[string]string) any {
	switch n.Category() {
	case rossum.CategoryDatapoint:
		return whenTyped(n.Text(), types[n.SchemaID()])
	case rossum.CategoryTuple:
		row := make(map[string]any, len(n.Children()))
		for _, cell := range n.Children() {
			row[cell.SchemaID()] = whenValue(cell, types)
		}
		return row
	}
	items := make([]any, len(n.Children()))
	for i, child := range n.Children() {
		items[i] = whenValue(child, types)
	}
	return items
}

// whenTyped reads a text by the type of its field; a text that is none of the type
// stays a text.
func whenTyped(text, kind string) any {
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
