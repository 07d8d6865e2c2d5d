package pyvalue

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// maxJSONDepth bounds the nesting of JSON that is read or written.
const maxJSONDepth = 1000

// FromJSON reads JSON as json.loads does: keys in their order, the last of two
// equal ones counts, ints of any size. With spelling set numbers remember how
// they were written; see [Value.Spelling].
func FromJSON(data []byte, spelling bool) (Value, error) {
	return readJSONText(nil, string(data), spelling)
}

// JSON says how json.dumps writes. The zero value is its default.
type JSON struct {
	ItemSeparator string // ", " if ""
	KeySeparator  string // ": " if ""
	Indent        string // of one level
	Newlines      bool   // a line for each item, also where Indent is ""
	SortKeys      bool
	Unicode       bool // ensure_ascii=False
	Spelling      bool // numbers as they were spelt
	Finite        bool // allow_nan=False
	SkipKeys      bool // keys that JSON cannot hold are left out
}

// Append appends what json.dumps returns; TypeError for what JSON cannot hold.
func (j JSON) Append(m *Meter, dst []byte, v Value) ([]byte, error) {
	if j.Indent != "" {
		j.Newlines = true
	}
	if j.ItemSeparator == "" {
		j.ItemSeparator = ", "
		if j.Newlines {
			j.ItemSeparator = ","
		}
	}
	if j.KeySeparator == "" {
		j.KeySeparator = ": "
	}
	return j.append(m, dst, v, 0)
}

func (j JSON) append(m *Meter, dst []byte, v Value, depth int) ([]byte, error) {
	if depth > maxJSONDepth {
		return dst, valueError("Circular reference detected")
	}
	if err := m.Step(1); err != nil {
		return dst, err
	}
	if err := m.checkSize(len(dst)); err != nil {
		return dst, err
	}
	if text, ok := v.Spelling(); ok && j.Spelling {
		return append(dst, text...), nil
	}
	v = v.stoodFor().plain()
	switch v.Kind() {
	case KindNone:
		return append(dst, "null"...), nil
	case KindBool:
		return fmt.Appendf(dst, "%t", v.num != 0), nil
	case KindInt:
		return AppendStr(m, dst, v)
	case KindFloat:
		f := math.Float64frombits(v.num)
		if j.Finite && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return dst, valueError("Out of range float values are not JSON compliant")
		}
		return appendJSONFloat(dst, f), nil
	case KindStr, KindMarkup:
		return j.appendText(m, dst, v.Text())
	case KindList, KindTuple:
		items, _ := v.Items()
		return j.appendAll(m, dst, '[', ']', len(items), depth, func(dst []byte, i int) ([]byte, error) {
			return j.append(m, dst, items[i], depth+1)
		})
	case KindDict:
		return j.appendDict(m, dst, v.Dict(), depth)
	}
	class := TypeName(v)
	class = class[strings.LastIndexByte(class, '.')+1:] // json says it without its module
	return dst, typeError("Object of type %s is not JSON serializable", class)
}

func appendJSONFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return AppendFloat(dst, f)
}

// appendAll writes what stands between two brackets.
func (j JSON) appendAll(_ *Meter, dst []byte, open, closing byte, n, depth int, item func([]byte, int) ([]byte, error)) ([]byte, error) {
	dst = append(dst, open)
	for i := range n {
		if i > 0 {
			dst = append(dst, j.ItemSeparator...)
		}
		if j.Newlines {
			dst = append(append(dst, '\n'), strings.Repeat(j.Indent, depth+1)...)
		}
		var err error
		if dst, err = item(dst, i); err != nil {
			return dst, err
		}
	}
	if j.Newlines && n > 0 {
		dst = append(append(dst, '\n'), strings.Repeat(j.Indent, depth)...)
	}
	return append(dst, closing), nil
}

func (j JSON) appendDict(m *Meter, dst []byte, d *Dict, depth int) ([]byte, error) {
	type pair struct{ key, value Value }
	pairs := make([]pair, 0, d.Len())
	for k, v := range d.All() {
		if _, err := jsonKey(k); err != nil && j.SkipKeys {
			continue
		}
		pairs = append(pairs, pair{k, v})
	}
	if j.SortKeys {
		var failed error
		slices.SortStableFunc(pairs, func(a, b pair) int {
			c, _, err := (&comparing{m: m}).order(CmpLt, a.key, b.key, 0)
			if err != nil {
				failed = err
			}
			return c
		})
		if failed != nil {
			return dst, failed
		}
	}
	return j.appendAll(m, dst, '{', '}', len(pairs), depth, func(dst []byte, i int) ([]byte, error) {
		key, err := jsonKey(pairs[i].key)
		if err != nil {
			return dst, err
		}
		if dst, err = j.appendText(m, dst, key); err != nil {
			return dst, err
		}
		return j.append(m, append(dst, j.KeySeparator...), pairs[i].value, depth+1)
	})
}

func jsonKey(k Value) (string, error) {
	switch k.Kind() {
	case KindStr, KindMarkup:
		return k.Text(), nil
	case KindNone:
		return "null", nil
	case KindBool:
		return fmt.Sprint(k.num != 0), nil
	case KindInt:
		return String(nil, k)
	case KindFloat:
		f, _ := k.float()
		return string(appendJSONFloat(nil, f)), nil
	}
	return "", typeError("keys must be str, int, float, bool or None, not %s", TypeName(k))
}

func (j JSON) appendText(m *Meter, dst []byte, s string) ([]byte, error) {
	if len(s) > 1<<10 { // rather than in many steps
		dst = slices.Grow(dst, len(s)+2)
	}
	dst = append(dst, '"')
	if err := m.Step(int64(len(s)) / perStep); err != nil {
		return dst, err
	}
	err := longtext.Pieces(s, m.Look, func(piece string) error {
		dst = j.appendEscaped(dst, piece)
		return m.checkSize(len(dst))
	})
	return append(dst, '"'), err
}

func (j JSON) appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r < ' ' || !j.Unicode && r >= 0x7f && r <= 0xffff:
			dst = appendHex(append(dst, `\u`...), r, 4)
		case !j.Unicode && r > 0xffff:
			r -= 0x10000
			dst = appendHex(append(dst, `\u`...), 0xd800+r>>10, 4)
			dst = appendHex(append(dst, `\u`...), 0xdc00+r&0x3ff, 4)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}
