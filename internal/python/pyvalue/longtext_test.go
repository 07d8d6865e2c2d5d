package pyvalue

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
)

// endsWithin reports whether work on a text of several megabytes ends with its context: a
// first look may come before it begins.
func endsWithin(t *testing.T, name string, work func(m *Meter) error) {
	t.Helper()
	for last := 1; last <= 3; last++ {
		ctx := looked.EndsAt(t.Context(), last)
		if err := work(NewMeter(ctx, Limits{})); !errors.Is(err, context.Canceled) || ctx.Looks() < last || ctx.Looks() > last+3 {
			t.Errorf("%s: %v after %d looks, want the end at look %d", name, err, ctx.Looks(), last)
		}
	}
}

func TestMethodsOfALongTextEndWithTheContext(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	letters, accents := strings.Repeat("a", size), strings.Repeat("ä", size/2)
	caps, blanks, title := strings.Repeat("A", size), strings.Repeat(" ", size), strings.Repeat("Ab ", size/3)
	one, two := Str("b"), Str("bc")
	for _, c := range []struct {
		text, method string
		args         []Value
	}{
		{letters, "upper", nil}, {accents, "upper", nil}, {letters, "lower", nil}, {accents, "lower", nil},
		{strings.Repeat("aΣ", size/3), "lower", nil}, {letters, "casefold", nil}, {accents, "casefold", nil},
		{letters, "title", nil}, {letters, "swapcase", nil}, {letters, "capitalize", nil},
		{letters, "isalnum", nil}, {letters, "isalpha", nil}, {strings.Repeat("1", size), "isdigit", nil},
		{strings.Repeat("1", size), "isdecimal", nil},
		{strings.Repeat("1", size), "isnumeric", nil}, {blanks, "isspace", nil}, {letters, "isprintable", nil},
		{letters, "islower", nil}, {caps, "isupper", nil}, {title, "istitle", nil},
		{letters, "count", []Value{one}}, {letters, "count", []Value{two}}, {letters, "count", []Value{Str("")}},
		{letters, "find", []Value{two}}, {letters, "rfind", []Value{two}}, {letters, "index", []Value{one}}, {letters, "rindex", []Value{one}},
		{letters, "partition", []Value{two}}, {letters, "rpartition", []Value{two}}, {letters, "expandtabs", nil},
		{letters, "replace", []Value{two, one}}, {letters, "replace", []Value{Str("a"), two}}, {letters, "replace", []Value{Str(""), one}},
		{letters, "strip", []Value{Str(caps)}}, {letters, "lstrip", []Value{Str(caps)}}, {letters, "rstrip", []Value{Str(caps)}},
	} {
		endsWithin(t, c.method, func(m *Meter) error {
			_, err := CallMethod(m, Str(c.text), c.method, &Call{Args: c.args, Meter: m})
			return err
		})
	}
	endsWithin(t, "in", func(m *Meter) error { _, err := Contains(m, Str(letters), two); return err })
	endsWithin(t, "[::-1]", func(m *Meter) error { _, err := Slice(m, Str(accents), None(), None(), Int(-1)); return err })
	endsWithin(t, "[::2]", func(m *Meter) error {
		_, err := Slice(m, Str(strings.Repeat(accents, 2)), None(), None(), Int(2))
		return err
	})
	endsWithin(t, "repr", func(m *Meter) error { _, err := Repr(m, Str(accents)); return err })
	endsWithin(t, "repr of bytes", func(m *Meter) error { _, err := Repr(m, Bytes([]byte(letters))); return err })
	endsWithin(t, "escape", func(m *Meter) error { _, err := Escape(m, Str(letters)); return err })
	endsWithin(t, "float", func(m *Meter) error { _, err := ParseFloat(m, strings.Repeat("1", size)); return err })
	endsWithin(t, "json.dumps", func(m *Meter) error { _, err := JSON{}.Append(m, nil, Str(accents)); return err })
	endsWithin(t, "json.loads", func(m *Meter) error { _, err := readJSONText(m, `"`+letters+`"`, true); return err })
	endsWithin(t, "json.loads of escapes", func(m *Meter) error {
		_, err := readJSONText(m, `"`+strings.Repeat(`\\n`, size/2)+`"`, true)
		return err
	})
	endsWithin(t, "json.loads of accents", func(m *Meter) error { _, err := readJSONText(m, `"`+accents+`"`, true); return err })
	endsWithin(
		t,
		"json.loads of a number",
		func(m *Meter) error { _, err := readJSONText(m, "0."+strings.Repeat("1", size), true); return err },
	)
	endsWithin(t, "json.loads of blanks", func(m *Meter) error { _, err := readJSONText(m, blanks+"1", true); return err })
	endsWithin(t, "a text of a reply", func(m *Meter) error { _, err := indexJSONText(m, `"`+letters+`"`, true, 0); return err })
	endsWithin(
		t,
		"a number of a reply",
		func(m *Meter) error { _, err := indexJSONText(m, "0."+strings.Repeat("1", size), true, 0); return err },
	)
	endsWithin(t, "blanks of a reply", func(m *Meter) error { _, err := indexJSONText(m, blanks+"1", true, 0); return err })
}

// What a text becomes is counted before it is made, and takes no more than that.
func TestAReversedTextTakesItsSize(t *testing.T) {
	text := strings.Repeat("ä", 1<<20)
	if _, err := Slice(NewMeter(t.Context(), Limits{ValueBytes: 1 << 20}), Str(text), None(), None(), Int(-1)); !errors.Is(err, ErrLimit) {
		t.Errorf("beyond the limit: %v", err)
	}
	if n := testing.AllocsPerRun(3, func() { _, _ = Slice(nil, Str(text), None(), None(), Int(-1)) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
