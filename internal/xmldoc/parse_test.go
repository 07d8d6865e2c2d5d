package xmldoc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

func TestADocumentIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"":                 "it has no element",
		"text":             "text outside",
		"<a>":              "it ends within the element <a>",
		"<a></b>":          "</b> ends an element that is not open",
		"<a/><b/>":         "a second element <b>",
		"<a/>x":            "text outside",
		`<a b="1" b="2"/>`: `duplicate attribute "b"`,
		`<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`: `duplicate attribute "y:b"`,
		"<x:a/>":     `the namespace prefix "x" is not declared`,
		"<a>&b;</a>": "invalid character entity &b;",
		`<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`: "invalid character entity &b;",
		`<!DOCTYPE a [<!ENTITY b "<c/>">]><a>&b;</a>`:                      "invalid character entity &b;",
		`<!DOCTYPE a [<!ENTITY b "&c;"><!ENTITY c "&b;">]><a>&c;</a>`:      "invalid character entity &c;",
		`<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a><!DOCTYPE a>`:             "does not belong there",
		`<!DOCTYPE a><!DOCTYPE a><a/>`:                                     "does not belong there",
		` <?xml version="1.0"?><a/>`:                                       "at the start of the document only",
		`<a><?xml version="1.0"?></a>`:                                     "at the start of the document only",
		`<?xml encoding="utf-8"?><a/>`:                                     "the XML declaration is not valid",
		`<?XML version="1.0"?><a/>`:                                        "the XML declaration is not valid",
		`<a b="1"c="2"/>`:                                                  "no blank between two attributes",
		`<a>&#xD800;</a>`:                                                  "half of a surrogate pair",
		`<a b="&#57343;"/>`:                                                "half of a surrogate pair",
		`<a xmlns:b=""/>`:                                                  `prefix "b" stands for no namespace`,
		`<a xmlns:xml="u"/>`:                                               `prefix "xml" is XML's own`,
		`<a xmlns:xmlns="u"/>`:                                             `prefix "xmlns" is XML's own`,
		`<?xml version="1.0" encoding="nope"?><a/>`:                        `charset "nope" is not known`,
		`<?xml version="1.0" encoding="hz"?><a>` + "~{ÿÿ~}</a>":            "it is not hz",
		strings.Repeat("<a>", 1100):                                        "nested deeper than 1000 levels",
		"<a>\xff</a>":                                                      "it is not UTF-8",
		`<?xml version="1.0" encoding="x-unknown"?><a>` + "\xff</a>":       `charset "x-unknown" is not known`,
		`<?xml version="1.0" encoding="us-ascii"?><a>` + "\xff</a>":        "it is not UTF-8",
		`<?xml version="2.0"?><a>1</a>`:                                    `unsupported version "2.0"`,
		`<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("x", 5000) + `">]><a>` + strings.Repeat("&b;", 1000) + "</a>": "expand to too much text",
	} {
		if _, err := Parse(t.Context(), []byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", document, err, want)
		}
	}
}

