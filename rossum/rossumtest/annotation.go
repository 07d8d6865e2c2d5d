package rossumtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Defaults of a [Call].
const (
	AnnotationID = 314528
	DocumentID   = 314621
	QueueID      = 8199
	SchemaID     = 31336
	HookID       = 1500
	Token        = "rossumtest-token-0123456789"
	baseURL      = "https://example.rossum.app"
)

// Call is a hook call in the making. Make one with [Annotation].
type Call struct {
	base     string
	token    string
	event    string
	action   string
	request  string
	settings any
	secrets  map[string]string
	document map[string]any
	extra    map[string]any // further keys of the annotation
	top      map[string]any // further top-level keys
	fields   []fieldPart
	section  string // that parts are added to
	inline   bool
	nextID   int64
}

// Part is a part of a hook call.
type Part func(*Call)

// fieldPart is a field, table or list with its schema.
type fieldPart struct {
	section  string
	schemaID string
	child    string // of a list
	value    Value
	rows     []TableRow
	values   []Value
	kind     rossum.Category
}

// Value is a field's value with what the platform knows of it.
type Value struct {
	Text       string // as a person sees it
	Normalized string // ISO date, plain decimal; "" if the platform gave none
	Type       string // string (if ""), number, date, enum
	Formula    string // of a formula field
	Hidden     bool
	NoExport   bool // can_export is false in the schema
}

// TableRow is a row of a [Table]; [Row] makes one.
type TableRow []cell

type cell struct {
	schemaID string
	value    Value
}

// Annotation makes the call of an export hook for an annotation with the given
// parts. Fields outside of a [Section] are in one called "basic_info".
//
// The call carries no token, so that the export has no API client and a test
// cannot reach the platform by mistake: a step that needs one says so. [On] gives
// the call the token of a fake API, and [From] that of any other.
func Annotation(parts ...Part) *Call {
	c := &Call{
		base: baseURL, event: rossum.EventAnnotationContent, action: rossum.ActionExport,
		request: "6f2d3c1a-0000-4000-8000-000000000001", settings: map[string]any{}, secrets: map[string]string{},
		extra: map[string]any{}, top: map[string]any{}, inline: true, section: "basic_info",
		document: map[string]any{"id": DocumentID, "original_file_name": "invoice.pdf", "mime_type": "application/pdf"},
	}
	return c.With(parts...)
}

// With adds parts to the call itself, and returns it: take a [Call.Clone] first where the
// call is needed without them, too. A field that is added a second time is there twice.
func (c *Call) With(parts ...Part) *Call {
	for _, p := range parts {
		p(c)
	}
	return c
}

// Field adds a field with a text.
func Field(schemaID, text string) Part { return FieldValue(schemaID, Value{Text: text}) }

// Number adds a number field: its text and the normalised number.
func Number(schemaID, text, normalized string) Part {
	return FieldValue(schemaID, Value{Text: text, Normalized: normalized, Type: "number"})
}

// Date adds a date field: its text and the ISO date.
func Date(schemaID, text, iso string) Part {
	return FieldValue(schemaID, Value{Text: text, Normalized: iso, Type: "date"})
}

// FieldValue adds a field.
func FieldValue(schemaID string, v Value) Part {
	return func(c *Call) {
		c.fields = append(c.fields, fieldPart{section: c.section, schemaID: schemaID, value: v, kind: rossum.CategoryDatapoint})
	}
}

// Row makes a row of pairs of schema_id and text. An odd number of arguments
// leaves the last field empty.
func Row(pairs ...string) TableRow {
	var r TableRow
	for i := 0; i < len(pairs); i += 2 {
		var text string
		if i+1 < len(pairs) {
			text = pairs[i+1]
		}
		r = append(r, cell{pairs[i], Value{Text: text}})
	}
	return r
}

// Typed gives the cell of a row a type and a normalised value, and returns the row.
func (r TableRow) Typed(schemaID string, v Value) TableRow {
	for i := range r {
		if r[i].schemaID == schemaID {
			if v.Text == "" {
				v.Text = r[i].value.Text
			}
			r[i].value = v
			return r
		}
	}
	return append(r, cell{schemaID, v})
}

// Table adds a table. The schema_id of its rows is that of the table without a
// final "s": line_items has rows called line_item.
func Table(schemaID string, rows ...TableRow) Part {
	return func(c *Call) {
		c.fields = append(c.fields, fieldPart{section: c.section, schemaID: schemaID, child: strings.TrimSuffix(schemaID, "s"), rows: rows, kind: rossum.CategoryMultivalue})
	}
}

