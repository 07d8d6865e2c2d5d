package re

import (
	"errors"
	"strings"
	"sync"
)

// ErrLimit means that a search needed more memory than it may have.
var ErrLimit = errors.New("the regular expression tries too many ways to match")

// Pattern is a compiled regular expression. It may be used by several goroutines.
type Pattern struct {
	source string
	data   bool // it matches bytes
	flags  Flags
	names  map[string]int
	order  []string
	prog   *program
}

// Compile compiles a pattern. The error is an [*Error] or a [*ValueError].
func Compile(source string, flags Flags) (*Pattern, error) { return CompileWithin(nil, source, flags) }

// Budget counts what compiling a pattern takes.
type Budget interface {
	Meter
	// Grow counts bytes that are about to be used. Its error ends the compilation.
	Grow(n int64) error
}

// unitBytes is about what a character of a pattern becomes: a node, then an instruction.
const unitBytes = 512

// spend counts n characters of a pattern; a nil budget has no end.
func spend(b Budget, n int) error {
	if b == nil {
		return nil
	}
	if err := b.Step(int64(n)); err != nil {
		return err
	}
	return b.Grow(int64(n) * unitBytes)
}

// CompileWithin is [Compile] for a pattern that comes from elsewhere than the settings: it
// ends with the budget's error. The budget may be nil.
func CompileWithin(b Budget, source string, flags Flags) (*Pattern, error) {
	key := cacheKey{source, flags}
	if p, ok := cache.get(key); ok {
		return p, nil
	}
	parsed, nodes, err := parse(b, source, flags)
	if err != nil {
		return nil, err
	}
	prog, err := compile(b, nodes, parsed.flags, parsed.groups)
	if err != nil {
		return nil, err
	}
	p := &Pattern{source: source, flags: parsed.flags, names: parsed.names, order: parsed.order, prog: prog}
	cache.put(key, p)
	return p, nil
}

// CompileBytes compiles a pattern that matches bytes: each of them is a character, and
// the classes are those of ASCII. The error is as that of [CompileWithin].
func CompileBytes(b Budget, source []byte, flags Flags) (*Pattern, error) {
	if flags&Unicode != 0 {
		return nil, &ValueError{"ValueError", "cannot use UNICODE flag with a bytes pattern"}
	}
	p, err := CompileWithin(b, encode(bytesAsRunes(source)), flags|ASCII)
	if err != nil {
		return nil, err
	}
	made := *p
	made.source, made.data = string(source), true
	if flags&ASCII == 0 {
		made.flags &^= ASCII
	}
	return &made, nil
}

// Source returns what the pattern was compiled from.
func (p *Pattern) Source() string { return p.source }

// Bytes reports whether the pattern matches bytes.
func (p *Pattern) Bytes() bool { return p.data }

// Flags returns the flags, those within the pattern included.
func (p *Pattern) Flags() Flags { return p.flags }

// Groups returns the number of groups that capture.
func (p *Pattern) Groups() int { return len(p.order) - 1 }

// Name returns the name of a group, "" if it has none.
func (p *Pattern) Name(group int) string { return p.order[group] }

// Group returns the number of a named group.
func (p *Pattern) Group(name string) (int, bool) {
	n, ok := p.names[name]
	return n, ok
}

// Search finds the first match between two positions of a text, nil if there is
// none. What lies before from can be seen by ^, \b and look-behinds; to counts as
// the end of the text. Both are cut to the text's length. The error is the
// meter's, or [ErrLimit]. A nil meter bounds nothing.
func (p *Pattern) Search(meter Meter, t *Text, from, to int) (*Match, error) {
	return p.find(meter, t, from, to, searching{})
}

// Match is Search for a match that begins at from.
func (p *Pattern) Match(meter Meter, t *Text, from, to int) (*Match, error) {
	return p.find(meter, t, from, to, searching{exact: true})
}

// FullMatch is Search for a match that begins at from and ends at to.
func (p *Pattern) FullMatch(meter Meter, t *Text, from, to int) (*Match, error) {
	return p.find(meter, t, from, to, searching{exact: true, whole: true})
}

type searching struct{ exact, whole, advance bool }

func (p *Pattern) find(meter Meter, t *Text, from, to int, how searching) (*Match, error) {
	return p.findAgain(nil, meter, t, from, to, how)
}

