package txscript_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// constructs do work that grows with n, between what is done once and what is done
// again and again.
var constructs = []struct{ name, once, again string }{
	{"count", "s = 'ab' * n", "s.count('b')"},
	{"format of text", "s = 'a' * n", "s.format()"},
	{"format of items", "s = '{0' + '[0]' * n + '}'\na = []\na.append(a)", "s.format(a)"},
	{"format of fields", "s = '{0}' * n", "s.format('')"},
	{"format_map", "s = '{a}' * n", "s.format_map({'a': ''})"},
	{"isinstance", "s = (str,) * n", "isinstance(1, s)"},
	{"issubclass", "s = (str,) * n", "issubclass(int, s)"},
	{"ord", "s = 'a' * n\ndef f(k):\n    try: ord(k)\n    except TypeError: pass", "f(s)"},
	{"id of a text", "s = 'a' * n", "id(s)"},
	{"getattr", "s = 'a' * n", "getattr(1, s, 2)"},
	{"hasattr", "s = 'a' * n", "hasattr(1, s)"},
	{"setattr", "class A: pass\na, s = A(), 'a' * n", "setattr(a, s, 1)"},
	{"startswith", "s = ('b',) * n", "'a'.startswith(s)"},
	{"path", "import xml.etree.ElementTree as ET\nr, s = ET.Element('a'), 'a' * n", "r.find(s)"},
	{"find", "s = 'a' * n", "s.find('b')"},
	{"rfind", "s = 'a' * n", "s.rfind('b')"},
	{"index", "s = 'a' * n + 'b'", "s.index('b')"},
	{"in", "s = 'a' * n", "'b' in s"},
	{"text ==", "s = 'a' * n\nt = 'a' * n", "s == t"},
	{"text <", "s = 'a' * n\nt = 'a' * n", "s < t"},
	{"split", "s = 'a ' * (n // 2)", "s.split()"},
	{"split by", "s = 'a' * n", "s.split('b')"},
	{"splitlines", "s = 'a' * n", "s.splitlines()"},
	{"replace", "s = 'a' * n", "s.replace('a', 'bc')"},
	{"replace of nothing", "s = 'a' * n", "s.replace('b', 'c')"},
	{"strip", "s = ' ' * n", "s.strip()"},
	{"upper", "s = 'a' * n", "s.upper()"},
	{"isdigit", "s = '1' * n", "s.isdigit()"},
	{"title", "s = 'a' * n", "s.title()"},
	{"repeat", "s = 'a' * n", "s * 2"},
	{"concat", "s = 'a' * n", "s + 'b'"},
	{"reverse", "s = 'a' * n", "s[::-1]"},
	{"join", "s = ['a'] * n", "''.join(s)"},
	{"encode", "s = 'é' * n", "s.encode('utf-16')"},
	{"decode", "s = b'a' * n", "s.decode()"},
	{"translate", "s = 'a' * n", "s.translate({97: 'b'})"},
	{"format", "s = 'a' * n", "'{}'.format(s)"},
	{"percent", "s = 'a' * n", "'%s' % s"},
	{"f-string", "s = 'a' * n", "f'{s:>10}'"},
	{"bytes find", "s = b'a' * n", "s.find(b'b')"},
	{"list ==", "s = [1] * n\nt = [1] * n", "s == t"},
	{"list in", "s = [1] * n", "2 in s"},
	{"list copy", "s = [1] * n", "s[:]"},
	{"list index", "s = [1] * n", "s.count(2)"},
	{"list insert", "s = [1] * n", "s.insert(0, 1)"},
	{"list pop", "s = [1] * n", "s.append(s.pop(0))"},
	{"sorted", "s = list(range(n))", "sorted(s)"},
	{"reversed", "s = [1] * n", "list(reversed(s))"},
	{"sum", "s = [1] * n", "sum(s)"},
	{"max", "s = [1] * n", "max(s)"},
	{"any", "s = [0] * n", "any(s)"},
	{"set", "s = list(range(n))", "set(s)"},
	{"set ops", "s = set(range(n))", "s | {1}"},
	{"dict ==", "s = {i: i for i in range(n)}\nt = dict(s)", "s == t"},
	{"dict copy", "s = {i: i for i in range(n)}", "dict(s)"},
	{"repr", "s = [1] * n", "repr(s)"},
	{"json", "s = [1] * n", "json.dumps(s)"},
	{"json read", "s = '[' + '1,' * n + '1]'", "json.loads(s)"},
	{"comprehension", "s = range(n)", "[i for i in s]"},
	{"generator", "s = range(n)", "sum(i for i in s)"},
	{"generator function", "def g(k):\n    for i in range(k):\n        yield i", "for i in g(n): pass"},
	{"yield from", "def g(k):\n    for i in range(k):\n        yield i\ndef h(k):\n    yield from g(k)", "for i in h(n): pass"},
	{"generator used up", "def g(k):\n    for i in range(k):\n        yield i", "max(g(n))"},
	{"calls", "def f(x): return x", "[f(i) for i in range(n)]"},
	{"calls of sort", "def f(x): return x\ns = list(range(n))", "sorted(s, key=f)"},
	{"methods", "class A:\n    def m(self, x): return x\na = A()", "[a.m(i) for i in range(n)]"},
	{"get", "d = {1: 2}", "[d.get(i) for i in range(n)]"},
	{"append", "s = []", "for i in range(n): s.append(i)"},
	{"len, abs and float", "s = [1.5]", "for i in range(n): len(s), abs(1.5), float('1.5')"},
	{"class", "class A:\n    def __init__(self, x): self.x = x", "[A(i) for i in range(n)]"},
	{"eq of a class", "class A:\n    def __eq__(self, o): return True\ns = [A()] * n\nt = [A()] * n", "s == t"},
	{"dataclass", "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: list\ns, t = A([1] * n), A([1] * n)", "s == t"},
	{"decorator", "def d(f):\n    def w(*a): return f(*a)\n    return w\n@d\ndef f(k):\n    return [0 for _ in range(k)]", "f(n)"},
	{"eval", "s = '+'.join(['1'] * min(n, 400))", "[eval(s) for _ in range(n // 400 + 1)]"},
	{"re", "s = 'a' * n", "re.search('b', s)"},
	{"re that backtracks", "s = 'a' * min(n, 4000)", "re.match('(a*)*b', s)"},
	{"re.sub", "s = 'a' * n", "re.sub('a', 'b', s)"},
	{"re.split", "s = 'a,' * (n // 2)", "re.split(',', s)"},
	{"decimal", "from decimal import Decimal\ns = Decimal('1.' + '1' * 27)", "[s * s for _ in range(n)]"},
	{"ElementTree", "import xml.etree.ElementTree as ET\ns = '<a>' + '<b/>' * (n // 4) + '</a>'", "ET.fromstring(s)"},
	{"ElementTree find", "import xml.etree.ElementTree as ET\ns = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "s.findall('c')"},
	{"SubElement", "import xml.etree.ElementTree as ET\nr = ET.Element('r')", "for i in range(n // 4): ET.SubElement(r, 'a', k='v').text = 'x'"},
	{"tostring", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "ET.tostring(r)"},
	{"tostring of one text", "import xml.etree.ElementTree as ET\nr = ET.Element('a')\nr.text = '&' * n", "ET.tostring(r, 'unicode')"},
	{"indent", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "ET.indent(r)"},
	{"iter of elements", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "list(r.iter('c'))"},
	{"itertext", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b>x</b>' * (n // 8) + '</a>')", "''.join(r.itertext())"},
	{"parents of elements", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "r.findall('b[1]')"},
	{"copy of elements", "import copy, xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "copy.deepcopy(r)"},
	{"remove of an element", "import xml.etree.ElementTree as ET\nr = ET.fromstring('<a>' + '<b/>' * (n // 4) + '</a>')", "r.remove(ET.SubElement(r, 'x'))"},
	{"minidom", "from xml.dom import minidom\ns = '<a>' + '<b/>' * (n // 16) + '</a>'", "minidom.parseString(s).toxml()"},
	{"strftime", "from datetime import date\nd, s = date(2026, 11, 26), '%100d' * (n // 100)", "d.strftime(s)"},
	{"format of a date", "from datetime import date\nd, s = date(2026, 11, 26), '%100d' * (n // 100)", "f'{d:{s}}'"},
	{"hashlib", "import hashlib\ns = b'a' * n", "hashlib.sha256(s)"},
	{"base64", "import base64\ns = b'a' * n", "base64.b64encode(s)"},
	{"normalize", "import unicodedata\ns = 'é' * n", "unicodedata.normalize('NFD', s)"},
	{"unescape", "import html\ns = '&amp;' * (n // 5)", "html.unescape(s)"},
	{"csv", "import csv\ns = ['a,b'] * (n // 4)", "list(csv.reader(s))"},
	{"deepcopy", "import copy\ns = [1] * n", "copy.deepcopy(s)"},
	{"groupby", "import itertools\ns = range(n)", "list(itertools.groupby(s))"},
}

// keyed do work that grows with the size of keys and of what is compared.
var keyed = []struct{ name, once, again string }{
	{"key of get", "s, d = 'a' * n, {}", "d.get(s)"},
	{"key of pop", "s, d = 'a' * n, {}", "d.pop(s, 0)"},
	{"key of setdefault", "s, d = 'a' * n, {}", "d.setdefault(s, 1)"},
	{"key of update", "s, d = 'a' * n, {}", "d.update({s: 1})"},
	{"key of pairs", "s, d = 'a' * n, {}", "d.update([(s, 1)])"},
	{"key of dict()", "s = 'a' * n", "dict([(s, 1)])"},
	{"key of fromkeys", "s = 'a' * n", "dict.fromkeys([s])"},
	{"key of a display", "s = 'a' * n", "{s: 1}"},
	{"key of a comprehension", "s = 'a' * n", "{k: 1 for k in [s]}"},
	{"key of |", "s = 'a' * n\nd = {s: 1}", "d | {}"},
	{"key of a copy", "s = 'a' * n\nd = {s: 1}", "d.copy()"},
	{"key of dict ==", "s = 'a' * n\nd, e = {s: 1}, {s: 1}", "d == e"},
	{"key of popitem", "s, d = 'a' * n, {}", "d[s] = 1; d.popitem()"},
	{"key of match", "s, d = {'a': 'b'}, {'a' * n: 1}", "match d:\n        case {**rest}: pass"},
	{"key of Counter", "from collections import Counter\ns = 'a' * n", "Counter([s])"},
	{"key of defaultdict", "from collections import defaultdict\ns, d = 'a' * n, defaultdict(int)", "d[s] += 1"},
	{"key of lru_cache", "from functools import lru_cache\n@lru_cache\ndef f(k): return 1\ns = 'a' * n", "f(s)"},
	{"member of a set", "s = 'a' * n", "{s}"},
	{"member of set()", "s = 'a' * n", "set([s])"},
	{"member of frozenset()", "s = 'a' * n", "frozenset([s])"},
	{"member of a set comprehension", "s = 'a' * n", "{k for k in [s]}"},
	{"member of add", "s, d = 'a' * n, set()", "d.add(s)"},
	{"member of discard", "s, d = 'a' * n, set()", "d.discard(s)"},
	{"member of set.update", "s, d = 'a' * n, set()", "d.update([s])"},
	{"member of |", "s = 'a' * n\nd = {s}", "d | {1}"},
	{"member of &", "s = 'a' * n\nd = {s}", "d & {s}"},
	{"member of union", "s = 'a' * n\nd = {s}", "d.union([1])"},
	{"member of <=", "s = 'a' * n\nd, e = {s}, {s}", "d <= e"},
	{"member of set ==", "s = 'a' * n\nd, e = {s}, {s}", "d == e"},
	{"member of issubset", "s = 'a' * n\nd, e = {s}, {s}", "d.issubset(e)"},
	{"member of isdisjoint", "s = 'a' * n\nd, e = {s}, {s}", "d.isdisjoint(e)"},
	{"member of keys()", "s = 'a' * n\nd = {s: 1}", "d.keys() == {1}"},
	{"member of keys() &", "s = 'a' * n\nd = {s: 1}", "d.keys() & {1}"},
	{"hash of a text", "s = 'a' * n", "hash(s)"},
	{"hash of a frozenset", "s = 'a' * n", "hash(frozenset([s]))"},
	{"named tuples ==", "from collections import namedtuple\nA = namedtuple('A', 'x')\ns, t = A([1] * n), A([1] * n)", "s == t"},
	{"named tuples <", "from collections import namedtuple\nA = namedtuple('A', 'x')\ns, t = A([1] * n), A([1] * n)", "s < t"},
	{"lists of a class ==", "class A(list): pass\ns, t = A([1] * n), A([1] * n)", "s == t"},
	{"slices ==", "s, t = slice([1] * n), slice([1] * n)", "s == t"},
}

// numbers do work that grows with the square of the size of whole numbers.
var numbers = []struct{ name, once, again string }{
	{"isqrt", "s = 1 << n", "math.isqrt(s)"},
	{"gcd", "s, t = (1 << n) + 1, (1 << n) - 1", "math.gcd(s, t)"},
	{"lcm", "s, t = (1 << n) + 1, (1 << n) - 1", "math.lcm(s, t)"},
	{"multiplication", "s = (1 << n) + 1", "s * s"},
	{"division", "s, t = (1 << 2 * n) + 1, (1 << n) + 1", "s // t"},
	{"pow", "s = (1 << n) + 1", "s ** 2"},
	{"pow with a modulus", "s, t = (1 << n) + 1, (1 << n) - 1", "pow(s, 3, t)"},
	{"factorial", "k = n // 16", "math.factorial(k)"},
	{"comb", "k = n // 16", "math.comb(2 * k, k)"},
	{"text of a number", "s = 1 << min(n, 14000)", "[str(s) for _ in range(n // 1000)]"},
}

// Messages are kept until the run ends, so that there is a bound for all of them.
func TestMessagesTakeNoMoreThanAValueMay(t *testing.T) {
	t.Parallel()
	_, err := used(t, "for i in range(1000): show_info('x' * 100)", pyvalue.Limits{Steps: 1 << 20, ValueBytes: 100_000})
	if !errors.Is(err, pyvalue.ErrLimit) || !strings.Contains(err.Error(), "showing messages") {
		t.Error(err)
	}
	if _, err := used(t, "for i in range(100): show_info('x' * 100)", pyvalue.Limits{Steps: 1 << 20, ValueBytes: 100_000}); err != nil {
		t.Error(err)
	}
}

// A width in a date's format makes much of little.
func TestADateThatIsLongEndsAtALimit(t *testing.T) {
	t.Parallel()
	const code = "from datetime import date\nd, s = date(2026, 11, 26), '%10000d' * 100\n"
	for _, use := range []string{"d.strftime(s)", "f'{d:{s}}'"} {
		if _, err := used(t, code+use, pyvalue.Limits{ValueBytes: 20_000}); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v", use, err)
		}
	}
}

// An element can be put in itself, and is then found in itself without an end.
func TestAnElementInItselfEnds(t *testing.T) {
	t.Parallel()
	const code = "import copy, xml.etree.ElementTree as ET\ne = ET.Element('a')\ne.text = 'x'\ne.append(e)\n"
	for _, use := range []string{
		"list(e.iter())", "list(e.itertext())", "ET.tostring(e)", "ET.tostring(e, method='text')", "ET.indent(e)", "copy.deepcopy(e)", "e.findall('.//b')", "e.findall('.//a[1]')", "e.find(\"a[.='y']\")",
	} {
		var e *pyvalue.Error
		if work, err := used(t, code+use, pyvalue.Limits{}); !errors.As(err, &e) || e.Type != "RecursionError" || work > 2_000_000 {
			t.Errorf("%s: %v after %d steps", use, err, work)
		}
	}
}

// used returns what a formula takes.
func used(t *testing.T, code string, limits pyvalue.Limits) (work int64, err error) {
	t.Helper()
	p, err := txscript.Compile(code, txscript.Options{Globals: globals, Fields: "field"})
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	meter := pyvalue.NewMeter(context.Background(), limits)
	_, err = p.Run(context.Background(), &txscript.Host{Globals: []pyvalue.Value{pyvalue.FromObject(&fields{})}, Meter: meter})
	steps, _ := meter.Used()
	return steps, err
}

// What goes over its operand counts its size, so that no formula does much more than
// its steps say.
func TestWhatTakesTimeCounts(t *testing.T) {
	t.Parallel()
	const n = 20000
	roomy := pyvalue.Limits{Steps: 1 << 40, ValueBytes: 1 << 30, TotalBytes: 1 << 40}
	counted := slices.Concat(constructs, keyed, ints)
	for i, c := range append(counted, numbers...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "re that backtracks" {
				t.Skip("it ends only at a limit")
			}
			once, err := used(t, fmt.Sprintf("n = %d\n%s\n", n, c.once), roomy)
			if err != nil {
				t.Fatal(err)
			}
			both, err := used(t, fmt.Sprintf("n = %d\n%s\n%s\n", n, c.once, c.again), roomy)
			if err != nil {
				t.Fatal(err)
			}
			least := int64(n / 256) // a step may stand for 256 bytes
			if i >= len(counted) {
				least = (n / 64) * (n / 64) / 512 // or for 512 products of words
			}
			if both-once < least {
				t.Errorf("%d steps for a size of %d, at least %d must be counted", both-once, n, least)
			}
		})
	}
}

