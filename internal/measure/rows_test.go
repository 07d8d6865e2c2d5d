package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

const (
	mb       = 1 << 20
	document = 40_000_000
	// slack is what a process needs besides: buffers, the collector's own, and the
	// server, which runs in the same process.
	slack = 24
)

var rows = func() []row {
	list := replyRows()
	list = append(list, languageRows()...)
	list = append(list, storeRows()...)
	list = append(list, documentRows()...)
	list = append(list, leavingRows()...)
	list = append(list, attackRows()...)
	list = append(list, wsdlAttacks()...)
	list = append(list, storeAttacks()...)
	list = append(list, peerAttacks()...)
	list = append(list, recordAttacks()...)
	return append(list, refusedRows()...)
}()

// reads calls an API with a Request Processor and takes one value out of the reply.
func reads(t testing.TB, url, from, language, path string) func(context.Context) error {
	return exports(
		t,
		rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline()),
		settingsOf[requestprocessor.Step](t, fmt.Sprintf(
			`{"stages":[{"call_api":[{"name":"c","request":{"url":%q,"method":"GET","timeout":60},
		"response_handlers":[{"target_type":"schema_id","target_key":"found","value":{%q:{%q:%q}}}]}]}]}`, url, from, language, path)),
	)
}

// extracts does so with a REST export and an extractor.
func extracts(t testing.TB, url, format, path string) func(context.Context) error {
	return exports(
		t,
		rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline()),
		&steps.RESTExport{Request: steps.Request{URL: url, Method: "GET"}, PayloadKey: "reply"},
		&steps.Extract{
			Sources: []steps.Source{{Format: steps.SourceFormat(format), Key: "reply", Rules: []steps.ExtractRule{{Path: path, TargetField: "found"}}}},
		},
	)
}

const (
	jsonRow = `{"id":12345,"name":"a line","ok":true},`
	xmlRow  = `<row id="12345"><name>a line</name><ok/></row>`
)

