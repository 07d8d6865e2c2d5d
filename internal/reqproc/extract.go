package reqproc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jmespath"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// Extractor takes a value out of a reply: {"response.body": {"$jmespath": "id"}}.
type Extractor struct {
	path     *Path
	operator string
	query    string
	find     func(ctx context.Context, v value) (value, error)
	elements *xmldoc.Path // of $xmlpath, which finds elements instead
}

// ResponseKeys are the members of response, in the engine's order.
var ResponseKeys = []string{"status_code", "headers", "headers_raw", "text", "content", "url", "reason", "elapsed", "ok", "encoding", "cookies", "body"}

// ErrNotXML means that $xmlpath is used on a reply that is no XML.
var ErrNotXML = errors.New("$xmlpath needs an XML reply")

// Faults collects what is wrong with settings.
type Faults interface {
	Add(place, format string, args ...any)
	AddErr(place string, err error)
}

// CompileExtractor compiles the value of a response handler. Faults are noted at
// the place; the result is nil then.
func CompileExtractor(place string, spec map[string]map[string]string, faults Faults) *Extractor {
	if len(spec) != 1 {
		faults.Add(place, "has %d keys, expected exactly one, such as {\"response.body\": {\"$jmespath\": \"id\"}}", len(spec))
		return nil
	}
	for context, operators := range spec {
		at := settings.Join(place, context)
		e := &Extractor{}
		var err error
		if e.path, err = ParseMembers(context); err != nil {
			faults.AddErr(at, err)
			return nil
		}
		if err := CheckResponse(e.path); err != nil {
			faults.AddErr(at, err)
			return nil
		}
		if len(operators) != 1 {
			faults.Add(at, "has %d operators, expected exactly one of $jmespath, $xmlpath, $regex", len(operators))
			return nil
		}
		for _, op := range slices.Sorted(maps.Keys(operators)) {
			e.operator, e.query = op, operators[op]
			if !e.compile(settings.Join(at, op), faults) {
				return nil
			}
		}
		return e
	}
	return nil
}

// CheckResponse says what is wrong with a path into a reply.
func CheckResponse(p *Path) error {
	if p.Root() != "response" {
		return fmt.Errorf("%s is not part of the reply; a path begins with response", p.Root())
	}
	if name := p.Name(1); p.Len() > 1 && !slices.Contains(ResponseKeys, name) {
		if name == "raw" {
			return errors.New("response.raw does not exist (did you mean response.headers_raw?)")
		}
		return NotThere("response", name, ResponseKeys)
	}
	return nil
}

// plainQuery is a JMESPath expression that is nothing but a name, or begins with one.
var plainQuery = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)

func (e *Extractor) compile(place string, faults Faults) bool {
	var err error
	if e.query == "" {
		faults.Add(place, "is empty, so it finds nothing")
		return false
	}
	switch e.operator {
	case "$jmespath":
		err = e.compileJMESPath()
	case "$xmlpath":
		err = e.compileXPath()
	case "$regex":
		err = e.compileRegex()
	default:
		faults.Add(place, "%s", unknownOperator(e.operator, []string{"$jmespath", "$xmlpath", "$regex"}))
		return false
	}
	faults.AddErr(place, err)
	return err == nil
}

func (e *Extractor) compileJMESPath() error {
	compiled, err := jmespath.Compile(e.query)
	if err != nil {
		return err
	}
	name := plainQuery.FindString(e.query)
	isName := name != "" && (len(name) == len(e.query) || strings.IndexByte(".[", e.query[len(name)]) >= 0)
	if e.path.Len() == 1 && isName && !slices.Contains(ResponseKeys, name) {
		p, err := ParsePath("response." + name)
		if err != nil { // it is too long
			return err
		}
		return CheckResponse(p)
	}
	e.find = compiled.Search
	return nil
}

func (e *Extractor) compileXPath() error {
	compiled, err := xmldoc.CompilePath(e.query)
	if err != nil {
		return err
	}
	e.elements = compiled
	return nil
}

