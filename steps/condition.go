package steps

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// conditionEnv is what a condition sees.
type conditionEnv struct {
	x      *pipeline.Export
	values map[string]any
}

// conditionShape is the environment that conditions are compiled against.
func conditionShape() map[string]any {
	field := map[string]any{}
	return map[string]any{
		"field": field, "payload": map[string]any{}, "r": map[string]any{"field": field},
		"None": nil, "True": true, "False": false,
	}
}

// conditionFunctions are those of Rossum's formulas, and Python's.
var conditionFunctions = []expr.Option{
	expr.DisableBuiltin("int"), expr.DisableBuiltin("float"), expr.DisableBuiltin("len"), expr.DisableBuiltin("round"), expr.DisableBuiltin("abs"),
	expr.Function("is_empty", func(p ...any) (any, error) { return isEmpty(p[0]), nil }, new(func(any) bool)),
	expr.Function("is_in", isIn, new(func(any, any) bool)),
	expr.Function("is_set", func(p ...any) (any, error) { return !isEmpty(p[0]), nil }, new(func(any) bool)),
	expr.Function("default_to", func(p ...any) (any, error) {
		if isEmpty(p[0]) {
			return p[1], nil
		}
		return p[0], nil
	}, new(func(any, any) any)),
	expr.Function("substitute", substitute, new(func(string, string, any) string)),
	expr.Function("int", toInt, new(func(any) int)),
	expr.Function("float", toFloat, new(func(any) float64)),
	expr.Function("str", func(p ...any) (any, error) { return toText(p[0]), nil }, new(func(any) string)),
	expr.Function("len", length, new(func(any) int)),
	expr.Function("round", round, new(func(any) float64), new(func(any, int) float64)),
	expr.Function("abs", func(p ...any) (any, error) {
		f, err := number(p[0])
		return math.Abs(f), err
	}, new(func(any) float64)),
}

// compileCondition compiles a condition and lists the fields that it names.
func compileCondition(text string) (*vm.Program, []string, error) {
	options := append([]expr.Option{expr.Env(conditionShape()), expr.AsBool(), expr.MaxNodes(10000), expr.Patch(pythonIn{})}, conditionFunctions...)
	program, err := expr.Compile(text, options...)
	if err != nil {
		return nil, nil, err
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	reads := &fieldReads{}
	ast.Walk(&tree.Node, reads)
	return program, reads.ids, nil
}

// pythonIn makes in what it is in Python, where a text can be in a text.
type pythonIn struct{}

// Visit implements [ast.Visitor].
func (pythonIn) Visit(n *ast.Node) {
	if b, ok := (*n).(*ast.BinaryNode); ok && b.Operator == "in" {
		ast.Patch(n, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "is_in"}, Arguments: []ast.Node{b.Left, b.Right}})
	}
}

func isIn(p ...any) (any, error) {
	switch container := p[1].(type) {
	case string:
		part, ok := p[0].(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text and cannot be in one", toText(p[0]))
		}
		return strings.Contains(container, part), nil
	case []any:
		return slices.ContainsFunc(container, func(item any) bool { return same(item, p[0]) }), nil
	case map[string]any:
		key, ok := p[0].(string)
		_, found := container[key]
		return ok && found, nil
	}
	return nil, fmt.Errorf("nothing can be in %s", toText(p[1]))
}

// same is ==, where 1 and 1.0 are one number.
func same(a, b any) bool {
	x, xText := a.(string)
	y, yText := b.(string)
	if xText || yText {
		return xText && yText && x == y
	}
	f, err1 := number(a)
	g, err2 := number(b)
	return err1 == nil && err2 == nil && f == g || a == nil && b == nil
}

// fieldReads collects the schema_ids behind field. and r.field.
type fieldReads struct{ ids []string }

// Visit implements [ast.Visitor].
func (f *fieldReads) Visit(n *ast.Node) {
	m, ok := (*n).(*ast.MemberNode)
	if !ok {
		return
	}
	id, ok := m.Property.(*ast.StringNode)
	if !ok {
		return
	}
	base, isName := m.Node.(*ast.IdentifierNode)
	isField := isName && base.Value == "field"
	if below, ok := m.Node.(*ast.MemberNode); ok {
		r, isR := below.Node.(*ast.IdentifierNode)
		name, isText := below.Property.(*ast.StringNode)
		isField = isR && isText && r.Value == "r" && name.Value == "field"
	}
	if isField && !slices.Contains(f.ids, id.Value) {
		f.ids = append(f.ids, id.Value)
	}
}

