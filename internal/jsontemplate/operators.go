package jsontemplate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// operatorSpec describes an operator.
type operatorSpec struct {
	required, optional []string
	mapping            bool // its mapping goes from values to templates
	loop               bool // its mapping is rendered for each element
	bare               bool // null is accepted for no arguments
	make               func(a *arguments) node
}

func operators() map[string]operatorSpec { return operatorsOnUse.Get(makeOperators) }

var operatorsOnUse onuse.Value[map[string]operatorSpec]

func makeOperators() map[string]operatorSpec {
	return map[string]operatorSpec{
		"DATAPOINT_VALUE": {required: []string{"schema_id"}, optional: []string{"value_type"}, make: func(a *arguments) node {
			kind := a.texts["value_type"]
			if kind == "" {
				kind = "string"
			}
			if !slices.Contains(valueTypes, kind) {
				a.fault("value_type", "%q is unknown (expected one of %s)", kind, strings.Join(valueTypes, ", "))
			}
			return field{a.place, a.texts["schema_id"], kind}
		}},
		"IF_SCHEMA_ID": {required: []string{"schema_id", "mapping"}, optional: []string{"fallback_mapping"}, make: func(a *arguments) node {
			return ifSchemaID{a.place, a.texts["schema_id"], a.names["mapping"], a.names["fallback_mapping"]}
		}},
		"IF_DATAPOINT_VALUE": {required: []string{"schema_id", "value", "mapping"}, optional: []string{"fallback_mapping"}, make: func(a *arguments) node {
			return ifValue{a.place, a.texts["schema_id"], a.names["value"], a.names["mapping"], a.names["fallback_mapping"]}
		}},
		"FOR_EACH_SCHEMA_ID": {required: []string{"schema_id", "mapping"}, optional: []string{"fallback_mapping"}, loop: true, make: func(a *arguments) node {
			fallback := a.names["fallback_mapping"]
			if fallback == nil {
				fallback = list{}
			}
			return forEach{a.place, a.texts["schema_id"], a.names["mapping"], fallback}
		}},
		"DATAPOINT_MAPPING": {required: []string{"schema_id", "mapping"}, optional: []string{"fallback_mapping"}, mapping: true, make: func(a *arguments) node {
			fallback := a.names["fallback_mapping"]
			if fallback == nil {
				fallback = literal{}
			}
			b, _ := a.names["mapping"].(branches)
			return valueSwitch{a.place, a.texts["schema_id"], b, fallback}
		}},
		"FETCH_DOCUMENT_CONTENT": {required: []string{"datapoint"}, make: func(a *arguments) node {
			return fetch{a.place, a.texts["datapoint"]}
		}},
		"GET_DOCUMENT_CONTENT": {bare: true, make: func(a *arguments) node { return file{a.place, true} }},
		"CHILD_COUNT": {required: []string{"schema_id"}, make: func(a *arguments) node {
			return childCount{a.place, a.texts["schema_id"]}
		}},
	}
}

// omitted is the value of an operator whose key, or list element, disappears. Nothing
// else that is rendered is undefined.
var omitted = pyvalue.Undefined("")

// Errors that rendering wraps; the text around them names place and schema_id.
var (
	ErrNotFound   = errors.New("not found in the annotation")
	ErrRepeated   = errors.New("found more than once")
	ErrConversion = errors.New("cannot be converted")
	ErrEmpty      = errors.New("is empty, and must hold the address of the document to fetch (where it may be empty, put $IF_SCHEMA_ID$ around)")
)

// Error says where in a template rendering failed.
type Error struct {
	Place    string // in the settings
	SchemaID string // "" if none is concerned
	Err      error
}

func (e *Error) Error() string {
	text := e.Place
	if e.SchemaID != "" {
		if text != "" {
			text += ": "
		}
		text += "schema_id " + strconv.Quote(e.SchemaID)
	}
	if text == "" {
		return e.Err.Error()
	}
	return text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// one returns the only field with the schema_id.
func (r *rendering) one(s *scope, place, schemaID string) (Node, error) {
	found, err := r.find(s, schemaID)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		err := ErrNotFound
		if s.data.Suggest != nil {
			if meant := s.data.Suggest(schemaID); meant != "" {
				err = fmt.Errorf("%w (did you mean %q?)", ErrNotFound, meant)
			}
		}
		return nil, &Error{place, schemaID, err}
	case 1:
		return found[0], nil
	}
	return nil, &Error{place, schemaID, fmt.Errorf("%w (%d times)", ErrRepeated, len(found))}
}

