package formula

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Handler is the name of the function that a function hook defines.
const Handler = "rossum_hook_request_handler"

// Function is the compiled code of a function hook that stays within the language
// of formulas: it defines [Handler], and works with what TxScript.from_payload (or
// RossumPython.from_payload) returns, or with the payload itself. A field is written
// by an assignment to it (t.field.x = …, row.x = …), a table by one of a list of
// dicts, or by t.field.table.append(dict). A value that has gone through a variable or
// a parameter still has .attr and .id, and is the place of a message. It is safe for
// concurrent use.
type Function struct{ program *txscript.Program }

// ErrNoHandler means that the code defines no [Handler].
var ErrNoHandler = errors.New("the code does not define " + Handler)

// CompileFunction compiles the code of a function hook. The error wraps
// [ErrUnsupported] or [ErrSyntax] and names the construct and its line, or is
// [ErrNoHandler].
func CompileFunction(code string) (*Function, error) { return compileFunction(code, false) }

// CompileSendingFunction compiles the code of a function hook, as [CompileFunction] does,
// that may import requests and urllib.request: its calls are made by [FunctionOptions.Send].
func CompileSendingFunction(code string) (*Function, error) { return compileFunction(code, true) }

func compileFunction(code string, sends bool) (*Function, error) {
	p, err := txscript.Compile(code, txscript.Options{Globals: []string{hiddenGlobal}, HTTP: sends})
	switch {
	case err != nil:
		return nil, syntaxFault(err)
	case !p.Defines(Handler):
		return nil, ErrNoHandler
	}
	return &Function{p}, nil
}

// Evaluates lists the settings whose texts the code gives to eval, as
// eval(payload["settings"]["condition"]).
func (f *Function) Evaluates() []string { return f.program.Evaluates() }

// CheckExpression reports what is wrong with a text that code gives to eval, as far
// as that shows without running it. The error wraps [ErrSyntax] or [ErrUnsupported].
func CheckExpression(text string) error {
	if err := txscript.CheckExpression(text); err != nil {
		return syntaxFault(err)
	}
	return nil
}

// hiddenGlobal is not a name that code can have: from_payload returns its value.
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
	// NewID returns texts that nobody can guess, which uuid.uuid4 is made of: a run that
	// is repeated has the same ones again. nil is random.
	NewID func() string
	// Send makes the calls of code that imports requests or urllib.request, one at a time. An error that is a
	// [*CallError] is an exception that the code can catch; any other ends the run. With it,
	// time.sleep waits, until ctx ends, and Now goes on by that; without it, nothing does.
	Send func(ctx context.Context, c *Call) (*Reply, error)
}

// maxSent is how many bytes a value may have in code that sends: a document of 40 MB in base64.
const maxSent = 64 << 20

