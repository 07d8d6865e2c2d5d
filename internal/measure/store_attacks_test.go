package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// A WSDL with one operation, whose element is t:E; what stands between is the schema.
const (
	wsdlHead = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"><w:types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">`
	wsdlTail = `</x:schema></w:types><w:message name="In"><w:part name="body" element="t:E"/></w:message><w:portType name="P"><w:operation name="Op">
<w:input message="t:In"/></w:operation></w:portType><w:binding name="B" type="t:P"><s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="Op"><s:operation style="document"/><w:input><s:body use="literal"/></w:input></w:operation></w:binding>
<w:service name="S"><w:port name="S" binding="t:B"><s:address location="%s/call"/></w:port></w:service></w:definitions>`
	wsdlSize = 30 * mb
)

// wsdlAttacks are WSDLs of 30 MB, and small ones that expand.
func wsdlAttacks() []row {
	// described answers with a WSDL; xsd answers what it imports.
	described := func(name string, write func(w io.Writer), xsd func(w io.Writer, number int)) row {
		return attack("WSDL, "+name, treeLimit, func(t testing.TB) func(context.Context) error {
			var url string
			url = server(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/xml")
				if file, ok := strings.CutSuffix(path.Base(r.URL.Path), ".xsd"); ok {
					number, _ := strconv.Atoi(file)
					xsd(w, number)
					return
				}
				if r.Method == http.MethodPost {
					_, _ = io.WriteString(w, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>`)
					return
				}
				_, _ = io.WriteString(w, wsdlHead)
				write(w)
				_, _ = fmt.Fprintf(w, wsdlTail, url)
			})
			step := &workday.Step{Configurations: []workday.Configuration{{
				WSDL:    workday.WSDL{Domain: strings.TrimPrefix(url, "http://"), Tenant: "t", APIVersion: "v1", Protocol: "http"},
				Request: workday.Request{Service: "S", Operation: "Op", Mapping: json.RawMessage(`{"a":{}}`)},
			}}}
			return exports(t, rossumtest.Annotation(
				rossumtest.Field("found", ""), rossumtest.Offline(),
				rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password),
			), step)
		})
	}
	const element = `<x:element name="E"><x:complexType><x:sequence><x:element name="a" minOccurs="0"/></x:sequence></x:complexType></x:element>`
	long := func(name, head, one, tail string) row {
		return described(name, func(w io.Writer) {
			_, _ = io.WriteString(w, head)
			block := strings.Repeat(one, 1+(64<<10)/len(one))
			for sent := 0; sent < wsdlSize; sent += len(block) {
				if _, err := io.WriteString(w, block); err != nil {
					return
				}
			}
			_, _ = io.WriteString(w, tail)
		}, nil)
	}
	all := func(parts ...string) func(io.Writer) {
		return func(w io.Writer) { _, _ = io.WriteString(w, strings.Join(parts, "")) }
	}
	extensions := func(w io.Writer) {
		_, _ = io.WriteString(w, `<x:complexType name="T0"/>`)
		last := 0
		for sent := 0; sent < wsdlSize; last++ {
			n, err := fmt.Fprintf(
				w,
				`<x:complexType name="T%d"><x:complexContent><x:extension base="t:T%d"><x:sequence><x:element name="a"/></x:sequence></x:extension></x:complexContent></x:complexType>`,
				last+1,
				last,
			)
			if err != nil {
				return
			}
			sent += n
		}
		_, _ = fmt.Fprintf(w, `<x:element name="E" type="t:T%d"/>`, last)
	}
	var groups, types strings.Builder
	for i := range 60 {
		fmt.Fprintf(
			&groups,
			`<x:group name="G%d"><x:sequence><x:group ref="t:G%[2]d"/><x:group ref="t:G%[2]d"/></x:sequence></x:group>`,
			i,
			i+1,
		)
		fmt.Fprintf(
			&types,
			`<x:complexType name="T%d"><x:sequence><x:element name="a" type="t:T%[2]d"/><x:element name="b" type="t:T%[2]d"/></x:sequence></x:complexType>`,
			i,
			i+1,
		)
	}
	schema := func(w io.Writer, body string) {
		_, _ = io.WriteString(
			w,
			`<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">`+body+`</x:schema>`,
		)
	}
	return []row{
		long("elements of the schema", element, `<x:element name="e"/>`, ``),
		long(
			"elements of one type",
			`<x:element name="E"><x:complexType><x:sequence><x:element name="a"/>`,
			`<x:element name="e"/>`,
			`</x:sequence></x:complexType></x:element>`,
		),
		long(
			"values of an enumeration",
			`<x:element name="E"><x:complexType><x:sequence><x:element name="a" type="t:V"/></x:sequence></x:complexType></x:element>`+
				`<x:simpleType name="V"><x:restriction base="x:string">`,
			`<x:enumeration value="a"/>`,
			`</x:restriction></x:simpleType>`,
		),
		long("elements in elements", element, `<x:sequence>`, ``),
		long("a text", element+`<x:annotation><x:documentation>`, `text &amp; `, `</x:documentation></x:annotation>`),
		described(
			"groups of groups",
			all(`<x:element name="E"><x:complexType><x:group ref="t:G0"/></x:complexType></x:element>`, groups.String(),
				`<x:group name="G60"><x:sequence><x:element name="a"/></x:sequence></x:group>`),
			nil,
		),
		described("extensions of extensions", extensions, nil),
		described("attributes", func(w io.Writer) {
			_, _ = io.WriteString(w, `<x:element name="E"><x:complexType>`)
			for i := range wsdlSize / 32 {
				if _, err := fmt.Fprintf(w, `<x:attribute name="a%d"/>`, i); err != nil {
					return
				}
			}
			_, _ = io.WriteString(w, `</x:complexType></x:element>`)
		}, nil),
		described("types of types", all(`<x:element name="E" type="t:T0"/>`, types.String(), `<x:complexType name="T60"/>`), nil),
		described("imports of imports", all(`<x:include schemaLocation="1.xsd"/>`, element), func(w io.Writer, n int) {
			schema(w, fmt.Sprintf(`<x:include schemaLocation="%d.xsd"/><x:include schemaLocation="%d.xsd"/>`, 2*n, 2*n+1))
		}),
		described("a large import", all(`<x:include schemaLocation="1.xsd"/>`, element), func(w io.Writer, _ int) {
			schema(w, strings.Repeat(`<x:element name="e"/>`, wsdlSize/21))
		}),
	}
}

