package rossum

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/ordered"
)

// Events and actions of hook calls that an export pipeline meets.
const (
	EventAnnotationContent = "annotation_content"
	EventAnnotationStatus  = "annotation_status"
	ActionExport           = "export"
	ActionChanged          = "changed"
)

// Payload is what Rossum sends when it calls a hook. See the chapter on hooks
// of Rossum's API reference (elis.rossum.ai/api/docs).
//
// A payload belongs to one export; its annotation may be changed by the steps.
type Payload struct {
	RequestID  string // a UUID, the same for a repeated call
	Timestamp  string // ISO 8601
	BaseURL    string // https://<organisation>.rossum.app, without a path
	Token      Secret // valid for some minutes, or until the hook answers
	Hook       string // URL of the hook that was called
	Event      string // annotation_content for an export
	Action     string // export
	Settings   json.RawMessage
	Secrets    Secrets
	Annotation *Annotation
	Document   *Document // nil if the platform sent none

	raw    []byte
	hash   func() string           // of the content, once; nil for a payload that was not parsed
	schema func() (*Schema, error) // likewise
	other  map[string]span
	own    map[string]json.RawMessage // of a hook that was not called; see ForHook
}

// Annotation is one document's extracted data and its life cycle.
type Annotation struct {
	ID             int64
	URL            string
	Status         string
	PreviousStatus string
	Queue          string // URL
	Schema         string // URL
	Document       string // URL
	Modifier       string // URL, "" if nobody has changed it
	Organization   string // URL
	Automated      bool
	Metadata       json.RawMessage

	// Content is the tree of fields. It is nil on events that carry only its
	// address, until [Client.FetchContent] has loaded it.
	Content *Content
	// ContentURL is the address of the content where the payload has no tree.
	ContentURL string

	raw     json.RawMessage // as it came, without the content
	lasting []member        // those that an export is about, as they came
	childOf func(schemaID string) (string, Category)
}

// Lookup returns any other key of the annotation as JSON by its path, such as
// "exported_at" or "metadata.batch"; nil if there is none.
func (a *Annotation) Lookup(path string) json.RawMessage { return lookup(a.raw, path) }

// QueueID returns the number at the end of the queue's URL, 0 if it has none.
func (a *Annotation) QueueID() int64 { return IDOf(a.Queue) }

// Document is the file that the annotation was read from.
type Document struct {
	ID               int64           `json:"id"`
	URL              string          `json:"url"`
	S3Name           string          `json:"s3_name"`
	MimeType         string          `json:"mime_type"`
	ArrivedAt        string          `json:"arrived_at"`
	OriginalFileName string          `json:"original_file_name"`
	Content          string          `json:"content"` // URL of the bytes
	Email            string          `json:"email"`   // URL, "" if it did not come by e-mail
	Metadata         json.RawMessage `json:"metadata"`
}

