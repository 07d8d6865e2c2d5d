package re

import (
	"errors"
	"strings"
	"testing"
)

var errOut = errors.New("out of steps")

type countdown struct{ left int64 }

func (c *countdown) Step(n int64) error {
	if c.left -= n; c.left < 0 {
		return errOut
	}
	return nil
}

func TestASearchThatBacktracksForEverEndsWithTheMetersError(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`(a+)+$`, `(a|a)*$`, `(a|aa)+$`, `(.*)(.*)(.*)(.*)(.*)x`, `(?=(a+)+$)`, `(?:a?){40}a{40}$`, `(a*)*b`, `([ab]*?)*c`} {
		p, err := Compile(source, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := NewText(strings.Repeat("a", 3000) + "!")
		if _, err := p.Search(&countdown{left: 1_000_000}, text, 0, text.Len()); !errors.Is(err, errOut) {
			t.Errorf("%s: got %v, want the meter's error", source, err)
		}
	}
}

func TestALongTextNeedsNoDeepStack(t *testing.T) {
	t.Parallel()
	p, err := Compile(`(?:a|b)*c`, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := NewText(strings.Repeat("ab", 200_000) + "c")
	m, err := p.Search(nil, text, 0, text.Len())
	if err != nil || m == nil {
		t.Fatalf("got %v, %v, want a match", m, err)
	}
	long := NewText(strings.Repeat("ab", 2_000_000) + "c")
	if _, err := p.Search(nil, long, 0, long.Len()); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v, want ErrLimit", err)
	}
}

func TestALongPieceOfATextIsNotCopied(t *testing.T) { // not parallel, since allocations are counted
	for name, tt := range map[string]struct {
		one    string
		copied float64
	}{
		"letters": {"aüč", 0}, "of four bytes": {"a\U0001F600", 0}, "surrogates": {"a\xed\xa0\x80b", 0}, "not UTF-8": {"a\xffü", 1},
	} {
		text, err := NewTextWithin(func(int) error { return nil }, strings.Repeat(tt.one, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		for _, between := range [][2]int{{0, text.Len()}, {3, text.Len()}, {0, text.Len() - 5}, {77, text.Len() - 99}} {
			var got string
			copied := testing.AllocsPerRun(1, func() { got = text.Slice(between[0], between[1]) })
			if want := encode(text.runes[between[0]:between[1]]); got != want || copied != tt.copied {
				t.Errorf("%s: %v copied %v times; equal: %t", name, between, copied, got == want)
			}
		}
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	t.Parallel()
	var e *Error
	if _, err := Compile(strings.Repeat("(", 100_000)+strings.Repeat(")", 100_000), 0); !errors.As(err, &e) {
		t.Errorf("got %v, want an Error", err)
	}
}

// looks is a meter that ends a search at its so many-th word.
type looks struct{ left int }

func (l *looks) Step(int64) error {
	if l.left--; l.left < 0 {
		return errOut
	}
	return nil
}

func TestALongTextIsGoneOverInPieces(t *testing.T) {
	t.Parallel()
	text := NewText(strings.Repeat("a", 2<<20))
	for _, source := range []string{`zz`, `(?s).*z`, `a*b`, `[^b]*`, `a{5,}`} {
		p, err := Compile(source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Search(&looks{left: 4}, text, 0, text.Len()); !errors.Is(err, errOut) {
			t.Errorf("%s: %v, want the meter's error", source, err)
		}
	}
	if _, err := NewTextWithin(func(int) error { return errOut }, strings.Repeat("a", 2<<20)); !errors.Is(err, errOut) {
		t.Errorf("a text: %v, want the meter's error", err)
	}
}

func (c *countdown) Grow(n int64) error { return c.Step(n / unitBytes) }

func TestAPatternIsPaidForWhileItIsCompiled(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"characters": strings.Repeat("a", 1<<20), "groups": strings.Repeat("(a|b)", 1<<18), "alternatives": strings.Repeat("a|", 1<<20),
		"classes": strings.Repeat("[a-z]", 1<<18), "a class": "[" + strings.Repeat("a", 1<<20) + "]", "a name": "(?P<" + strings.Repeat("a", 1<<20) + ">b)",
		"a number": "a{" + strings.Repeat("1", 1<<20) + "}", "a comment": "(?#" + strings.Repeat("a", 1<<20) + ")", "flags": "(?" + strings.Repeat("i", 1<<20) + ")",
		"groups in groups": strings.Repeat("(?:", 200) + strings.Repeat("a", 1<<14) + strings.Repeat(")", 200),
	} {
		if _, err := CompileWithin(&countdown{left: 100_000}, source, 0); !errors.Is(err, errOut) {
			t.Errorf("%s: %v, want the budget's error", name, err)
		}
	}
	if _, err := CompileWithin(&countdown{left: 100}, "(a|b)[c-f]{1,2}(?P<paid>x)", 0); err != nil {
		t.Errorf("a short pattern: %v", err)
	}
}

func TestNothingIsWrittenOfAPatternAfterTheBudget(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"alternatives": strings.Repeat("a|", 10_000), "none": strings.Repeat("|", 10_000), "conditions": "(a)" + strings.Repeat("(?(1)b|c)", 10_000),
		"loops": strings.Repeat("(?:ab)*", 10_000), "looks": strings.Repeat("(?=a)(?!b)", 10_000),
	} {
		parsed, nodes, err := parse(nil, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		c := &compiler{slots: 2*(len(parsed.groups)-1) + 1, groups: parsed.groups, budget: &countdown{left: 100}}
		c.sequence(nodes, parsed.flags)
		if !errors.Is(c.err, errOut) || len(c.code) > 110 {
			t.Errorf("%s: %v after %d instructions", name, c.err, len(c.code))
		}
	}
}

func TestPatternsThatAreKeptTakeNoMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	c := patternCache{m: make(map[cacheKey]*Pattern)}
	for i := range 100 {
		c.put(cacheKey{strings.Repeat("a", 10<<10), Flags(i)}, new(Pattern))
		size := 0
		for key := range c.m {
			size += len(key.source)
		}
		if size > maxCachedSource || size != c.size {
			t.Fatalf("%d patterns of %d bytes are kept, %d are counted", len(c.m), size, c.size)
		}
	}
	c.put(cacheKey{strings.Repeat("b", maxCachedSource), 0}, new(Pattern))
	if _, ok := c.get(cacheKey{strings.Repeat("b", maxCachedSource), 0}); ok {
		t.Error("a pattern is kept that leaves no room for others")
	}
}
