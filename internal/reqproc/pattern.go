package reqproc

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// Pattern is a compiled regular expression as Python's re has it. It may be used
// by several goroutines.
type Pattern struct {
	linear *regexp.Regexp
	other  *regexp2.Regexp // for what linear cannot do
}

// matchTimeout bounds a search that backtracks.
const matchTimeout = 500 * time.Millisecond

// maxPattern bounds a pattern in bytes.
const maxPattern = 10_000

// CompilePattern compiles a pattern.
func CompilePattern(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a pattern of %d bytes is too long", len(text))
	}
	linear, err := regexp.Compile(strings.ReplaceAll(text, `\Z`, `\z`))
	if err == nil {
		return &Pattern{linear: linear}, nil
	}
	other, err2 := regexp2.Compile(strings.ReplaceAll(strings.ReplaceAll(text, `\Z`, `\z`), "(?P<", "(?<"), regexp2.None)
	if err2 != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	other.MatchTimeout = matchTimeout
	return &Pattern{other: other}, nil
}

// Find searches a text. It returns the first group if the pattern has one, else the
// whole match, and whether there is a match.
func (p *Pattern) Find(text string) (string, bool, error) {
	if p.linear != nil {
		found := p.linear.FindStringSubmatch(text)
		switch {
		case found == nil:
			return "", false, nil
		case len(found) > 1:
			return found[1], true, nil
		}
		return found[0], true, nil
	}
	m, err := p.other.FindStringMatch(text)
	if err != nil {
		return "", false, fmt.Errorf("the pattern backtracks for more than %v on a text of %d bytes", matchTimeout, len(text))
	}
	if m == nil {
		return "", false, nil
	}
	if m.GroupCount() > 1 {
		return m.GroupByNumber(1).String(), true, nil
	}
	return m.String(), true, nil
}
