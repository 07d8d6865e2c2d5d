package xmldoc

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// entityText bounds what all entities of a document may be replaced by, in bytes.
const entityText = 1 << 20

var entity = regexp.MustCompile(`<!ENTITY\s+([^\s%]+)\s+(?:"([^"]*)"|'([^']*)')\s*>`)

// directive takes the entities from a DOCTYPE. Entities that stand for files or for
// elements are left out, so that using one is an error.
func (r *reader) directive(text string) error {
	if r.plain {
		return ErrDoctype
	}
	if r.seen || r.doctype {
		return r.fault("<!%.20s does not belong there", text)
	}
	r.doctype = true
	if !strings.HasPrefix(text, "DOCTYPE") {
		return r.fault("<!%.20s is not a part of XML here", text)
	}
	uses, err := r.references()
	if err != nil {
		return err
	}
	e := &entities{r: r, declared: make(map[string]string), known: make(map[string]string)}
	for _, found := range entity.FindAllStringSubmatch(text, -1) {
		if _, again := e.declared[found[1]]; !again {
			e.declared[found[1]] = found[2] + found[3]
		}
	}
	size := 0
	for name := range e.declared {
		if uses[name] == 0 {
			continue
		}
		value, ok := e.expand(name)
		if !ok {
			continue
		}
		if r.entities == nil {
			r.entities = make(map[string]string)
		}
		r.entities[name] = value
		if size += len(value) * uses[name]; size > entityText {
			return errors.New("its entities expand to too much text")
		}
	}
	return nil
}

// entities are those that a DOCTYPE declares.
type entities struct {
	r        *reader
	declared map[string]string
	known    map[string]string // what they stand for, as far as they have been expanded
	open     []string          // those that are being expanded
	size     int               // of all that is known
}

// expand returns the text that an entity stands for: the characters that its value refers
// to are put in where it is declared, the entities where it is used (section 4.4 of the
// specification). ok is false if it is more than text, does not end, or is too large.
func (e *entities) expand(name string) (text string, ok bool) {
	const deepest = 40
	if text, ok = e.known[name]; ok {
		return text, true
	}
	value, ok := e.declared[name]
	if !ok || len(e.open) == deepest || slices.Contains(e.open, name) || strings.Contains(value, "%") {
		return "", false
	}
	e.open = append(e.open, name)
	defer func() { e.open = e.open[:len(e.open)-1] }()
	value, ok = replaceReferences(value, func(ref string) (string, bool) {
		if !strings.HasPrefix(ref, "&#") {
			return ref, true
		}
		return character(ref)
	})
	if !ok || strings.Contains(value, "<") {
		return "", false
	}
	text, ok = replaceReferences(value, func(ref string) (string, bool) {
		if c, known := character(ref); known {
			return c, true
		}
		return e.expand(ref[1 : len(ref)-1])
	})
	if e.size += len(text); !ok || e.size > entityText {
		return "", false
	}
	e.known[name] = text
	return text, true
}

// character is what a reference to a character, or to one of XML's own entities, stands for.
func character(ref string) (string, bool) {
	r, n := reference(ref)
	return string(r), n == len(ref)
}

// replaceReferences replaces each &name; of a value.
func replaceReferences(value string, with func(ref string) (string, bool)) (string, bool) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(value, "&")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		name, after, closed := strings.Cut(rest, ";")
		text, ok := with("&" + name + ";")
		if !closed || !ok || out.Len() > entityText {
			return "", false
		}
		out.WriteString(text)
		value = after
	}
}

// references counts the references of the document by their names.
func (r *reader) references() (map[string]int, error) {
	const longest = 256 // of a name; an entity of a longer one cannot be used
	uses := make(map[string]int)
	for at, look := 0, 0; ; {
		next := strings.IndexByte(r.data[at:], '&')
		if next < 0 {
			return uses, nil
		}
		if at += next + 1; at >= look {
			if look = at + checkEvery; r.ctx.Err() != nil {
				return nil, context.Cause(r.ctx)
			}
		}
		if end := strings.IndexByte(r.data[at:min(len(r.data), at+longest)], ';'); end > 0 {
			uses[r.data[at:at+end]]++
		}
	}
}
