package pyvalue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/textenc"
)

// codec reads the arguments of encode and decode.
func codec(c *Call, name string) (e *textenc.Encoding, errors string, err error) {
	if err := c.Check(name, 0, "encoding", "errors"); err != nil {
		return nil, "", err
	}
	encoding, errors := "utf-8", "strict"
	for i, into := range []*string{&encoding, &errors} {
		arg, ok := c.Arg(i, []string{"encoding", "errors"}[i])
		if !ok {
			continue
		}
		if !arg.IsText() {
			return nil, "", typeError("%s() argument '%s' must be str, not %s", name, []string{"encoding", "errors"}[i], TypeName(arg))
		}
		*into = arg.Text()
	}
	if e, err = textenc.Lookup(encoding); err != nil {
		return nil, "", Raise("LookupError", "unknown encoding: %s", encoding)
	}
	return e, errors, nil
}

func strEncode(m *Meter, v Value, c *Call) (Value, error) {
	e, errors, err := codec(c, "encode")
	if err != nil {
		return Value{}, err
	}
	if err := m.growTimes(4, int64(len(v.Text()))); err != nil {
		return Value{}, err
	}
	if out, err := e.Encode([]byte(v.Text())); err == nil {
		return Bytes(out), nil
	}
	return encodeEach(m, v.Text(), e, errors)
}

// encodeEach encodes a text with characters that the encoding lacks.
func encodeEach(m *Meter, text string, e *textenc.Encoding, errors string) (Value, error) {
	var out []byte
	all := []rune(text)
	encode := func(r rune) ([]byte, bool) {
		b, err := e.Encode([]byte(string(r)))
		return b, err == nil
	}
	for i := 0; i < len(all); i++ {
		if b, ok := encode(all[i]); ok {
			out = append(out, b...)
			continue
		}
		end := i + 1
		for end < len(all) {
			if _, ok := encode(all[end]); ok {
				break
			}
			end++
		}
		if errors == "strict" {
			return Value{}, encodeError(e, all, i, end)
		}
		for _, r := range all[i:end] {
			put, ok := encodeHandlers[errors]
			if !ok {
				return Value{}, Raise("LookupError", "unknown error handler name '%s'", errors)
			}
			out = append(out, put(r)...)
			if err := m.Grow(12); err != nil {
				return Value{}, err
			}
		}
		i = end - 1
	}
	return Bytes(out), nil
}

func encodeError(e *textenc.Encoding, all []rune, from, to int) error {
	reason := map[string]string{"ascii": "ordinal not in range(128)", "latin-1": "ordinal not in range(256)", "charmap": "character maps to <undefined>"}[e.Family()]
	if to-from > 1 {
		return Raise("UnicodeEncodeError", "'%s' codec can't encode characters in position %d-%d: %s", e.Family(), from, to-1, reason)
	}
	return Raise("UnicodeEncodeError", "'%s' codec can't encode character '%s' in position %d: %s", e.Family(), escapedRune(all[from]), from, reason)
}

// escapedRune writes a character as its escape.
func escapedRune(r rune) string {
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

var encodeHandlers = map[string]func(r rune) string{
	"ignore": func(rune) string { return "" }, "replace": func(rune) string { return "?" }, "backslashreplace": escapedRune,
	"xmlcharrefreplace": func(r rune) string { return "&#" + strconv.Itoa(int(r)) + ";" },
}

func bytesDecode(m *Meter, v Value, c *Call) (Value, error) {
	e, errors, err := codec(c, "decode")
	if err != nil {
		return Value{}, err
	}
	data := v.Data()
	if err := m.growTimes(2, int64(len(data))); err != nil {
		return Value{}, err
	}
	text, err := e.Decode(data, func(f textenc.Fault) (string, error) {
		if err := m.Grow(12); err != nil {
			return "", err
		}
		bad := data[f.At : f.At+f.N]
		switch errors {
		case "strict":
			return "", decodeError(e, f, bad)
		case "ignore":
			return "", nil
		case "replace":
			return string(utf8.RuneError), nil
		case "backslashreplace":
			var out strings.Builder
			for _, b := range bad {
				fmt.Fprintf(&out, `\x%02x`, b)
			}
			return out.String(), nil
		}
		return "", Raise("LookupError", "unknown error handler name '%s'", errors)
	})
	return Str(text), err
}

func decodeError(e *textenc.Encoding, f textenc.Fault, bad []byte) error {
	if len(bad) == 1 {
		return Raise("UnicodeDecodeError", "'%s' codec can't decode byte 0x%02x in position %d: %s", e.Family(), bad[0], f.At, f.Reason)
	}
	return Raise("UnicodeDecodeError", "'%s' codec can't decode bytes in position %d-%d: %s", e.Family(), f.At, f.At+f.N-1, f.Reason)
}