func TestTextIsThatOfTheDocument(t *testing.T) {
	t.Parallel()
	wide := func(order func(uint16) []byte, mark bool) string {
		text := `<?xml version="1.0" encoding="utf-16"?><a>Mö€</a>`
		if mark {
			text = "\ufeff" + text
		}
		var out []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			out = append(out, order(unit)...)
		}
		return string(out)
	}
	little := func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} }
	big := func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} }
	for document, want := range map[string]string{
		"<a>Mö€</a>":             "Mö€",
		"\ufeff<a>Mö€</a>":       "Mö€",
		wide(little, true):       "Mö€",
		wide(little, false):      "Mö€",
		wide(big, true):          "Mö€",
		wide(big, false):         "Mö€",
		"<a>1</a>\x00\x00":       "1",
		"<a>\r\nx\ry\n</a>":      "\nx\ny\n",
		"<a>x<!--<!DOCTYPE -->y": "",
		"<a>x<!-- <!ENTITY z> -->y<![CDATA[<!DOCTYPE &amp;]]></a>":                      "xy<!DOCTYPE &amp;",
		`<!DOCTYPE a SYSTEM "a.dtd"><a>1</a>`:                                           "1",
		`<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c 'y'>]><a>&b;&c;&#233;</a>`:              "xyé",
		`<?xml version="1.0" encoding="windows-1250"?><a>` + "\x9aei\x9e</a>":           "šeiž",
		`<?xml version='1.0' encoding='ISO-8859-2'?><a>` + "\xb9</a>":                   "š",
		`<?xml version="1.0" encoding="utf-7"?><a>M</a>`:                                "M",
		`<?xml version="1.0" encoding="utf-16"?><a>é</a>`:                               "é",
		"\ufeff" + `<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>`:                "é",
		`<?xml version="1.0" encoding="cp1252"?><a>` + "\x80</a>":                       "€",
		`<?xml version="1.0" encoding="latin-1"?><a>` + "\xe9</a>":                      "é",
		`<!DOCTYPE a [<!ENTITY b "x&c;z"><!ENTITY c "&#60;&amp;&#38;#60;">]><a>&c;</a>`: "",
		`<!DOCTYPE a [<!ENTITY b "x&c;z"><!ENTITY c "y&#160;&amp;">]><a>&b;&b;</a>`:     "xy\u00a0&zxy\u00a0&z",
		`<!DOCTYPE a [<!ENTITY b "1"><!ENTITY b "2">]><a>&b;</a>`:                       "1",
		`<!DOCTYPE a [<!ENTITY lt "&#38;#60;">]><a>&lt;</a>`:                            "<",
		`<?xml version="1.1"?><a>1</a>`:                                                 "1",
		`<?xml version='1.1' encoding='windows-1250'?><a>` + "\x9a</a>":                 "š",
	} {
		d, err := Parse(t.Context(), []byte(document))
		if want == "" {
			if err == nil {
				t.Errorf("%q is taken for a document", document)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", document, err)
			continue
		}
		if got := d.Value(d.RootElement()); got != want {
			t.Errorf("%q: got %q, want %q", document, got, want)
		}
	}
}

func TestParsingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Parse(ctx, []byte("<a/>")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a x="1" xmlns:y="u"><y:b>&b;</y:b><!--c--><?d e?><![CDATA[f]]></a>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(t.Context(), data)
		if err != nil {
			return
		}
		for n := ID(0); int(n) < d.Len(); n++ {
			if d.Parent(n) >= n || d.End(n) <= n || int(d.End(n)) > d.Len() {
				t.Fatalf("node %d of %d has parent %d and end %d", n, d.Len(), d.Parent(n), d.End(n))
			}
			d.Value(n)
		}
		_ = d.String(d.RootElement())
	})
}

func TestManyAttributesAndPrefixesTakeNoTimeOfTheirSquare(t *testing.T) {
	t.Parallel()
	var attributes, prefixes strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&attributes, " a%d=''", i)
		fmt.Fprintf(&prefixes, " xmlns:p%d='u%d'", i, i)
	}
	for text, want := range map[string]string{
		"<a" + attributes.String() + "/>":                                            "",
		"<a" + prefixes.String() + ">" + strings.Repeat("<p0:b/>", 200_000) + "</a>": "",
		"<a" + attributes.String() + " a7=''/>":                                      `duplicate attribute "a7"`,
		"<a xmlns:x='u' xmlns:y='u'" + attributes.String() + " x:a7='' y:a7=''/>":    `duplicate attribute "y:a7"`,
	} {
		_, err := Parse(t.Context(), []byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s…: %v, want %q", text, err, want)
		}
	}
}

func TestAPrefixStandsAgainForWhatItDidAfterTheElement(t *testing.T) {
	t.Parallel()
	const text = `<x:a xmlns:x="u1"><x:b xmlns:x="u2"><x:c xmlns:x="u3"/><x:d/></x:b><x:e/></x:a>`
	d, err := Parse(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := range ID(7) {
		if name := d.Name(n); name.Local != "" {
			got = append(got, name.Local+"="+name.Space)
		}
		if len(got) == 5 {
			break
		}
	}
	if want := "a=u1 b=u2 c=u3 d=u2 e=u1"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
	if _, err := Parse(t.Context(), []byte(`<a><b xmlns:x="u"/><x:c/></a>`)); err == nil {
		t.Error("a prefix is known after its element")
	}
}

func TestADocumentIsRefusedBeyondTheLimitOfTrees(t *testing.T) {
	t.Parallel()
	data := []byte("<a>" + strings.Repeat("<b/>", 5000) + "</a>")
	if _, err := Parse(t.Context(), data); err != nil {
		t.Error(err)
	}
	var tooLarge *treelimit.Error
	if _, err := Parse(treelimit.With(t.Context(), 100_000), data); !errors.As(err, &tooLarge) {
		t.Errorf("got %v", err)
	}
}