// uploadAim is what an upload of 40 MB may take in megabytes while a store does what it likes:
// the 40 MB of a document that flows, four parts of 8 MB, three under way and one that is being
// read, each with the buffers of its request and of an answer.
const uploadAim = 128

// storeAttacks are what stores answer, and what files are made of.
func storeAttacks() []row {
	answers := func(name string, status int, head, one string) row {
		return attack("S3, "+name, uploadAim, func(t testing.TB) func(context.Context) error {
			url := server(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, head)
				for block := strings.Repeat(one, 1+(64<<10)/len(one)); r.Context().Err() == nil; {
					if _, err := io.WriteString(w, block); err != nil {
						return
					}
				}
			})
			return toBucket(t, bucketAt(url), bucketSecrets(), 40*mb)
		})
	}
	native := func(name, format string, field int) row {
		return attack("10,000 lines, as "+name, 400, func(t testing.TB) func(context.Context) error {
			s, err := sftptest.NewServer("")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			rows := make([]rossumtest.TableRow, 10_000)
			for i := range rows {
				rows[i] = rossumtest.Row("item_code", strconv.Itoa(i), "item_text", strings.Repeat(`"&<`, 1000))
			}
			call := rossumtest.Annotation(
				rossumtest.Offline(),
				rossumtest.Table("line_items", rows...),
				rossumtest.Field("repeated", strings.Repeat(`"`, field)),
			)
			for name, secret := range s.Secrets() {
				call.With(rossumtest.Secret(name, secret))
			}
			step := settingsOf[sftpexport.Step](t, fmt.Sprintf(
				`{"annotation_content_source":"local","export_rules":[{"path_to_directory":"/","export_object_configurations":[
				{"type":"annotation_content","format":%q,"filename_template":"a.%s"}]}]}`, format, format))
			step.Credentials = s.Credentials()
			t.Cleanup(func() { _ = step.Close() })
			return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(1))}, step)
		})
	}
	return []row{
		answers("an upload without an end", 200, `<InitiateMultipartUploadResult><UploadId>`, "1"),
		answers("parts without an end", 200, `<ListPartsResult>`, `<Part><PartNumber>1</PartNumber><ETag>"1"</ETag></Part>`),
		answers("an error of one text", 503, `<Error><Code>`, "SlowDown"),
		native("CSV", "csv", 1000), native("XML", "xml", 1000), native("JSON", "json", 1000), native("XLSX", "xlsx", 1000),
		native("CSV of a large header", "csv", 1<<20),
		native("XLSX of a large header", "xlsx", 30_000),
	}
}