// Everything that is done again and again ends at the limit.
func TestEveryConstructEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	few := pyvalue.Limits{Steps: 300_000, ValueBytes: 1 << 20, TotalBytes: 64 << 20}
	for _, c := range slices.Concat(constructs, keyed, ints, numbers) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := c.again
			if _, err := used(t, fmt.Sprintf("n = 2000\n%s\nwhile True:\n    %s\n", c.once, body), few); !errors.Is(err, pyvalue.ErrLimit) {
				t.Errorf("got %v, want the error of a limit", err)
			}
		})
	}
}

// Values that hold each other many times over are small, and are compared, hashed and
// printed within the limits all the same.
func TestValuesThatHoldEachOtherManyTimesEndAtALimit(t *testing.T) {
	t.Parallel()
	few := pyvalue.Limits{Steps: 300_000, ValueBytes: 1 << 20, TotalBytes: 64 << 20}
	for name, code := range map[string]string{
		"==":                "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\na == b",
		"<":                 "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\na < b",
		"in":                "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\na in [b]",
		"repr":              "a = [1]\nfor _ in range(60): a = [a, a]\nrepr(a)",
		"json":              "a = [1]\nfor _ in range(60): a = [a, a]\njson.dumps(a)",
		"dict ==":           "a, b = {1: 1}, {1: 1}\nfor _ in range(60): a, b = {1: a, 2: a}, {1: b, 2: b}\na == b",
		"sorted":            "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\nsorted([a, b])",
		"max":               "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\nmax(a, b)",
		"tostring":          "import xml.etree.ElementTree as ET\na = [1]\nfor _ in range(60): a = [a, a]\ne = ET.Element('b')\ne.tag = a\nET.tostring(e)",
		"indent":            "import xml.etree.ElementTree as ET\na = [1]\nfor _ in range(60): a = [a, a]\nET.indent(ET.Element('b'), '', a)",
		"__eq__":            "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\na.__eq__(b)",
		"is":                "a, b = (1,), (1,)\nfor _ in range(60): a, b = (a, a), (b, b)\na is b",
		"iter":              "a, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\nnext(iter(lambda: a, b))",
		"enum":              "import enum\na, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\nclass E(enum.Enum):\n    A = a\nE(b)",
		"iter of tags":      "import xml.etree.ElementTree as ET\na, b = [1], [1]\nfor _ in range(60): a, b = [a, a], [b, b]\ne = ET.Element('a')\ne.tag = a\nlist(e.iter(b))",
		"isinstance":        "a = (str,)\nfor _ in range(60): a = (a, a)\nisinstance(1, a)",
		"issubclass":        "a = (str,)\nfor _ in range(60): a = (a, a)\nissubclass(int, a)",
		"deepcopy of lists": "import copy\na = [1]\nfor _ in range(60): a = [a, a]\ncopy.deepcopy(a)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := used(t, code, few); !errors.Is(err, pyvalue.ErrLimit) {
				t.Errorf("got %v, want the error of a limit", err)
			}
		})
	}
	for _, use := range []string{"{a: 1}", "a in {1}", "hash(a)"} {
		if _, err := used(t, "a = (1,)\nfor _ in range(40): a = (a, a)\n"+use, few); err == nil {
			t.Errorf("%s: no error", use)
		}
	}
}

