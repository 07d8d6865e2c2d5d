package pyvalue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

func TestTheTreeOfAReplyIsRefusedBeyondItsLimit(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"objects": `[` + strings.Repeat(`{"a":1},`, 2000) + `{}]`,
		"lists":   `[` + strings.Repeat(`[],`, 4000) + `1]`,
		"numbers": `[` + strings.Repeat(`1,`, 8000) + `1]`,
		"escapes": `["` + strings.Repeat(`\u0041`, 100000) + `"]`,
	} {
		for _, spelling := range []bool{false, true} {
			if _, err := FromReply(t.Context(), []byte(text), spelling); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if v, err := IndexReply(treelimit.With(t.Context(), 65_000), []byte(text), spelling); err != nil {
				t.Errorf("%s, its index: %v", name, err)
			} else if _, err := Whole(nil, v); !errors.As(err, new(*treelimit.Error)) {
				t.Errorf("%s, the whole of its index: %v", name, err)
			}
			var tooLarge *treelimit.Error
			_, err := FromReply(treelimit.With(t.Context(), 50_000), []byte(text), spelling)
			if !errors.As(err, &tooLarge) || tooLarge.Limit != 50_000 {
				t.Errorf("%s beyond the limit: %v", name, err)
			}
		}
	}
}

func TestReadingAReplyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	for _, text := range []string{`[` + strings.Repeat(`1,`, 8000) + `1]`, `[` + strings.Repeat(`1,`, 8000) + `x]`} {
		if _, err := FromReply(ctx, []byte(text), false); !errors.Is(err, gone) {
			t.Errorf("%.20s…: %v", text, err)
		}
	}
}

// The index of a reply is most of what its tree costs, which is to be at most six times its
// bytes beside the collector's share.
func TestAnIndexHasFourBytesForEachValueAndKeyAndEightForAListOrAnObject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`1`: 4, `[]`: 8, `{}`: 8, `[1,"a",null,1.5]`: 24, `{"id":1}`: 16, `[{"id":1},{"id":1}]`: 40, `[[[],[]],{"":0}]`: 48,
	} {
		m := NewMeter(t.Context(), Limits{TotalBytes: want})
		_, err := indexJSONText(m, text, true, want)
		if _, bytes := m.Used(); err != nil || bytes != want {
			t.Errorf("%s: %d bytes, want %d; %v", text, bytes, want, err)
		}
	}
}

// What is JSON is what encoding/json says, and its values are the same.
func FuzzJSONAsTheStandardLibraryReadsIt(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,"x\"\\\u00e9\ud83d\ude00",true,false,null],"a":2}`, `01`, `1.`, `-`, `[1,]`, `{"a"}`, `{,}`, "\"\x01\"", "\"\xff\"", `"\ud800"`, `"\x"`,
		`[`, `"`, `nul`, ` [ ] `, `{"a":{"b":[{}]}}x`, `1e5`, `1E-2`, `.5`, `+1`, `"a` + "\u2028" + `"`, `-0`, `[[[[]]]]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "NaN") || strings.Contains(text, "Infinity") {
			return // which replies may have, and JSON has not
		}
		var want any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		theirs := json.Valid([]byte(text)) // Unmarshal refuses numbers that are too large for it, too
		got, err := FromJSON([]byte(text), true)
		i, indexed := indexJSONText(nil, text, true, 1<<20)
		if fmt.Sprint(indexed) != fmt.Sprint(err) {
			t.Fatalf("%q: %v, its index says %v", text, err, indexed)
		}
		if whole, err := Whole(nil, i); err != nil || indexed == nil && mustWrite(t, whole) != mustWrite(t, got) {
			t.Fatalf("%q: the whole of its index is %s, %v", text, mustWrite(t, whole), err)
		}
		if (err == nil) != theirs {
			if err != nil && (strings.Contains(err.Error(), "deeper than") || strings.Contains(err.Error(), "4300 digits")) {
				return
			}
			t.Fatalf("%q: %v, encoding/json says %t", text, err, theirs)
		}
		if err != nil {
			return
		}
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if g, w := mustWrite(t, got), asJSON(t, want); g != w {
			t.Errorf("%q: %s, want %s", text, g, w)
		}
	})
}

// mustWrite writes a value with sorted keys, as encoding/json does.
func mustWrite(t *testing.T, v Value) string {
	t.Helper()
	out, err := JSON{ItemSeparator: ",", KeySeparator: ":", Unicode: true, Spelling: true, SortKeys: true}.Append(nil, nil, v)
	if err != nil {
		t.Fatal(err)
	}
	var again any // spelt by one writer
	d := json.NewDecoder(strings.NewReader(string(out)))
	d.UseNumber()
	if err := d.Decode(&again); err != nil {
		t.Fatal(err)
	}
	return asJSON(t, again)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
