package workday

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// BenchmarkInvoiceOf500Lines renders and serialises an invoice and compares the
// time with what zeep takes for the serialising alone.
func BenchmarkInvoiceOf500Lines(b *testing.B) {
	python := oracle.Need(b, "zeep")
	input := python.Output("testdata/oracle.py", "bench-input", "500")
	fields := strings.Fields(string(python.Output("testdata/oracle.py", "bench", "500", "2")))
	zeep, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	if err != nil {
		b.Fatal(err)
	}
	template, err := jsontemplate.Compile(input, jsontemplate.Options{Resources: true})
	if err != nil {
		b.Fatal(err)
	}
	doc := document(b, "Resource_Management.wsdl")
	w := WSDL{Domain: "services.example.test", Tenant: "acme_dpt1", APIVersion: "v1"}
	b.ReportAllocs()
	fastest := time.Hour // what other programs do counts less in it
	for b.Loop() {
		began := time.Now()
		if err := serialise(template, doc, &w); err != nil {
			b.Fatal(err)
		}
		fastest = min(fastest, time.Since(began))
	}
	b.ReportMetric(zeep/fastest.Seconds(), "x-faster-than-zeep")
}

func serialise(template *jsontemplate.Template, doc *wsdl.Document, w *WSDL) error {
	mapping, err := template.Render(context.Background(), nil)
	if err != nil {
		return err
	}
	p, err := prepare(context.Background(), doc, w, "Resource_Management", "Submit_Supplier_Invoice", mapping)
	if err != nil {
		return err
	}
	r, err := envelope(p.message, credentials{"u", "p"}).Open(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// largeWSDL makes a WSDL of about 2.5 MB in Workday's style: the invoices' one,
// with thousands of types and hundreds of operations beside it.
func largeWSDL(t testing.TB) []byte {
	t.Helper()
	data := read(t, "workdaytest/Resource_Management.wsdl")
	var types, messages, operations, bindings bytes.Buffer
	for i := range 400 {
		fmt.Fprintf(&types, `<xsd:element name="Get_Thing_%[1]d_Request" type="wd:Get_Thing_%[1]d_RequestType"/>`, i)
		fmt.Fprintf(&types, `<xsd:complexType name="Get_Thing_%[1]d_RequestType"><xsd:annotation><xsd:documentation>What to look for, and how much of it.</xsd:documentation></xsd:annotation><xsd:sequence>`, i)
		for j := range 12 {
			fmt.Fprintf(&types, `<xsd:element name="Thing_%[1]d_Part_%[2]d_Data" type="wd:Thing_%[1]d_Part_%[2]d_DataType" minOccurs="0" maxOccurs="unbounded"/>`, i, j)
		}
		fmt.Fprint(&types, `</xsd:sequence><xsd:attribute ref="wd:version"/></xsd:complexType>`)
		for j := range 12 {
			fmt.Fprintf(&types, `<xsd:complexType name="Thing_%d_Part_%d_DataType"><xsd:sequence><xsd:element name="Name" type="xsd:string" minOccurs="0"/><xsd:element name="Amount" minOccurs="0"><xsd:simpleType><xsd:restriction base="xsd:decimal"><xsd:totalDigits value="26"/></xsd:restriction></xsd:simpleType></xsd:element></xsd:sequence></xsd:complexType>`, i, j)
		}
		fmt.Fprintf(&messages, `<wsdl:message name="Get_Thing_%[1]d_InputMsg"><wsdl:part name="body" element="wd:Get_Thing_%[1]d_Request"/></wsdl:message>`, i)
		fmt.Fprintf(&operations, `<wsdl:operation name="Get_Thing_%[1]d"><wsdl:input message="wd-wsdl:Get_Thing_%[1]d_InputMsg"/></wsdl:operation>`, i)
		fmt.Fprintf(&bindings, `<wsdl:operation name="Get_Thing_%d"><soapbind:operation style="document"/><wsdl:input><soapbind:body use="literal"/></wsdl:input></wsdl:operation>`, i)
	}
	text := string(data)
	for end, more := range map[string]*bytes.Buffer{"</xsd:schema>": &types, "<wsdl:portType": &messages, "</wsdl:portType>": &operations, "</wsdl:binding>": &bindings} {
		if !strings.Contains(text, end) {
			b := end
			t.Fatalf("the WSDL lacks %s", b)
		}
		text = strings.Replace(text, end, more.String()+end, 1)
	}
	return []byte(text)
}

// BenchmarkLargeWSDL reads a WSDL and makes a message of one operation, and then of
// a second one.
func BenchmarkLargeWSDL(b *testing.B) {
	data := largeWSDL(b)
	w := WSDL{Domain: "services.example.test", Tenant: "acme_dpt1", APIVersion: "v1"}
	invoice, err := compileValue(`{"Supplier_Invoice_Data": {"Company_Reference": {}}}`)
	if err != nil {
		b.Fatal(err)
	}
	second, err := compileValue(`{"Thing_1_Part_3_Data": [{"Name": "x"}]}`)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	var later time.Duration
	fastest := time.Hour // what other programs do counts less in it
	for b.Loop() {
		began := time.Now()
		doc, err := wsdl.Parse(b.Context(), data, wsdl.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := prepare(b.Context(), doc, &w, "S", "Submit_Supplier_Invoice", invoice); err != nil {
			b.Fatal(err)
		}
		started := time.Now()
		if _, err := prepare(b.Context(), doc, &w, "S", "Get_Thing_1", second); err != nil {
			b.Fatal(err)
		}
		later += time.Since(started)
		fastest = min(fastest, time.Since(began))
	}
	read := time.Hour
	for range 5 {
		read = min(read, scan(b, data))
	}
	b.ReportMetric(fastest.Seconds()*1000, "ms/WSDL")
	b.ReportMetric(later.Seconds()*1000/float64(b.N), "ms/second-operation")
	b.ReportMetric(read.Seconds()/fastest.Seconds(), "x-of-encoding/xml")
}

// BenchmarkCachedWSDL reads the same WSDL from the cache, as a program does that starts
// again.
func BenchmarkCachedWSDL(b *testing.B) {
	doc, err := wsdl.Parse(b.Context(), largeWSDL(b), wsdl.Options{})
	if err != nil {
		b.Fatal(err)
	}
	d := newDocuments(0, b.TempDir())
	if err := d.keep("address", doc, time.Now().Add(-time.Minute)); err != nil {
		b.Fatal(err)
	}
	fastest := time.Hour
	for b.Loop() {
		began := time.Now()
		if d.load("address", began) == nil {
			b.Fatal("there is no WSDL")
		}
		fastest = min(fastest, time.Since(began))
	}
	b.ReportMetric(fastest.Seconds()*1000, "ms/WSDL")
}

// scan measures what encoding/xml takes to read the document with all its
// namespaces, which is the least that reading it whole would take.
func scan(b *testing.B, data []byte) time.Duration {
	b.Helper()
	started := time.Now()
	d := newXMLDecoder(data)
	for {
		_, err := d.Token()
		if err == io.EOF {
			return time.Since(started)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func compileValue(text string) (pyvalue.Value, error) {
	template, err := jsontemplate.Compile([]byte(text), jsontemplate.Options{})
	if err != nil {
		return pyvalue.None(), err
	}
	return template.Render(context.Background(), nil)
}
