package formula

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Condition is a compiled Python expression that is true or false, as export
// evaluators have them: eval gets it on the platform. It sees field, r (r.field is
// field), payload and annotation, the builtins of formulas, and Rossum's functions.
// Its values are those of formulas, but that an empty number or date is None. It is
// safe for concurrent use.
type Condition struct{ program *txscript.Program }

// conditionGlobals are the names that conditions know besides the builtins.
var conditionGlobals = []string{"field", "payload", "annotation", "r"}

// scriptAttrs are the attributes of what from_payload returns.
var scriptAttrs = []string{"field", "payload", "annotation", "hook_response", "show_error", "show_warning", "show_info", "automation_blocker"}

// CompileCondition compiles a condition. The error wraps [ErrSyntax] or
// [ErrUnsupported]; a name that nobody defines, and an attribute that no such value
// has, are errors of syntax, too.
func CompileCondition(text string) (*Condition, error) {
	p, err := txscript.CompileExpression(text, txscript.Options{
		Globals: conditionGlobals, Fields: "field", Via: []string{"r"}, Attributes: map[string][]string{"r": scriptAttrs},
	})
	if err != nil {
		return nil, syntaxFault(err)
	}
	return &Condition{p}, nil
}

// languageError is what the compiler says, of one of two kinds. It is one error, not
// two that are joined.
type languageError struct{ kind, err error }

func (e *languageError) Error() string        { return e.kind.Error() + ": " + e.err.Error() }
func (e *languageError) Unwrap() error        { return e.err }
func (e *languageError) Is(target error) bool { return target == e.kind }

func syntaxFault(err error) error {
	var syntax *txscript.SyntaxError
	if errors.As(err, &syntax) && syntax.Unsupported {
		return &languageError{ErrUnsupported, err}
	}
	return &languageError{ErrSyntax, err}
}

// Reads lists the schema_ids that the condition reads by name, without those that
// it can do without.
func (c *Condition) Reads() []string {
	reads := c.program.Reads()
	return slices.DeleteFunc(slices.Clone(reads.Fields), func(id string) bool { return reads.Guarded[id] || id[0] == '_' })
}

// AllReads lists the schema_ids that the condition may read, those that it can do
// without among them. The second result is false if it may read others under names that
// its text does not show.
func (c *Condition) AllReads() (ids []string, known bool) {
	reads := c.program.Reads()
	return slices.Clone(reads.Fields), !reads.Computed && !reads.Passed
}

// Needs lists those among them that it reads whatever the values are.
func (c *Condition) Needs() []string {
	reads := c.program.Reads()
	return slices.DeleteFunc(c.Reads(), func(id string) bool { return !reads.Missing[id] })
}

// ConditionOptions of [Condition.Holds]; the zero value works.
type ConditionOptions struct {
	// Schema gives the fields their types; nil makes all of them texts.
	Schema *rossum.Schema
	// Now is the clock; nil is time.Now in UTC.
	Now func() time.Time
}

// Holds evaluates the condition on a hook call, and reports whether its value is
// true in Python's sense. Nothing of the payload is changed. An error is an exception,
// or a limit.
func (c *Condition) Holds(ctx context.Context, p *rossum.Payload, o ConditionOptions) (bool, error) {
	if p == nil || p.Annotation == nil || p.Annotation.Content == nil {
		return false, errors.New("the payload has no annotation content")
	}
	r := newRunning(ctx, fieldsAsRead(o.Schema, p.Annotation.Content), p.Annotation.Content)
	r.none = true
	r.knowOrigins(c.program.Origins())
	t := &script{fields: &scope{r: r}, payload: &payloadDict{p: p}, annotation: p.Annotation}
	var whole value
	if c.program.Uses("payload") {
		whole = t.payload.value()
	}
	v, err := c.program.Run(ctx, &txscript.Host{Now: o.Now, Globals: []value{
		pyvalue.FromObject(t.fields), whole, annotationValue(p.Annotation), pyvalue.FromObject(t),
	}})
	var at *txscript.RunError
	if errors.As(err, &at) {
		err = at.Err // a condition has one line
	}
	if err == nil {
		err = t.payload.err
	}
	return err == nil && pyvalue.Truth(v), err
}

// fieldsOf describes the fields of the schema, and those of the content that it has
// not.
func fieldsOf(schema *rossum.Schema, content *rossum.Content) *program {
	set := &program{fields: make(map[string]*described)}
	set.describeAll(schema, content)
	return set
}

func (s *program) describeAll(schema *rossum.Schema, content *rossum.Content) {
	if schema != nil {
		for i := range schema.Content {
			s.describe(&schema.Content[i], "", false)
		}
	}
	for id := range content.SchemaIDs() {
		if s.fields[id] == nil {
			s.fields[id] = describeNode(content.Find(id)[0])
		}
	}
}

// fieldsAsRead is fieldsOf for a content that does not change meanwhile: it describes a
// field when it is asked for, since a condition reads few of them.
func fieldsAsRead(schema *rossum.Schema, content *rossum.Content) *program {
	set := &program{fields: make(map[string]*described)}
	set.rest = func() { set.describeAll(schema, content) }
	set.find = func(id string) *described {
		if schema != nil {
			if d := describeOne(schema.Content, id, "", false); d != nil {
				return d
			}
		}
		if nodes := content.Find(id); len(nodes) > 0 {
			return describeNode(nodes[0])
		}
		return nil
	}
	return set
}

func newRunning(ctx context.Context, set *program, content *rossum.Content) *running {
	return &running{set: set, ctx: ctx, content: content, result: &Result{}}
}
