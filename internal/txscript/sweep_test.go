package txscript_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// prelude makes what the calls of a sweep are given.
const prelude = `import base64, bisect, collections, copy, csv, datetime, decimal, enum, functools, heapq, io, itertools, json, math, operator, re, string, uuid
import dataclasses
import xml.etree.ElementTree as ET
from xml.dom import minidom
ring = []
ring.append(ring)
shared, classes = [1], (int,)
for _ in range(60): shared, classes = [shared, shared], (classes, classes)
deep, deeper = [], ()
for _ in range(3000): deep, deeper = [deep], (deeper,)
class Plain:
    def __init__(self, *a, **k): self.a = a
@dataclasses.dataclass
class Data:
    x: object = 1
class Colour(enum.Enum):
    RED = 1
Pair = collections.namedtuple('Pair', 'a b')
def gen():
    yield 1
    yield 'b'
def boom(*a, **k): raise KeyError(1)
`

// givens are arguments that functions are rarely given.
var givens = strings.Split(strings.ReplaceAll(strings.TrimSpace(`
None|0|-1|1|3|2**31|2**62|2**63-1|-2**63|2**70|-2**70|10**400|1.5|-0.0|float('nan')|float('inf')|1e308|True|''|'a'|'a' * 100000
'é\u0301😀'|'%s %(a)d'|'{} {0!r:>9}'|'1,2;"3'|'%Y-%m-%d %H'|'2020-01-01'|'<a b="c">d</a>'|'(a*)*b'|'[1, {"a": null}]'|'\x00\x1f'|b''
b'a' * 100000|b'\xff\xfe'|[]|[[]]|[1, 'a', None]|list(range(1000))|ring|shared|classes|deep|deeper|{}|{1: {}}|{'a': ring}|()
(1,) * 1000|((1, 2), (3, 4))|{1}|frozenset('ab')|range(10**9)|range(-5, 5, 3)|iter([1])|gen()|map(str, [1])|lambda *a, **k: 1|boom|int
str|dict|type|object()|slice(None)|slice(-1, 10**20, -3)|re.compile('a*')|re.match('(a)(?P<b>b)?', 'a')|decimal.Decimal('1e100')
decimal.Decimal('NaN')|datetime.date(1, 1, 1)|datetime.datetime(9999, 12, 31, 23, 59)|datetime.timedelta(-10**6)|ET.Element('a')
ET.fromstring('<a>x<b/>y</a>')|ValueError(1)|...|NotImplemented|Plain()|Plain|Data()|Colour.RED|Pair(1, 2)|collections.deque([1])
collections.Counter('aab')|io.StringIO('a\nb')|uuid.UUID(int=5)
`), "\n", "|"), "|")

// builtinNames are the functions and classes of Python itself that may be called.
const builtinNames = `abs all any ascii bin bool bytes bytearray callable chr complex dict dir divmod enumerate eval filter float format frozenset getattr hasattr
hash hex id int isinstance issubclass iter len list map max min next oct ord pow print property range repr reversed round set setattr slice sorted staticmethod
str sum super tuple type vars zip memoryview classmethod delattr`

// keywords are names that arguments are given by.
var keywords = strings.Fields(`key default reverse sep maxsplit encoding errors start end sort_keys indent ensure_ascii separators cls object_hook delimiter quotechar
fieldnames n k r width fillvalue repeat initial maxlen flags count pos base strict tzinfo timespec fold prec rounding context method short_empty_elements x a b args`)

// operations are what is done with values in other ways than by calls; A, B and C are values.
var operations = strings.Split(strings.TrimSpace(`
A + B
A - B
A * B
A / B
A // B
A % B
A ** B
A << B
A >> B
A & B
A ^ B
A | B
(A) or (B)
-A
+A
~A
not (A)
A < B
A >= B
A == B
A != B
A in B
A is B
A[B]
A[B:C]
A[::B]
A[B][C]
f'{A!r:>9}'
f'{A:{B}}'
'{:{}}'.format(A, B)
'%s %r' % (A, B)
'%*d' % (A, B)
[*A, *B]
{**A}
{A: B}
{A, B}
[x for x in A if B]
{x: y for x, y in A}
(lambda p, *q, **s: (p, q, s))(*A, **B)
sorted([A, B])
max(A, B)
sum(A, B)
(x := A)
A if B else C
(A).real
(A).a.b
isinstance(A, B)
str(A, B)
int(A, B)
round(A, B)
pow(A, B, C)
divmod(A, B)
format(A, B)
getattr(A, B, C)
type(A, B, C)
`), "\n")

