package formula

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Handler is the name of the function that a function hook defines.
const Handler = "rossum_hook_request_handler"

// Function is the compiled code of a function hook that stays within the language
// of formulas: it defines [Handler], and works with what TxScript.from_payload (or
// RossumPython.from_payload) returns, or with the payload itself. A field is written
// by an assignment to it (t.field.x = …, row.x = …), a table by one of a list of
// dicts, or by t.field.table.append(dict). A value that has gone through a variable is
// plain: .attr, .id and the place of a message need the field itself. It is safe for
// concurrent use.
type Function struct{ program *txscript.Program }

// ErrNoHandler means that the code defines no [Handler].
var ErrNoHandler = errors.New("the code does not define " + Handler)

// CompileFunction compiles the code of a function hook. The error wraps
// [ErrUnsupported] or [ErrSyntax] and names the construct and its line, or is
// [ErrNoHandler].
func CompileFunction(code string) (*Function, error) {
	p, err := txscript.Compile(code, txscript.Options{Globals: []string{hiddenGlobal}})
	var syntax *txscript.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Unsupported:
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	case !p.Defines(Handler):
		return nil, ErrNoHandler
	}
	return &Function{p}, nil
}

// hiddenGlobal is no name that code can have: from_payload returns its value.
const hiddenGlobal = "<txscript>"

// FunctionOptions of [Function.Run].
type FunctionOptions struct {
	// Schema gives the fields their types; nil makes all of them texts.
	Schema *rossum.Schema
	// Show gets the messages; automation blockers come as messages of type
	// "automation_blocker". It must not be nil.
	Show func(rossum.Message)
	// Now is the clock; nil is time.Now in UTC.
	Now func() time.Time
}

// Run calls the function with a hook call, and makes the changes that it makes, or
// that the operations of its answer ask for. The payload that the code sees has
// neither token nor secrets. An error is an exception that the code did not catch, a
// limit, or an answer that is none.
func (f *Function) Run(ctx context.Context, p *rossum.Payload, o FunctionOptions) error {
	if p.Annotation == nil || p.Annotation.Content == nil {
		return errors.New("the payload has no annotation content")
	}
	set := &Set{fields: make(map[string]*described)}
	if o.Schema != nil {
		for i := range o.Schema.Content {
			set.describe(&o.Schema.Content[i], "", false)
		}
	}
	content := p.Annotation.Content
	for id := range content.SchemaIDs() {
		if set.fields[id] == nil {
			set.fields[id] = describeNode(content.Find(id)[0])
		}
	}
	r := &running{writes: true, set: set, ctx: ctx, content: content, result: &Result{}, columns: make(map[string][]value), tables: make(map[string][]value), full: make(map[string][]value)}
	t := &script{fields: &writable{scope{r: r}}, payload: &payload{p: p}}
	host := &txscript.Host{Globals: []value{pyvalue.FromObject(t)}, Now: o.Now, Show: func(m txscript.Message) { show(o, m) }}
	answer, err := f.program.Call(ctx, host, Handler, pyvalue.FromObject(t.payload))
	if err != nil {
		return err
	}
	return apply(p, o, answer)
}

// describeNode stands for the schema of a field where there is none.
func describeNode(n *rossum.Node) *described {
	d := &described{SchemaField: &rossum.SchemaField{ID: n.SchemaID(), Category: n.Category().String(), Type: "string"}}
	for at := n.Parent(); at != nil; at = at.Parent() {
		if at.Category() == rossum.Multivalue {
			d.table = at.SchemaID()
		}
	}
	return d
}

func show(o FunctionOptions, m txscript.Message) {
	message := rossum.Message{Type: rossum.MessageType(m.Kind), Content: m.Text}
	if m.Kind == "blocker" {
		message.Type = "automation_blocker"
	}
	if n, ok := m.Field.(*rossum.Node); ok && n != nil {
		message.ID = n.ID()
	}
	o.Show(message)
}

// apply takes what the function returned: what hook_response made, None, or a dict
// with messages and operations.
func apply(p *rossum.Payload, o FunctionOptions, answer value) error {
	if _, ok := answer.Object().(*response); ok || answer.IsNone() {
		return nil
	}
	if answer.Dict() == nil {
		return fmt.Errorf("the function returned a %s; it must return a dict, or what hook_response() returns", pyvalue.TypeName(answer))
	}
	data, err := pyvalue.JSON{}.Append(nil, nil, answer)
	if err != nil {
		return fmt.Errorf("the answer of the function: %w", err)
	}
	var r rossum.Response
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("the answer of the function: %w", err)
	}
	for _, m := range r.Messages {
		o.Show(m)
	}
	return p.Annotation.Content.Apply(r.Operations)
}

// script is what from_payload returns.
type script struct {
	fields  *writable
	payload *payload
}

// PyType implements [pyvalue.Object].
func (*script) PyType() string { return "TxScript" }

// PyAttr returns field, payload, annotation, hook_response, and what shows messages.
func (t *script) PyAttr(name string) (value, bool) {
	switch name {
	case "field":
		return pyvalue.FromObject(t.fields), true
	case "payload":
		return pyvalue.FromObject(t.payload), true
	case "annotation":
		return annotationValue(t.payload.p.Annotation), true
	case "hook_response":
		return pyvalue.FromObject(&pyvalue.Func{Name: name, F: func(*pyvalue.Call) (value, error) { return pyvalue.FromObject(&response{}), nil }}), true
	}
	return txscript.Shower(name)
}

// response is what hook_response returns: everything has been done already.
type response struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*response) PyType() string { return "dict" }

// PySetAttr writes options and hidden.
func (a *attributes) PySetAttr(name string, v value) error {
	switch name {
	case "options":
		data, err := pyvalue.JSON{}.Append(nil, nil, v)
		if err != nil {
			return err
		}
		if err := a.n.SetOptions(data); err != nil {
			return pyvalue.Raise("ValueError", "%v", err)
		}
		return nil
	case "hidden":
		a.n.SetHidden(pyvalue.Truth(v))
		return nil
	}
	return pyvalue.Raise("AttributeError", "attr.%s cannot be written", name)
}

// payload is the hook call as a dict, which is made when it is first looked at.
type payload struct {
	p    *rossum.Payload
	dict *pyvalue.Dict
}

// PyType implements [pyvalue.Object].
func (*payload) PyType() string { return "dict" }

func (p *payload) load() (value, error) {
	if p.dict == nil {
		data, err := p.p.AppendJSON(nil)
		if err != nil {
			return value{}, err
		}
		v, err := pyvalue.FromJSON(data, false)
		if err != nil {
			return value{}, err
		}
		p.dict = v.Dict()
	}
	return p.dict.Value(), nil
}

// PyItem returns payload[key].
func (p *payload) PyItem(key value) (value, error) {
	v, err := p.load()
	if err != nil {
		return value{}, err
	}
	return pyvalue.GetItem(v, key)
}

// PyContains reports whether there is a key.
func (p *payload) PyContains(key value) (bool, error) {
	v, err := p.load()
	if err != nil {
		return false, err
	}
	return pyvalue.Contains(nil, v, key)
}

// PyAttr returns the methods of a dict.
func (p *payload) PyAttr(name string) (value, bool) {
	v, err := p.load()
	if err != nil {
		return value{}, false
	}
	return pyvalue.Method(v, name)
}
