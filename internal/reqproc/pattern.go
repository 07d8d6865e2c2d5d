package reqproc

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/re"
)

// Pattern is a compiled regular expression of Python's re. It may be used by several
// goroutines.
type Pattern struct{ p *re.Pattern }

// maxPattern bounds a pattern in bytes.
const maxPattern = 10_000

// CompilePattern compiles a pattern.
func CompilePattern(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a pattern of %d bytes is too long", len(text))
	}
	p, err := re.Compile(text, 0)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return &Pattern{p}, nil
}

// Find searches a text. It returns the first group if the pattern has one, None if
// that took no part in the match, else the whole match; and whether there is a match.
func (p *Pattern) Find(ctx context.Context, text string) (pyvalue.Value, bool, error) {
	meter := pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps})
	t, err := re.NewTextWithin(meter.Look, text)
	if err != nil {
		return pyvalue.None(), false, err
	}
	m, err := p.p.Search(meter, t, 0, t.Len())
	if errors.Is(err, pyvalue.ErrLimit) || errors.Is(err, re.ErrLimit) {
		err = fmt.Errorf("the pattern backtracks too often on a text of %d bytes: %w", len(text), err)
	}
	if m == nil || err != nil {
		return pyvalue.None(), false, err
	}
	found, ok := m.Group(min(1, p.p.Groups()))
	if !ok {
		return pyvalue.None(), true, nil
	}
	return pyvalue.Str(found), true, nil
}