func (r *rendering) oneField(s *scope, place, schemaID string) (Node, error) {
	n, err := r.one(s, place, schemaID)
	if err == nil && !n.IsField() {
		return nil, &Error{place, schemaID, errors.New("has no value: it is a table or a group of fields")}
	}
	return n, err
}

// field is @{schema_id} and $DATAPOINT_VALUE$.
type field struct{ place, schemaID, kind string }

var valueTypes = []string{"string", "integer", "float", "boolean", "iso_datetime"}

func (f field) render(r *rendering, s *scope) (pyvalue.Value, error) {
	n, err := r.oneField(s, f.place, f.schemaID)
	if err != nil {
		return pyvalue.None(), err
	}
	r.from(f.place, f.schemaID, n)
	err = r.put(len(text(n)))
	v := pyvalue.None()
	if err == nil {
		v, err = convert(n, f.kind)
	}
	if err != nil {
		return v, &Error{f.place, f.schemaID, err}
	}
	return v, nil
}

// convert gives a field's value the type that the settings ask for, or the text
// that a person sees where the normalised value does not fit that type.
func convert(n Node, kind string) (pyvalue.Value, error) {
	value := text(n)
	switch kind {
	case "string":
		return pyvalue.Str(value), nil
	case "boolean":
		return pyvalue.Bool(value != ""), nil // the truth of the text: "false" is true
	}
	v, err := parse(value, kind)
	if err != nil && n.Value() != value {
		if shown, wrong := parse(n.Value(), kind); wrong == nil {
			return shown, nil
		}
	}
	return v, err
}

func parse(text, kind string) (pyvalue.Value, error) {
	switch text = strings.TrimSpace(text); kind {
	case "integer":
		if digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+"); digits != "" && strings.Trim(digits, "0123456789") == "" {
			sign := ""
			if text[0] == '-' && strings.Trim(digits, "0") != "" {
				sign = "-"
			}
			if digits = strings.TrimLeft(digits, "0"); digits == "" {
				digits = "0"
			}
			return pyvalue.Number(sign + digits)
		}
	case "float":
		if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && !strings.ContainsAny(text, "xX_") {
			return pyvalue.Number(formatFloat(f))
		}
	case "iso_datetime":
		for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
			if t, err := time.Parse(layout, text); err == nil {
				return pyvalue.Str(isoDatetime(t, layout)), nil
			}
		}
	}
	return pyvalue.None(), fmt.Errorf("%q %w to %s", text, ErrConversion, kind)
}

// ISODatetime writes a time in UTC as Python's datetime.isoformat writes one
// without a zone.
func ISODatetime(t time.Time) string { return isoDatetime(t.UTC(), "") }

// isoDatetime writes a time as Python's datetime.isoformat does.
func isoDatetime(t time.Time, layout string) string {
	text := t.Format("2006-01-02T15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		text += fmt.Sprintf(".%06d", us)
	}
	if layout == time.RFC3339Nano {
		text += t.Format("-07:00")
	}
	return text
}

// formatFloat writes a float as Python's json does.
func formatFloat(f float64) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		text := strconv.FormatFloat(f, 'e', -1, 64)
		return text
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

type ifSchemaID struct {
	place, schemaID   string
	mapping, fallback node
}

func (i ifSchemaID) render(r *rendering, s *scope) (pyvalue.Value, error) { return r.chosen(i, s) }

func (i ifSchemaID) choose(r *rendering, s *scope) (branch, error) {
	found, err := r.find(s, i.schemaID)
	switch {
	case err != nil:
		return branch{}, err
	case len(found) > 1:
		return branch{}, &Error{i.place, i.schemaID, fmt.Errorf("%w (%d times)", ErrRepeated, len(found))}
	}
	if len(found) == 1 && (found[0].IsField() && text(found[0]) != "" || !found[0].IsField() && found[0].Count() > 0) {
		return branch{mappingOf(i.place), i.mapping, &scope{data: s.data, outer: s, node: found[0]}}, nil
	}
	return branch{fallbackOf(i.place), i.fallback, s}, nil
}

type ifValue struct {
	place, schemaID          string
	value, mapping, fallback node
}

func (i ifValue) render(r *rendering, s *scope) (pyvalue.Value, error) { return r.chosen(i, s) }