func newConditionEnv(x *pipeline.Export) (*conditionEnv, error) {
	if x.Annotation.Content == nil {
		return nil, pipeline.ErrNoContent
	}
	schema, err := x.Payload.Schema()
	if err != nil {
		return nil, err
	}
	numbers := make(map[string]bool)
	if schema != nil {
		for f := range schema.All() {
			numbers[f.ID] = f.Type == "number"
		}
	}
	field := make(map[string]any)
	for _, section := range x.Annotation.Content.Sections() {
		for _, n := range section.Children() {
			field[n.SchemaID()] = conditionValue(n, numbers)
		}
	}
	env := conditionShape()
	env["field"] = field
	env["r"] = map[string]any{"field": field}
	env["payload"] = map[string]any{
		"event": x.Payload.Event, "action": x.Payload.Action, "request_id": x.Payload.RequestID, "timestamp": x.Payload.Timestamp,
		"annotation": map[string]any{"id": int(x.Annotation.ID), "url": x.Annotation.URL, "status": x.Annotation.Status, "automated": x.Annotation.Automated, "queue": x.Annotation.Queue},
		"document":   documentValue(x.Payload.Document), "settings": x.Payload.Get("settings", "").Value(),
	}
	return &conditionEnv{x, env}, nil
}

func documentValue(d *rossum.Document) map[string]any {
	if d == nil {
		return map[string]any{}
	}
	return map[string]any{"id": int(d.ID), "url": d.URL, "mime_type": d.MimeType, "original_file_name": d.OriginalFileName}
}

// conditionValue is a field as conditions see it.
func conditionValue(n *rossum.Node, numbers map[string]bool) any {
	switch n.Category() {
	case rossum.Datapoint:
		if !numbers[n.SchemaID()] {
			return n.Text()
		}
		if n.Text() == "" {
			return nil
		}
		if f, err := strconv.ParseFloat(n.Text(), 64); err == nil {
			return f
		}
		return n.Text()
	case rossum.Tuple:
		row := make(map[string]any, len(n.Children()))
		for _, cell := range n.Children() {
			row[cell.SchemaID()] = conditionValue(cell, numbers)
		}
		return row
	}
	items := make([]any, len(n.Children()))
	for i, child := range n.Children() {
		items[i] = conditionValue(child, numbers)
	}
	return items
}

// holds evaluates a condition.
func (e *conditionEnv) holds(c check) (bool, error) {
	for _, id := range c.reads {
		if len(e.x.Annotation.Content.Find(id)) == 0 {
			_, err := e.x.Field(id) // names the nearest known id
			return false, err
		}
	}
	result, err := expr.Run(c.program, e.values)
	if err != nil {
		return false, err
	}
	is, ok := result.(bool)
	if !ok {
		return false, fmt.Errorf("gives a %T, not true or false", result)
	}
	return is, nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func toText(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		return pyvalue.FloatRepr(v)
	}
	return fmt.Sprint(v)
}

func number(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case string:
		f, err := pyvalue.ParseFloat(v)
		if err != nil {
			return 0, err
		}
		n, _ := f.Float64()
		return n, nil
	}
	return 0, fmt.Errorf("%s is not a number", toText(v))
}

func toFloat(p ...any) (any, error) { return number(p[0]) }

func toInt(p ...any) (any, error) {
	if text, ok := p[0].(string); ok {
		v, err := pyvalue.ParseInt(text, 10)
		if err != nil {
			return nil, err
		}
		i, ok := v.Int64()
		if !ok {
			return nil, errors.New("the number is too large")
		}
		return int(i), nil
	}
	f, err := number(p[0])
	if err == nil && (math.IsNaN(f) || math.Abs(f) >= 1<<62) {
		err = errors.New("the number has no whole part that fits")
	}
	return int(f), err
}

func length(p ...any) (any, error) {
	switch v := p[0].(type) {
	case string:
		return len([]rune(v)), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, fmt.Errorf("len() of %s: it has no length", toText(p[0]))
}

func round(p ...any) (any, error) {
	f, err := number(p[0])
	if err != nil {
		return nil, err
	}
	digits := 0
	if len(p) > 1 {
		digits, _ = p[1].(int)
	}
	v, err := pyvalue.Round(pyvalue.Float(f), pyvalue.Int(int64(digits)))
	if err != nil {
		return nil, err
	}
	n, _ := v.Float64()
	return n, nil
}

// substitute(pattern, replacement, text) replaces what a regular expression finds.
func substitute(p ...any) (any, error) {
	re, err := regexp.Compile(p[0].(string))
	if err != nil {
		return nil, err
	}
	replacement := regexp.MustCompile(`\\(\d)`).ReplaceAllString(strings.ReplaceAll(p[1].(string), "$", "$$"), "$${$1}")
	return re.ReplaceAllString(toText(p[2]), replacement), nil
}
