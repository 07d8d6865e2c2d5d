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

// TestDeepValuesAreNeitherComparedNorKeys does with deep values what goes through all of them.
func TestDeepValuesAreNeitherComparedNorKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ head, one, use string }{
		"lists ==":            {"a, b = [], []", "a, b = [a], [b]", "a == b"},
		"lists <":             {"a, b = [], []", "a, b = [a], [b]", "a < b"},
		"dicts ==":            {"a, b = {}, {}", "a, b = {1: a}, {1: b}", "a == b"},
		"tuples in a list":    {"a, b = (), ()", "a, b = (a,), (b,)", "a in [b]"},
		"slices ==":           {"a, b = None, None", "a, b = slice(a), slice(b)", "a == b"},
		"named tuples ==":     {"from collections import namedtuple\nA = namedtuple('A', 'x')\na, b = 1, 1", "a, b = A(a), A(b)", "a == b"},
		"named tuples <":      {"from collections import namedtuple\nA = namedtuple('A', 'x')\na, b = 1, 2", "a, b = A(a), A(b)", "a < b"},
		"lists of a class ==": {"class A(list): pass\na, b = 1, 1", "a, b = A([a]), A([b])", "a == b"},
		"data classes ==": {
			"from dataclasses import dataclass\n@dataclass\nclass A:\n  x: object\na, b = 1, 1", "a, b = A(a), A(b)", "a == b",
		},
		"hash of tuples":       {"a = ()", "a = (a,)", "hash(a)"},
		"tuples as keys":       {"a = ()", "a = (a,)", "{a: 1}"},
		"named tuples as keys": {"from collections import namedtuple\nA = namedtuple('A', 'x')\na = 1", "a = A(a)", "{a: 1}"},
		"classes":              {"class A: pass\na = A", "a = type('A', (a,), {})", "hasattr(a(), 'x')"},
		"classes by statement": {"class A: pass\na = A", "class A(a): pass\n  a = A", "hasattr(a(), 'x')"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := used(t, c.head+"\nfor i in range(100000):\n  "+c.one+"\n"+c.use, pyvalue.Limits{Steps: 3_000_000, TotalBytes: 1 << 30})
			var raised *pyvalue.Error
			if !errors.As(err, &raised) || raised.Type != "RecursionError" {
				t.Errorf("100,000 in one another: %.200v", err)
			}
			if _, err := used(t, c.head+"\nfor i in range(150):\n  "+c.one+"\n"+c.use, pyvalue.Limits{Steps: 1_000_000}); err != nil {
				t.Errorf("150 in one another: %v", err)
			}
		})
	}
}

// A frozenset is hashed once, so that one within others takes no more than those.
func TestAFrozensetOfFrozensetsIsHashedOnce(t *testing.T) {
	t.Parallel()
	const code = "a = frozenset()\nfor i in range(20000): a = frozenset([a, i])\nb = frozenset([1, (2, frozenset([3]))])\n" +
		"[len({a: 1}), hash(b) == hash(frozenset([(2, frozenset([3])), 1])), b == frozenset([1, (2, frozenset([4]))])]"
	p, err := txscript.Compile(code, txscript.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := pyvalue.NewMeter(t.Context(), pyvalue.Limits{Steps: 1_000_000})
	v, err := p.Run(t.Context(), &txscript.Host{Meter: m})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := pyvalue.Repr(m, v); got != "[1, True, False]" {
		t.Errorf("got %s", got)
	}
}
