package requestprocessor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// program is a compiled Step.
type program struct {
	stages    []*stage
	debugging bool
	compact   bool // JSON in fields
	tokens    *send.Tokens
	known     address.Known // hosts that the settings name
	literals  []string      // credentials that the settings have literally
}

type stage struct {
	place    string
	evaluate []*guard
	contents []*content
	calls    []*call
}

// guard is a compiled Evaluate.
type guard struct {
	place, name string
	condition   *reqproc.Condition
}

// content is a compiled GetContent.
type content struct {
	place, name, source string
	query               *reqproc.Condition
	explicit            []*reqproc.Template
}

// compiler goes through the settings in their order.
type compiler struct {
	faults settings.Faults
	later  []string // names of property that anything sets
	known  []string // those that are set by now
}

// Contexts of the places.
var (
	dataRoots     = []string{"payload", "field", "property"}
	responseRoots = []string{"response", "found_value"}
)

func (s *Step) compile() (*program, error) {
	c := &compiler{}
	text, _ := json.Marshal(s.Stages) // of decoded settings, which can always be written
	p := &program{debugging: s.Debugging, compact: s.CompactJSON, tokens: &send.Tokens{}, known: address.Literals(string(text)), literals: redact.Literals(text)}
	if len(s.Stages) == 0 {
		c.faults.Add("stages", "is missing or empty")
	}
	c.names(s.Stages)
	for i, st := range s.Stages {
		p.stages = append(p.stages, c.stage(settings.Index("stages", i), st))
	}
	return p, c.faults.Err()
}

// names collects all names of property.
func (c *compiler) names(stages []Stage) {
	for _, st := range stages {
		for _, g := range st.GetContent {
			c.later = append(c.later, g.Name)
		}
		for _, call := range st.CallAPI {
			for _, h := range slices.Concat(call.Priority, call.Handlers) {
				if h.TargetType == TargetProperty {
					c.later = append(c.later, h.TargetKey)
				}
			}
		}
	}
}

// has reports whether a name is among those set; one with {sequence} stands for
// many.
func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(known string) bool {
		before, after, many := strings.Cut(known, "{sequence}")
		return known == name || many && len(name) > len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
	})
}

// options are those of templates at a place with the given contexts.
func (c *compiler) options(roots ...string) reqproc.Options {
	return reqproc.Options{Roots: roots, Check: c.check}
}

// check says what is known to be wrong with a path before anything runs.
func (c *compiler) check(p *reqproc.Path) error {
	switch name := p.Name(1); p.Root() {
	case "field":
		if name == "" {
			return fmt.Errorf("names no field; write field.<schema_id>.value")
		}
	case "payload":
		if name == "secrets" && p.Name(2) == "" {
			return fmt.Errorf("means all secrets at once; name one, as in payload.secrets.password")
		}
	case "property":
		switch {
		case name == "" || has(c.known, name):
		case has(c.later, name):
			return fmt.Errorf("%w: property.%s is set only later", reqproc.ErrNotThere, name)
		default:
			return reqproc.NotThere("property", name, c.later)
		}
	case "response":
		return reqproc.CheckResponse(p)
	}
	return nil
}

func (c *compiler) stage(place string, st Stage) *stage {
	out := &stage{place: place}
	for i, e := range st.Evaluate {
		at := settings.Index(settings.Join(place, "evaluate"), i)
		c.require(at, "name", e.Name)
		g := &guard{place: at, name: e.Name}
		g.condition = c.condition(settings.Join(at, "condition"), e.Condition, true, dataRoots...)
		out.evaluate = append(out.evaluate, g)
	}
	for i, g := range st.GetContent {
		at := settings.Index(settings.Join(place, "get_content"), i)
		out.contents = append(out.contents, c.content(at, g))
		c.known = append(c.known, g.Name)
	}
	for i, call := range st.CallAPI {
		out.calls = append(out.calls, c.call(settings.Index(settings.Join(place, "call_api"), i), call))
	}
	if len(st.Evaluate)+len(st.GetContent)+len(st.CallAPI) == 0 {
		c.faults.Add(place, "is empty; a stage has evaluate, get_content or call_api")
	}
	return out
}

func (c *compiler) require(place, key, text string) {
	if strings.TrimSpace(text) == "" {
		c.faults.Add(settings.Join(place, key), "is missing")
	}
}

// json returns the text of a value of the settings, nil if there is none. It is at fault
// if JSON cannot hold it.
func (c *compiler) json(place string, value any) (raw json.RawMessage, sound bool) {
	raw, err := settings.JSON(value)
	c.faults.AddErr(place, err)
	return raw, err == nil
}

func (c *compiler) condition(place string, value any, required bool, roots ...string) *reqproc.Condition {
	raw, sound := c.json(place, value)
	if raw == nil {
		if required && sound {
			c.faults.Add(place, "is missing")
		}
		return nil
	}
	condition, err := reqproc.CompileCondition(raw, reqproc.ConditionOptions{Options: c.options(roots...)})
	c.faults.AddErr(place, err)
	return condition
}

// text compiles a text of the settings; "" gives nil.
func (c *compiler) text(place, text string, roots ...string) *reqproc.Template {
	if text == "" {
		return nil
	}
	t, err := reqproc.CompileText(text, c.options(roots...))
	c.faults.AddErr(place, err)
	return t
}