func (i ifValue) choose(r *rendering, s *scope) (branch, error) {
	n, err := r.oneField(s, i.place, i.schemaID)
	if err != nil {
		return branch{}, err
	}
	want, err := i.value.render(r, s)
	if err != nil {
		return branch{}, err
	}
	wanted, err := r.text(want)
	if err != nil {
		return branch{}, err
	}
	if text(n) == wanted || n.Value() == wanted {
		return branch{mappingOf(i.place), i.mapping, s}, nil
	}
	return branch{fallbackOf(i.place), i.fallback, s}, nil
}

type forEach struct {
	place, schemaID   string
	mapping, fallback node
}

func (f forEach) render(r *rendering, s *scope) (pyvalue.Value, error) {
	found, err := r.elements(s, f.schemaID)
	if err != nil {
		return pyvalue.None(), err
	}
	if len(found) == 0 {
		return f.fallback.render(r, s)
	}
	if err := r.meter.GrowTimes(len(found), elementCost); err != nil {
		return pyvalue.None(), &Error{f.place, f.schemaID, err}
	}
	values, all := make([]pyvalue.Value, 0, len(found)), &rows{list: found}
	for i, n := range found {
		v, err := r.below(Step{Index: len(values)}, f.mapping, &scope{data: s.data, outer: s, node: n, index: i, rows: all})
		if err != nil {
			return v, fmt.Errorf("element %d of %s: %w", i+1, f.schemaID, err)
		}
		if !v.IsUndefined() {
			values = append(values, v)
		}
	}
	return pyvalue.NewList(values...), nil
}

// elements are what a loop goes through: the rows, where a schema_id is that of
// their table.
func (r *rendering) elements(s *scope, schemaID string) ([]Node, error) {
	found, err := r.find(s, schemaID)
	if err != nil {
		return nil, err
	}
	list := make([]Node, 0, len(found))
	for _, n := range found {
		below, ok := n.Elements()
		if !ok {
			below = []Node{n}
		}
		if err := r.meter.Step(int64(len(below))); err != nil {
			return nil, err
		}
		list = append(list, below...)
	}
	return list, nil
}

// branches are the templates of a valueSwitch.
type branches struct {
	byValue map[string]node
	keyOf   map[string]string // the key that a value is a part of
	keys    []string          // as they stand in the settings
}

func (branches) render(*rendering, *scope) (pyvalue.Value, error) { return pyvalue.None(), nil }

type valueSwitch struct {
	place, schemaID string
	branches        branches
	fallback        node
}

func (v valueSwitch) render(r *rendering, s *scope) (pyvalue.Value, error) { return r.chosen(v, s) }

func (v valueSwitch) choose(r *rendering, s *scope) (branch, error) {
	n, err := r.oneField(s, v.place, v.schemaID)
	if err != nil {
		return branch{}, err
	}
	for _, value := range []string{text(n), n.Value()} {
		if chosen := v.branches.byValue[value]; chosen != nil {
			return branch{settings.Join(mappingOf(v.place), v.branches.keyOf[value]), chosen, s}, nil
		}
	}
	return branch{fallbackOf(v.place), v.fallback, s}, nil
}

type childCount struct{ place, schemaID string }

func (c childCount) render(r *rendering, s *scope) (pyvalue.Value, error) {
	n, err := r.one(s, c.place, c.schemaID)
	if err != nil {
		return pyvalue.None(), err
	}
	if n.IsField() {
		return pyvalue.None(), &Error{c.place, c.schemaID, errors.New("is a plain field and has no children to count")}
	}
	return pyvalue.Int(int64(n.Count())), nil
}

type fetch struct{ place, schemaID string }

func (f fetch) render(r *rendering, s *scope) (pyvalue.Value, error) {
	n, err := r.oneField(s, f.place, f.schemaID)
	if err != nil {
		return pyvalue.None(), err
	}
	if s.data.Fetch == nil {
		return pyvalue.None(), &Error{f.place, f.schemaID, errors.New("documents cannot be fetched here: the export has no Rossum client")}
	}
	r.from(f.place, f.schemaID, n)
	if strings.TrimSpace(n.Value()) == "" {
		return pyvalue.None(), &Error{f.place, f.schemaID, ErrEmpty}
	}
	content, err := s.data.Fetch(r.ctx, n.Value())
	if err != nil {
		return pyvalue.None(), &Error{f.place, f.schemaID, err}
	}
	return FileValue(content), nil
}
