package reqproc

import (
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// Path leads from a context to a value: payload.annotation.id, item.rows[0].x,
// payload.metadata['cost centre'], payload.document.content.@.
type Path struct {
	text     string
	segments []segment
}

// segment is one step of a path.
type segment struct {
	name      string        // of a member
	key       pyvalue.Value // in brackets, if isBracket: an index or a key
	isBracket bool
	fetch     bool // .@
	end       int  // in the text of the path
}

// maxPath bounds the length of a path in bytes.
const maxPath = 1000

// ParsePath reads a path: a name, and then any number of .name, [index], ['key']
// and .@, without blanks between them.
func ParsePath(text string) (*Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("a path of %d bytes is too long", len(text))
	}
	p := &Path{text: text}
	at := wordLen(text)
	if at == 0 {
		return nil, p.broken(0)
	}
	p.segments = append(p.segments, segment{name: text[:at], end: at})
	for at < len(text) {
		rest := text[at:]
		switch {
		case strings.HasPrefix(rest, ".@"):
			at += len(".@")
			p.segments = append(p.segments, segment{fetch: true, end: at})
		case rest[0] == '.' && wordLen(rest[1:]) > 0:
			n := 1 + wordLen(rest[1:])
			at += n
			p.segments = append(p.segments, segment{name: rest[1:n], end: at})
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return nil, p.broken(at)
			}
			key, ok := literal(rest[1:end])
			if !ok {
				return nil, p.broken(at)
			}
			at += end + 1
			p.segments = append(p.segments, segment{key: key, isBracket: true, end: at})
		default:
			return nil, p.broken(at)
		}
	}
	return p, nil
}

// ParseMembers reads a path of names alone, which may have any characters but
// brackets: that of a response handler's value, and of a token in its answer.
func ParseMembers(text string) (*Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("a path of %d bytes is too long", len(text))
	}
	p := &Path{text: text}
	at := 0
	for _, name := range strings.Split(text, ".") {
		switch {
		case name == "":
			return nil, p.broken(max(at-1, 0))
		case strings.ContainsAny(name, "[]"):
			return nil, fmt.Errorf("the path %q has brackets, which belong into $jmespath", text)
		}
		at += len(name)
		p.segments = append(p.segments, segment{name: name, end: at})
		at++
	}
	return p, nil
}

// wordLen is how many bytes of a text are letters, digits and underscores.
func wordLen(text string) int {
	for i, c := range text {
		if c != '_' && !ucd.IsAlnum(c) {
			return i
		}
	}
	return len(text)
}

func (p *Path) broken(at int) error {
	if at >= len(p.text) {
		return fmt.Errorf("the path %q is not complete", p.text)
	}
	hint := ""
	if p.text[at] == '-' || p.text[at] == ' ' {
		hint = "; a key with such characters is written in brackets, as in payload['a-b']"
	}
	return fmt.Errorf("the path %q is malformed at %q%s", p.text, p.text[at:], hint)
}

// String returns the path as it was written.
func (p *Path) String() string { return p.text }

// Root returns the context that the path begins at, such as field.
func (p *Path) Root() string { return p.segments[0].name }

// Name returns the name of the n-th member of the path, counted from its root,
// which is 0; a text in brackets counts as a name. It is "" if there is none.
func (p *Path) Name(n int) string {
	if n >= len(p.segments) {
		return ""
	}
	if s := p.segments[n]; s.isBracket && s.key.IsText() {
		return s.key.Text()
	}
	return p.segments[n].name
}

// Len returns the number of segments.
func (p *Path) Len() int { return len(p.segments) }

// Fetches reports whether the path asks for what stands behind an address (.@).
func (p *Path) Fetches() bool {
	for _, s := range p.segments {
		if s.fetch {
			return true
		}
	}
	return false
}
