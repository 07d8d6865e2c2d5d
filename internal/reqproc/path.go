package reqproc

import (
	"fmt"
	"strconv"
	"strings"
)

// Path leads from a context to a value: payload.annotation.id, item.rows[0].x,
// payload.document.content.@.
type Path struct {
	text     string
	segments []segment
}

// segment is one step of a path.
type segment struct {
	name    string // of a member
	index   int    // of an element, if isIndex
	isIndex bool
	fetch   bool // .@
	end     int  // in the text of the path
}

// maxPath bounds the length of a path in bytes.
const maxPath = 1000

// nameStops are what no name of a path has in it.
const nameStops = ".[]{}()@ \t\r\n\"'`:,;=<>|&\\/"

// ParsePath reads a path.
func ParsePath(text string) (*Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("a path of %d bytes is too long", len(text))
	}
	p := &Path{text: text}
	for at := 0; ; {
		rest := text[at:]
		if strings.HasPrefix(rest, "@") && at > 0 {
			at++
			p.segments = append(p.segments, segment{fetch: true, end: at})
		} else {
			n := strings.IndexAny(rest, nameStops)
			if n < 0 {
				n = len(rest)
			}
			if n == 0 {
				return nil, p.broken(at)
			}
			at += n
			p.segments = append(p.segments, segment{name: rest[:n], end: at})
		}
		for at < len(text) && text[at] == '[' {
			n := strings.IndexByte(text[at:], ']')
			if n < 0 {
				return nil, p.broken(at)
			}
			index, err := strconv.ParseInt(text[at+1:at+n], 10, 32)
			if err != nil {
				return nil, p.broken(at + 1)
			}
			at += n + 1
			p.segments = append(p.segments, segment{index: int(index), isIndex: true, end: at})
		}
		if at == len(text) {
			return p, nil
		}
		if text[at] != '.' {
			return nil, p.broken(at)
		}
		at++
	}
}

func (p *Path) broken(at int) error {
	if at >= len(p.text) {
		return fmt.Errorf("the path %q is not complete", p.text)
	}
	return fmt.Errorf("the path %q is broken at %q", p.text, p.text[at:])
}

// String returns the path as it was written.
func (p *Path) String() string { return p.text }

// Root returns the context that the path begins at, such as field.
func (p *Path) Root() string { return p.segments[0].name }

// Name returns the name of the n-th member of the path, counted from its root,
// which is 0; "" if there is none.
func (p *Path) Name(n int) string {
	if n >= len(p.segments) {
		return ""
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
