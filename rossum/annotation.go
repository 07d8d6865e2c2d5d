package rossum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// parseAnnotation reads the annotation object. Its content is read in the same
// pass; the rest, which is small, is kept as JSON for Get.
func (p *Payload) parseAnnotation(s *scanner) error {
	a := &Annotation{}
	p.Annotation = a
	seen := make(map[string]bool, 28)
	rest := []byte{'{'}
	err := s.object(func(key span) error {
		name := unquote(s.data[key.from:key.to])
		if seen[name] {
			return fmt.Errorf("duplicate key \"annotation.%s\"", name)
		}
		seen[name] = true
		if name == "content" && s.pos < len(s.data) && s.data[s.pos] == '[' {
			from := s.pos
			a.Content = newContent(s.data)
			err := a.Content.parse(s, "content")
			a.note(name, s.data[from:s.pos])
			return err
		}
		v, err := s.skip()
		if err != nil {
			return err
		}
		raw := s.data[v.from:v.to]
		a.note(name, raw)
		if name == "content" {
			return a.member(name, raw) // AppendJSON writes it, as address or as tree
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(rest, s.data[key.from:key.to]...)
		rest = append(append(rest, ':'), raw...)
		return a.member(name, raw)
	})
	a.raw = append(rest, '}')
	if err == nil && a.ID == 0 {
		err = errors.New("key \"annotation.id\" is missing")
	}
	return err
}

// note keeps what the hash of the content is made of.
func (a *Annotation) note(name string, raw []byte) {
	if slices.Contains(lasting, name) {
		if a.lasting == nil {
			a.lasting = make([]member, 0, len(lasting))
		}
		a.lasting = append(a.lasting, member{name, raw})
	}
}

func (a *Annotation) member(name string, raw []byte) error {
	if into := a.text(name); into != nil {
		if !takeText(raw, into) {
			return notText("annotation." + name)
		}
		return nil
	}
	switch name {
	case "id":
		id, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || id <= 0 {
			return errors.New("key \"annotation.id\" is not a positive integer")
		}
		a.ID = id
	case "automated":
		if raw[0] != 't' && raw[0] != 'f' && raw[0] != 'n' {
			return fmt.Errorf("key %q is not a boolean", "annotation."+name)
		}
		a.Automated = raw[0] == 't'
	case "metadata":
		a.Metadata = json.RawMessage(raw)
	}
	return nil
}

// text is where the text of a key belongs, nil for other keys.
func (a *Annotation) text(name string) *string {
	switch name {
	case "url":
		return &a.URL
	case "status":
		return &a.Status
	case "previous_status":
		return &a.PreviousStatus
	case "queue":
		return &a.Queue
	case "schema":
		return &a.Schema
	case "document":
		return &a.Document
	case "modifier":
		return &a.Modifier
	case "organization":
		return &a.Organization
	case "content":
		return &a.ContentURL
	}
	return nil
}

// AppendJSON appends the annotation as JSON, with every change of this run.
func (a *Annotation) AppendJSON(dst []byte) ([]byte, error) {
	dst = append(dst, bytes.TrimSuffix(a.raw, []byte("}"))...)
	if a.Content == nil && a.ContentURL == "" {
		return append(dst, '}'), nil
	}
	if len(a.raw) > len("{}") {
		dst = append(dst, ',')
	}
	if a.Content == nil {
		return append(append(append(dst, `"content":`...), encode(a.ContentURL)...), '}'), nil
	}
	dst, err := a.Content.AppendJSON(append(dst, `"content":`...))
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

// secretKeys of a payload never leave it.
var secretKeys = map[string]bool{"rossum_authorization_token": true, "secrets": true}

// AppendJSON appends the payload as JSON, with every change of this run to the
// annotation, but without token and secrets: it is what templates, snapshots
// and logs may see. Keys come in alphabetical order.
func (p *Payload) AppendJSON(dst []byte) ([]byte, error) {
	dst = append(dst, '{')
	for i, key := range p.keys() {
		if i > 0 && dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(dst, encode(key)...), ':')
		if key == "annotation" && p.Annotation != nil {
			var err error
			if dst, err = p.Annotation.AppendJSON(dst); err != nil {
				return nil, err
			}
			continue
		}
		dst = append(dst, p.Raw(key)...)
	}
	return append(dst, '}'), nil
}

// keys lists the keys that may leave the payload.
func (p *Payload) keys() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.other)), func(key string) bool { return secretKeys[key] })
}

// MarshalJSON implements [json.Marshaler] as [Payload.AppendJSON] does.
func (p *Payload) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil) }
