package reqproc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type fakeTable struct{ items []pyvalue.Value }

func (*fakeTable) PyType() string              { return "a table" }
func (t *fakeTable) Elements() []pyvalue.Value { return t.items }

func conditionScope(t testing.TB, notes *[]string) *Scope {
	field := jsonValue(
		t,
		`{"status": {"value": "approved"}, "total": {"value": "1500.00"}, "pretty": {"value": "1,500.00"}, "empty": `+
			`{"value": ""}, "nul": null, "n": 200, "list": [1, 2], "mail": {"value": "a@gmail.com"}}`,
	)
	field.Dict().SetStr("rows", pyvalue.FromObject(&fakeTable{[]pyvalue.Value{pyvalue.Int(1), pyvalue.Int(2), pyvalue.Int(3)}}))
	return &Scope{
		Lenient: true,
		Roots: map[string]pyvalue.Value{
			"field":    field,
			"property": jsonValue(t, `{"s": "approved", "l": ["approved"], "p": "^app", "nul": null, "n": 2}`),
		},
		Note: func(format string, args ...any) { *notes = append(*notes, fmt.Sprintf(format, args...)) },
	}
}

func TestConditionsHoldAsTheEngineHasThem(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		`{}`: "true",
		`{"field.status.value": {"$eq": "approved"}}`: "true",
		`{"field.status.value": {"$eq": "x"}}`:        `false: field.status.value is "approved", which is not $eq "x"`,
		`{"field.status.value": {"$ne": null}}`:       "true",
		`{"field.nul": {"$ne": null}}`:                `false: field.nul is null, which is not $ne null`,
		`{"field.n": {"$eq": 200.0}}`:                 "true",
		`{"field.n": {"$eq": "200"}}`: `false: field.n is 200, which is not $eq "200" | field.n is a number and is compared with a string: they are ` +
			`never equal; for a field, write .value and compare with a string`,
		`{"field.n": {"$in": ["200", 201]}}`: `false: field.n is 200, which is not $in ["200", 201] | field.n is a number and is compared with a string: ` +
			`they are never equal; for a field, write .value and compare with a string`,
		`{"field.n": {"$gt": 100, "$gte": 200, "$lt": 201, "$lte": 200}}`: "true",
		`{"field.total.value": {"$gt": 1000}}`: "true | field.total.value: a string and a number are compared as numbers; Rossum's engine fails here, so " +
			"leave .value out of the path of a number field",
		`{"field.total.value": {"$gt": "1400"}}`:         "true",
		`{"field.total.value": "1500.00"}`:               "true",
		`{"field.n": 200}`:                               "true",
		`{"field.n": [200]}`:                             "false: field.n is 200, which is not $eq [200]",
		`{"field.nul": null}`:                            "true",
		`{"field.status.value": "{property.s}"}`:         "true",
		`{"base64(field.status.value)": "YXBwcm92ZWQ="}`: "true",
		`{"field.status['value']": "approved"}`:          "true",
		`{"field.list[0]": 1}`:                           "true",
		`{"field.n": {"$lt": "1500.00"}}`: "true | field.n: a string and a number are compared as numbers; Rossum's engine fails here, so leave .value " +
			"out of the path of a number field",
		`{"field.pretty.value": {"$gt": 1000}}`: "error: field.pretty.value.$gt: a string cannot be compared with a number; .value is the text that people " +
			"see, so leave it out of the path to compare the number",
		`{"field.status.value": {"$gt": "a"}}`:                                            "true",
		`{"field.nul": {"$gt": 1}}`:                                                       `false: field.nul is null, which is not $gt 1`,
		`{"field.list": {"$gt": 1}}`:                                                      "error: field.list.$gt: a list cannot be compared with a number",
		`{"field.status.value": {"$in": ["draft", "approved"]}}`:                          "true",
		`{"field.status.value": {"$in": "is approved now"}}`:                              "true",
		`{"field.n": {"$in": "200"}}`:                                                     "error: field.n.$in: a number cannot be looked for in a string",
		`{"field.status.value": {"$nin": ["draft"]}}`:                                     "true",
		`{"field.status.value": {"$nin": ["approved"]}}`:                                  `false: field.status.value is "approved", which is not $nin ["approved"]`,
		`{"field.empty.value": {"$exists": true}}`:                                        "true",
		`{"field.empty.value": {"$exists": true, "$ne": ""}}`:                             `false: field.empty.value is "", which is not $ne ""`,
		`{"field.nul": {"$exists": false}}`:                                               "true",
		`{"field.absent.value": {"$exists": false}}`:                                      "true",
		`{"field.absent.value": {"$exists": true}}`:                                       "false: field.absent.value does not exist",
		`{"field.rows": {"$exists": true}}`:                                               "true",
		`{"field.mail.value": {"$regex": "@gmail\\.com$"}}`:                               "true",
		`{"field.mail.value": {"$regex": "(?=x)y"}}`:                                      `false: field.mail.value is "a@gmail.com", which is not $regex "(?=x)y"`,
		`{"field.mail.value": {"$regex": "(?P<who>a)(?!b)"}}`:                             "true",
		`{"field.n": {"$regex": "2"}}`:                                                    `false: field.n is 200, which is not $regex "2" | field.n is a number, which no $regex matches; for a field, write .value`,
		`{"field.list": {"$size": 2}}`:                                                    "true",
		`{"field.rows": {"$size": {"$gt": 0, "$lte": 3}}}`:                                "true",
		`{"field.rows": {"$size": {"$gt": 3}}}`:                                           "false: field.rows has the size 3, which is not $gt",
		`{"field.list": {"$size": 3}}`:                                                    "false: field.list has the size 2, not 3",
		`{"field.list": {"$size": "{property.n}"}}`:                                       "true",
		`{"field.n": {"$size": 1}}`:                                                       "false: field.n is a number, which has no size | field.n is a number, which has no size, so $size is false",
		`{"field.nul": {"$size": 0}}`:                                                     "false: field.nul is null, which has no size | field.nul is null, which has no size, so $size is false",
		`{"field.rows": {"$eq": 1}}`:                                                      "error: field.rows.$eq: a table cannot be used as a value",
		`{"$and": [{"field.n": {"$eq": 200}}, {"field.status.value": {"$eq": "x"}}]}`:     `false: field.status.value is "approved", which is not $eq "x"`,
		`{"$or": [{"field.n": {"$eq": 1}}, {"field.status.value": {"$eq": "approved"}}]}`: "true",
		`{"$or": [{"field.n": {"$eq": 1}}, {"field.n": {"$eq": 2}}]}`:                     "false: field.n is 200, which is not $eq 1, and field.n is 200, which is not $eq 2",
		`{"$or": []}`:  "false: $or has no conditions, of which one would have to hold",
		`{"$and": []}`: "true",
		// The right side is filled in first.
		`{"field.status.value": {"$eq": "{property.s}"}}`:      "true",
		`{"field.status.value": {"$eq": "{property.s}!"}}`:     `false: field.status.value is "approved", which is not $eq "approved!"`,
		`{"field.status.value": {"$in": "{property.l}"}}`:      "true",
		`{"field.status.value": {"$regex": "{property.p}"}}`:   "true",
		`{"field.status.value": {"$regex": "{property.nul}"}}`: "error: field.status.value.$regex: the pattern is null",
		`{"field.status.value": {"$eq": "{property.typo}"}}`:   `false: field.status.value is "approved", which is not $eq null | {property.typo} counts as null: {property.typo}: there is no such value: property has no typo`,
		`{"field.nul": {"$eq": "{property.nul}"}}`:             "true",
		`{"field.empty.value": {"$eq": "{property.typo}x"}}`:   `false: field.empty.value is "", which is not $eq "x" | {property.typo} counts as null: {property.typo}: there is no such value: property has no typo`,
		`{"field.typo": {"$eq": "{property.typo}"}}`:           "error: field.typo.$eq: neither side is there, and the two would count as equal: field.typo and what it is compared with; check both names, and test with $exists that they are there",
	} {
		c, err := CompileCondition([]byte(condition), ConditionOptions{Options: Options{Roots: []string{"field", "property"}}})
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		var notes []string
		ok, why, err := c.Holds(t.Context(), conditionScope(t, &notes))
		got := fmt.Sprint(ok)
		switch {
		case err != nil:
			got, notes = "error: "+err.Error(), nil
		case !ok:
			got += ": " + why
		}
		for i := range notes {
			notes[i] = " | " + notes[i]
		}
		got += strings.Join(notes, "")
		// What counts as null is told in the words of the resolver, which has its own tests.
		if strings.Contains(want, "counts as null") {
			got, want = strings.ReplaceAll(
				got,
				"{property.typo}: there is",
				"there is",
			), strings.ReplaceAll(
				want,
				"{property.typo}: there is",
				"there is",
			)
		}
		if got != want && !strings.HasPrefix(got, want+" (did you mean") {
			t.Errorf("%s\n got %s\nwant %s", condition, got, want)
		}
	}
}

func TestWrongConditionsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		`[]`:                                    `is a list, expected an object such as {"field.total.value": {"$ne": ""}}`,
		`{"$and": [], "field.x": 6}`:            "has $and beside other keys, which the engine would pass over; put them into its list",
		`{"field.x": {"$regex": "^[0-9]{4}$"}}`: "field.x.$regex: {4}: 4 is not a context; braces hold a path, such as {field.total.value}",
		`{"field.x": {}}`:                       "field.x: has no operator",
		`{"field.x": {"$get": 1, "$eq": 2}}`:    "field.x.$get: $get is not known (did you mean $gt?)",
		`{"field.x": {"$not": {}}}`:             "field.x.$not: $not does not exist; choose the opposite comparison ($ne, $nin, $exists: false)",
		`{"$nor": []}`:                          "$nor: $nor does not exist; choose the opposite comparison ($ne, $nin, $exists: false)",
		`{"$xor": []}`:                          "$xor: $xor is not known (did you mean $or?)",
		`{"$and": {}}`:                          "$and: is an object, expected a list of conditions",
		`{"$and": [{"x.y": {"$eq": 1}}]}`:       "$and[0].x.y: {x.y}: x is not known (expected one of field, property)",
		`{"{field.x}": {"$eq": 1}}`:             "{field.x}: a key is a path without braces, such as field.total.value",
		`{"field..x": {"$eq": 1}}`: `field..x: {field..x}: the path "field..x" is malformed at "..x"; braces hold a path, such as ` +
			`{field.total.value}`,
		`{"field.x": {"$exists": "yes"}}`:     "field.x.$exists: is a string, expected true or false",
		`{"field.x": {"$in": 5}}`:             "field.x.$in: is a number, expected a list",
		`{"field.x": {"$size": "5"}}`:         "field.x.$size: is a string, expected a whole number or an object of operators",
		`{"field.x": {"$size": {"$size":1}}}`: "field.x.$size.$size: a size is a number, which has no $size",
		`{"field.x": {"$regex": "("}}`:        `field.x.$regex: pattern "(": missing ), unterminated subpattern at position 0`,
		`{"field.x": {"$regex": 5}}`:          "field.x.$regex: is a number, expected a pattern",
		`{"field.x": {"$gt": null}}`:          "field.x.$gt: is null, with which nothing compares",
		`{"field.x": {"$eq": "{feild.y}"}}`:   "field.x.$eq: {feild.y}: feild is not known (did you mean field?)",
	} {
		_, err := CompileCondition([]byte(condition), ConditionOptions{Options: Options{Roots: []string{"field", "property"}}})
		if fmt.Sprint(err) != want {
			t.Errorf("%s\n got %v\nwant %s", condition, err, want)
		}
	}
	_, err := CompileCondition([]byte(`{"kee": {"$eq": 1}}`), ConditionOptions{Keys: []string{"id", "key"}})
	if fmt.Sprint(err) != "kee: there is no key kee; the keys are id, key (did you mean key?)" {
		t.Errorf("got %v", err)
	}
	deep := strings.Repeat(`{"$and":[`, 200) + "{}" + strings.Repeat("]}", 200)
	if _, err := CompileCondition([]byte(deep), ConditionOptions{}); err == nil || !strings.Contains(err.Error(), "100 levels") {
		t.Errorf("got %v", err)
	}
}

