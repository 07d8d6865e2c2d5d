package pyvalue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/textenc"

	"golang.org/x/text/unicode/runenames"
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
	const longestName = 100 // far longer than any
	if len(encoding) > longestName {
		return nil, "", Raise("LookupError", "unknown encoding: %.*s…", longestName, encoding)
	}
	if e, err = textenc.Lookup(encoding); err != nil {
		return nil, "", Raise("LookupError", "unknown encoding: %s", encoding)
	}
	return e, errors, nil
}

// keepsASCII reports an encoding in which ASCII is as it is, such as UTF-8.
func keepsASCII(e *textenc.Encoding) bool {
	return slices.Contains([]string{"ascii", "utf-8", "latin-1"}, e.Family())
}

func strEncode(m *Meter, v Value, c *Call) (Value, error) {
	e, errors, err := codec(c, "encode")
	if err != nil {
		return Value{}, err
	}
	text := v.Text()
	if keepsASCII(e) && isASCII(text) {
		if err := m.Grow(int64(len(text))); err != nil {
			return Value{}, err
		}
		return Bytes([]byte(text)), nil
	}
	if err := m.GrowParts(4, int64(len(text))); err != nil {
		return Value{}, err
	}
	size := int64(0) // of what is put in
	out, err := e.EncodeWith(text, func(at, end int) (string, error) {
		if errors == "strict" {
			return "", encodeError(e, text, at, end)
		}
		put := encodeHandler(errors)
		if put == nil {
			return "", Raise("LookupError", "unknown error handler name '%s'", errors)
		}
		var b strings.Builder
		for _, r := range text[at:end] {
			made := put(r)
			if err := m.Grow(int64(len(made))); err != nil {
				return "", err
			}
			size += int64(len(made))
			if err := m.Fits(size); err != nil {
				return "", err
			}
			b.WriteString(made)
		}
		return b.String(), nil
	})
	if label, ok := err.(textenc.ErrLabel); ok {
		return Value{}, Raise("UnicodeError", "%s", string(label))
	}
	return Bytes(out), err
}

func encodeError(e *textenc.Encoding, text string, at, end int) error {
	reason, ok := map[string]string{"ascii": "ordinal not in range(128)", "latin-1": "ordinal not in range(256)", "charmap": "character maps to <undefined>"}[e.Family()]
	if !ok {
		reason = "illegal multibyte sequence"
	}
	from, n := utf8.RuneCountInString(text[:at]), utf8.RuneCountInString(text[at:end])
	if n > 1 {
		return Raise("UnicodeEncodeError", "'%s' codec can't encode characters in position %d-%d: %s", e.Family(), from, from+n-1, reason)
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return Raise("UnicodeEncodeError", "'%s' codec can't encode character '%s' in position %d: %s", e.Family(), escapedRune(r), from, reason)
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

// encodeHandler returns what is put in the place of a character that an encoding lacks,
// nil if no handler has that name.
func encodeHandler(name string) func(r rune) string {
	switch name {
	case "ignore":
		return func(rune) string { return "" }
	case "replace":
		return func(rune) string { return "?" }
	case "backslashreplace":
		return escapedRune
	case "namereplace":
		return func(r rune) string {
			if name := runenames.Name(r); name != "" && name[0] != '<' {
				return `\N{` + name + "}"
			}
			return escapedRune(r)
		}
	case "xmlcharrefreplace":
		return func(r rune) string { return "&#" + strconv.Itoa(int(r)) + ";" }
	}
	return nil
}

func bytesDecode(m *Meter, v Value, c *Call) (Value, error) {
	e, errors, err := codec(c, "decode")
	if err != nil {
		return Value{}, err
	}
	data := v.Data()
	if keepsASCII(e) && isASCII(data) {
		if err := m.Grow(int64(len(data))); err != nil {
			return Value{}, err
		}
		return Str(string(data)), nil
	}
	if err := m.GrowParts(2, int64(len(data))); err != nil {
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
