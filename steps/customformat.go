package steps

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/textenc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// CustomFormat makes files of any format from templates ("Custom format
// templating"). Templates are Jinja2, rendered as stock Jinja2 3.1 does, with
//
//   - field: a dict of all fields by schema_id. A value is the normalised value
//     if there is one, else the text, always a str; a table is a list of rows,
//     which are dicts; a simple multivalue is a list that also answers
//     .child_schema_id with its last value;
//   - payload: the hook payload, without token and secrets;
//   - file.original_file: the bytes of the annotated document.
//
// Each result is kept under its reference key for later steps.
type CustomFormat struct {
	// Exports are one to five files to make.
	Exports []ExportConfig `json:"export_configs"`

	formats []format
}

// ExportConfig is one file that [CustomFormat] makes.
type ExportConfig struct {
	// Key is the reference key of the result; export_id is its old name.
	Key string `json:"export_reference_key"`
	// Template is the file's template, or Lines are, which are joined by \n.
	Template string   `json:"file_content_template"`
	Lines    []string `json:"file_content_template_multiline"`
	// Encoding is any IANA or Python name; utf-8 if "".
	Encoding string `json:"content_encoding"`
	// FileName is a template of the file's name; the reference key if "".
	FileName string `json:"file_name_template"`
}

// SettingsAliases accepts the old name of export_reference_key.
func (*ExportConfig) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

// maxFormats is Rossum's limit.
const maxFormats = 5

// format is a compiled ExportConfig.
type format struct {
	ExportConfig
	place    string
	template *jinja.Template
	fileName *jinja.Template
	encoding *textenc.Encoding
}

var (
	_ pipeline.Step      = (*CustomFormat)(nil)
	_ pipeline.Compiler  = (*CustomFormat)(nil)
	_ pipeline.Validator = (*CustomFormat)(nil)
	_ pipeline.Maker     = (*CustomFormat)(nil)
)

// UnmarshalJSON decodes settings strictly.
func (s *CustomFormat) UnmarshalJSON(data []byte) error {
	return settings.Decode(data, s)
}

// Makes returns the reference keys of the artefacts.
func (s *CustomFormat) Makes() []string {
	keys := make([]string, len(s.Exports))
	for i, f := range s.Exports {
		keys[i] = f.Key
	}
	return keys
}

// Name returns "Custom format templating".
func (s *CustomFormat) Name() string { return "Custom format templating" }

// Compile checks the settings and returns what runs. It joins all faults.
func (s *CustomFormat) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.formats, err = s.compile()
	return &built, err
}

// Validate checks the settings. It joins all faults.
func (s *CustomFormat) Validate() error {
	_, err := s.compile()
	return err
}

func (s *CustomFormat) compile() ([]format, error) {
	var faults settings.Faults
	if n := len(s.Exports); n == 0 || n > maxFormats {
		faults.Add("export_configs", "has %d entries, expected 1 to %d", n, maxFormats)
	}
	seen := make(map[string]int)
	formats := make([]format, len(s.Exports))
	for i, f := range s.Exports {
		place := settings.Index("export_configs", i)
		if first, twice := seen[f.Key]; twice && f.Key != "" {
			faults.Add(settings.Join(place, "export_reference_key"), "%q is also the key of export_configs[%d]", f.Key, first)
		}
		seen[f.Key] = i
		formats[i] = f.compile(place, &faults)
	}
	return formats, faults.Err()
}

func (f ExportConfig) compile(place string, faults *settings.Faults) format {
	compiled := format{ExportConfig: f, place: place, encoding: textenc.UTF8}
	if f.Key == "" {
		faults.Add(settings.Join(place, "export_reference_key"), "is missing")
	}
	source, key := f.Template, "file_content_template"
	switch {
	case f.Template != "" && f.Lines != nil:
		faults.Add(place, "has both file_content_template and file_content_template_multiline; keep one")
	case f.Lines != nil:
		source, key = strings.Join(f.Lines, "\n"), "file_content_template_multiline"
	case f.Template == "":
		faults.Add(settings.Join(place, "file_content_template"), "is missing")
	}
	var err error
	compiled.template, err = jinja.Compile(f.Key, source, jinja.Options{Place: settings.Join(place, key), Lines: f.Lines != nil})
	faults.AddErr("", err)
	if f.FileName != "" {
		compiled.fileName, err = jinja.Compile(f.Key, f.FileName, jinja.Options{Place: settings.Join(place, "file_name_template")})
		faults.AddErr("", err)
	}
	if f.Encoding != "" {
		compiled.encoding, err = textenc.Lookup(f.Encoding)
		faults.AddErr(settings.Join(place, "content_encoding"), err)
	}
	return compiled
}

// Run renders the templates.
func (s *CustomFormat) Run(ctx context.Context, x *pipeline.Export) error {
	formats := s.formats
	if formats == nil {
		var err error
		if formats, err = s.compile(); err != nil {
			return err
		}
	}
	var all []*jinja.Template
	for _, f := range formats {
		all = append(all, f.template, f.fileName)
	}
	vars, err := exporttemplate.Variables(ctx, x, all...)
	if err != nil {
		return err
	}
	files := make([]pipeline.File, len(formats))
	for i, f := range formats {
		if files[i], err = f.render(ctx, vars); err != nil {
			return &pipeline.StepError{Key: f.Key, Err: err}
		}
	}
	return x.Files.Put(ctx, files...)
}

func (f format) render(ctx context.Context, vars map[string]pyvalue.Value) (pipeline.File, error) {
	var out bytes.Buffer
	if err := f.template.Render(ctx, &out, vars, jinja.Limits{}); err != nil {
		return pipeline.File{}, err
	}
	data, err := f.encoding.Encode(out.Bytes())
	if err != nil {
		return pipeline.File{}, fmt.Errorf("%s.content_encoding: %w", f.place, err)
	}
	file := pipeline.File{Key: f.Key, Name: f.Key, Data: data, ContentType: "application/octet-stream"}
	if f.fileName != nil {
		if file.Name, err = f.fileName.RenderString(ctx, vars, jinja.Limits{}); err != nil {
			return pipeline.File{}, err
		}
		file.Name = path.Base(strings.ReplaceAll(strings.TrimSpace(file.Name), `\`, "/"))
		if file.Name == "." || file.Name == "/" || file.Name == ".." {
			return pipeline.File{}, fmt.Errorf("%s.file_name_template: gives no usable file name", f.place)
		}
	}
	if byName := httpcall.ContentTypeOf(file.Name); byName != "" {
		file.ContentType = byName
		if f.encoding.Name() != textenc.UTF8.Name() {
			file.ContentType, _, _ = strings.Cut(byName, ";") // which says that texts are UTF-8
		}
	}
	return file, nil
}
