package jsontemplate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// resources are the variables of an expression in braces.
var resources = []string{"current_datetime", "document_content", "schema_loop"}

// expression is {…} with a Jinja expression.
type expression struct {
	place    string
	compiled *jinja.Expression
	names    []string
}

// expressionLimits bound the evaluation of one expression.
var expressionLimits = jinja.Limits{Steps: 1_000_000, ValueBytes: maxText, TotalBytes: 4 * maxText}

func compileExpression(source, place string) (expression, error) {
	compiled, err := jinja.CompileExpression(source, jinja.Options{})
	if err != nil {
		var e *jinja.Error
		if errors.As(err, &e) {
			return expression{}, fmt.Errorf("is not an expression: %s", e.Msg)
		}
		return expression{}, err
	}
	names := compiled.Names()
	for _, name := range names {
		if !slices.Contains(resources, name) {
			return expression{}, fmt.Errorf("%s is undefined (expected one of %s)", name, strings.Join(resources, ", "))
		}
	}
	return expression{place, compiled, names}, nil
}

func (x expression) render(r *rendering, s *scope) (pyvalue.Value, error) {
	vars := make(map[string]pyvalue.Value, len(x.names))
	for _, name := range x.names {
		v, err := x.resource(r.ctx, s, name)
		if err != nil {
			return v, &Error{x.place, "", err}
		}
		vars[name] = v
	}
	v, err := x.compiled.Eval(r.ctx, vars, expressionLimits)
	if err == nil {
		if err = r.checkJSON(v, 0); err == nil {
			return v, nil
		}
	}
	var e *jinja.Error
	if errors.As(err, &e) {
		err = fmt.Errorf("%s: %s", e.Type, e.Msg)
	}
	return v, &Error{x.place, "", err}
}

func (x expression) resource(ctx context.Context, s *scope, name string) (pyvalue.Value, error) {
	switch name {
	case "current_datetime":
		now := time.Now
		if s.data.Now != nil {
			now = s.data.Now
		}
		return clock.Datetime(now()), nil
	case "schema_loop":
		i := s.loop()
		loop := pyvalue.NewDict()
		loop.SetStr("index", pyvalue.Int(int64(i+1)))
		loop.SetStr("index0", pyvalue.Int(int64(i)))
		return loop.Value(), nil
	}
	if s.data.Original == nil {
		return pyvalue.Value{}, errors.New("the original document is not available here")
	}
	content, err := s.data.Original()
	if err != nil {
		return pyvalue.Value{}, err
	}
	data, err := ReadAll(ctx, content)
	return pyvalue.Bytes(data), err
}

// checkJSON says why JSON cannot hold what an expression gave. Dates and files are texts
// in it. A list that the value has many times is written, and counted, each time.
func (r *rendering) checkJSON(v pyvalue.Value, depth int) error {
	if err := r.meter.Step(1); err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("its value is nested deeper than %d levels", maxDepth)
	}
	switch v.Kind() {
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return r.put(len(v.Text()))
	case pyvalue.KindBytes:
		return r.putFile(len(v.Data()))
	case pyvalue.KindUndefined, pyvalue.KindSet:
		return errNotJSON(v)
	case pyvalue.KindObject:
		if _, _, ok := clock.Of(v); !ok {
			return errNotJSON(v)
		}
	case pyvalue.KindDict:
		for key, item := range v.Dict().All() {
			if err := r.put(len(key.Text())); err != nil {
				return err
			}
			if err := r.checkJSON(item, depth+1); err != nil {
				return err
			}
		}
	}
	items, _ := v.Items()
	for _, item := range items {
		if err := r.checkJSON(item, depth+1); err != nil {
			return err
		}
	}
	return nil
}
