// Package charset decodes texts that other programs have sent, by the names which
// those programs give their charsets.
//
// Names are those of IANA, of the WHATWG's Encoding Standard, and of Python's codecs,
// since servers use all three: iso-8859-1, latin1, latin-1, cp1252. The tables are
// those of golang.org/x/text, and of package textenc for what only Python knows.
package charset

import (
	"bytes"
	"context"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Lookup finds a charset by its name, in any case. It is nil for UTF-8 and ASCII, which
// need no decoding. ok is false for names that are not known.
func Lookup(name string) (e encoding.Encoding, ok bool) {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch name {
	case "utf-8", "utf8", "us-ascii", "ascii", "utf-8-sig":
		return nil, true
	case "utf-16", "utf16", "ucs-2": // Python takes the machine's byte order, where no mark says it
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true
	case "utf-16le", "utf-16-le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true
	case "utf-16be", "utf-16-be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true
	case "utf-32", "utf32":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), true
	case "utf-32le", "utf-32-le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), true
	case "utf-32be", "utf-32-be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), true
	}
	if e := further(name); e != nil {
		return e, true
	}
	known := registries.Get(readRegistries)
	number := strings.TrimPrefix(strings.TrimPrefix(name, "windows"), "-")
	for _, candidate := range []string{name, strings.Replace(name, "latin-", "latin", 1), strings.Replace(name, "iso8859", "iso-8859", 1), "windows-" + number} {
		if e := table(known["iana"][candidate]); e != nil {
			return e, true
		}
	}
	e = table(known["html"][name])
	return e, e != nil
}

// Text decodes a text. Its charset is that of a byte order mark, else that of the
// Content-Type, else UTF-8. What is not in its charset, or has none that is known, and
// is not UTF-8 either, is Latin-1, of which every byte is a character. The text may share
// its memory with data, which must not be changed afterwards. The error is that of ctx.
func Text(ctx context.Context, data []byte, contentType string) (string, error) {
	for _, e := range []encoding.Encoding{marked(data), Declared(contentType)} {
		if e == nil {
			continue
		}
		text, err := Decode(ctx, e, data)
		if err == nil {
			return shared(text), nil
		}
		if ctx.Err() != nil {
			return "", err
		}
	}
	if utf8.Valid(data) {
		return shared(data), nil
	}
	text, err := latin1(ctx, data)
	return shared(text), err
}

// latin1 decodes ISO 8859-1, in which every byte is a character, without more memory than the
// text takes. The error is that of ctx.
func latin1(ctx context.Context, data []byte) ([]byte, error) {
	high := 0
	for _, c := range data {
		if c >= utf8.RuneSelf {
			high++
		}
	}
	text := make([]byte, 0, len(data)+high)
	for piece := range slices.Chunk(data, 1<<20) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for _, c := range piece {
			text = utf8.AppendRune(text, rune(c))
		}
	}
	return text, nil
}

// Decode decodes what is in a charset. The error is that of ctx, or says what is not in it.
func Decode(ctx context.Context, e encoding.Encoding, data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(data) + bytes.MinRead)
	_, err := out.ReadFrom(e.NewDecoder().Reader(&dataReader{ctx, data}))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out.Bytes(), err
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

// shared returns bytes that do not change any more as a text.
func shared(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// Declared returns the charset that a Content-Type names, nil if it names none that
// is known, or UTF-8.
func Declared(contentType string) encoding.Encoding {
	if !strings.Contains(contentType, ";") {
		return nil // most often
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil && params == nil {
		return nil
	}
	e, _ := byName(params["charset"])
	return e
}

// Name is the charset that a Content-Type names, "" if it names none.
func Name(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	return params["charset"]
}

// Known reports whether the charset that a Content-Type names is one that can be decoded;
// it is true if it names none.
func Known(contentType string) bool {
	name := Name(contentType)
	_, ok := byName(name)
	return ok || name == ""
}

// Marked reports whether a text begins with a byte order mark.
func Marked(data []byte) bool { return marked(data) != nil }

// marked returns the encoding that a byte order mark stands for, nil if there is none.
func marked(data []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return unicode.UTF8BOM
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	}
	return nil
}
