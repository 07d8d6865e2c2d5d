package xmldoc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/exportpipeline/exportpipeline/internal/charset"
)

var declaration = regexp.MustCompile(`^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']`)

// Decode returns the text of a document, whose charset is found as [Parse] does. It may share
// its memory with data, which must not be changed afterwards.
func Decode(ctx context.Context, data []byte) (string, error) {
	text, err := toUTF8(ctx, data)
	return unsafe.String(unsafe.SliceData(text), len(text)), err
}

// toUTF8 decodes a document, once.
func toUTF8(ctx context.Context, data []byte) ([]byte, error) {
	for _, mark := range []struct {
		begins string
		is     encoding.Encoding // nil for UTF-8
		skip   int
	}{
		{"\xef\xbb\xbf", nil, 3},
		{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4},
		{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 4},
		{"\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2},
		{"\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2},
		{"<\x00?\x00", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 0},
		{"\x00<\x00?", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 0},
	} {
		if !bytes.HasPrefix(data, []byte(mark.begins)) {
			continue
		}
		if data = data[mark.skip:]; mark.is == nil {
			return checked(data)
		}
		return decode(ctx, mark.is, "UTF-16 or UTF-32", data)
	}
	found := declaration.FindSubmatch(data)
	if found == nil {
		return checked(data)
	}
	name := strings.ToLower(string(found[1]))
	if strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") || strings.HasPrefix(name, "ucs") || name == "utf-8" || name == "utf8" {
		return checked(data) // what can be read as ASCII is none of the wide ones
	}
	if isASCII(data) && !(name == "utf-7" && bytes.IndexByte(data, '+') >= 0) {
		return data, nil
	}
	known, ok := charset.Lookup(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("its charset %q is not known", found[1])
	case known == nil: // ASCII
		return checked(data)
	}
	return decode(ctx, known, string(found[1]), data)
}

// DeclaresCharset reports whether a document says what its charset is, by a byte order
// mark or in its XML declaration.
func DeclaresCharset(data []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff", "<\x00", "\x00<", "\x00\x00\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return true
		}
	}
	return declaration.Match(data)
}

func decode(ctx context.Context, e encoding.Encoding, name string, data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(data) + bytes.MinRead)
	_, err := out.ReadFrom(e.NewDecoder().Reader(&dataReader{ctx, data}))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("it is not %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// dataReader reads bytes until its context ends.
type dataReader struct {
	ctx  context.Context
	data []byte
}

func (r *dataReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func checked(data []byte) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("it is not UTF-8, and does not say what it is")
	}
	return data, nil
}

func isASCII(data []byte) bool {
	for _, c := range data {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
