// Package native writes the platform's own export formats of an annotation (CSV,
// XML, JSON, XLSX) without asking the platform for them, from the content tree and
// the schema: GET /queues/{id}/export of Rossum's API does the same.
//
// Shape and order follow Rossum's API reference (chapter "Export annotations") and
// exports that Rossum has made. Only fields with can_export are written; sections,
// tables and rows stay, even if nothing is left in them. A value is the
// normalized_value, or else the text that a person sees.
//
// The reference leaves some things open. Decided here:
//
//   - CSV and XLSX have a line for each row of a table, and repeat the fields of the
//     header on each. Several tables, and simple multivalues, stand side by side,
//     first row beside first row; what is missing is empty. CSV is as Python's csv
//     module writes it, with lines that end in CR LF.
//   - A cell of XLSX is a text, so that it shows what CSV shows.
//   - meta_automated is True or False in CSV and XLSX.
//   - XML leaves exported_at, modified_at and assigned_at out where there are none
//     (exported_at always is, while an export runs); in JSON they are null.
//   - The modifier's user name comes from the sideloaded modifiers; without them
//     there is only its URL.
//   - A worksheet holds every value as text, and nothing but values. It is written
//     here, since the library that wrote it before lost a part of texts such as
//     _x0041_x0042_, which look like escaped characters.
package native

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Format is one of the platform's export formats.
type Format string

// The formats of Rossum's queue export.
const (
	FormatCSV  Format = "csv"
	FormatXML  Format = "xml"
	FormatJSON Format = "json"
	FormatXLSX Format = "xlsx"
)

// Formats lists all formats.
func Formats() []Format { return []Format{FormatCSV, FormatXML, FormatJSON, FormatXLSX} }

// ContentType returns the media type, "" for an unknown format.
func (f Format) ContentType() string {
	switch f {
	case FormatCSV:
		return "text/csv; charset=utf-8"
	case FormatXML:
		return "application/xml; charset=utf-8"
	case FormatJSON:
		return "application/json"
	case FormatXLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return ""
}

// Options are the parameters of the queue export. The zero value is what the
// platform does without parameters. All but Schema concern CSV and XLSX; the last
// four only CSV.
type Options struct {
	// Schema describes the fields; nil means the schema that the hook sideloads.
	Schema *rossum.Schema
	// Columns are schema_ids and meta columns ([MetaColumns]); nil means every
	// field of the schema that is exported.
	Columns []string
	// PrependColumns and AppendColumns come before and after them.
	PrependColumns, AppendColumns []string

	Delimiter  rune    // between fields, ',' if 0
	QuoteChar  rune    // '"' if 0
	Quoting    Quoting // quote_minimal if ""
	EscapeChar rune    // required for quote_none, if anything needs it; 0 for none
}

// Errors of [Write]; match them with errors.Is.
var (
	// ErrNoSchema means that nothing describes the fields: the hook does not
	// sideload schemas, and Options.Schema is nil.
	ErrNoSchema = errors.New("no schema describes the fields; have the hook sideload schemas, or give one")
	// ErrNoContent means that the annotation has no content tree.
	ErrNoContent = errors.New("the annotation has no content")
	// ErrOptions means that format or options make no sense.
	ErrOptions = errors.New("unusable export options")
	// ErrUnwritable means that a value has a character, or a length, that the
	// format cannot hold.
	ErrUnwritable = errors.New("the format cannot hold the value")
)

// Write writes the annotations of the payloads, with every change of this run, as
// one export. All formats but XLSX are written as they are made; after an error w
// may hold a part. Write may run concurrently as long as nobody changes the
// payloads. Errors wrap those above, or are w's own.
func Write(w io.Writer, f Format, o Options, payloads ...*rossum.Payload) error {
	if err := write(w, f, o, payloads); err != nil {
		return fmt.Errorf("native %s export: %w", f, err)
	}
	return nil
}

func write(w io.Writer, f Format, o Options, payloads []*rossum.Payload) error {
	if w == nil {
		return errors.New("the writer is nil")
	}
	if !slices.Contains(Formats(), f) {
		return fmt.Errorf("%w: format %q is unknown (expected csv, xml, json or xlsx)", ErrOptions, string(f))
	}
	list := make([]*annotation, len(payloads))
	for i, p := range payloads {
		var err error
		if list[i], err = newAnnotation(p, o.Schema); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case FormatCSV:
		err = writeCSV(out, o, list)
	case FormatXML:
		err = writeXML(out, list)
	case FormatJSON:
		err = writeJSON(out, list)
	case FormatXLSX:
		err = writeXLSX(out, o, list)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// annotation is a payload with the description of its fields.
type annotation struct {
	*rossum.Payload
	fields map[string]*rossum.SchemaField
	schema *rossum.Schema
}

func newAnnotation(p *rossum.Payload, schema *rossum.Schema) (*annotation, error) {
	if p == nil || p.Annotation == nil || p.Annotation.Content == nil {
		return nil, ErrNoContent
	}
	if schema == nil {
		var err error
		if schema, err = p.Schema(); err != nil {
			return nil, err
		}
	}
	if schema == nil {
		return nil, ErrNoSchema
	}
	a := &annotation{Payload: p, schema: schema, fields: make(map[string]*rossum.SchemaField)}
	for f := range schema.All() {
		if a.fields[f.ID] == nil {
			a.fields[f.ID] = f
		}
	}
	return a, nil
}

// exported reports whether a node is written. What the schema does not know is
// not a field of it any more.
func (a *annotation) exported(n *rossum.Node) bool {
	f := a.fields[n.SchemaID()]
	return f != nil && (f.Exported() || f.Category == "section" || f.Category == "tuple")
}

// text reads a key of the annotation, "" if it is null or missing.
func (a *annotation) text(key string) string {
	return gjson.ParseBytes(a.Annotation.Lookup(key)).String()
}

func (a *annotation) arrivedAt() string {
	if at := a.text("arrived_at"); at != "" || a.Document == nil {
		return at
	}
	return a.Document.ArrivedAt
}

// document returns URL, file name and address of the bytes.
func (a *annotation) document() (url, name, file string) {
	if a.Document == nil {
		return a.Annotation.Document, "", ""
	}
	if url = a.Document.URL; url == "" {
		url = a.Annotation.Document
	}
	return url, a.Document.OriginalFileName, a.Document.Content
}

// modifier returns the URL and the name of who changed the annotation last, ""
// where they are not known.
func (a *annotation) modifier() (url, name string) {
	url = a.Annotation.Modifier
	for _, user := range gjson.ParseBytes(a.Raw("modifiers")).Array() {
		if url != "" && user.Get("url").String() == url {
			name = user.Get("username").String()
		}
	}
	return url, name
}

// confidence is the extraction's confidence as the payload spells it, "" if
// there is none.
func confidence(n *rossum.Node) string {
	if c := gjson.GetBytes(n.Raw(), "content.rir_confidence"); c.Type == gjson.Number {
		return c.Raw
	}
	return ""
}
