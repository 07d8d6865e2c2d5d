package sftpexport

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// pattern is a compiled template of a name or a directory, such as
// invoice-{annotation.id}.csv.
type pattern struct {
	place string
	parts []part
}

// part is a literal text, or a variable.
type part struct {
	text     string
	variable bool
}

// builtin are the variables that are always there. Names without a dot that are
// not among them are schema_ids, unless template_variables define them.
var builtin = []string{
	"annotation.id", "document.id", "document.original_file_name", "queue.id",
	"year", "month", "day", "hour", "minute", "second", "seq",
}

// fileName is a variable of done_file alone.
const fileName = "filename"

// compilePattern compiles a template. Its faults are added to those there are.
func compilePattern(faults *settings.Faults, place, text string, also ...string) *pattern {
	p := &pattern{place: place}
	known := append(slices.Clone(builtin), also...)
	for text != "" {
		literal, rest, open := strings.Cut(text, "{")
		p.literal(literal)
		if !open {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			faults.Add(place, "{%s has no closing brace", rest)
			break
		}
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			faults.Add(place, "{} names no variable")
		case strings.ContainsAny(name, "{\n"):
			faults.Add(place, "{%s} is not a variable: it has an opening brace within braces", name)
		case strings.Contains(name, ".") && !slices.Contains(known, name):
			hint := ""
			if near := settings.Nearest(name, known); near != "" {
				hint = fmt.Sprintf(" (did you mean {%s}?)", near)
			}
			faults.Add(place, "{%s} is unknown%s; expected one of {%s}, or a schema_id", name, hint, strings.Join(known, "}, {"))
		}
		p.parts = append(p.parts, part{name, true})
		text = after
	}
	p.check(faults)
	return p
}

// check looks for what the template's own text must not have.
func (p *pattern) check(faults *settings.Faults) {
	var shape strings.Builder
	for _, part := range p.parts {
		if part.variable {
			shape.WriteByte('x')
			continue
		}
		if i := strings.IndexFunc(part.text, unicode.IsControl); i >= 0 {
			faults.Add(p.place, "has the control character %q", part.text[i])
		}
		shape.WriteString(part.text)
	}
	if slices.Contains(strings.Split(shape.String(), "/"), "..") {
		faults.Add(p.place, `".." is not allowed in a path`)
	}
}

func (p *pattern) literal(text string) {
	if text != "" {
		p.parts = append(p.parts, part{text, false})
	}
}

// counts reports whether the template has a number of the directory's counter.
func (p *pattern) counts(named map[string]Variable) bool {
	return slices.ContainsFunc(p.parts, func(part part) bool {
		return part.variable && (part.text == "seq" || isSequence(part.text, named))
	})
}

// isSequence reports whether a variable is a sequence: one that template_variables
// say to be one, or seq_ and a number that they do not define.
func isSequence(name string, named map[string]Variable) bool {
	if v, ok := named[name]; ok {
		return v.Type == VariableSequence
	}
	digits, ok := strings.CutPrefix(name, "seq_")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// number is the value of a sequence at a count from 1.
func (v Variable) number(count int64) string {
	start, increment, digits := int64(0), int64(1), 5
	if v.Start != nil {
		start = *v.Start
	}
	if v.Increment != nil {
		increment = *v.Increment
	}
	if v.Digits != nil {
		digits = *v.Digits
	}
	return fmt.Sprintf("%0*d", digits, start+(count-1)*increment)
}

// key is the same for templates that always render to the same text.
func (p *pattern) key(named map[string]Variable) string {
	var key strings.Builder
	for _, part := range p.parts {
		switch v, ok := named[part.text]; {
		case !part.variable:
			key.WriteString(part.text)
		case ok && v.Type != VariableSequence:
			key.WriteString("{" + v.Field + "}")
		default:
			key.WriteString("{" + part.text + "}")
		}
	}
	return key.String()
}

// uses reports whether the template has the variable.
func (p *pattern) uses(name string) bool {
	return slices.Contains(p.parts, part{name, true})
}

// variables gives values to names.
type variables struct {
	x        *pipeline.Export
	now      time.Time
	named    map[string]Variable // from template_variables
	count    int64               // of the directory, from 1
	fileName string
}

// NameError says that a name cannot be made.
type NameError struct {
	Place    string // in the settings
	Variable string // "" if no single one is to blame
	Err      error
}

func (e *NameError) Error() string {
	if e.Variable == "" {
		return fmt.Sprintf("%s: %v", e.Place, e.Err)
	}
	return fmt.Sprintf("%s: {%s}: %v", e.Place, e.Variable, e.Err)
}

func (e *NameError) Unwrap() error { return e.Err }

// render puts the values in. The pieces say which text is the settings' own.
func (p *pattern) render(v *variables) ([]naming.Piece, error) {
	pieces := make([]naming.Piece, 0, len(p.parts))
	for _, part := range p.parts {
		if !part.variable {
			pieces = append(pieces, naming.Piece{Text: part.text})
			continue
		}
		value, err := v.value(part.text)
		if err != nil {
			return nil, &NameError{p.place, part.text, err}
		}
		// The name of a file is made of safe pieces already.
		if part.text == fileName {
			pieces = append(pieces, naming.Piece{Text: value})
			continue
		}
		pieces = append(pieces, naming.Piece{Text: value, Variable: part.text})
	}
	return pieces, nil
}

func (v *variables) value(name string) (string, error) {
	x, now := v.x, v.now
	switch name {
	case "annotation.id":
		return fmt.Sprint(x.Annotation.ID), nil
	case "document.id", "document.original_file_name":
		return v.document(name)
	case "queue.id":
		id := x.Annotation.QueueID()
		if id == 0 {
			return "", fmt.Errorf("the annotation has no queue")
		}
		return fmt.Sprint(id), nil
	case "seq":
		return fmt.Sprint(v.count), nil
	case fileName:
		if v.fileName != "" {
			return v.fileName, nil
		}
	}
	for i, unit := range []string{"year", "month", "day", "hour", "minute", "second"} {
		if name == unit {
			return now.Format([]string{"2006", "01", "02", "15", "04", "05"}[i]), nil
		}
	}
	schemaID := name
	variable, ok := v.named[name]
	switch {
	case isSequence(name, v.named):
		return variable.number(v.count), nil
	case ok:
		schemaID = variable.Field
	}
	n, err := x.Field(schemaID)
	if err != nil {
		return "", err
	}
	return n.Value(), nil
}

func (v *variables) document(name string) (string, error) {
	d := v.x.Payload.Document
	switch {
	case d != nil && name == "document.original_file_name":
		return d.OriginalFileName, nil
	case d != nil:
		return fmt.Sprint(d.ID), nil
	case name == "document.id" && v.x.Annotation.Document != "":
		return fmt.Sprint(rossum.IDOf(v.x.Annotation.Document)), nil
	}
	return "", fmt.Errorf("the payload has no document")
}
