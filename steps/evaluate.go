package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// Evaluate decides whether the export has succeeded ("Export evaluator"): where
// a condition is true, its message is shown. See the package's conditions in
// [Check].
type Evaluate struct {
	// Check is used where there is one condition; Checks are several.
	Check
	Checks []Check `json:"checks"`

	compiled []check
}

// Check is a condition with its message.
//
// A condition is a Python expression over field, r (r.field is field), annotation and
// payload, a dict, with Python's builtins that formulas have and Rossum's is_set,
// is_empty, default_to and substitute, so that r.field.api1_status_code != '201'
// works as it is written for Rossum; it holds where Python takes its value for true.
// Values are texts; where the schema is sideloaded, number fields are numbers and
// date fields dates, and None when they are empty. A table is a list of rows, whose
// cells are attributes. A condition is compiled when the step is built, where a name
// that nobody defines is an error; one that reads a field which the annotation does
// not have is an error when it is evaluated.
type Check struct {
	Condition string `json:"condition"`
	// Message is shown when the condition is true; "Export failed." if "".
	Message string `json:"message"`
	// Type is error (the default), warning or info.
	Type rossum.MessageType `json:"type"`
}

var (
	_ pipeline.Step      = (*Evaluate)(nil)
	_ pipeline.Compiler  = (*Evaluate)(nil)
	_ pipeline.Validator = (*Evaluate)(nil)
)

// check is a compiled Check.
type check struct {
	Check
	place     string
	condition *formula.Condition
}

// UnmarshalJSON decodes settings strictly: one check, an object with checks, or
// a list of checks.
func (s *Evaluate) UnmarshalJSON(data []byte) error {
	if isList(data) {
		return decodeList(data, &s.Checks)
	}
	return settings.Decode(data, s)
}

func isList(data []byte) bool {
	for _, c := range data {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c == '['
		}
	}
	return false
}

// decodeList decodes settings that are a list as a whole.
func decodeList[T any](data []byte, into *[]T) error {
	if !json.Valid(data) {
		return settings.Decode(data, into) // says where, and is not misled by what closes the list
	}
	wrapped := struct {
		List *[]T `json:"checks"`
	}{into}
	return settings.Decode(slices.Concat([]byte(`{"checks":`), data, []byte("}")), &wrapped)
}

// Name returns "Export evaluator".
func (s *Evaluate) Name() string { return "Export evaluator" }

// Compile checks the settings and returns what runs. It joins all faults.
func (s *Evaluate) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.compiled, err = s.compile()
	return &built, err
}

// Validate checks the settings. It joins all faults.
func (s *Evaluate) Validate() error {
	_, err := s.compile()
	return err
}

func (s *Evaluate) compile() ([]check, error) {
	var faults settings.Faults
	checks := make(map[string]Check)
	var places []string
	add := func(place string, c Check) {
		checks[place] = c
		places = append(places, place)
	}
	if s.Check != (Check{}) {
		add("", s.Check)
	}
	for i, c := range s.Checks {
		add(settings.Index("checks", i), c)
	}
	if len(places) == 0 {
		faults.Add("condition", "is missing")
	}
	var compiled []check
	for _, place := range places {
		compiled = append(compiled, checks[place].compile(place, &faults))
	}
	return compiled, faults.Err()
}

func (c Check) compile(place string, faults *settings.Faults) check {
	if c.Message == "" {
		c.Message = "Export failed."
	}
	checkType(faults, settings.Join(place, "type"), &c.Type)
	out := check{Check: c, place: place}
	if c.Condition == "" {
		faults.Add(settings.Join(place, "condition"), "is missing")
		return out
	}
	var err error
	out.condition, err = formula.CompileCondition(c.Condition)
	faults.AddErr(settings.Join(place, "condition"), err)
	return out
}

func checkType(faults *settings.Faults, place string, t *rossum.MessageType) {
	switch *t {
	case "":
		*t = rossum.MessageError
	case rossum.MessageError, rossum.MessageWarning, rossum.MessageInfo:
	default:
		faults.Add(place, "%q is unknown (expected error, warning or info)", *t)
	}
}

