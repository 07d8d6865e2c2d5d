package requestprocessor_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// sends are settings of one call with the given keys of its request.
func sends(request string) string {
	return `{"stages":[{"get_content":[{"name":"doc","source":"document_relation_content","query":{"key":{"$eq":"draft"}}}],"call_api":[{"name":"c","request":{` + request + `}}]}]}`
}

// draft is a file of an earlier step.
func draft(mediaType, data string) pipeline.Step {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "draft", Name: "draft.json", ContentType: mediaType, Data: []byte(data)})
	})
}

func TestRequestsGoOutAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	body := func(s seen) string { return s.header.Get("Content-Type") + " " + s.body }
	parts := func(s seen) string { return fmt.Sprint(s.form, s.files) }
	uri := func(s seen) string { return s.method + " " + s.uri }
	for _, tt := range []struct {
		name, request string
		show          func(s seen) string
		want          string
	}{
		{"a GET", `"url":"API/v/{field.number.value}","method":"get"`, uri, "GET /v/2026/0042"},
		{"escapes", `"url":" API/a b/{field.vendor.value}?q=é%20x ","method":"GET"`, uri, `GET /a%20b/M%C3%BCller%20&%20%22Co%22?q=%C3%A9%20x`},
		{"params", `"url":"API/x?a=1","method":"GET","params":{"b":["1",2,"{field.vendor.value}"],"n":null,"t":true,"d":"{field.due}"}`, uri, "GET /x?a=1&b=1&b=2&b=M%C3%BCller+%26+%22Co%22&t=True&d=2026-11-24"},
		{"a filter of OData in params", `"url":"API/x","method":"GET","params":{"$filter":"A eq 'b' and Name eq '{field.quote.value}'","q":"'{field.quote.value}'","f":"{\"v\":\"{field.vendor.value}\"}"}`, uri,
			"GET /x?%24filter=A+eq+%27b%27+and+Name+eq+%27O%27%27Brien%27&q=%27O%27Brien%27&f=%7B%22v%22%3A%22M%C3%BCller+%26+%5C%22Co%5C%22%22%7D"},
		{"a filter of OData", `"url":"API/x?$filter=Name eq '{field.quote.value}'","method":"GET"`, uri, "GET /x?$filter=Name%20eq%20'O''Brien'"},
		{"params of null", `"url":"API/x","method":"GET","params":"{payload.annotation.nul}"`, uri, "GET /x"},
		{"headers", `"url":"API","method":"GET","headers":{"x-line":"{sequence}","X-No":"{payload.annotation.nul}","X-Count":"n={field.count}"}`, func(s seen) string {
			return s.header.Get("X-Line") + s.header.Get("X-Count") + fmt.Sprint(s.header.Values("X-No"))
		}, "0n=3[]"},
		{"JSON", `"url":"API","method":"POST","content_type":"json","content":{"n":"{field.number.value}","t":"{field.total}","raw":"{field.total.value}","c":"{field.count}","no":"{field.none}","e":"{field.empty}","v":"{field.vendor.value}","fix":[1.50,true,null]}`,
			body, `application/json {"n": "2026/0042", "t": 1234.5, "raw": "1,234.50", "c": 3, "no": null, "e": "", "v": "M\u00fcller & \"Co\"", "fix": [1.5, true, null]}`},
		{"JSON with a type of its own", `"url":"API","method":"PATCH","content_type":"json","content":[],"headers":{"content-type":"application/vnd.x+json"}`, body, "application/vnd.x+json []"},
		{"JSON of null", `"url":"API","method":"POST","content_type":"json","content":"{payload.annotation.nul}"`, body, ""},
		{"JSON of a text", `"url":"API","method":"POST","content_type":"json","content":"{field.state.value}"`, body, `application/json "approved"`},
		{"JSON of a document", `"url":"API","method":"POST","content_type":"json","content":"{property.doc.content.@}"`, body, `application/json {"a": 1.5}`},
		{"a part of a document", `"url":"API","method":"POST","content_type":"json","content":{"b":"{property.doc.content.@.a}","f":"{property.doc.original_file_name}"}`, body, `application/json {"b": 1.5, "f": "draft.json"}`},
		{"raw text", `"url":"API","method":"PATCH","content":"{field.state.value}","headers":{"Content-Type":"application/json-patch+json"}`, body, "application/json-patch+json approved"},
		{"text that is JSON", `"url":"API","method":"POST","content":"{\"v\":\"{field.vendor.value}\",\"n\":{field.count}}","headers":{"Content-Type":"application/json"}`, body, `application/json {"v":"Müller & \"Co\"","n":3}`},
		{"text that is JSON in JSON", `"url":"API","method":"POST","content_type":"json","content":{"m":"{\"v\":\"{field.vendor.value}!\"}"}`, body, `application/json {"m": "{\"v\":\"M\u00fcller & \\\"Co\\\"!\"}"}`},
		{"a header that is JSON", `"url":"API","method":"POST","headers":{"X-Arg":"{\"v\":\"{field.vendor.value}\"}"}`, func(s seen) string { return s.header.Get("X-Arg") }, "{\"v\":\"M\xfcller & \\\"Co\\\"\"}"},
		{"raw, said so", `"url":"API","method":"PATCH","content_type":"raw","content":"n {field.count}"`, body, " n 3"},
		{"raw document", `"url":"API","method":"PUT","content":"{property.doc.content.@}","headers":{"Content-Type":"text/x"}`, body, `text/x a=1.5`}, // as the engine parses it,
		{"raw original", `"url":"API","method":"PUT","content":"{payload.document.content.@}"`, body, " PDF bytes"},
		{"raw object", `"url":"API","method":"POST","content":{"a":"x y","b":null}`, body, "application/x-www-form-urlencoded a=x+y"},
		{"raw object that is JSON", `"url":"API","method":"POST","content":{"a":1},"headers":{"Content-Type":"application/json"}`, body, `application/json a=1`},
		{"form", `"url":"API","method":"POST","content_type":"form","content":{"attachment[url]":"{field.vendor.value}","l":["1","2"]}`, body, "application/x-www-form-urlencoded attachment%5Burl%5D=M%C3%BCller+%26+%22Co%22&l=1&l=2"},
		{"form of a text", `"url":"API","method":"POST","content_type":"form","content":"a={field.count}"`, body, " a=3"},
		{"form of pairs", `"url":"API","method":"POST","content_type":"form","content":[["b","1"],["a","2"]]`, body, "application/x-www-form-urlencoded b=1&a=2"},
		{"files", `"url":"API","method":"POST","content_type":"files","headers":{"Content-Type":"multipart/form-data"},"content":{"file":["{payload.document.original_file_name}","{payload.document.content.@}"],"x":["ü\"\\.eml","text","message/rfc822"],"attachment[intent]":"Email"}`,
			parts, `map[] [file=invoice.pdf;:PDF bytes x=ü%22\.eml;message/rfc822:text attachment[intent]=attachment[intent];:Email]`},
		{"multipart", `"url":"API","method":"POST","content_type":"multipart","content":{"attachment[file]":["{payload.document.original_file_name}","{payload.document.content.@}","application/pdf"],"attachment[intent]":"Supplier","n":5,"no":null,"metadata":"{\"source\": \"rossum\"}"}`,
			parts, `map[attachment[intent]:[Supplier] n:[5]] [attachment[file]=invoice.pdf;application/pdf:PDF bytes]`},
		{"base64", `"url":"API","method":"POST","content_type":"json","content":{"f":"{base64(payload.document.content.@)}"}`, body, `application/json {"f": "UERGIGJ5dGVz"}`},
		{"nothing", `"url":"API","method":"DELETE"`, func(s seen) string { return s.method + body(s) }, "DELETE "},
		{"payload", `"url":"API","method":"POST","content_type":"json","content":{"a":"{payload.annotation.id}","e":"{payload.event}","s":"{payload.annotation.content[0].schema_id}","i":"{field.number.id}","w":"{field.number.attr.rir_text}"}`, body, `application/json {"a": 314528, "e": "annotation_content", "s": "basic_info", "i": 1002, "w": "2026/0042"}`},
		{"a secret", `"url":"API","method":"GET","headers":{"X-Key":"{payload.secrets.client_secret}"}`, func(s seen) string { return s.header.Get("X-Key") }, "canary-client-secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, nil)
			chain, err := pipeline.New(draft("application/json", `{"a":1.50}`), step(t, a, sends(tt.request)))
			if err != nil {
				t.Fatal(err)
			}
			r := runStep(t, chain, offline(rossumtest.Field("quote", "O'Brien")))
			if r.Err != nil || len(a.requests()) != 1 {
				t.Fatalf("%v, %d requests", r.Err, len(a.requests()))
			}
			if got := strings.TrimRight(tt.show(a.requests()[0]), " "); got != strings.TrimRight(tt.want, " ") {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestThePayloadIsSentWithoutTokenAndSecrets(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(
		t,
		a,
		invoice(madeUpToken),
		`{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"POST","content_type":"json","content":{"whole":"{payload}","text":"x{payload}","encoded":"{base64(payload)}"}}}]}]}`,
	)
	if r.Err != nil || len(a.requests()) != 1 {
		t.Fatal(r.Err)
	}
	body := a.requests()[0].body
	if strings.Contains(body, "canary") || strings.Contains(body, rossumtest.Token) || !strings.Contains(body, "314528") {
		t.Errorf("body %s", body)
	}
}

// What a request cannot be made of, the error names with its place; nothing is sent.
func TestARequestThatCannotBeMadeIsNamedAndNotSent(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]string{
		`"url":"API/{field.numbr.value}","method":"GET"`:                                                                        `stages[0].call_api[0].request.url: field "numbr": no such field in the annotation; did you mean "number"?`,
		`"url":"API/{field.tags.value}","method":"GET"`:                                                                         "tags is a table or a repeated field of 2 elements, so it has no value; iterate over it",
		`"url":"API/{field.tag.value}","method":"GET"`:                                                                          "tag is in a table or repeated, so it has no single value; iterate over field.tag.all_values",
		`"url":"API/{field.basic_info}","method":"GET"`:                                                                         "basic_info is a section, which has no value",
		`"url":"API/{field.number.valu}","method":"GET"`:                                                                        "the field number has no valu (it has value, id, hidden, normalized_value, attr)",
		`"url":"{field.empty.value}/x","method":"GET"`:                                                                          "request.url (c): this is not a URL that begins with http:// or https:// and has a host; if it is made of a field, the field may be empty",
		`"url":"API/{payload.secrets.password}","method":"GET"`:                                                                 `stages[0].call_api[0].request.url: secret "password": the hook has no such secret`,
		`"url":"API/{payload.queues}","method":"GET"`:                                                                           `the payload has no key "queues"; objects of the API are there only if the hook's sideload lists them`,
		`"url":"API/{payload.annotation.ide}","method":"GET"`:                                                                   "payload.annotation has no ide (did you mean id?)",
		`"url":"API/{payload.document.content.@}","method":"GET","params":{"a":{"b":1}}`:                                        "a: an object cannot be a form field",
		`"url":"API","method":"POST","content_type":"json","content":{"a":"{field.lines}"}`:                                     "request.content.a (c): {field.lines}: a table or a repeated field, which is for iterate_over, cannot be used as a value",
		`"url":"API","method":"POST","content_type":"json","content":{"a":"{property.doc}","b":"{payload.document.content.@}"}`: "request.content (c): bytes cannot be part of JSON; use {base64(…)}",
		`"url":"API","method":"POST","content_type":"json","content":"{payload.document.content.@}"`:                            "it is 9 bytes that are not JSON, so content_type json cannot send it",
		`"url":"API","method":"POST","content_type":"form","content":{"a":{"b":1}}`:                                             "request.content (c): a: an object cannot be a form field",
		`"url":"API","method":"POST","content_type":"form","content":[["a"]]`:                                                   "[0] is not a pair of a name and a value",
		`"url":"API","method":"POST","content_type":"files","content":"{field.number.value}"`:                                   "it is a string, expected an object",
		`"url":"API","method":"POST","content_type":"files","content":{"f":["a","{payload.document.email}"]}`:                   "f: the content of the file is null",
		`"url":"API","method":"POST","content_type":"files","content":{"f":["a\nb","c"]}`:                                       "f: the name of the field or the file has a line break",
		`"url":"API","method":"POST","content_type":"multipart","content":{"f":{"a":1}}`:                                        "f: an object cannot be a form field",
		`"url":"API","method":"GET","headers":{"X":"a{payload.document.content.@.x}"}`:                                          "request.headers.X (c): {payload.document.content.@.x}: there is no such value: what .@ got (application/pdf, 9 bytes) is not JSON",
		`"url":"API","method":"GET","headers":{"X":"a\nb"}`:                                                                     "the value of X has the control character",
		`"url":"API/{payload.document.url.@}","method":"GET"`:                                                                   "no client of Rossum's API",
	} {
		a := serve(t, nil)
		call := offline(
			rossumtest.Sideload(
				"document",
				map[string]any{
					"id":        5,
					"url":       "https://example.rossum.app/api/v1/documents/5",
					"content":   "https://example.rossum.app/api/v1/documents/5/content",
					"mime_type": "application/pdf",
					"email":     nil,
				},
			),
		)
		settings := sends(request)
		r := run(t, a, call, settings)
		if r.Err == nil || !strings.Contains(r.Err.Error(), want) || len(a.requests()) != 0 {
			t.Errorf("%s\n got %v, %d requests\nwant %s", request, r.Err, len(a.requests()), want)
		}
	}
}

func TestTheTextOfAFieldLeadsAURLNowhereElse(t *testing.T) {
	t.Parallel()
	for url, texts := range map[string][]string{
		"API/v/{field.number.value}":       {"..", "a/../b", "%2e%2e/x", ".", "a?x=1", "a#b", "x\r\nHost: thief", "a\x00b"},
		"API/v?q={field.number.value}":     {"a&admin=1", "a#b", "a\nb"},
		"https://{field.number.value}/v":   {"thief.example#", "user@thief.example", "a\\b", "a?b"},
		"https://erp.{field.number}.eu/v":  {"thief.example", "a@b", "x y", ".a"},
		"{field.number.value}":             {"thief", "file:///etc/passwd", "/etc", "https://"},
		"API/v{field.number.value}/submit": {"/../../admin"},
	} {
		for _, text := range texts {
			a := serve(t, nil)
			r := run(
				t,
				a,
				rossumtest.Annotation(rossumtest.Field("number", text), rossumtest.Offline()),
				`{"stages":[{"call_api":[{"name":"c","request":{"url":"`+url+`","method":"GET"}}]}]}`,
			)
			if r.Err == nil || len(a.requests()) != 0 || !strings.Contains(r.Err.Error(), "stages[0].call_api[0].request.url") {
				t.Errorf("%s with %q: %v, sent %v", url, text, r.Err, a.requests())
			}
		}
	}
}

func TestAForeignHostIsNotFollowedByRedirect(t *testing.T) {
	t.Parallel()
	thief := serve(t, nil)
	a := serve(t, func(w http.ResponseWriter, s seen, n int) {
		w.Header().Set("Location", strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+"/x")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for _, method := range []string{"GET", "POST"} {
		r := run(
			t,
			a,
			offline(),
			`{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"`+method+`","headers":{"Authorization":"Bearer {payload.secrets.client_secret}"}}}]}]}`,
		)
		if r.Err == nil || !strings.Contains(r.Err.Error(), "redirect that is not followed") || len(thief.requests()) != 0 {
			t.Errorf("%s: %v, the other host got %v", method, r.Err, thief.requests())
		}
	}
}
