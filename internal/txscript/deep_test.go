package txscript_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// TestDeepValuesAreNotPrinted nests values of each kind that prints what it holds, deeper than
// a goroutine's stack, and as deep as CPython prints them. What is printed has a bound, so that
// neither the process nor its time ends.
func TestDeepValuesAreNotPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ head, one string }{
		"lists":            {"a = []", "a = [a]"},
		"tuples":           {"a = ()", "a = (a,)"},
		"dicts":            {"a = {}", "a = {'a': a}"},
		"slices":           {"a = None", "a = slice(a)"},
		"exceptions":       {"a = ValueError('x')", "a = ValueError(a)"},
		"exceptions' keys": {"a = KeyError('x')", "a = KeyError(a)"},
		"system's errors":  {"a = OSError(1, 'x')", "a = OSError(1, a)"},
		"several in one":   {"a = None", "a = ValueError(slice([a]), 1)"},
		"data classes":     {"from dataclasses import dataclass\n@dataclass\nclass A:\n  x: object\na = None", "a = A(a)"},
		"named tuples":     {"from collections import namedtuple\nA = namedtuple('A', 'x')\na = None", "a = A(a)"},
		"classes of named tuples": {
			"from typing import NamedTuple\nclass A(NamedTuple):\n  x: object\na = None", "a = A(a)",
		},
		"tags": {"import xml.etree.ElementTree as ET\na = 'x'", "b = ET.Element('b')\n  b.tag = a\n  a = b"},
	} {
		for _, use := range []string{"repr(a)", "str(a)", "'%s' % (a,)", "f'{a!r}'", "'{}'.format(a)"} {
			code := func(n string) string { return c.head + "\nfor i in range(" + n + "):\n  " + c.one + "\n" + use }
			t.Run(name+" "+use, func(t *testing.T) {
				t.Parallel()
				run := func(n string) (pyvalue.Value, error) {
					p, err := txscript.Compile(code(n), txscript.Options{})
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					return p.Run(ctx, new(txscript.Host))
				}
				if v, err := run("50"); err != nil || !v.IsText() {
					t.Errorf("50 in one another: %v, %v", v, err)
				}
				var raised *pyvalue.Error
				if _, err := run("100000"); !errors.As(err, &raised) || !strings.HasPrefix(raised.Error(), "RecursionError") {
					t.Errorf("100,000 in one another: %.200v", err)
				}
			})
		}
	}
}