// value compiles a JSON value of the settings; null gives nil.
func (c *compiler) value(place string, value any, roots ...string) *reqproc.Template {
	raw, _ := c.json(place, value)
	if raw == nil {
		return nil
	}
	t, err := reqproc.Compile(raw, c.options(roots...))
	c.faults.AddErr(place, err)
	return t
}

// object compiles a JSON object.
func (c *compiler) object(place string, value any, roots ...string) *reqproc.Template {
	t := c.value(place, value, roots...)
	if t == nil {
		return nil
	}
	if v, ok := t.Literal(); ok && v.Dict() == nil {
		c.faults.Add(place, "is %s, expected an object", reqproc.Describe(v))
	}
	return t
}

// keysOf are the keys of what a source lists.
var keysOf = map[string][]string{
	"relation":                  {"id", "type", "key", "parent", "annotations", "url"},
	"relation_content":          {"id", "type", "key", "parent", "annotations", "url"},
	"parent_relation":           {"id", "type", "key", "parent", "annotations", "url"},
	"parent_relation_content":   {"id", "type", "key", "parent", "annotations", "url"},
	"document_relation":         {"id", "type", "key", "annotation", "documents", "url"},
	"document_relation_content": {"id", "type", "key", "annotation", "documents", "url"},
	"explicit":                  nil,
}

func (c *compiler) content(place string, g GetContent) *content {
	out := &content{place: place, name: g.Name, source: string(g.Source)}
	if g.Name == "" {
		c.faults.Add(settings.Join(place, "name"), "is missing")
	}
	keys, ok := keysOf[out.source]
	query := settings.Join(place, "query")
	raw, sound := c.json(query, g.Query)
	switch {
	case !ok:
		var known []string
		for source := range keysOf {
			known = append(known, source)
		}
		slices.Sort(known)
		hint := ""
		if best := settings.Nearest(out.source, known); best != "" {
			hint = "; did you mean " + best + "?"
		}
		c.faults.Add(settings.Join(place, "source"), "%q is unknown (expected one of %s%s)", g.Source, strings.Join(known, ", "), hint)
	case raw == nil:
		if sound {
			c.faults.Add(query, "is missing")
		}
	case g.Source == SourceExplicit:
		out.explicit = c.explicit(query, raw)
	default:
		var err error
		out.query, err = reqproc.CompileCondition(raw, reqproc.ConditionOptions{Options: c.options(dataRoots...), Keys: keys})
		c.faults.AddErr(query, err)
	}
	return out
}

func (c *compiler) explicit(place string, raw json.RawMessage) []*reqproc.Template {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		c.faults.Add(place, "is not a list of templates, such as [\"{payload.document.url.@}\"]")
		return nil
	}
	if len(list) == 0 {
		c.faults.Add(place, "is empty")
	}
	var out []*reqproc.Template
	for i, item := range list {
		at := settings.Index(place, i)
		if string(item) == "null" {
			c.faults.Add(at, "is null")
			continue
		}
		out = append(out, c.value(at, item, dataRoots...))
	}
	return out
}

// iterate compiles iterate_over and the name of its item.
func (c *compiler) iterate(place string, r Request) (*reqproc.Path, string) {
	name := r.IterationItemName
	if r.IterateOver == "" {
		if name != "" {
			c.faults.Add(settings.Join(place, "iteration_item_name"), "needs iterate_over")
		}
		return nil, ""
	}
	at := settings.Join(place, "iterate_over")
	path, err := reqproc.ParsePath(r.IterateOver)
	switch bare := strings.Trim(r.IterateOver, "{} \t\r\n"); {
	case bare != r.IterateOver:
		c.faults.Add(at, "%q is not a path; write %s, without braces and blanks: the engine finds nothing there and makes no call", r.IterateOver, bare)
	case err != nil:
		c.faults.AddErr(at, err)
	case !slices.Contains(dataRoots, path.Root()):
		c.faults.Add(at, "%s is not known here (expected one of payload, field, property)", path.Root())
	default:
		c.faults.AddErr(at, c.check(path))
	}
	if name == "" {
		name = "item"
	}
	if !reqproc.IsName(name) || slices.Contains(reqproc.Contexts, name) {
		c.faults.Add(settings.Join(place, "iteration_item_name"), "%q cannot be the name of an item", name)
	}
	return path, name
}

// maxKey bounds a target_key into which the sequence is put, in bytes: "{sequence:9999999999}"
// is one, too. No schema_id, nor key of a relation, is that long.
const maxKey = 4 << 10

// formatKey puts the sequence into a target_key, as Python's str.format does.
func formatKey(key string, sequence int) (string, error) {
	if !strings.ContainsAny(key, "{}") {
		return key, nil
	}
	m := pyvalue.NewMeter(context.Background(), pyvalue.Limits{ValueBytes: maxKey})
	v, err := pyvalue.CallMethod(m, pyvalue.Str(key), "format", &pyvalue.Call{Names: []string{"sequence"}, Named: []pyvalue.Value{pyvalue.Int(int64(sequence))}})
	if errors.Is(err, pyvalue.ErrLimit) {
		return "", fmt.Errorf("it becomes longer than %d bytes", maxKey)
	}
	if err != nil {
		return "", fmt.Errorf("only {sequence} can be filled in here: %w", err)
	}
	return v.Text(), nil
}