func replyRows() []row {
	jsonReply := func(t testing.TB, size int64) string {
		return replies(t, "application/json", `[`, jsonRow, `{}]`, size)
	}
	xmlReply := func(t testing.TB, size int64) string {
		return replies(t, "application/xml", `<rows>`, xmlRow, `</rows>`, size)
	}
	var list []row
	for _, path := range []string{"//row[count(preceding::row)=1]/@id", "//*[.//*[.//*[following::*]]]", "//row[preceding::*[preceding::*]]", "count(//row/preceding::row)"} {
		list = append(
			list,
			row{name: "XPath on 100 KB, extractor: " + path, was: "19.7 s to over 60 s", deadline: 2 * time.Second, memory: 100, run: func(t testing.TB) func(context.Context) error {
				return extracts(t, xmlReply(t, 100<<10), "xml", path)
			}},
		)
	}
	const deadline = 3 * time.Second
	for _, size := range []int64{8, 60} {
		was := map[int64][2]string{8: {"9 s, 539 MB", ""}, 60: {"58 s, 3.6 GB", "27 s, 3.2 GB"}}[size]
		// The tree of a reply costs at most six times its bytes, beside the reply itself.
		tree := 7 * int(size)
		add := func(name, was string, run func(testing.TB) func(context.Context) error) {
			list = append(list, row{name: fmt.Sprintf(name+", %v", size, deadline), was: was, deadline: deadline, memory: tree + slack, run: run})
		}
		add("JSON reply of %d MB, processor", was[0], func(t testing.TB) func(context.Context) error {
			return reads(t, jsonReply(t, size*mb), "response.body", "$jmespath", "[-1].id")
		})
		add("JSON reply of %d MB, extractor", was[0], func(t testing.TB) func(context.Context) error {
			return extracts(t, jsonReply(t, size*mb), "json", "[-1].id")
		})
		add("JSON reply of %d MB, a handler's condition", was[0], func(t testing.TB) func(context.Context) error {
			return exports(t, rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline()), settingsOf[requestprocessor.Step](t, fmt.Sprintf(
				`{"stages":[{"call_api":[{"name":"c","request":{"url":%q,"method":"GET","timeout":60},"response_handlers":[
				{"condition":{"$or":[{"response.body[7].name":"another"},{"response.body":{"$size":{"$gt":3}}}]},
				"target_type":"schema_id","target_key":"found","value":{"response.body":{"$jmespath":"[0].id"}}}]}]}]}`, jsonReply(t, size*mb))))
		})
		add("XML reply of %d MB, processor", was[1], func(t testing.TB) func(context.Context) error {
			return reads(t, xmlReply(t, size*mb), "response.body", "$xmlpath", "./row[last()]/name")
		})
		add("XML reply of %d MB, extractor", was[1], func(t testing.TB) func(context.Context) error {
			return extracts(t, xmlReply(t, size*mb), "xml", "/rows/row[last()]/@id")
		})
		add("Workday reply of %d MB", "37 s, 2.4 GB (60 MB)", func(t testing.TB) func(context.Context) error {
			return workdayReply(t, size*mb)
		})
		add("nested JSON of %d MB, extractor", "", func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/json", `[`, `[[[],[]],{"":0}],`, `1]`, size*mb), "json", "[-1]")
		})
		add("nested JSON of %d MB, processor", "", func(t testing.TB) func(context.Context) error {
			return reads(t, replies(t, "application/json", `[`, `[[[],[]],{"":0}],`, `1]`, size*mb), "response.body", "$jmespath", "[-1]")
		})
		add("JSON of %d MB of small objects, filtered", "", func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/json", `[`, `{"id":1},`, `{"id":2}]`, size*mb), "json", "[?id==`2`] | [0].id")
		})
		add("XML of %d MB of small elements, extractor", "", func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "application/xml", `<a>`, `<b/>`, `</a>`, size*mb), "xml", "name(/a/b[1])")
		})
	}
	return append(list,
		row{name: "text reply of 60 MB, regex (a+)+b", was: "", deadline: 3 * time.Second, memory: 60*6 + slack, run: func(t testing.TB) func(context.Context) error {
			return extracts(t, replies(t, "text/plain", ``, "aaaaaaaaaaaaaaaaaaaaaaa ", ``, 60*mb), "text", "(a+)+b")
		}},
		row{name: "reply without an end", was: "", deadline: 3 * time.Second, memory: 64*3 + slack, run: func(t testing.TB) func(context.Context) error {
			return extracts(t, jsonReply(t, -1), "json", "[-1].id")
		}},
		row{name: "OAuth reply without an end", was: "", deadline: 3 * time.Second, memory: 64*3 + slack, run: func(t testing.TB) func(context.Context) error {
			return exports(t, rossumtest.Annotation(rossumtest.Offline()), &steps.RESTExport{
				Auth: &steps.Auth{URL: jsonReply(t, -1), Data: json.RawMessage(`{}`)}, Request: steps.Request{URL: "http://127.0.0.1:1/"},
			})
		}},
	)
}

func workdayReply(t testing.TB, size int64) func(context.Context) error {
	return workdayCall(t, json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{}}}`), size)
}

// workdayCall submits an invoice, and gets a reply of that size.
func workdayCall(t testing.TB, mapping json.RawMessage, size int64, options ...pipeline.Option) func(context.Context) error {
	tenant := workdaytest.NewTenant()
	t.Cleanup(tenant.Close)
	tenant.Next(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(
			w,
			`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`+
				`<r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc">`,
		)
		block := strings.Repeat(`<r:Supplier_Invoice_Reference r:Descriptor="d"><r:ID r:type="WID">1</r:ID></r:Supplier_Invoice_Reference>`, 600)
		for sent := int64(0); sent < size; sent += int64(len(block)) {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `</r:Submit_Supplier_Invoice_Response></e:Body></e:Envelope>`)
	})
	step := &workday.Step{Configurations: []workday.Configuration{{
		WSDL: tenant.Coordinates(),
		Request: workday.Request{
			Service:   "Resource_Management",
			Operation: "Submit_Supplier_Invoice",
			Mapping:   mapping,
		},
		ResultField: "found",
	}}}
	return exportsWith(t, rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline(),
		rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password)), options, step)
}

