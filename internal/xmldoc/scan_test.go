package xmldoc

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// seeds of tokens that are read as they are, of those that are left to encoding/xml, and of
// what is not XML.
var scanned = []string{
	`<a/>`, `<a b="1" c='2'>x</a>`, `<p:a xmlns:p="u" p:b="v"/>`, `<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;&#xe9;</a>`,
	"<a b=\"1\n2\t3\r\n4\r5&#10;6\">1\r\n2\r3</a>", `<a><![CDATA[<x>&amp;]]]]></a>`, `<a><!-- - --><?pi  data?></a>`,
	`<?xml version="1.0" encoding="latin1"?><!DOCTYPE a [<!ENTITY e "v">]><a b="&e;">&e;&e;</a>`, "<\u00e9 \u00fc='1'>\u20ac</\u00e9>",
	"<a b = '1'c='2' >\t</a >", `<a b="'" c='"'/>`, "<a>]]></a>", "<a>]]&gt;</a>", `<a b="]]>"/>`, `<a b="<"/>`, `<a b=1/>`, `<a b/>`, `<:a/>`, `<a:/>`, `<a:b:c/>`,
	`<1/>`, `< a/>`, `<a`, `<a b="`, `<a b="1"`, `</a`, `</ a>`, `</a b>`, `<a/ >`, `<!-- -- -->`, `<!-- --->`, `<!--->`, `<![CDATA[`, `<!x`, `<?`, `<?x`,
	`&`, `&amp`, `&x;`, `&#;`, `&#0;`, `&#xD800;`, `&#x110000;`, `&#00000000000065;`, "\x00", "\xff", "\ufffe", "\xed\xa0\x80", "<a b='\x01'/>", "a\rb", "\ufeff<a/>",
	`<?xml version="1.1"?><a/>`, `<a.b-c_d/>`, `<_/>`, `<a></a><b></b>`, `<a b="1" b="2"/>`, "<a>\u00a0</a>", "<a b='&#xD800;'/>",
}

func TestTextsAreTakenApartAsEncodingXMLDoes(t *testing.T) {
	t.Parallel()
	for _, text := range scanned {
		sameTokens(t, text)
	}
}

func FuzzTokens(f *testing.F) {
	for _, text := range scanned {
		f.Add(text)
	}
	f.Fuzz(sameTokens)
}

// sameTokens compares the tokens of a text with those of encoding/xml, but for white space
// in values, which the documents of encoding/xml were normalised for afterwards.
func sameTokens(t *testing.T, text string) {
	t.Helper()
	s := &scanner{ctx: t.Context(), data: text}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		before := d.InputOffset()
		want, wantErr := d.RawToken()
		err := s.next()
		if wantErr == nil && err != nil && lenient(want, text[before:d.InputOffset()]) != "" {
			return
		}
		if !sameError(err, wantErr) {
			t.Fatalf("%q: %v, want %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		if start, ok := want.(xml.StartElement); ok {
			want = normalizedStart(s, text[before:d.InputOffset()], start)
		}
		if got, want := s.describe(), describe(want); got != want {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
		if line, _ := d.InputPos(); s.kind != tokenText && s.line() != line {
			t.Fatalf("%q: line %d, want %d", text, s.line(), line)
		}
	}
}

func sameError(got, want error) bool {
	if errors.Is(got, io.EOF) || errors.Is(want, io.EOF) {
		return errors.Is(got, io.EOF) && errors.Is(want, io.EOF)
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}

func normalizedStart(s *scanner, raw string, t xml.StartElement) xml.StartElement {
	if strings.ContainsAny(raw, "\n\t\r") {
		return s.normalized([]byte(raw), t)
	}
	return t
}

func (s *scanner) describe() string {
	switch s.kind {
	case tokenStart:
		return describe(xml.StartElement{Name: s.name, Attr: s.attrs})
	case tokenEnd:
		return describe(xml.EndElement{Name: s.name})
	case tokenInstruction:
		return describe(xml.ProcInst{Target: s.name.Local, Inst: []byte(s.text)})
	}
	return fmt.Sprintf("%d %q", s.kind, s.text)
}

func describe(t xml.Token) string {
	switch t := t.(type) {
	case xml.StartElement:
		return fmt.Sprintf("<%q %q>", t.Name, t.Attr)
	case xml.EndElement:
		return fmt.Sprintf("</%q>", t.Name)
	case xml.CharData:
		return fmt.Sprintf("%d %q", tokenText, t)
	case xml.Comment:
		return fmt.Sprintf("%d %q", tokenComment, t)
	case xml.ProcInst:
		return fmt.Sprintf("<?%q %q>", t.Target, t.Inst)
	case xml.Directive:
		return fmt.Sprintf("%d %q", tokenDirective, t)
	}
	return fmt.Sprintf("%T", t)
}
