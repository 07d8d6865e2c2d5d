package xmldoc

import (
	"context"
	"errors"
	"regexp"
	"strings"
)

// entityText bounds what all entities of a document may be replaced by, in bytes.
const entityText = 1 << 20

var entity = regexp.MustCompile(`<!ENTITY\s+([^\s%]+)\s+(?:"([^"]*)"|'([^']*)')\s*>`)

// directive takes the entities from a DOCTYPE. Entities that stand for files, or for
// more than plain text, are left out, so that using one is an error.
func (r *reader) directive(text string) error {
	if r.plain {
		return ErrDoctype
	}
	if !strings.HasPrefix(text, "DOCTYPE") {
		return r.fault("<!%.20s is not a part of XML here", text)
	}
	uses, err := r.references()
	if err != nil {
		return err
	}
	size := 0
	for _, found := range entity.FindAllStringSubmatch(text, -1) {
		name, value := found[1], found[2]+found[3]
		if strings.ContainsAny(value, "&<%") || r.entities[name] != "" || uses[name] == 0 {
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
