package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/charset"
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jmespath"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/re"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
	"github.com/exportpipeline/exportpipeline/internal/xpath"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// Extract writes values of replies to fields of the annotation ("Data value
// extractor"). Texts are written as they are, numbers as the reply spelt them,
// booleans as true or false, null and what is not found as "", objects and lists
// as compact JSON.
//
// Where the call of a reply was not due, its rules are passed over and the
// fields keep what they have: an id of an earlier export must not be lost. Where
// the call failed in this run, the fields are emptied, so that nothing acts on an
// old reply. A reply that is missing for any other reason is an error.
//
// A reply with an error status (400 or above) that is not what Format says, such as
// the HTML page of a proxy, empties its fields with a warning, and the chain goes
// on: such a call has failed, and to judge that is the matter of the evaluator,
// whose severity (an error, or a warning only) is the program's decision. A reply
// with a success status that cannot be read is an error, as nobody else would
// notice it: a chain must not go on without the id that it was to bring. The other
// sources are extracted in both cases.
type Extract struct {
	Sources []Source `json:"extract"`

	compiled []source
}

// Source is a reply and what to take out of it.
type Source struct {
	// Format is "json" (the default), "xml" or "text".
	Format SourceFormat `json:"format"`
	// Key is the reference key of the reply.
	Key string `json:"source_reference_key"`
	// Condition skips the source when it renders to nothing or to "false".
	Condition string        `json:"condition"`
	Rules     []ExtractRule `json:"extract_rules"`
}

// SourceFormat says how a [Source] is read.
type SourceFormat string

// The formats of a [Source].
const (
	SourceJSON SourceFormat = "json"
	SourceXML  SourceFormat = "xml"
	SourceText SourceFormat = "text"
)

// ExtractRule takes one value.
type ExtractRule struct {
	// Path is JMESPath for json, XPath for xml, and a regular expression for text,
	// whose first group counts if it has one.
	Path string `json:"value_path"`
	// TargetField is the schema_id of the field to write.
	TargetField string `json:"target_schema_id"`
}

var (
	_ pipeline.Step      = (*Extract)(nil)
	_ pipeline.Compiler  = (*Extract)(nil)
	_ pipeline.Validator = (*Extract)(nil)
)

// finder takes a value out of a reply that its source has parsed.
type finder func(ctx context.Context, parsed any) (string, error)

// source is a compiled Source.
type source struct {
	Source
	place     string
	condition *jsontemplate.Template
	parse     func(ctx context.Context, file *pipeline.File) (any, error)
	find      []finder
}

// UnmarshalJSON decodes settings strictly.
func (s *Extract) UnmarshalJSON(data []byte) error {
	return settings.Decode(data, s)
}

// Name returns "Data value extractor".
func (s *Extract) Name() string { return "Data value extractor" }

// Compile checks the settings and returns what runs. It joins all faults.
func (s *Extract) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.compiled, err = s.compile()
	return &built, err
}

// Validate checks the settings. It joins all faults.
func (s *Extract) Validate() error {
	_, err := s.compile()
	return err
}

func (s *Extract) compile() ([]source, error) {
	var faults settings.Faults
	if len(s.Sources) == 0 {
		faults.Add("extract", "is missing or empty")
	}
	list := make([]source, len(s.Sources))
	for i, src := range s.Sources {
		list[i] = src.compile(settings.Index("extract", i), &faults)
	}
	return list, faults.Err()
}

func (src Source) compile(place string, faults *settings.Faults) source {
	c := source{Source: src, place: place}
	if src.Key == "" {
		faults.Add(settings.Join(place, "source_reference_key"), "is missing")
	}
	if src.Condition != "" {
		c.condition = compileText(faults, settings.Join(place, "condition"), src.Condition)
	}
	if len(src.Rules) == 0 {
		faults.Add(settings.Join(place, "extract_rules"), "is missing or empty")
	}
	compilePath := compileJSONPath
	switch src.Format {
	case "", SourceJSON:
		c.parse = parseJSON
	case SourceXML:
		c.parse, compilePath = parseXML, compileXPath
	case SourceText:
		c.parse, compilePath = parseText, compileRegexp
	default:
		faults.Add(settings.Join(place, "format"), "%q is unknown (expected json, xml or text)", src.Format)
	}
	for i, r := range src.Rules {
		at := settings.Index(settings.Join(place, "extract_rules"), i)
		if r.TargetField == "" {
			faults.Add(settings.Join(at, "target_schema_id"), "is missing")
		}
		if r.Path == "" {
			faults.Add(settings.Join(at, "value_path"), "is missing")
			continue
		}
		find, err := compilePath(r.Path)
		faults.AddErr(settings.Join(at, "value_path"), err)
		c.find = append(c.find, find)
	}
	return c
}

// Run extracts the values.
func (s *Extract) Run(ctx context.Context, x *pipeline.Export) error {
	list := s.compiled
	if list == nil {
		var err error
		if list, err = s.compile(); err != nil {
			return err
		}
	}
	var faults []error
	for _, src := range list {
		if err := src.run(ctx, x); err != nil {
			faults = append(faults, &pipeline.StepError{Place: src.place, Key: src.Key, Err: err})
		}
	}
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}