// statements are what is done with values in statements.
var statements = strings.Split(strings.TrimSpace(`
a = A; a += B

a = A; a -= B

a = A; a *= B

a = A; a |= B

a = A; a[B] = C

a = A; del a[B]

a = A; a[B:C] = A

a = A; a.b = B

a = A; del a.b

p, *q = A

(p, q), s = A

raise A

raise A from B

assert A, B

for x in A: pass

for x, y in A: pass

with A as x: pass

del ring[A]

ring[A] = B; ring[B:A] = C

try: raise ValueError(A)
except A: pass

match A:
  case [x, *y]: pass
  case {'a': x, **y}: pass
  case Plain(x): pass

@A
def f(): pass

class K(A): pass
K(B)

class K(A, B): x = C

def f(p=A, *q, k=B): return p, q, k
f(C)

def g():
  yield A
  yield from B
list(g())

copy.deepcopy(A)

json.dumps(A); json.loads(A)

a = A
for i in range(3): a = [a, B, a]
str(a)
`), "\n\n")

// sweptCalls lists all functions and methods that a sweep calls, as they are written.
func sweptCalls(t *testing.T) (calls []string) {
	t.Helper()
	names := func(of string) []string {
		v, err := evaluated(t.Context(), "'|'.join(dir("+of+"))")
		if err != nil {
			return nil // it has no dir()
		}
		return strings.Split(v.Text(), "|")
	}
	calls = strings.Fields(builtinNames)
	for _, given := range givens {
		for _, name := range names(given) {
			calls = append(calls, "("+given+")."+name)
		}
	}
	data, err := os.ReadFile("python_names.txt")
	if err != nil {
		t.Fatal(err)
	}
	modules := txscript.Modules()
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) == 0 || !slices.Contains(modules, words[0]) {
			continue
		}
		for _, name := range words[1:] {
			calls = append(calls, "import "+words[0]+"\n"+words[0]+"."+name)
		}
	}
	return calls
}

func evaluated(ctx context.Context, code string) (pyvalue.Value, error) {
	p, err := txscript.Compile(prelude+code, txscript.Options{})
	if err != nil {
		return pyvalue.Value{}, err
	}
	meter := pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: 2_000_000, ValueBytes: 4 << 20, TotalBytes: 64 << 20})
	return p.Run(ctx, &txscript.Host{Meter: meter})
}

// TestEveryCallEndsWhateverItIsGiven calls every function and method with what it is rarely
// given. There is a value, an error of Python's, or the end of a limit: never a panic, nor work
// that no limit ends.
func TestEveryCallEndsWhateverItIsGiven(t *testing.T) {
	t.Parallel()
	calls := sweptCalls(t)
	if len(calls) < 2000 {
		t.Fatalf("%d calls are too few", len(calls))
	}
	rounds, seed := fuzzing.Sweeps(t, 2, 200)
	const shares = 8
	for share := range shares {
		t.Run(strconv.Itoa(share), func(t *testing.T) {
			t.Parallel()
			sweep := fuzzing.NewSweep(t, seed, uint64(share))
			of := map[string][]string{"A": givens, "B": givens, "C": givens}
			run := func(ctx context.Context, code string) error {
				_, err := evaluated(ctx, code)
				var raised *pyvalue.Error
				var syntax *txscript.SyntaxError
				if err != nil && !errors.As(err, &raised) && !errors.As(err, &syntax) && !errors.Is(err, pyvalue.ErrLimit) {
					t.Errorf("%s\n%T: %v", code, err, err)
				}
				return err
			}
			for i := share; i < len(calls); i += shares {
				for range rounds {
					sweep.Try(shown(calls[i]+"("+arguments(sweep)+")"), run)
				}
			}
			for range rounds * len(calls) / shares / 4 {
				sweep.Try(shown(sweep.Fill(sweep.Pick(operations), of)), run)
				sweep.Try(sweep.Fill(sweep.Pick(statements), of), run)
			}
		})
	}
}

// arguments are up to three by position, and sometimes one by name.
func arguments(s *fuzzing.Sweep) string {
	args := make([]string, s.IntN(4))
	for i := range args {
		args[i] = s.Pick(givens)
	}
	if s.IntN(4) == 0 {
		args = append(args, s.Pick(keywords)+"="+s.Pick(givens))
	}
	return strings.Join(args, ", ")
}

// shown prints what an expression gives; an import may be before it.
func shown(call string) string {
	from := strings.LastIndexByte(call, '\n') + 1
	return call[:from] + "x = " + call[from:] + "\nstr(x), repr(x)"
}