// languageRows are texts of settings and formulas that take long, or much.
func languageRows() []row {
	var list []row
	for _, text := range []string{
		`{% set a = "a" * 15000000 %}{% for i in range(100000) %}{% set b = a.count("b") %}{% endfor %}`,
		`{% set a = "a" * 15000000 %}{% for i in range(100000) %}{% set b = a.find("b") %}{% endfor %}`,
		`{% set a = "a" * 15000000 %}{% set c = "a" * 15000000 %}{% for i in range(100000) %}{% if a == c %}{% endif %}{% endfor %}`,
		`{% set a = "a " * 7000000 %}{% for i in range(100000) %}{% set b = a|wordwrap(10) %}{% endfor %}`,
		`{% set a = "a " * 7000000 %}{% for i in range(100000) %}{% set b = a.split() %}{% endfor %}`,
		`{% set a = "ab" * 7000000 %}{% for i in range(100000) %}{% set b = a.replace("ab", "c") %}{% endfor %}`,
		`{% set a = "ab" * 7000000 %}{% for i in range(100000) %}{% set b = a|upper %}{% endfor %}`,
		`{% set a = [1] * 1000000 %}{% for i in range(100000) %}{% set b = a == a[:] %}{% endfor %}`,
		`{% for i in range(100000) %}{% set a = "a" * 15000000 %}{% endfor %}`,
	} {
		list = append(list, row{name: "template: " + text, was: "over 60 s", deadline: 2 * time.Second, memory: 300, run: func(t testing.TB) func(context.Context) error {
			return exports(t, rossumtest.Annotation(rossumtest.Offline()), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: text}}})
		}})
	}
	for _, code := range []string{
		"a = 'a' * 15000000\nfor i in range(100000): a.count('b')\n",
		"a = 'a' * 15000000\nfor i in range(100000): a.find('b')\n",
		"a = 'a' * 15000000\nb = 'a' * 15000000\nfor i in range(100000): a == b\n",
		"a = 'a ' * 7000000\nfor i in range(100000): a.split()\n",
		"a = 7 ** 100000\nfor i in range(100000): math.isqrt(a)\n",
		"a = 7 ** 100000\nb = 11 ** 90000\nfor i in range(100000): math.gcd(a, b)\n",
		"a = 7 ** 100000\nfor i in range(100000): str(a)\n",
		"for i in range(100000000): show_info('x' * 1000)\n",
		"a = [1] * 2000000\nlen(str(a))\n'' + a\n",
		"a = ['xxxxxxxxxx'] * 200000\nlen(a, a)\n",
		"import re\nre.match('(a+)+b', 'a' * 1000000)\n",
		"a = []\nfor i in range(100000000): a.append('x' * 100)\n",
	} {
		list = append(list, row{name: "function: " + code, was: "over 60 s, 1.6 GB", deadline: 2 * time.Second, memory: 400, run: func(t testing.TB) func(context.Context) error {
			body := "import math\nfrom txscript import *\ndef rossum_hook_request_handler(payload):\n    t = TxScript.from_payload(payload)\n    show_info = t.show_info\n    " +
				strings.ReplaceAll(
					strings.TrimSpace(code),
					"\n",
					"\n    ",
				) + "\n    return t.hook_response()\n"
			return exports(t, rossumtest.Annotation(rossumtest.Offline()), &steps.Function{Code: body})
		}})
	}
	for _, condition := range []string{
		`len(repeat(repeat(repeat("a", 10000), 10000), 100)) > 0`,
		`len(repeat("aaaaaaaaaa", 1000000000)) > 0`,
		`any(1..1000, all(1..1000, any(1..1000, # < 0)))`,
		`len(map(1..100000, map(1..100000, #))) > 0`,
		`"a" matches "(a+)+$" and count(1..10000000, # > 0) > 0`,
		`len(join(map(1..100000, repeat("a", 1000000)))) > 0`,
		`len(split(repeat("a ", 10000000), " ")) > 0`,
		`len(toJSON(map(1..100000, field))) > 0`,
	} {
		list = append(list, row{name: "expr: " + condition, was: "out of memory", deadline: 2 * time.Second, memory: 300, run: func(t testing.TB) func(context.Context) error {
			never := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil })
			step := expression.When(condition, pipeline.Named("never", never))
			chain, err := pipeline.New(step)
			if err != nil {
				return func(context.Context) error { return err }
			}
			return exports(t, rossumtest.Annotation(rossumtest.Field("a", strings.Repeat("a", 100000)), rossumtest.Offline()), chain)
		}})
	}
	return append(list, row{name: "formula of 40,000 terms, compiled", early: true, was: "6 s, quadratic", memory: 200, run: func(t testing.TB) func(context.Context) error {
		text := "0" + strings.Repeat(" + field.a", 40000)
		schema := &rossum.Schema{}
		if err := json.Unmarshal(fmt.Appendf(nil, `{"content":[{"category":"section","id":"s","children":[{"category":"datapoint","id":"a","type":"number"},{"category":"datapoint","id":"f","type":"number","formula":%q}]}]}`, text), schema); err != nil {
			t.Fatal(err)
		}
		return func(context.Context) error {
			_, err := formula.Compile(schema)
			return err
		}
	}})
}

