package wsdl

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func resourceManagement(t testing.TB) *Document {
	t.Helper()
	d, err := Parse(t.Context(), read(t, "../../workdaytest/Resource_Management.wsdl"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOperationsAreFoundWithTheirElements(t *testing.T) {
	t.Parallel()
	d := resourceManagement(t)
	if got := strings.Join(d.Operations(), " "); got != "Submit_Supplier_Invoice Cancel_Supplier_Invoice" {
		t.Errorf("operations %s", got)
	}
	op, err := d.Operation("Submit_Supplier_Invoice")
	if err != nil {
		t.Fatal(err)
	}
	if op.Inputs[0].Element.Name != (xml.Name{Space: "urn:com.workday/bsvc", Local: "Submit_Supplier_Invoice_Request"}) ||
		op.Output.Name.Local != "Submit_Supplier_Invoice_Response" || !strings.HasPrefix(op.Address, "https://") || len(op.Headers) != 1 {
		t.Errorf("operation %+v", op)
	}
	if _, err := d.Operation("Submit"); !errors.Is(err, ErrNoOperation) {
		t.Errorf("error %v", err)
	}
}

func TestTypesAreUnderstoodWhenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	d := resourceManagement(t)
	if len(d.types) != 0 {
		t.Errorf("%d types are understood at once", len(d.types))
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			op, err := d.Operation("Submit_Supplier_Invoice")
			if err != nil {
				t.Error(err)
				return
			}
			if typ, err := op.Inputs[0].Element.Type(); err != nil || typ.Content == nil || len(typ.Attributes) != 2 {
				t.Errorf("%+v, %v", typ, err)
			}
		})
	}
	wait.Wait()
}

const (
	head = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"><w:types><x:schema targetNamespace="urn:t">`
	tail = `</x:schema></w:types></w:definitions>`
)

func TestDocumentsThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"nothing":         {"", "not a WSDL"},
		"a page":          {"<html><body/></html>", "not a WSDL"},
		"a schema":        {`<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"/>`, "without a WSDL"},
		"a DOCTYPE":       {`<!DOCTYPE a><a/>`, "DOCTYPE"},
		"an entity":       {head + `<x:element name="&a;"/>` + tail, "entity"},
		"half":            {head, "is not closed"},
		"crossed tags":    {head + `</x:schema></w:definitions></w:types>`, "closes nothing"},
		"two roots":       {`<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"/><a/>`, "more than one root"},
		"UTF-16":          {`<?xml version="1.0" encoding="UTF-16"?><a/>`, "UTF-16"},
		"deep nesting":    {strings.Repeat("<a>", 10_000), "not a WSDL"},
		"deep in a type":  {head + strings.Repeat("<x:sequence>", 10_000), "nested too deeply"},
		"a remote import": {head + `<x:import namespace="urn:y" schemaLocation="http://example.com/y.xsd"/>` + tail, "is refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse(t.Context(), []byte(c.text), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestDeclarationsThatAreWrongAreErrors(t *testing.T) {
	t.Parallel()
	for declaration, want := range map[string]string{
		`<x:element name="E" type="t:None"/>`: "no type None",
		`<x:element name="E" type="y:None"/>`: "prefix",
		`<x:element name="E" type="t:C"/><x:complexType name="C"><x:complexContent><x:extension base="t:C"/></x:complexContent></x:complexType>`:                       "made of itself",
		`<x:element name="E"><x:complexType><x:group ref="t:G"/></x:complexType></x:element><x:group name="G"><x:sequence><x:group ref="t:G"/></x:sequence></x:group>`: "made of itself",
		`<x:element name="E"><x:complexType><x:sequence><x:element ref="t:None"/></x:sequence></x:complexType></x:element>`:                                            "no element None",
		`<x:element name="E"><x:complexType><x:sequence><x:element name="a" minOccurs="x"/></x:sequence></x:complexType></x:element>`:                                  "minOccurs",
		`<x:element name="E"><x:complexType><x:sequence><x:element/></x:sequence></x:complexType></x:element>`:                                                         "neither name nor ref",
		`<x:element name="E"><x:complexType><x:attribute ref="t:None"/></x:complexType></x:element>`:                                                                   "no attribute None",
		`<x:element name="E"><x:complexType><x:attributeGroup ref="t:None"/></x:complexType></x:element>`:                                                              "no attributeGroup None",
		`<x:element name="E"><x:simpleType><x:restriction base="t:C"/></x:simpleType></x:element><x:complexType name="C"/>`:                                            "not a simple type",
		`<x:element name="E"><x:simpleType/></x:element>`:                                                                                                              "no restriction, list or union",
		`<x:element name="E"><x:complexType><x:simpleContent/></x:complexType></x:element>`:                                                                            "neither extension nor restriction",
	} {
		d, err := Parse(t.Context(), []byte(head+declaration+tail), Options{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Element(xml.Name{Space: "urn:t", Local: "E"})
		if err == nil {
			_, err = e.Type()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nerror %v, want %q", declaration, err, want)
		}
	}
}

// A schema counts only where WSDL has schemas.
func TestASchemaOutsideOfTypesDeclaresNothing(t *testing.T) {
	t.Parallel()
	const declaration = `<x:include schemaLocation="u"/><x:element name="E"><x:complexType><x:sequence><x:element name="a"/></x:sequence></x:complexType></x:element>`
	for _, name := range []string{"other", "w:message", "w:documentation"} {
		text := strings.NewReplacer("<w:types>", "<"+name+">", "</w:types>", "</"+name+">").Replace(head + declaration + tail)
		d, err := Parse(t.Context(), []byte(text), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := d.Element(xml.Name{Space: "urn:t", Local: "E"}); err == nil || !strings.Contains(err.Error(), "no element E") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTypesAreBounded(t *testing.T) {
	t.Parallel()
	many := func(n int, one string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(one, "#", strconv.Itoa(i)))
		}
		return b.String()
	}
	chain := func(n int) string {
		var b strings.Builder
		b.WriteString(`<x:complexType name="T0"/>`)
		for i := range n {
			fmt.Fprintf(
				&b,
				`<x:complexType name="T%d"><x:complexContent><x:extension base="t:T%d"><x:sequence><x:element name="a"/></x:sequence></x:extension></x:complexContent></x:complexType>`,
				i+1,
				i,
			)
		}
		return b.String() + fmt.Sprintf(`<x:element name="E" type="t:T%d"/>`, n)
	}
	doubled := func(n int) string { // of which each has the one before twice, once as items of a list
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(
				&b,
				`<x:simpleType name="U%d"><x:union memberTypes="t:U%d t:L%d"/></x:simpleType><x:simpleType name="L%d"><x:list itemType="t:U%d"/></x:simpleType>`,
				i+1, i, i, i, i,
			)
		}
		return b.String()
	}
	ofE := func(content string) string {
		return `<x:element name="E"><x:complexType>` + content + `</x:complexType></x:element>`
	}
	for name, tt := range map[string]struct{ schema, want string }{
		"elements":           {ofE(`<x:sequence>` + many(maxParts+1, `<x:element name="a"/>`) + `</x:sequence>`), "a type has more than 50000 elements"},
		"as many as allowed": {ofE(`<x:sequence>` + many(maxParts, `<x:element name="a"/>`) + `</x:sequence>`), ""},
		"attributes":         {ofE(many(maxAttributes+1, `<x:attribute name="a#"/>`)), "a type has more than 5000 attributes"},
		"extensions":         {chain(maxNested), "is nested in more than 500 others"},
		"fewer extensions":   {chain(maxNested - 1), ""},
		"unions in one another": {
			`<x:simpleType name="U0"><x:restriction base="x:int"/></x:simpleType>` + doubled(12) + `<x:element name="E" type="t:U12"/>`,
			"a union has more than 1000 types within one another",
		},
		"unions, fewer": {
			`<x:simpleType name="U0"><x:restriction base="x:int"/></x:simpleType>` + doubled(8) + `<x:element name="E" type="t:U8"/>`, "",
		},
		"models in one another": {
			many(30, `<x:group name="G#"><x:sequence>`+many(maxParts-1, `<x:any/>`)+`</x:sequence></x:group>`) +
				ofE(`<x:sequence>`+many(30, `<x:group ref="t:G#"/>`)+`</x:sequence>`), "more than 1000000 elements",
		},
	} {
		d, err := Parse(t.Context(), []byte(head+tt.schema+tail), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, err := d.Element(xml.Name{Space: "urn:t", Local: "E"})
		if err == nil {
			_, err = e.Type()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A declaration is read all at once when somebody asks for it, without a look at the context.
func TestDeclarationsAndTagsAreBounded(t *testing.T) {
	t.Parallel()
	const open, end = `<x:complexType name="T"><x:sequence>`, `</x:sequence></x:complexType>`
	for name, tt := range map[string]struct{ schema, want string }{
		"elements": {open + strings.Repeat(`<x:any/>`, maxDeclared) + end, "type T has more than 100000 elements"},
		"elements within others": {
			open + strings.Repeat(`<x:element><x:a/></x:element>`, maxDeclared/2) + end, "type T has more than 100000 elements",
		},
		"bytes of tags": {
			open + strings.Repeat(`<x:any a="`+strings.Repeat("b", maxTag/2)+`"/>`, 2*maxTags/maxTag) + end, "or 4 MB of tags",
		},
		"bytes of one tag":             {`<x:element name="` + strings.Repeat("b", maxTag) + `"/>`, "a tag has more than 1 MB"},
		"bytes of a tag without names": {`<x:element ` + strings.Repeat(" ", maxTag) + `/>`, "a tag has more than 1 MB"},
		"as many as there may be":      {open + strings.Repeat(`<x:any/>`, maxDeclared-2) + end, ""},
		"as many in each of two": {
			open + strings.Repeat(`<x:any/>`, maxDeclared-2) + end + strings.Replace(open, `"T"`, `"U"`, 1) + strings.Repeat(`<x:any/>`, maxDeclared-2) + end, "",
		},
	} {
		_, err := Parse(t.Context(), []byte(head+tt.schema+tail), Options{})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestReadingADocumentEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"elements": head + strings.Repeat(`<x:element name="e"/>`, 4<<20/21) + tail,
		"letters":  head + `<!--` + strings.Repeat("é", 4<<20/2) + `-->` + tail,
	} {
		for look := 1; look <= 3; look++ {
			ctx := looked.EndsAt(t.Context(), look)
			if _, err := Parse(ctx, []byte(text), Options{}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: ended at look %d: %v", name, look, err)
			}
		}
	}
	imports := head + `<x:import namespace="urn:o" schemaLocation="o.xsd"/>` + tail
	ctx := looked.EndsAt(t.Context(), 1)
	_, err := Parse(ctx, []byte(imports), Options{Fetch: func(string, string) ([]byte, string, error) {
		return []byte(strings.Repeat(" ", 4<<20) + `<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"/>`), "o.xsd", nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an import: %v", err)
	}
}

// TestGroupsCannotExplode has groups that each hold the next one twice.
func TestGroupsCannotExplode(t *testing.T) {
	t.Parallel()
	for kind, use := range map[string]string{"group": `<x:sequence>%[1]s%[1]s</x:sequence>`, "attributeGroup": `%[1]s%[1]s`} {
		var b strings.Builder
		b.WriteString(head + `<x:element name="E"><x:complexType><x:` + kind + ` ref="t:G0"/></x:complexType></x:element>`)
		for i := range 60 {
			ref := fmt.Sprintf(`<x:%s ref="t:G%d"/>`, kind, i+1)
			b.WriteString(fmt.Sprintf(`<x:%s name="G%d">`, kind, i) + fmt.Sprintf(use, ref) + `</x:` + kind + `>`)
		}
		b.WriteString(`<x:` + kind + ` name="G60"><x:sequence><x:element name="a"/></x:sequence></x:` + kind + `>` + tail)
		d, err := Parse(t.Context(), []byte(b.String()), Options{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Element(xml.Name{Space: "urn:t", Local: "E"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Type(); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("%s: error %v", kind, err)
		}
	}
}

func TestImportsAndIncludesAreRead(t *testing.T) {
	t.Parallel()
	documents := map[string]string{
		"types.xsd":  `<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:simpleType name="Code"><x:restriction base="x:string"/></x:simpleType></x:schema>`,
		"other.xsd":  `<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"><x:include schemaLocation="more.xsd"/></x:schema>`,
		"more.xsd":   `<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"><x:import namespace="urn:o" schemaLocation="other.xsd"/><x:element name="O" type="x:int"/></x:schema>`,
		"inner.wsdl": head + `<x:element name="Inner" type="x:string"/>` + tail,
	}
	text := strings.Replace(head, "<w:types>", `<w:import namespace="urn:t" location="inner.wsdl"/><w:types>`, 1) +
		`<x:include schemaLocation="types.xsd"/><x:import namespace="urn:o" schemaLocation="other.xsd"/><x:element name="E" type="t:Code"/>` + tail
	d, err := Parse(t.Context(), []byte(text), Options{Fetch: func(location, _ string) ([]byte, string, error) {
		return []byte(documents[location]), location, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []xml.Name{{Space: "urn:t", Local: "E"}, {Space: "urn:o", Local: "O"}, {Space: "urn:t", Local: "Inner"}} {
		e, err := d.Element(name)
		if err == nil {
			_, err = e.Type()
		}
		if err != nil {
			t.Errorf("%v: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	// Small ones: a mutation of a whole service is seldom one.
	bound := `<w:message name="m"><w:part name="p" element="t:E"/></w:message><w:portType name="p"><w:operation name="o"><w:input message="t:m"/></w:operation></w:portType>` +
		`<w:binding name="b" type="t:p"><s:binding xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"/><w:operation name="o"/></w:binding><w:service><w:port binding="t:b"/></w:service>`
	for _, declaration := range []string{
		`<x:element name="E"><x:complexType><x:choice maxOccurs="2"><x:any/><x:group ref="t:G"/></x:choice></x:complexType></x:element><x:group name="G"><x:sequence><x:element name="a"/></x:sequence></x:group>`,
		`<x:element name="E"><x:complexType><x:simpleContent><x:extension base="x:decimal"><x:attribute name="a" type="t:T"/></x:extension></x:simpleContent></x:complexType></x:element><x:simpleType name="T"><x:restriction base="x:string"><x:pattern value="\i\c*"/></x:restriction></x:simpleType>`,
	} {
		f.Add([]byte(strings.Replace(head, "<w:types>", bound+"<w:types>", 1) + declaration + tail))
	}
	f.Add([]byte(strings.ReplaceAll(head+`<x:element name="E"><x:complexType><x:sequence><x:element name="a"/></x:sequence></x:complexType></x:element>`+tail, "w:types>", "other>")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(t.Context(), data, Options{})
		if err != nil {
			return
		}
		for _, name := range d.Operations() {
			_, _ = d.Operation(name) // an error is fine, a panic is not
		}
		for _, key := range d.order {
			if key.kind != "element" {
				continue
			}
			if e, err := d.Element(key.name); err == nil {
				_, _ = e.Type()
			}
		}
	})
}