func (src source) run(ctx context.Context, x *pipeline.Export) error {
	if src.condition != nil {
		if due, err := isDue(ctx, x, src.condition, exporttemplate.Data(x)); err != nil || !due {
			return err
		}
	}
	file, err := x.Files.Get(ctx, src.Key)
	if why, ok := x.Files.Skipped(src.Key); ok {
		if why == pipeline.ReasonNotDue {
			x.Decide("skipped %s: %s", src.Key, why)
			return nil
		}
		x.Decide("emptied the fields of %s: %s", src.Key, why)
		return src.write(x, make([]string, len(src.Rules)))
	}
	if err != nil {
		return err
	}
	parsed, err := src.parse(ctx, file)
	if ctx.Err() != nil {
		return context.Cause(ctx) // which says nothing about the reply
	}
	if err != nil {
		err = fmt.Errorf("the reply cannot be read as %s: %w; it begins with %q", strings.ToUpper(string(src.format())), err, x.Excerpt(file.Data, maxExcerpt))
		if file.Status < 400 {
			return err
		}
		x.Warn("%s, %s: %v. It came with status %d; its fields were emptied.", src.place, src.Key, err, file.Status)
		return src.write(x, make([]string, len(src.Rules)))
	}
	values := make([]string, len(src.Rules))
	found := pyvalue.NewMeter(ctx, pyvalue.Limits{TotalBytes: maxFound})
	for i, find := range src.find {
		if values[i], err = find(ctx, parsed); err == nil {
			err = found.Grow(int64(len(values[i])))
		}
		if err != nil {
			return fmt.Errorf("extract_rules[%d].value_path: %w", i, err)
		}
	}
	return src.write(x, values)
}

func (src source) format() SourceFormat {
	if src.Format == "" {
		return SourceJSON
	}
	return src.Format
}

// write sets all fields, or none.
func (src source) write(x *pipeline.Export, values []string) error {
	var faults []error
	for i, r := range src.Rules {
		if _, err := x.Field(r.TargetField); err != nil {
			faults = append(faults, fmt.Errorf("extract_rules[%d].target_schema_id: %w", i, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	for i, r := range src.Rules {
		if err := x.Set(r.TargetField, values[i]); err != nil {
			return fmt.Errorf("extract_rules[%d].target_schema_id: %w", i, err)
		}
	}
	return nil
}

func parseJSON(ctx context.Context, file *pipeline.File) (any, error) {
	data := file.Data
	if len(bytes.TrimSpace(data)) == 0 {
		return pyvalue.None(), nil // 204 No Content has no body
	}
	if charset.Declared(file.ContentType) != nil {
		text, err := charset.Text(ctx, data, file.ContentType)
		if err != nil {
			return nil, err
		}
		data = unsafe.Slice(unsafe.StringData(text), len(text)) // which nobody changes
	}
	v, err := pyvalue.IndexReply(ctx, data, true)
	return v, err
}

func compileJSONPath(path string) (finder, error) {
	e, err := jmespath.Compile(path)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, parsed any) (string, error) {
		v, err := e.Search(ctx, parsed.(pyvalue.Value))
		if err != nil {
			return "", err
		}
		return valueText(ctx, v)
	}, nil
}

// maxFound is how large the values may be that are found in a reply, in bytes: one that is
// made for a field, and all of them together.
const maxFound = 128 << 20

// valueText is how a value of a reply is written to a field.
func valueText(ctx context.Context, v pyvalue.Value) (string, error) {
	switch {
	case v.IsText():
		return v.Text(), nil
	case v.IsNone():
		return "", nil
	}
	out, err := pyvalue.JSON{ItemSeparator: ",", KeySeparator: ":", Unicode: true, Spelling: true}.Append(pyvalue.NewMeter(ctx, pyvalue.Limits{ValueBytes: maxFound}), nil, v)
	return unsafe.String(unsafe.SliceData(out), len(out)), err // out does not change any more
}

// parseXML reads a document, whose own word about its charset counts more than the
// Content-Type's.
func parseXML(ctx context.Context, file *pipeline.File) (any, error) {
	d, err := xmldoc.Parse(ctx, file.Data)
	if err != nil && charset.Declared(file.ContentType) != nil && !xmldoc.DeclaresCharset(file.Data) {
		var text string
		if text, err = charset.Text(ctx, file.Data, file.ContentType); err == nil {
			d, err = xmldoc.ParseText(ctx, text)
		}
	}
	return d, err
}

func compileXPath(path string) (finder, error) {
	e, err := xpath.Compile(path)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, parsed any) (string, error) {
		text, err := e.Text(parsed.(*xmldoc.Document), 0, pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSearchSteps, TotalBytes: maxFound}))
		if err != nil {
			return "", fmt.Errorf("XPath %q: %w", path, err)
		}
		return text, nil
	}, nil
}

func parseText(ctx context.Context, file *pipeline.File) (any, error) {
	text, err := charset.Text(ctx, file.Data, file.ContentType)
	if err != nil {
		return nil, err
	}
	return re.NewTextWithin(pyvalue.NewMeter(ctx, pyvalue.Limits{}).Look, text)
}

// maxSearchSteps bounds one search of a regular expression or of XPath: some take
// for ever.
const maxSearchSteps = 20_000_000

func compileRegexp(path string) (finder, error) {
	p, err := re.Compile(path, 0)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", path, err)
	}
	return func(ctx context.Context, parsed any) (string, error) {
		t := parsed.(*re.Text)
		m, err := p.Search(pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSearchSteps}), t, 0, t.Len())
		if m == nil || err != nil {
			return "", err
		}
		text, _ := m.Group(min(1, p.Groups()))
		return text, nil
	}, nil
}

// maxExcerpt is how much of a reply an error shows, in bytes.
const maxExcerpt = 300