// findElements searches the text of a reply.
func (e *Extractor) findElements(ctx context.Context, s *Scope, text string) (value, error) {
	parse := s.XML
	if parse == nil {
		parse = xmldoc.ParseText
	}
	doc, err := parse(ctx, text)
	if err != nil {
		return value{}, fmt.Errorf("the reply cannot be read as XML: %w", err)
	}
	meter := meterOf(ctx)
	found, err := e.elements.Find(doc, doc.RootElement(), meter)
	if err == nil {
		var texts value
		if texts, err = elementTexts(doc, found, meter); err == nil {
			return texts, nil
		}
	}
	return value{}, fmt.Errorf("%s: %w", e, err)
}

// elementTexts returns None for nothing, a text for one element, a list of texts for
// more. An element without a text of its own before its first child counts as its
// XML.
func elementTexts(doc *xmldoc.Document, found []xmldoc.ID, meter *pyvalue.Meter) (value, error) {
	const costOfText = 40 // and of its place in the list
	if err := meter.GrowTimes(len(found), costOfText); err != nil {
		return value{}, err
	}
	texts := make([]value, len(found))
	for i, n := range found {
		text := doc.TextOf(n)
		if text == "" {
			var err error
			if text, err = doc.StringWithin(n, meter); err == nil {
				err = meter.Grow(int64(len(text)))
			}
			if err != nil {
				return value{}, err
			}
		}
		texts[i] = pyvalue.Str(text)
	}
	switch len(texts) {
	case 0:
		return pyvalue.None(), nil
	case 1:
		return texts[0], nil
	}
	return pyvalue.NewList(texts...), nil
}

func (e *Extractor) compileRegex() error {
	compiled, err := CompilePattern(e.query)
	if err != nil {
		return err
	}
	e.find = func(ctx context.Context, v value) (value, error) {
		text, err := pyvalue.String(pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxBytes}), v)
		if err != nil {
			return value{}, err
		}
		found, _, err := compiled.Find(ctx, text)
		return found, err
	}
	return nil
}

// NeedsXML reports whether the extractor works on XML replies alone.
func (e *Extractor) NeedsXML() bool { return e.operator == "$xmlpath" }

// Reads reports whether the extractor sees the member of the reply: response
// itself, or the member.
func (e *Extractor) Reads(member string) bool { return e.path.Len() == 1 || e.path.Name(1) == member }

// ReadsAll reports whether the extractor needs the body of the reply with all that is in it,
// and not as a part of a reply alone.
func (e *Extractor) ReadsAll() bool { return e.path.Len() == 1 }

// String describes the extractor: $jmespath "id".
func (e *Extractor) String() string { return fmt.Sprintf("%s %q", e.operator, e.query) }

// Context returns the part of the reply that the extractor looks at.
func (e *Extractor) Context() string { return e.path.String() }

// Extract takes the value out of the reply; None if it is not there. A member of
// the path that is missing counts as an empty object, and $xmlpath searches the whole
// reply whatever its path, as they do in the engine.
func (e *Extractor) Extract(ctx context.Context, s *Scope) (pyvalue.Value, error) {
	v := s.Roots[e.path.Root()]
	if e.NeedsXML() {
		text, _ := v.Dict().GetStr("text") // every reply has one
		return e.findElements(ctx, s, text.Text())
	}
	meter := pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps})
	for i, step := range e.path.segments[1:] {
		if part, ok := v.Part(); ok && !part.IsList() {
			found, there, err := part.Member(meter, step.name)
			if err != nil {
				return value{}, err
			}
			if v = found; !there {
				v = pyvalue.NewDict().Value()
			}
			continue
		}
		d := v.Dict()
		if d == nil {
			return value{}, fmt.Errorf("%s is %s, so it has no %s", e.path.text[:e.path.segments[i].end], Describe(v), step.name)
		}
		var there bool
		if v, there = d.GetStr(step.name); !there {
			v = pyvalue.NewDict().Value()
		}
	}
	if part, ok := v.Part(); ok && e.operator != "$jmespath" {
		whole, err := part.Whole(meter)
		if err != nil {
			return value{}, err
		}
		v = whole
	} else if ok {
		return e.find(ctx, v)
	}
	v, err := Simple(ctx, v)
	if err != nil {
		return value{}, err
	}
	return e.find(ctx, v)
}