// List adds a simple multivalue: a field that is repeated outside of a table.
func List(schemaID, childID string, texts ...string) Part {
	return func(c *Call) {
		p := fieldPart{section: c.section, schemaID: schemaID, child: childID, kind: rossum.CategoryDatapoint + 1}
		for _, t := range texts {
			p.values = append(p.values, Value{Text: t})
		}
		c.fields = append(c.fields, p)
	}
}

// Settings sets the hook's settings: anything that encoding/json can encode.
func Settings(v any) Part { return func(c *Call) { c.settings = v } }

// Secret adds a secret of the hook.
func Secret(name, value string) Part { return func(c *Call) { c.secrets[name] = value } }

// Request sets the request_id, so that two calls differ.
func Request(id string) Part { return func(c *Call) { c.request = id } }

// Event sets event and action, such as annotation_status and changed.
func Event(event, action string) Part { return func(c *Call) { c.event, c.action = event, action } }

// Document sets name and media type of the annotated document. Its bytes are what
// [Server.AddDocument] has under DocumentID, or what pipeline.WithOriginal gives.
func Document(fileName, mimeType string) Part {
	return func(c *Call) { c.document["original_file_name"], c.document["mime_type"] = fileName, mimeType }
}

// Set sets a key of the annotation, such as "automated" or "metadata".
func Set(key string, value any) Part { return func(c *Call) { c.extra[key] = value } }

// Sideload sets a top-level key of the payload, such as "queues".
func Sideload(key string, value any) Part { return func(c *Call) { c.top[key] = value } }

// On makes the call come from the fake API server, so that the export's client
// talks to it.
func On(s *Server) Part { return From(s.URL, s.Token) }

// From makes the call come from a platform at a base URL such as
// https://acme.rossum.app, with a token for its API. The export's client sends
// the token there.
func From(baseURL, token string) Part {
	return func(c *Call) { c.base, c.token = baseURL, token }
}

// Offline leaves token and base URL away, as a program does that fills in the
// payload itself. Without it the call has a base URL, but no token either.
func Offline() Part { return func(c *Call) { c.base, c.token = "", "" } }

// WithoutContent makes the call carry the content's address instead of the tree.
func WithoutContent() Part { return func(c *Call) { c.inline = false } }

// Payload returns the parsed payload.
func (c *Call) Payload() *rossum.Payload {
	p, err := rossum.ParsePayload(c.Bytes())
	if err != nil {
		panic("rossumtest: " + err.Error()) // only a value given to Set or Sideload can be at fault
	}
	return p
}

// Clone returns a copy: parts that it gets do not show in the original.
func (c *Call) Clone() *Call {
	copied := *c
	copied.secrets, copied.document = maps.Clone(c.secrets), maps.Clone(c.document)
	copied.extra, copied.top = maps.Clone(c.extra), maps.Clone(c.top)
	copied.fields = slices.Clone(c.fields)
	return &copied
}

// Bytes returns the body of the call. It may be called by several goroutines.
func (c *Call) Bytes() []byte {
	api := c.base
	if api == "" {
		api = baseURL
	}
	api += "/api/v1"
	annotation := map[string]any{
		"id": AnnotationID, "url": fmt.Sprintf("%s/annotations/%d", api, AnnotationID), "status": "exporting", "previous_status": "confirmed",
		"queue": fmt.Sprintf("%s/queues/%d", api, QueueID), "schema": fmt.Sprintf("%s/schemas/%d", api, SchemaID),
		"document": fmt.Sprintf("%s/documents/%d", api, DocumentID), "automated": false, "metadata": map[string]any{},
		"content": c.tree(),
	}
	if !c.inline {
		annotation["content"] = fmt.Sprintf("%s/annotations/%d/content", api, AnnotationID)
	}
	maps.Copy(annotation, c.extra)
	document := map[string]any{"url": fmt.Sprintf("%s/documents/%d", api, DocumentID), "content": fmt.Sprintf("%s/documents/%d/content", api, DocumentID)}
	maps.Copy(document, c.document)
	payload := map[string]any{
		"request_id": c.request, "timestamp": "2026-11-24T10:00:00.000000Z", "event": c.event, "action": c.action,
		"hook": fmt.Sprintf("%s/hooks/%d", api, HookID), "settings": c.settings, "secrets": c.secrets,
		"annotation": annotation, "document": document, "updated_datapoints": []any{}, "schemas": []any{c.schema(api)},
	}
	if c.base != "" {
		payload["base_url"] = c.base
	}
	if c.token != "" {
		payload["rossum_authorization_token"] = c.token
	}
	maps.Copy(payload, c.top)
	return encode(payload)
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("rossumtest: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}