func storeRows() []row {
	return []row{
		{name: "S3 error reply without an end", was: "2.4 GB in 6 s", deadline: 3 * time.Second, memory: 100, run: func(t testing.TB) func(context.Context) error {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusForbidden)
				block := bytes.Repeat([]byte("<Code>AccessDenied</Code>"), 4000)
				_, _ = io.WriteString(w, "<Error>")
				for r.Context().Err() == nil {
					if _, err := w.Write(block); err != nil {
						return
					}
				}
			}))
			t.Cleanup(s.Close)
			return toBucket(t, bucketAt(s.URL), bucketSecrets(), 1000)
		}},
		{name: "SFTP listing without an end", was: "+140 MB in 6 s", deadline: 3 * time.Second, memory: 60, run: endlessListing},
	}
}

// endlessListing looks for a free name in a directory whose listing has no end.
func endlessListing(t testing.TB) func(context.Context) error {
	s, err := sftptest.NewServer("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := os.WriteFile(filepath.Join(s.Dir, "1.pdf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Fail(sftptest.Fault{Op: "list", Endless: true, Times: -1})
	step := &sftpexport.Step{Credentials: s.Credentials(), Rules: []sftpexport.Rule{{
		Directory: "/", FilenameCollision: &sftpexport.Collision{Number: true}, Objects: []sftpexport.Object{{Type: "document", Name: "1"}},
	}}}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range s.Secrets() {
		call.With(rossumtest.Secret(name, secret))
	}
	return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(1000))}, step)
}

func bucketAt(url string) sftpexport.Credentials {
	return sftpexport.Credentials{Type: "s3", Bucket: "bucket", Endpoint: url, Region: "us-east-1", PathStyle: true}
}

func bucketSecrets() rossum.Secrets {
	return rossum.Secrets{"type": "s3", "access_key_id": "id", "secret_access_key": "key-of-the-bucket"}
}

func toBucket(t testing.TB, c sftpexport.Credentials, secrets rossum.Secrets, size int64) func(context.Context) error {
	step := &sftpexport.Step{
		Backends:    map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})},
		Credentials: c,
		Rules:       []sftpexport.Rule{{Directory: "/out", Objects: []sftpexport.Object{{Type: "document", Name: "{annotation.id}"}}}},
	}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Offline())
	for name, secret := range secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(size))}, step)
}