// Run calls the function with a hook call, and makes the changes that it makes, or
// that the operations of its answer ask for. The payload that the code sees has the
// settings and secrets of p, which are to be those of the function's own hook, but
// not the token. An error is an exception that the code did not catch, a limit, or an
// answer that is none.
func (f *Function) Run(ctx context.Context, p *rossum.Payload, o FunctionOptions) error {
	if p == nil || p.Annotation == nil || p.Annotation.Content == nil {
		return errors.New("the payload has no annotation content")
	}
	r := newRunning(ctx, fieldsOf(o.Schema, p.Annotation.Content), p.Annotation.Content)
	r.writes = true
	r.knowOrigins(f.program.Origins())
	t := &script{fields: &writable{scope{r: r}}, payload: &payloadDict{p: p, secrets: true, changes: true}, annotation: p.Annotation}
	var argument value
	if f.program.Uses(f.program.FirstParam(Handler)) {
		argument = t.payload.value()
	}
	defer t.payload.close()
	bounds := pyvalue.Limits{Steps: txscript.DefaultLimits.Steps, ValueBytes: txscript.DefaultLimits.ValueBytes, TotalBytes: txscript.DefaultLimits.TotalBytes}
	host := &txscript.Host{Globals: []value{pyvalue.FromObject(t)}, Now: o.Now, NewID: o.NewID, Show: func(m txscript.Message) { show(o, m) }}
	if o.Send != nil {
		var recorded bool
		host.Send, bounds.ValueBytes = o.send(ctx, &recorded), maxSent
		host.Wait = func(d time.Duration) error {
			if recorded {
				d = 0
			}
			return wait(ctx, d)
		}
	}
	r.meter = pyvalue.NewMeter(ctx, bounds)
	host.Meter = r.meter
	answer, err := f.program.Call(ctx, host, Handler, argument)
	if err == nil {
		err = t.payload.err
	}
	if err != nil {
		return err
	}
	return apply(p, o, r.meter, answer)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// describeNode stands for the schema of a field where there is none.
func describeNode(n *rossum.Node) *described {
	d := &described{SchemaField: &rossum.SchemaField{ID: n.SchemaID(), Category: n.Category().String(), Type: "string"}}
	for at := n.Parent(); at != nil; at = at.Parent() {
		if at.Category() == rossum.CategoryMultivalue {
			d.table = at.SchemaID()
			d.list = at == n.Parent() && n.Category() == rossum.CategoryDatapoint
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
func apply(p *rossum.Payload, o FunctionOptions, m *pyvalue.Meter, answer value) error {
	if _, ok := answer.Object().(*response); ok || answer.IsNone() {
		return nil
	}
	if answer.Dict() == nil {
		return fmt.Errorf("the function returned a %s; it must return a dict, or what hook_response() returns", pyvalue.TypeName(answer))
	}
	r, plain := responseOf(answer)
	if !plain {
		data, err := pyvalue.JSON{}.Append(m, nil, answer)
		if err != nil {
			return fmt.Errorf("the answer of the function: %w", err)
		}
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("the answer of the function: %w", err)
		}
	}
	for _, m := range r.Messages {
		o.Show(m)
	}
	return p.Annotation.Content.Apply(r.Operations)
}

// responseOf returns an answer of messages alone, as most are; false for any other, which
// its JSON is to tell more of.
func responseOf(answer value) (r rossum.Response, plain bool) {
	var messages []value
	for key, v := range answer.Dict().All() {
		list := v.PlainList()
		switch name := key.Text(); {
		case list == nil:
			return r, false
		case name == "messages":
			messages = list.Items
		case name != "operations" || len(list.Items) > 0:
			return r, false
		}
	}
	list := make([]rossum.Message, len(messages))
	for i, v := range messages {
		d := v.PlainDict()
		if d == nil {
			return r, false
		}
		for key, v := range d.All() {
			id, isInt := v.Int64()
			switch name, kind := key.Text(), v.Kind(); {
			case name == "type" && kind == pyvalue.KindStr:
				list[i].Type = rossum.MessageType(v.Text())
			case name == "content" && kind == pyvalue.KindStr:
				list[i].Content = v.Text()
			case name == "id" && kind == pyvalue.KindInt && isInt:
				list[i].ID = id
			default:
				return r, false
			}
		}
	}
	return rossum.Response{Messages: list}, true
}

// script is what from_payload returns.
type script struct {
	fields     pyvalue.Object
	payload    *payloadDict
	annotation *rossum.Annotation
}

// PyType implements [pyvalue.Object].
func (*script) PyType() string { return "TxScript" }

// PyAttr returns field, payload, annotation, hook_response, and what shows messages.
func (t *script) PyAttr(name string) (value, bool) {
	switch name {
	case "field":
		return pyvalue.FromObject(t.fields), true
	case "payload":
		return t.payload.value(), true
	case "annotation":
		return annotationValue(t.annotation), true
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
		data, err := pyvalue.JSON{}.Append(a.m, nil, v)
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
