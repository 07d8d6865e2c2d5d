package jsontemplate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

func (x expression) render(r *rendering, s *scope) (Value, error) {
	vars := make(map[string]pyvalue.Value, len(x.names))
	for _, name := range x.names {
		v, err := x.resource(r.ctx, s, name)
		if err != nil {
			return nil, &Error{x.place, "", err}
		}
		vars[name] = v
	}
	v, err := x.compiled.Eval(r.ctx, vars, expressionLimits)
	if err == nil {
		var made Value
		if made, err = fromPython(v, 0); err == nil {
			return made, nil
		}
	}
	var e *jinja.Error
	if errors.As(err, &e) {
		err = fmt.Errorf("%s: %s", e.Type, e.Msg)
	}
	return nil, &Error{x.place, "", err}
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
	r, err := content.Open(ctx)
	if err != nil {
		return pyvalue.Value{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(data) > maxText {
		err = ErrTooLarge
	}
	return pyvalue.Bytes(data), err
}

// fromPython makes a value of what an expression gave.
func fromPython(v pyvalue.Value, depth int) (Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("its value is nested deeper than %d levels", maxDepth)
	}
	if t, full, ok := clock.Of(v); ok {
		if full {
			return t, nil
		}
		return t.Format(time.DateOnly), nil
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		return nil, nil
	case pyvalue.KindBool:
		return pyvalue.Truth(v), nil
	case pyvalue.KindInt, pyvalue.KindFloat:
		text, err := pyvalue.String(nil, v)
		return json.Number(text), err
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return v.Text(), nil
	case pyvalue.KindBytes:
		return Bytes(v.Data()), nil
	case pyvalue.KindDict:
		o := &Object{}
		for key, value := range v.Dict().All() {
			made, err := fromPython(value, depth+1)
			if err != nil {
				return nil, err
			}
			name, err := pyvalue.String(nil, key)
			if err != nil {
				return nil, err
			}
			o.Members = append(o.Members, Member{name, made})
		}
		return o, nil
	}
	if items, ok := v.Items(); ok {
		list := make([]Value, len(items))
		for i, item := range items {
			var err error
			if list[i], err = fromPython(item, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("its value is a %s, which JSON has not", pyvalue.TypeName(v))
}
