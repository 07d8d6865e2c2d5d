package reqproc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func scopeOf(body pyvalue.Value) *Scope {
	response := pyvalue.NewDict()
	response.SetStr("body", body)
	return &Scope{Lenient: true, Roots: map[string]pyvalue.Value{"response": response.Value()}, Note: func(string, ...any) {}}
}

func TestAConditionOnALargeReplyEndsWithTheContext(t *testing.T) {
	t.Parallel()
	items := make([]pyvalue.Value, 1<<17)
	for i := range items {
		items[i] = pyvalue.NewList(pyvalue.Int(int64(i)))
	}
	for _, text := range []string{
		`{"response.body": {"$eq": "{response.body}"}}`, `{"response.body": {"$eq": [1]}}`, `{"response.body[0]": {"$in": "{response.body}"}}`,
		`{"response.body": {"$gt": "{response.body}"}}`,
	} {
		c, err := CompileCondition([]byte(text), ConditionOptions{Options: Options{Roots: []string{"response"}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := c.Holds(ctx, scopeOf(pyvalue.NewList(items...))); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A list that JSON can hold is not copied to be compared.
func TestASimpleValueIsNotCopied(t *testing.T) {
	list := pyvalue.NewList(make([]pyvalue.Value, 1<<12)...)
	if n := testing.AllocsPerRun(5, func() { _, _ = Simple(t.Context(), list) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func TestACharacterOfALongTextIsTakenWithoutTheOthers(t *testing.T) {
	text := strings.Repeat("ä", 1<<16)
	c, err := CompileCondition([]byte(`{"response.body[-1]": "ä"}`), ConditionOptions{Options: Options{Roots: []string{"response"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := scopeOf(pyvalue.Str(text))
	if ok, why, err := c.Holds(t.Context(), s); !ok || err != nil {
		t.Fatal(why, err)
	}
	if n := testing.AllocsPerRun(5, func() { _, _, _ = c.Holds(t.Context(), s) }); n > 100 {
		t.Errorf("%v allocations", n)
	}
}
