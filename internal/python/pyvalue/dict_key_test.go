package pyvalue

import (
	"runtime/metrics"
	"strings"
	"testing"
)

// plainClass is a class of the program that leaves everything to the builtin one.
type plainClass struct{}

func (plainClass) ClassName() string { return "Pair" }

func (plainClass) Special(Value, string, ...Value) (Value, bool, error) { return Value{}, false, nil }

// Tuples within one another, of a class or not, are one key, which is written once: a copy for
// each level would be as many copies of the innermost text.
func TestTheKeyOfTuplesWithinOneAnotherIsWrittenOnce(t *testing.T) {
	const levels, size = 2000, 1 << 20
	for name, around := range map[string]func(v Value) Value{
		"tuples":            func(v Value) Value { return NewTuple(v) },
		"tuples of a class": func(v Value) Value { return Derive(NewTuple(v), plainClass{}) },
		"by turns":          func(v Value) Value { return NewTuple(Derive(NewTuple(v), plainClass{})) },
	} {
		v := Str(strings.Repeat("a", size))
		for range levels {
			v = around(v)
		}
		var key dictKey
		for what, hash := range map[string]func() error{
			"as a key": func() (err error) { key, err = keyOf(v); return err },
			"hash":     func() error { _, err := Hash(v); return err },
		} {
			before := allocated()
			failed := hash()
			if n := allocated() - before; failed != nil || n > 20*size {
				t.Errorf("%s, %s: %d bytes, %v", name, what, n, failed)
			}
		}
		if len(key.text) < size || len(key.text) > size+40*levels {
			t.Errorf("%s: a key of %d bytes", name, len(key.text))
		}
	}
}

// allocated is how many bytes the process has allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
