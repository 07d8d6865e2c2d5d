package xmldoc

import (
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
	size := 0
	for _, found := range entity.FindAllStringSubmatch(text, -1) {
		name, value := found[1], found[2]+found[3]
		if strings.ContainsAny(value, "&<%") || r.entities[name] != "" {
			continue
		}
		if r.entities == nil {
			r.entities = make(map[string]string)
		}
		r.entities[name] = value
		if size += len(value) * strings.Count(r.data, "&"+name+";"); size > entityText {
			return errors.New("its entities expand to too much text")
		}
	}
	return nil
}
