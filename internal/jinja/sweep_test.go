package jinja

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// sweepPrelude makes what the templates of a sweep are given.
const sweepPrelude = `{% set ring = [] %}{% set _ = ring.append(ring) %}{% set ns = namespace(a=1) %}{% set ns.self = ns %}{% set of = namespace(shared=[1], pairs=(1,)) %}{% for _ in range(60) %}{% set of.shared = [of.shared, of.shared] %}{% set of.pairs = (of.pairs, of.pairs) %}{% endfor %}{% macro m(x=1, y=2) %}{{ x }}{{ caller }}{{ varargs }}{{ kwargs }}{% endmacro %}`

// sweepGivens are values that filters and tests are rarely given.
var sweepGivens = strings.Split(strings.ReplaceAll(strings.TrimSpace(`
none;0;-1;1;3;2**31;2**62;2**63-1;-2**63;2**70;-2**70;10**400;1.5;-0.0;1e308;1e308*10;true;'';'a';'a'*100000;'é😀';'%s %(a)d'
'{} {0!r:>9}';'<a href="b">c</a> www.example.com';"[1, {}]";[];[[]];[1, 'a', none];range(1000)|list;ring;ns;of.shared;of.pairs;{}
{'a': {}};{1: ring};();(1, 2);((1, 2), (3, 4));range(5);range;missing;missing.a;dict(a=1);dict;cycler(1, 'b');joiner(', ');joiner
('<b>'|safe);('&'|e);m;m();[1, 2]|map('string');'b,a'.split(',');'a'.upper;'%Y'.format;lipsum;self;loop;field;'attr';'2 4';-5;'upper'
'nothing';1 == 1;[3, 1, 2]|sort;{'b': 1, 'a': [2]};'a\nb\r\n\tc';'a b'|wordcount;true and 'x'
`), "\n", ";"), ";")

// sweepTemplates are what is done with values; A, B and C are values, F is a filter, T a test, M a method.
var sweepTemplates = strings.Split(strings.TrimSpace(`
{{ A | F }}
{{ A | F(B) }}
{{ A | F(B, C) }}
{{ A | F(B, C, A, B) }}
{{ A | F(K=B) }}
{{ A | F(B, K=C) }}
{{ A | map('F', B) | list }}
{{ A | map(attribute=B) | list }}
{{ A | select('T', B) | list }}
{{ A | rejectattr(B, 'T', C) | list }}
{{ A is T }}
{{ A is T(B) }}
{{ A is T(B, C) }}
{{ A.M() }}
{{ A.M(B) }}
{{ A.M(B, C) }}
{{ A[B] }}
{{ A[B:C] }}
{{ A.a.b }}
{{ A ~ B }}
{{ A + B }}
{{ A - B }}
{{ A * B }}
{{ A / B }}
{{ A // B }}
{{ A % B }}
{{ A ** B }}
{{ A < B }}
{{ A == B }}
{{ A in B }}
{{ -A }}
{{ A(B, C) }}
{{ A(*B, **C) }}
{{ A if B else C }}
{% for x in A %}{{ loop.index }}{{ x }}{{ loop.cycle(B, C) }}{{ loop.changed(x) }}{% endfor %}
{% for x, y in A %}{{ x }}{% else %}{{ B }}{% endfor %}
{% for x in A recursive %}{{ loop(x) }}{% endfor %}
{% for x in A if x is T %}{{ x }}{% endfor %}
{% set x, y = A %}{{ x }}
{% set ns.b = A %}{{ ns.b }}{{ ns }}
{% set x %}{{ A }}{% endset %}{{ x | F }}
{% filter F(B) %}{{ A }}{% endfilter %}
{% call(x) m(A, B) %}{{ x }}{% endcall %}
{% macro f(p=A) %}{{ p }}{{ varargs }}{% endmacro %}{{ f(B, C) }}
{% with x = A %}{{ x }}{% endwith %}
{% if A %}{{ B }}{% elif C %}{{ C }}{% endif %}
{% include A %}
{% import A as x %}
{{ ring.append(A) }}{{ ring }}{{ ring | F }}
`), "\n")

var sweepKeywords = strings.Fields(`attribute default default_value case_sensitive reverse by d width indent first blank length end leeway killwords linecount fill_with
precision method start separator sep nofollow trim_url_limit target rel s count old new binary boolean base value chars wrapstring break_long_words`)

// TestEveryFilterAndTestEndsWhateverItIsGiven renders templates with what they are rarely
// given. There is a text, an error, or the end of a limit: never a panic, nor work that no
// limit ends.
func TestEveryFilterAndTestEndsWhateverItIsGiven(t *testing.T) {
	t.Parallel()
	var methods []string
	for _, v := range []value{pyvalue.Str(""), pyvalue.NewList(), pyvalue.NewDict().Value(), pyvalue.NewTuple(), pyvalue.Int(1), pyvalue.Float(1)} {
		methods = append(methods, pyvalue.MethodNames(v)...)
	}
	slices.Sort(methods)
	of := map[string][]string{
		"A": sweepGivens, "B": sweepGivens, "C": sweepGivens, "K": sweepKeywords, "M": methods,
		"F": slices.Sorted(maps.Keys(filters())), "T": slices.Sorted(maps.Keys(tests())),
	}
	n, seed := fuzzing.Sweeps(t, 3000, 50_000)
	sweep := fuzzing.NewSweep(t, seed, 0)
	for range n {
		sweep.Try(sweep.Fill(sweep.Pick(sweepTemplates), of), func(ctx context.Context, source string) error {
			compiled, err := Compile("sweep", sweepPrelude+source, Options{})
			if err != nil {
				return err
			}
			limits := Limits{Steps: 2_000_000, OutputBytes: 4 << 20, ValueBytes: 4 << 20, TotalBytes: 64 << 20}
			_, err = compiled.RenderString(ctx, map[string]value{"field": pyvalue.NewDict().Value()}, limits)
			return err
		})
	}
}