// Run evaluates the conditions and shows the messages of those that are true.
func (s *Evaluate) Run(ctx context.Context, x *pipeline.Export) error {
	checks := s.compiled
	if checks == nil {
		var err error
		if checks, err = s.compile(); err != nil {
			return err
		}
	}
	if x.Annotation.Content == nil {
		return pipeline.ErrNoContent
	}
	schema, err := x.Payload.Schema()
	if err != nil {
		return err
	}
	var faults []error
	for _, c := range checks {
		is, err := c.holds(ctx, x, schema)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			faults = append(faults, &pipeline.StepError{Place: settings.Join(c.place, "condition"), Err: err})
			continue
		}
		if is {
			x.Message(rossum.Message{Type: c.Type, Content: c.Message})
		}
	}
	return errors.Join(faults...)
}

// holds evaluates the condition.
func (c check) holds(ctx context.Context, x *pipeline.Export, schema *rossum.Schema) (bool, error) {
	for _, id := range c.condition.Needs() {
		if len(x.Annotation.Content.Find(id)) == 0 {
			if _, err := x.Field(id); err != nil { // names the nearest known id
				return false, err
			}
		}
	}
	return c.condition.Holds(ctx, x.Payload, formula.ConditionOptions{Schema: schema, Now: x.Now})
}

// EvaluateReplies turns the error replies of an API into messages. Of each reply
// it looks at the status in one field: below 400 it passes; else the errors
// object in another field becomes one message for each distinct text. A status
// that is missing or no number is a failure, never a pass.
type EvaluateReplies struct {
	Replies []ReplyCheck `json:"replies"`
}

// ReplyCheck names the fields that hold a reply.
type ReplyCheck struct {
	Label       string             `json:"label"`
	StatusField string             `json:"status_schema_id"`
	BodyField   string             `json:"body_schema_id"`
	Type        rossum.MessageType `json:"type"` // error if ""
}

var (
	_ pipeline.Step      = (*EvaluateReplies)(nil)
	_ pipeline.Validator = (*EvaluateReplies)(nil)
)

// UnmarshalJSON decodes settings strictly: an object with replies, a list of
// replies, or a single one.
func (s *EvaluateReplies) UnmarshalJSON(data []byte) error {
	if isList(data) {
		return decodeList(data, &s.Replies)
	}
	var keys map[string]json.RawMessage
	single := func(key string) bool { return keys[key] != nil }
	if json.Unmarshal(data, &keys) == nil && !single("replies") && slices.ContainsFunc([]string{"label", "status_schema_id", "body_schema_id"}, single) {
		s.Replies = make([]ReplyCheck, 1)
		return settings.Decode(data, &s.Replies[0])
	}
	return settings.Decode(data, s)
}

// Name returns "Reply evaluator".
func (s *EvaluateReplies) Name() string { return "Reply evaluator" }

// Validate looks for what is missing. It joins all faults.
func (s *EvaluateReplies) Validate() error {
	var faults settings.Faults
	if len(s.Replies) == 0 {
		faults.Add("replies", "is missing or empty")
	}
	for i, r := range s.Replies {
		place := settings.Index("replies", i)
		if r.StatusField == "" {
			faults.Add(settings.Join(place, "status_schema_id"), "is missing")
		}
		if r.Label == "" {
			faults.Add(settings.Join(place, "label"), "is missing")
		}
		checkType(&faults, settings.Join(place, "type"), &r.Type)
	}
	return faults.Err()
}

// Run looks at the replies.
func (s *EvaluateReplies) Run(ctx context.Context, x *pipeline.Export) error {
	for i, r := range s.Replies {
		if err := r.run(ctx, x); err != nil {
			return &pipeline.StepError{Place: settings.Index("replies", i), Err: fmt.Errorf("%s: %w", r.Label, err)}
		}
	}
	return nil
}