func TestBothMissingIsAnErrorThatCanBeFound(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		`{"field.a": {"$eq": "{field.b}"}}`:             true,
		`{"field.a": {"$in": ["x", "{field.b}"]}}`:      true,
		`{"field.a": {"$in": "{field.b}"}}`:             true,
		`{"field.a": {"$eq": "{field.b}x"}}`:            false,
		`{"field.a": {"$eq": null}}`:                    false,
		`{"field.status": {"$ne": "{field.b}"}}`:        false,
		`{"field.empty.value": {"$in": ["{field.b}"]}}`: false,
	} {
		c, err := CompileCondition([]byte(condition), ConditionOptions{Options: Options{Roots: []string{"field"}}})
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		if _, _, err := c.Holds(t.Context(), conditionScope(t, &notes)); errors.Is(err, ErrBothMissing) != want {
			t.Errorf("%s: got %v", condition, err)
		}
	}
}

func TestAPatternThatBacktracksForEverEnds(t *testing.T) {
	t.Parallel()
	p, err := CompilePattern(`(?=a)(a+)+$`)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Find(t.Context(), strings.Repeat("a", 40)+"b"); err == nil || !strings.Contains(err.Error(), "backtracks") {
		t.Errorf("got %v", err)
	}
}

func FuzzCondition(f *testing.F) {
	f.Add(`{"field.status.value": {"$in": ["a", "{property.s}"], "$regex": "a(?=b)"}}`)
	f.Add(`{"$or": [{"field.list": {"$size": {"$gt": 0}}}, {"field.n": {"$exists": false}}]}`)
	for _, c := range readVectors(f).Conditions {
		f.Add(string(c.Condition))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := CompileCondition([]byte(text), ConditionOptions{Options: Options{Roots: []string{"field", "property"}}})
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		var notes, more []string
		holds, why, err := c.Holds(t.Context(), conditionScope(t, &notes))
		if holds == (why != "") && err == nil {
			t.Errorf("%q holds: %t, because of %q", text, holds, why)
		}
		if again, _, fault := c.Holds(t.Context(), conditionScope(t, &more)); again != holds || fmt.Sprint(fault) != fmt.Sprint(err) || !slices.Equal(notes, more) {
			t.Errorf("%q: %t, %v, %q, and then %t, %v, %q", text, holds, err, notes, again, fault, more)
		}
	})
}