// IDOf returns the number at the end of a Rossum object's URL, 0 if the URL
// does not end in one.
func IDOf(url string) int64 {
	url = strings.TrimRight(url, "/")
	if url == "" { // as often; an error would be made for it
		return 0
	}
	id, err := strconv.ParseInt(url[strings.LastIndexByte(url, '/')+1:], 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// ErrPayload is wrapped by every error of [ParsePayload].
var ErrPayload = errors.New("unusable hook payload")

// ParsePayload reads the body of a hook call. It keeps body, which must not be
// changed afterwards, and reads it once: strings are decoded when they are
// asked for. The error wraps [ErrPayload] and a [*SyntaxError], a
// [*ContentError] or a text that names the key.
func ParsePayload(body []byte) (*Payload, error) {
	p := &Payload{raw: body, other: make(map[string]span, 14)}
	s := &scanner{data: body}
	s.space()
	if s.pos < len(body) && body[s.pos] != '{' {
		if _, err := s.skip(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPayload, err)
		}
		return nil, fmt.Errorf("%w: it is not a JSON object", ErrPayload)
	}
	err := s.object(func(key span) error { return p.member(s, unquote(body[key.from:key.to])) })
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	p.hash, p.schema = sync.OnceValue(p.contentHash), sync.OnceValues(p.readSchema)
	p.describe()
	return p, nil
}

func (p *Payload) member(s *scanner, key string) error {
	if _, twice := p.other[key]; twice {
		return fmt.Errorf("duplicate key %q", key)
	}
	if key == "annotation" && s.pos < len(s.data) && s.data[s.pos] == '{' {
		p.other[key] = span{}
		return p.parseAnnotation(s)
	}
	v, err := s.skip()
	if err != nil {
		return err
	}
	p.other[key] = v
	raw := p.raw[v.from:v.to]
	switch key {
	case "request_id":
		err = readText(key, raw, &p.RequestID)
	case "timestamp":
		err = readText(key, raw, &p.Timestamp)
	case "base_url":
		err = readText(key, raw, &p.BaseURL)
	case "rossum_authorization_token":
		err = readText(key, raw, (*string)(&p.Token))
	case "hook":
		err = readText(key, raw, &p.Hook)
	case "event":
		err = readText(key, raw, &p.Event)
	case "action":
		err = readText(key, raw, &p.Action)
	case "settings":
		p.Settings = json.RawMessage(raw)
	case "secrets":
		err = readSecrets(key, raw, &p.Secrets)
	case "document":
		err = readObject(key, raw, &p.Document)
	case "annotation":
		if string(raw) != "null" {
			err = errors.New("key \"annotation\" is not an object")
		}
	}
	return err
}

// readText reads a text; null is the same as no text.
func readText(key string, raw []byte, into *string) error {
	if !takeText(raw, into) {
		return notText(key)
	}
	return nil
}

// takeText is readText that leaves the error to its caller.
func takeText(raw []byte, into *string) bool {
	if raw[0] == '"' {
		*into = unquote(raw)
	}
	return raw[0] == '"' || raw[0] == 'n'
}

func notText(key string) error { return fmt.Errorf("key %q is not a string", key) }

// readSecrets reads an object of texts, and names one that is not a text.
func readSecrets(key string, raw []byte, into *Secrets) error {
	var all map[string]json.RawMessage
	if err := readObject(key, raw, &all); err != nil || all == nil {
		return err
	}
	*into = make(Secrets, len(all))
	for name, value := range ordered.ByKey(all) {
		var text string
		if err := readText(key+"."+name, value, &text); err != nil {
			return err
		}
		(*into)[name] = text
	}
	return nil
}

// readObject decodes a small object. The text of the error is ours, since
// encoding/json would quote the value, which may be a secret.
func readObject(key string, raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		var t *json.UnmarshalTypeError
		if errors.As(err, &t) && t.Field != "" {
			key += "." + t.Field
		}
		return fmt.Errorf("key %q is not of the documented type", key)
	}
	return nil
}

// ForHook returns the payload as another hook gets it: with that hook's URL, settings
// and secrets. Everything else is shared with p, the annotation included.
func (p *Payload) ForHook(hook string, settings json.RawMessage, secrets Secrets) *Payload {
	if len(settings) == 0 {
		settings = json.RawMessage("{}")
	}
	changed := *p
	changed.Hook, changed.Settings, changed.Secrets = hook, settings, secrets
	changed.own = map[string]json.RawMessage{"hook": encode(hook), "settings": settings}
	changed.other = maps.Clone(p.other)
	if changed.other == nil {
		changed.other = make(map[string]span)
	}
	for key := range changed.own {
		changed.other[key] = span{}
	}
	return &changed
}

// Raw returns the value of a top-level key as it came, nil if it is missing:
// a sideload such as "schemas", or a key that this package does not know. For
// "annotation" it returns nil; see [Payload.AppendJSON].
func (p *Payload) Raw(key string) json.RawMessage {
	if raw, ok := p.own[key]; ok {
		return raw
	}
	v := p.other[key]
	if !v.present() {
		return nil
	}
	return json.RawMessage(p.raw[v.from:v.to])
}

// Lookup returns a value below a top-level key as JSON by its path, such as
// Lookup("queues", "0.name"); nil if there is none. The annotation is reached by
// [Annotation.Lookup] and [Annotation.Content].
func (p *Payload) Lookup(key, path string) json.RawMessage { return lookup(p.Raw(key), path) }
