package native_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// textFormats are those that cost little: a workbook is compressed.
var textFormats = slices.DeleteFunc(native.Formats(), func(f native.Format) bool { return f == native.FormatXLSX })

// written writes a payload, and reports what others could not read; "" if it cannot be
// written.
func written(t *testing.T, format native.Format, p *rossum.Payload) string {
	t.Helper()
	var out bytes.Buffer
	err := native.Write(&out, format, native.Options{}, p)
	if errors.Is(err, native.ErrUnwritable) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	switch format {
	case native.FormatXML:
		isXML(t, &out)
	case native.FormatJSON:
		if !json.Valid(out.Bytes()) {
			t.Fatalf("not JSON: %s", out.Bytes())
		}
	case native.FormatCSV:
		if _, err := csv.NewReader(bytes.NewReader(out.Bytes())).ReadAll(); err != nil {
			t.Fatalf("%v in %q", err, out.Bytes())
		}
	case native.FormatXLSX:
		z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range z.File {
			r, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			isXML(t, r)
		}
	}
	return out.String()
}

func isXML(t *testing.T, r io.Reader) {
	t.Helper()
	var text bytes.Buffer
	d := xml.NewDecoder(io.TeeReader(r, &text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, text.Bytes())
		}
	}
}

// threeValues is a payload with three values, and a function that sets them.
func threeValues(f *testing.F) (*rossum.Payload, func(t *testing.T, values ...string)) {
	f.Helper()
	p := rossumtest.Annotation(rossumtest.Field("a", ""), rossumtest.Table("items", rossumtest.Row("code", ""), rossumtest.Row("code", ""))).
		Payload()
	var fields []*rossum.Node
	for n := range p.Annotation.Content.All() {
		if n.Category() == rossum.CategoryDatapoint {
			fields = append(fields, n)
		}
	}
	return p, func(t *testing.T, values ...string) {
		t.Helper()
		if len(values) != len(fields) {
			t.Fatalf("%d values for %d fields", len(values), len(fields))
		}
		for i, n := range fields {
			if err := n.SetValue(values[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// valuesToWrite are those that some format has to quote, or cannot hold.
var valuesToWrite = [][3]string{
	{"a,b", "x\"y", "1"}, {"\x00", "\xff", "]]>"}, {"=1+1", "\r\n", "\t"}, {"\u2028", "&amp;", "\ufffe"}, {" a ", "", "\U0010ffff"},
}

// FuzzWrite writes any texts: others can read what is written, and find the texts in it.
func FuzzWrite(f *testing.F) {
	for i := range textFormats {
		for _, v := range valuesToWrite {
			f.Add(byte(i), v[0], v[1], v[2])
		}
	}
	p, set := threeValues(f)
	f.Fuzz(func(t *testing.T, which byte, a, b, c string) {
		set(t, a, b, c)
		format := textFormats[int(which)%len(textFormats)]
		out := written(t, format, p)
		if out == "" {
			return
		}
		for _, text := range []string{a, b, c} {
			text = strings.ReplaceAll(text, `"`, `""`)
			if format == native.FormatCSV && utf8.ValidString(text) && !strings.Contains(out, text) {
				t.Fatalf("%q is not in %q", text, out)
			}
		}
	})
}

func FuzzWriteXLSX(f *testing.F) {
	for _, v := range valuesToWrite {
		f.Add(v[0], v[1], v[2])
	}
	p, set := threeValues(f)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		set(t, a, b, c)
		written(t, native.FormatXLSX, p)
	})
}

// FuzzWriteAnyPayload writes payloads as anybody could make them.
func FuzzWriteAnyPayload(f *testing.F) {
	for _, data := range fuzzing.Payloads(f) {
		for i := range textFormats {
			f.Add(byte(i), data)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		p, err := rossum.ParsePayload(data)
		if err != nil {
			return
		}
		var out bytes.Buffer
		err = native.Write(&out, textFormats[int(which)%len(textFormats)], native.Options{}, p)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		if out.Len() > 100*len(data)+10_000 {
			t.Errorf("%d bytes became %d", len(data), out.Len())
		}
	})
}
