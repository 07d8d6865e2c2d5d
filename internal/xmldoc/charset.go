package xmldoc

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/exportpipeline/exportpipeline/internal/charset"
	"github.com/exportpipeline/exportpipeline/internal/textenc"
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
		{"<\x00\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 0},
		{"\x00\x00\x00<", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), 0},
	} {
		if !bytes.HasPrefix(data, []byte(mark.begins)) {
			continue
		}
		if data = data[mark.skip:]; mark.is == nil {
			return checked(data)
		}
		return decode(ctx, mark.is, "UTF-16 or UTF-32", data)
	}
	if bytes.HasPrefix(data, []byte(ebcdicBegin)) {
		return fromEBCDIC(ctx, data)
	}
	found := declaration.FindSubmatch(data)
	if found == nil {
		return checked(data)
	}
	name := strings.ToLower(string(found[1]))
	if strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") || strings.HasPrefix(name, "ucs") || name == "utf-8" || name == "utf8" {
		return checked(data) // what can be read as ASCII is none of the wide ones
	}
	known, ok := charset.Lookup(name)
	switch {
	case !ok || sevenBits.MatchString(name):
		return byCodec(ctx, string(found[1]), data)
	case known == nil: // ASCII
		return checked(data)
	case isASCII(data):
		return data, nil
	}
	return decode(ctx, known, string(found[1]), data)
}

// sevenBits are the charsets that write other characters with the bytes of ASCII.
var sevenBits = regexp.MustCompile(`^(utf-?_?7|hz|iso-?2022)`)

// byCodec decodes a document whose charset only Python's codecs know.
func byCodec(ctx context.Context, name string, data []byte) ([]byte, error) {
	codec, err := textenc.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("its charset %q is not known", name)
	}
	text, err := codec.DecodeWithin(ctx, data, func(f textenc.Fault) (string, error) {
		return "", fmt.Errorf("it is not %s: byte %d: %s", name, f.At, f.Reason)
	})
	return unsafe.Slice(unsafe.StringData(text), len(text)), err
}

// ebcdicBegin is "<?xm" in EBCDIC, whose variants differ in other characters only.
const ebcdicBegin = "\x4c\x6f\xa7\x94"

// fromEBCDIC decodes a document by the charset that its declaration names in EBCDIC.
func fromEBCDIC(ctx context.Context, data []byte) ([]byte, error) {
	const longest = 200 // of a declaration
	first, err := byCodec(ctx, "cp037", data[:min(len(data), longest)])
	if err != nil {
		return nil, err
	}
	if found := declaration.FindSubmatch(first); found != nil {
		return byCodec(ctx, string(found[1]), data)
	}
	return byCodec(ctx, "cp037", data)
}

// DeclaresCharset reports whether a document says what its charset is, by a byte order
// mark or in its XML declaration.
func DeclaresCharset(data []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff", "<\x00", "\x00<", "\x00\x00\xfe\xff", "\x00\x00\x00<", ebcdicBegin} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return true
		}
	}
	return declaration.Match(data)
}

func decode(ctx context.Context, e encoding.Encoding, name string, data []byte) ([]byte, error) {
	text, err := charset.Decode(ctx, e, data)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("it is not %s: %w", name, err)
	}
	return text, err
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