// A number that a program gives is counted as it is, not as what is left of its product.
func TestLargeNumbersOfPartsAreCounted(t *testing.T) {
	t.Parallel()
	limits := pyvalue.Limits{Steps: 300_000, ValueBytes: 1 << 20, TotalBytes: 64 << 20}
	for _, code := range []string{
		"import xml.etree.ElementTree as ET\nET.indent(ET.fromstring('<a><b/></a>'), '    ', n)", "'    ' * n", "[1, 2] * n", "bytes(4) * n",
		"'a'.ljust(n)", "'\t\t'.expandtabs(n)",
		"('a' * 2000).translate({97: 'x' * 2000 + str(n)[:0]})", "1 << n", "(1).to_bytes(n, 'big')", "list(range(n))",
	} {
		for _, n := range []string{"2**59", "2**60 + 1", "2**61", "2**62", "2**62 + 1", "2**63 - 1"} {
			if _, err := used(t, "n = "+n+"\n"+code, limits); !errors.Is(err, pyvalue.ErrLimit) {
				t.Errorf("%s with %s: %v", code, n, err)
			}
		}
	}
}

// What stands for more than itself is counted by what it becomes.
func TestWhatATextBecomesIsCountedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	limits := pyvalue.Limits{Steps: 30_000_000, ValueBytes: 1 << 17, TotalBytes: 4 << 30}
	for _, code := range []string{
		"from datetime import datetime, timezone, timedelta\nz = timezone(timedelta(0), 'x' * 10000)\n" +
			"datetime(2020, 1, 1, tzinfo=z).strftime('%Z' * 10000)",
		"from datetime import date\ndate(2020, 1, 1).strftime('x' * 50000 + '%999999999d')",
		"('a' * 10000).translate({97: 'x' * 10000})", "('a' * 130000).translate({97: 0x10ffff})", "'a'.join(['x' * 50000] * 1000)", "('a' * 1000).replace('a', 'x' * 10000)",
		"import re\nre.sub('a', 'x' * 10000, 'a' * 10000)", "import re\nre.sub('a', lambda m: 'x' * 10000, 'a' * 10000)",
		"('%s' * 1000) % (('x' * 10000,) * 1000)", "('{0}' * 1000).format('x' * 10000)", "str(['x' * 10000] * 1000)", "repr('\\x00' * 50000)",
		"import json\njson.dumps(['x' * 10000] * 1000)", "import string\nstring.Template('$a' * 1000).substitute(a='x' * 10000)",
		"import html\nhtml.escape('<' * 50000)", "import urllib.parse\nurllib.parse.urlencode([('a', 'x' * 10000)] * 1000)",
		"import csv, io\nb = io.StringIO()\ncsv.writer(b).writerows([['x' * 10000]] * 1000)\nb.getvalue()",
		"import textwrap\ntextwrap.indent('a\\n' * 1000, 'x' * 10000)",
		"import io\nb = io.StringIO()\nfor _ in range(1000): b.write('x' * 10000)\nb.getvalue()",
		"import xml.etree.ElementTree as ET\ne = ET.Element('a')\ne.text = 'x' * 10000\n" +
			"b = ET.Element('b')\nb.extend([e] * 1000)\nET.tostring(b)",
		"from xml.sax.saxutils import escape\nescape('a' * 1000, {'a': 'x' * 10000})", "b''.join([b'x' * 10000] * 1000)",
		"'\\t' .expandtabs(10000) * 1000",
		"('é' * 10000).encode('ascii', 'namereplace')", "('aé' * 10000).encode('ascii', 'namereplace')",
		"import unicodedata\nunicodedata.normalize('NFKD', 'ﷺ' * 10000)", "('ΐ' * 30000).upper()", "f'{\"x\" * 10000}' * 1000",
	} {
		if _, err := used(t, code, limits); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A separator counts as often as it stands between two.
func TestJoiningOneIsNotCountedAsItsSeparator(t *testing.T) {
	t.Parallel()
	limits := pyvalue.Limits{Steps: 30_000_000, ValueBytes: 1 << 17}
	for _, code := range []string{"(b'x' * 131000).join([b'a' * 1000])", "('x' * 131000).join(['a' * 1000])"} {
		if _, err := used(t, code, limits); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A source that is twice as long takes about twice as much to compile. It is counted in
// allocations, which no other work on the machine changes.
func TestCompilingIsLinear(t *testing.T) {
	for name, line := range map[string]string{
		"assignments": "x%d = field.a + %d\n", "functions": "def f%d(a, b=%d):\n    return [i for i in a if i]\n",
		"branches": "if field.a == %d:\n    x = %d\n", "classes": "class A%d:\n    x = %d\n    def f(self): return self.x\n",
	} {
		allocations := func(n int) float64 {
			var source strings.Builder
			for i := range n {
				fmt.Fprintf(&source, line, i, i)
			}
			code := source.String()
			return testing.AllocsPerRun(1, func() {
				if _, err := txscript.Compile(code, txscript.Options{Globals: globals, Fields: "field"}); err != nil {
					t.Error(err)
				}
			})
		}
		if once, twice := allocations(400), allocations(800); twice > 2.3*once {
			t.Errorf("%s: %.0f allocations for 400 of them, %.0f for 800", name, once, twice)
		}
	}
}

// A function of re whose arguments have no names takes a shorter way, which costs the same
// and gives the same.
func TestFunctionsOfRegularExpressionsCountAllTheirArguments(t *testing.T) {
	t.Parallel()
	ask := cpython(t)
	const text = "s = 'ab' * 2000\nk = []\n"
	for positional, named := range map[string]string{
		"re.search('c', s)":              "re.search('c', string=s)",
		"re.match('a', s).span()":        "re.match('a', string=s).span()",
		"re.fullmatch('a', s)":           "re.fullmatch('a', string=s)",
		"re.findall('bb|aa', s)":         "re.findall('bb|aa', string=s)",
		"len([*re.finditer('b', s)])":    "len([*re.finditer('b', string=s)])",
		"re.split('c', s)":               "re.split('c', string=s)",
		"re.split('b', s, 2)":            "re.split('b', s, maxsplit=2)",
		"re.sub('c', 'd', s)":            "re.sub('c', 'd', string=s)",
		"re.sub('b', r'<\\g<0>>', s, 3)": "re.sub('b', r'<\\g<0>>', s, count=3)",
		"re.subn('a', '', s)":            "re.subn('a', '', string=s)",
		"re.sub('a', lambda m: k.append(m) or 'x', 'aba'), [m.span() for m in k]": "re.sub('a', lambda m: k.append(m) or 'x', string='aba'), [m.span() for m in k]",
	} {
		want := ask(text+positional, "{}")
		for _, code := range []string{positional, named} {
			if kind, got := run(t, text+code, "{}"); kind != want[0] || got != want[1] {
				t.Errorf("%s\ngot  %s %.80s\nwant %s %.80s", code, kind, got, want[0], want[1])
			}
		}
		short, err := used(t, text+positional, pyvalue.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if long, err := used(t, text+named, pyvalue.Limits{}); err != nil || short != long {
			t.Errorf("%s: %d steps, with a name %d (%v)", positional, short, long, err)
		}
	}
}

// What is made of large values is counted before it is made.
func TestLargeValuesEndAtALimit(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"bin(1 << 4000000)", "from decimal import Decimal\nDecimal(1 << 4000000)", "from decimal import Decimal\nDecimal(1) + (1 << 4000000)",
		"from datetime import datetime\ndatetime.strptime('x' * 400000, '%d' * 200000)", "ascii('é' * 300000)", "list('a' * 900000)", "repr(b'a' * 900000) * 2",
		"import base64\nbase64.b64decode('QUJD' * 200000)", "s = {'k' * 900000}\nfor i in range(10**6): 'k' * 2 in s",
	} {
		limits := pyvalue.Limits{Steps: 1_000_000, ValueBytes: 1 << 20, TotalBytes: 2 << 20}
		if _, err := used(t, code, limits); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// TestChainsAreLongOrRefused has what makes a level of the tree for each link: 1,500 of them,
// of which CPython takes more, and so many that a goroutine's stack would be full of them.
func TestChainsAreLongOrRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, head, link, tail string }{
		{"sums", "x = 0", " + 1", ""},
		{"products", "x = 1", " * 1", ""},
		{"bits", "x = 0", " | 1", ""},
		{"sums in brackets", "x = (((0", " + 1", ")))"},
		{"conditions", "x = ", "1 if None else ", "0"},
		{"conditions before a lambda", "x = ", "1 if None else ", "lambda: 0"},
		{"branches", "if None:\n x = 1\n", "elif None:\n x = 1\n", "else:\n x = 0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := txscript.Compile(c.head+strings.Repeat(c.link, 1500)+c.tail, txscript.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Run(t.Context(), new(txscript.Host)); err != nil {
				t.Error(err)
			}
			_, err = txscript.Compile(c.head+strings.Repeat(c.link, 100_000)+c.tail, txscript.Options{})
			if err == nil || !strings.Contains(err.Error(), "more than 50000 operators or branches in a row") {
				t.Errorf("100,000: %v", err)
			}
		})
	}
	many := strings.Repeat("x = 0"+strings.Repeat(" + 1", 1000)+"\n", 100)
	if _, err := txscript.Compile(many, txscript.Options{}); err != nil {
		t.Errorf("a hundred statements: %v", err)
	}
	within := "x = 0"
	for range 30 {
		within = "x = 0 + (" + within[4:] + strings.Repeat(" + 1", 2000) + ")"
	}
	if _, err := txscript.Compile(within, txscript.Options{}); err == nil {
		t.Error("chains within chains are not counted together")
	}
	var branches strings.Builder
	for depth := range 10 {
		indent := strings.Repeat(" ", depth)
		branches.WriteString(indent + "if None: pass\n" + strings.Repeat(indent+"elif None: pass\n", 6000) + indent + "else:\n")
	}
	branches.WriteString(strings.Repeat(" ", 10) + "pass\n")
	if _, err := txscript.Compile(branches.String(), txscript.Options{}); err == nil {
		t.Error("branches within branches are not counted together")
	}
}
