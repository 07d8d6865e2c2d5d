package jmespath

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func read(t *testing.T, text string) pyvalue.Value {
	t.Helper()
	v, err := pyvalue.FromJSON([]byte(text), false)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatAFunctionMakesIsCountedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	object := "{" + `"a":1` + manyKeys(1000) + "}"
	list := "[" + strings.TrimSuffix(strings.Repeat(`[1,2],`, 1000), ",") + "]"
	for expression, document := range map[string]string{
		"keys(@)": object, "values(@)": object, "merge(@, @)": object, "[]": list, "map(&[0], @)": list, "reverse(@)": list,
		"sort_by(@, &[0])":      list,
		"reverse(to_string(@))": list, "to_string(@)": list, "@[*].[@, @]": list, "[::2]": list,
	} {
		e, err := Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.SearchWith(pyvalue.NewMeter(t.Context(), pyvalue.Limits{ValueBytes: 4 << 10, TotalBytes: 4 << 10}), read(t, document))
		if !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s: %v, want a limit", expression, err)
		}
	}
}

// A result that holds one value many times over would be printed without an end.
func TestAResultIsCountedAsATree(t *testing.T) {
	t.Parallel()
	for expression, more := range map[string]string{
		"[@, @]": " | [@, @]", "{a: @, b: @}": " | {a: @, b: @}", "[@, {a: @, b: [@]}]": " | [@, {a: @, b: [@]}]", "map(&[@, @], [@])": " | map(&[@, @], [@])",
	} {
		for n, want := range map[int]error{3: nil, 40: pyvalue.ErrLimit} {
			e, err := Compile(expression + strings.Repeat(more, n))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Search(t.Context(), read(t, `"x"`)); !errors.Is(err, want) {
				t.Errorf("%s, %d times: %v, want %v", expression, n, err, want)
			}
		}
	}
	e, err := Compile("[@, @] | [@, @] | [@, @]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Search(t.Context(), pyvalue.Str(strings.Repeat("x", maxBytes/7))); !errors.Is(err, pyvalue.ErrLimit) {
		t.Errorf("a large text, eight times: %v", err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"k` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `":1`)
	}
	return b.String()
}

func TestANumberThatIsNotReadInTimeIsNotNull(t *testing.T) {
	t.Parallel()
	e, err := Compile("to_number(@)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := e.SearchWith(pyvalue.NewMeter(ctx, pyvalue.Limits{}), pyvalue.Str("1."+strings.Repeat("5", 5000)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", v, err)
	}
}