// findAgain is find that makes its match of one that nobody needs any more, if m is
// not nil.
func (p *Pattern) findAgain(m *Match, meter Meter, t *Text, from, to int, how searching) (*Match, error) {
	from, to = min(max(from, 0), t.Len()), min(max(to, 0), t.Len())
	if from > to {
		return nil, nil
	}
	var slots []int
	if m != nil {
		slots = m.slots[:0]
	}
	start, stop, slots, err := p.prog.search(meter, t.runes, from, to, how, slots)
	if err != nil || slots == nil {
		return nil, err
	}
	if m == nil {
		m = new(Match)
	}
	*m = Match{Pattern: p, Text: t, Pos: from, EndPos: to, start: start, stop: stop, slots: slots}
	return m, nil
}

// Each calls f with every match between two positions, none of which overlap, until
// it returns false or an error. An empty match may follow another one directly.
func (p *Pattern) Each(meter Meter, t *Text, from, to int, f func(*Match) (bool, error)) error {
	return p.each(meter, t, from, to, false, f)
}

// EachBriefly is Each where f keeps no match: the next one may be made of it.
func (p *Pattern) EachBriefly(meter Meter, t *Text, from, to int, f func(*Match) (bool, error)) error {
	return p.each(meter, t, from, to, true, f)
}

func (p *Pattern) each(meter Meter, t *Text, from, to int, briefly bool, f func(*Match) (bool, error)) error {
	how := searching{}
	var last *Match
	for {
		m, err := p.findAgain(last, meter, t, from, to, how)
		if m == nil || err != nil {
			return err
		}
		if briefly {
			last = m
		}
		if more, err := f(m); err != nil || !more {
			return err
		}
		from, how.advance = m.stop, m.start == m.stop
	}
}

// Match is a match. It may be used by several goroutines.
type Match struct {
	Pattern *Pattern
	Text    *Text
	// Pos and EndPos are the positions between which was searched.
	Pos, EndPos int

	start, stop int
	slots       []int
}

// Span returns where a group begins and ends, -1 and -1 if it took no part. Group 0
// is the whole match.
func (m *Match) Span(group int) (from, to int) {
	if group == 0 {
		return m.start, m.stop
	}
	from, to = m.slots[2*group-2], m.slots[2*group-1]
	if from < 0 || to < from {
		return -1, -1
	}
	return from, to
}

// Group returns the text of a group, and whether it took part.
func (m *Match) Group(group int) (string, bool) {
	from, to := m.Span(group)
	if from < 0 {
		return "", false
	}
	return m.Text.Slice(from, to), true
}

// LastGroup returns the number of the group that was closed last, 0 for none.
func (m *Match) LastGroup() int { return max(0, m.slots[m.Pattern.Groups()*2]) }

// Escape returns a pattern that matches the text literally, as re.escape does.
func Escape(text string) string {
	var b strings.Builder
	for _, r := range decode(text) {
		if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
			b.WriteByte('\\')
		}
		b.WriteString(encode([]rune{r}))
	}
	return b.String()
}

// EscapeBytes is [Escape] for bytes.
func EscapeBytes(data []byte) []byte {
	return []byte(runesAsBytes(decode(Escape(encode(bytesAsRunes(data))))))
}

// cache keeps compiled patterns, since functions compile the same ones for every
// row and every export.
var cache = patternCache{m: make(map[cacheKey]*Pattern)}

type cacheKey struct {
	source string
	flags  Flags
}

type patternCache struct {
	mu   sync.RWMutex
	m    map[cacheKey]*Pattern
	size int // of the sources
}

// A cache holds so many patterns, with so many bytes of source in all: a byte of it can
// become a kilobyte, and outlives the run.
const (
	maxPatterns     = 1000
	maxCachedSource = 256 << 10
)

func (c *patternCache) get(key cacheKey) (*Pattern, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.m[key]
	return p, ok
}

func (c *patternCache) put(key cacheKey, p *Pattern) {
	if len(key.source) > maxCachedSource/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.m[key]; known {
		return
	}
	if c.size += len(key.source); c.size > maxCachedSource || len(c.m) >= maxPatterns {
		clear(c.m)
		c.size = len(key.source)
	}
	c.m[key] = p
}
