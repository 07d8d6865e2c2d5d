package wsdl

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

// tags lists the tags of a document as encoding/xml reads them; an empty element has
// two.
func tags(data []byte) (list []any, err error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			list = append(list, t.Copy())
		case xml.EndElement:
			list = append(list, t)
		case xml.Directive:
			return list, ErrDoctype
		}
	}
}

func scanned(data []byte) (list []any, err error) {
	s := &scanner{data: data}
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		var start xml.StartElement
		if !t.end {
			if start, err = s.start(t); err != nil {
				return list, err
			}
			list = append(list, start)
		}
		if t.end || t.empty {
			list = append(list, xml.EndElement{Name: start.Name})
		}
	}
}

var scannedDocuments = []string{
	`<a/>`, `<a b="1" c='2'/>`, `<p:a xmlns:p="u" p:b=">"><c d="'"/></p:a>`, `<!-- <x> --><a><![CDATA[<y>]]></a>`,
	"<a\n b = \"1\"\t/>", `<?xml version="1.0"?><a>&amp;</a>`, `<a b="&lt;"/>`, `<a b="x&#10;y"><é/></a>`, `<a b="/"></a >`,
	`<?>0`, `<a><b/><?pi <c>?></a>`, `<a b="1"c="2"/>`, `<a b/>`, `<a b=1/>`, `<a`, `<a b="`, `</a>`, `<a><`, `<!DOCTYPE a><a/>`, `<a:b:c/>`, `< a/>`, `<a//>`,
}

// TestTagsAreThoseOfEncodingXML compares the scanner with the decoder of the standard
// library.
func TestTagsAreThoseOfEncodingXML(t *testing.T) {
	t.Parallel()
	for _, text := range scannedDocuments {
		compareTags(t, []byte(text))
	}
	compareTags(t, read(t, "../../workdaytest/Resource_Management.wsdl"))
}

// compareTags demands the same tags of what both can read. The scanner reads some
// documents to their end that are wrong in places that it passes over.
func compareTags(t *testing.T, data []byte) {
	t.Helper()
	want, err := tags(data)
	if err != nil {
		_, _ = scanned(data) // must not panic
		return
	}
	got, err := scanned(data)
	if errors.Is(err, errEncoding) {
		return // encoding/xml reads no name that has no end
	}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%q: %d tags instead of %d, %v", data, len(got), len(want), err)
	}
	for i := range want {
		w, ok := want[i].(xml.StartElement)
		g, same := got[i].(xml.StartElement)
		if ok != same || ok && (w.Name != g.Name || len(w.Attr)+len(g.Attr) > 0 && !reflect.DeepEqual(w.Attr, g.Attr)) {
			t.Fatalf("%q: tag %d is %v instead of %v", data, i, got[i], want[i])
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range scannedDocuments {
		f.Add([]byte(text))
	}
	for _, text := range fuzzing.Files(f, "workday/testdata/wsdl/*.wsdl") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkUTF8(t.Context(), data) == nil {
			compareTags(t, data)
		}
	})
}
