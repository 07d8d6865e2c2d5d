package expression_test

import (
	"context"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A condition that would make more than it may is refused before it does, whatever it makes
// it with.
func TestAConditionMakesNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`len(repeat(repeat("a", 900000), 1000000)) > 0`,
		`len(repeat(field.a, 9223372036854775807)) > 0`,
		`len(reduce(1..40, #acc + #acc, field.a)) > 0`,
		`len(toJSON(map(1..100000, field))) > 0`,
		`len(string(map(1..100000, field))) > 0`,
		`len(join(map(1..10000, field.a))) > 0`,
		`len(join(map(1..10000, ""), field.a)) > 0`,
		`len(replace(field.a, "a", field.a)) > 0`,
		`len(map(1..10000, upper(field.a))) > 0`,
		`len(map(1..10000, lower(field.a))) > 0`,
		`len(map(1..10000, split(field.a, ""))) > 0`,
		`len(map(1..10000, splitAfter(field.a, "a"))) > 0`,
		`len(map(1..10000, toBase64(field.a))) > 0`,
		`len(map(1..10000, fromBase64(field.a))) > 0`,
		`len(map(1..10000, fromJSON("\"" + field.digits + "\""))) > 0`,
		`len(repeat(repeat("a", 10000), 1e4)) > 0`,
		`len(repeat(repeat("a", 10000), fromJSON("10000"))) > 0`,
		`len(toJSON(fromJSON(repeat("[", 9990) + repeat("]", 9990)))) > 0`,
		`len(toJSON(fromJSON(repeat("[", 900) + repeat("1,", 100000) + "1" + repeat("]", 900)))) > 0`,
		`let l = split(field.a, ""); len(map(1..10000, sort(l))) > 0`,
		`let l = split(field.a, ""); len(map(1..10000, reverse(l))) > 0`,
		`let l = split(field.a, ""); len(map(1..10000, concat(l, l))) > 0`,
	} {
		step := expression.When(condition, set("ran", "yes"))
		call := rossumtest.Annotation(rossumtest.Field("a", strings.Repeat("a", 100_000)), rossumtest.Field("digits", strings.Repeat("1", 5000)),
			rossumtest.Field("ran", ""), rossumtest.Offline())
		_, err := export(t, chainOf(t, step), call)
		if err == nil || !strings.Contains(err.Error(), "no more than 64 MB") && !strings.Contains(err.Error(), "memory budget exceeded") {
			t.Errorf("%s: %v", condition, err)
		}
	}
}

func TestAPatternThatAConditionMakesIsShort(t *testing.T) {
	t.Parallel()
	step := expression.When(`field.vendor matches repeat("(a|b)*", 10000)`, set("ran", "yes"))
	want := "the pattern has 60000 bytes; one that a condition makes may have no more than 8192"
	if _, err := export(t, chainOf(t, step), invoice()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Counting changes no result.
func TestConditionsThatAreBoundedHoldAsBefore(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{
		`repeat("ab", 2) + "c" == "ababc"`, `toJSON({"a": 1}) == "{\n  \"a\": 1\n}"`, `fromJSON("[1]")[0] + 1 == 2`, `string(1.5) + "x" == "1.5x"`,
		`join(["a", "b"], "-") == "a-b"`, `join(["a", "b"]) == "ab"`, `replace("aaa", "a", "b", 2) == "bba"`, `replace("aaa", "a", "b") == "bbb"`,
		`upper(field.vendor) == "ACME" and lower("A") == "a"`, `split("a,b", ",") == ["a", "b"]`, `split("a,b,c", ",", 2)[1] == "b,c"`,
		`fromBase64(toBase64("a")) == "a"`, `sort([2, 1]) == [1, 2]`, `sort([1, 2], "desc")[0] == 2`, `reverse([1, 2])[0] == 2`, `len(uniq([1, 1])) == 1`,
		`keys({"a": 1})[0] == "a" and values({"a": 1})[0] == 1`, `concat([1], [2]) == [1, 2]`, `flatten([[1], [2]]) == [1, 2]`, `fromPairs(toPairs({"a": 1})).a == 1`,
		`take([1, 2], 1) == [1]`, `field.amount_total + 1 > 1211`, `1 + 2 == 3`, `field.vendor + "!" == "ACME!"`, `field.issued + duration("1h") > field.issued`,
		`sum(map(1..3, # + 1)) == 9`, `filter(1..9, # > 7) == [8, 9]`, `sortBy([{"n": 2}, {"n": 1}], .n)[0].n == 1`, `groupBy(1..3, # % 2)[1] == [1, 3]`,
		`reduce(1..3, #acc + #, 0) == 6`, `one(1..3, # == 2) and none(1..3, # > 3)`, `find(1..3, # > 1) == 2 and findIndex(1..3, # > 1) == 1`, `count(1..3, # > 1) == 2`,
		`"a" in map(field.items, lower(.code))`, `field.vendor matches "^AC" and field.vendor matches "^" + field.vendor`, `repeat("ab", 2.0) == "abab"`,
		`not (field.vendor matches lower(field.vendor))`,
	} {
		ran := false
		chain := chainOf(
			t,
			expression.When(condition, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })),
		)
		if report, err := export(t, chain, invoice()); err != nil || !ran {
			t.Errorf("%s: it ran %v, %v\n%s", condition, ran, err, report.Text())
		}
	}
}
