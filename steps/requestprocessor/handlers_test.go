package requestprocessor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// handles are settings of one call with the given handlers.
func handles(handlers string) string {
	return `{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"POST","content":"x"},"response_handlers":[` + handlers + `]}]}]}`
}

func toField(key, path, operator, query string) string {
	return `{"target_type":"schema_id","target_key":"` + key + `","value":{"` + path + `":{"` + operator + `":"` + query + `"}}}`
}

func TestValuesOfRepliesAreWrittenToFields(t *testing.T) {
	t.Parallel()
	type reply struct {
		status          int
		mediaType, body string
	}
	ok := reply{
		201,
		"application/json",
		`{"id": 9007199254740993, "t": "ä", "f": 1.50, "b": true, "no": null, "d": {"z": [1, "ü"], "a": 1}, "l": ` +
			`[1, {"x": "y"}], "items": [{"name": "n"}]}`,
	}
	for _, tt := range []struct {
		name, path, operator, query string
		reply                       reply
		want                        string
	}{
		{"a number", "response.body", "$jmespath", "id", ok, "9007199254740993"},
		{"a text", "response.body", "$jmespath", "t", ok, "ä"},
		{"a decimal number", "response.body", "$jmespath", "f", ok, "1.5"},
		{"a boolean", "response.body", "$jmespath", "b", ok, "True"},
		{"null", "response.body", "$jmespath", "no", ok, ""},
		{"nothing", "response.body", "$jmespath", "nothing.at.all", ok, ""},
		{"an object", "response.body", "$jmespath", "d", ok, `{"z": [1, "\u00fc"], "a": 1}`},
		{"a list", "response.body", "$jmespath", "l", ok, `[1, {'x': 'y'}]`},
		{"an element", "response.body", "$jmespath", "items[0].name", ok, "n"},
		{"the status", "response", "$jmespath", "status_code", ok, "201"},
		{"the status, directly", "response.status_code", "$jmespath", "@", ok, "201"},
		{"a header", "response.headers.x_request_id", "$jmespath", "@", ok, "r-1"},
		{"raw headers", "response", "$jmespath", "headers_raw[0][1]", ok, ""}, // of Python's tuples, which are no lists,
		{"a structure", "response", "$jmespath", "{code: status_code, ok: ok, why: reason}", ok, `{"code": 201, "ok": true, "why": "Created"}`},
		{"a cookie", "response.cookies.sid", "$jmespath", "@", ok, "c1"},
		{"the encoding", "response.encoding", "$jmespath", "@", ok, "utf-8"},
		{"XML", "response.body", "$xmlpath", ".//order/status", reply{200, "text/xml", `<r><order><status>ok</status></order></r>`}, "ok"},
		{"XML in the header's charset", "response.body", "$xmlpath", ".//id", reply{200, "text/xml; charset=iso-8859-1", "<r><id>M\xfc</id></r>"}, "Mü"},
		{"XML in its own charset", "response.body", "$xmlpath", ".//id", reply{200, "application/xml", `<?xml version="1.0" encoding="cp1250"?><r><id>` + "\x9e</id></r>"}, "ž"},
		{"XML in UTF-16", "response.body", "$xmlpath", "id", reply{200, "text/xml; charset=utf-16", "\xff\xfe<\x00r\x00>\x00<\x00i\x00d\x00>\x007\x00<\x00/\x00i\x00d\x00>\x00<\x00/\x00r\x00>\x00"}, "7"},
		{"XML 1.1", "response.body", "$xmlpath", ".//id", reply{200, "text/xml", `<?xml version="1.1"?><r><id>1</id></r>`}, "1"},
		{"JSON in Latin-1", "response.body", "$jmespath", "id", reply{200, "application/json; charset=iso-8859-1", "{\"id\": \"M\xfc\"}"}, "Mü"},
		{"text in its charset", "response", "$jmespath", "text", reply{200, "text/plain; charset=windows-1250", "\x9e"}, "ž"},
		{"several elements", "response.body", "$xmlpath", ".//n", reply{200, "application/xml; charset=utf-8", `<r><n>1</n><n>2</n></r>`}, `['1', '2']`},
		{"an element without text", "response.body", "$xmlpath", "a", reply{200, "application/xml", `<r><a><b>1</b></a></r>`}, "<a><b>1</b></a>"},
		{"a group", "response.body", "$regex", `Confirmation: ([A-Z0-9]+)`, reply{200, "text/plain", "ok\nConfirmation: AB12."}, "AB12"},
		{"a match", "response.text", "$regex", `AB\\d+`, reply{200, "", "AB12"}, "AB12"},
		{"no match", "response.text", "$regex", `x`, reply{200, "", "AB12"}, ""},
		{"of an object", "response.body", "$regex", `'t': '(.)'`, ok, "ä"},
		{"HTML where JSON was expected", "response.body", "$jmespath", "id", reply{502, "text/html", "<html>Bad gateway</html>"}, ""},
		{"no content", "response.body", "$jmespath", "id", reply{204, "", ""}, ""},
		{"JSON without a body", "response.body", "$jmespath", "id", reply{200, "application/json", ""}, ""},
		{"bytes", "response.body", "$regex", "PD(F)", reply{200, "application/pdf", "%PDF"}, "F"},
		{"Latin-1", "response.text", "$regex", ".+", reply{200, "text/plain", "\xfc"}, "ü"},
		{"unknown type", "response.body", "$jmespath", "id", reply{200, "unknown/unknown", `{"id":1}`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
				w.Header().Set("X-Request-Id", "r-1")
				w.Header().Add("Set-Cookie", "sid=c1; Path=/")
				answer(w, tt.reply.status, tt.reply.mediaType, tt.reply.body)
			})
			r := run(t, a, offline(rossumtest.Field("extra", "old")), handles(toField("extra", tt.path, tt.operator, tt.query)))
			if r.Err != nil || r.Values["extra"] != tt.want {
				t.Errorf("got %q, want %q, %v", r.Values["extra"], tt.want, r.Err)
			}
			if tt.want == "" && tt.name != "null" && !strings.Contains(decisions(r), "finds nothing in "+tt.path) {
				t.Errorf("the report says %s", decisions(r))
			}
		})
	}
}

func TestTheWholeReplyCanBeKept(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, 200, "application/octet-stream", "a\xff") })
	r := run(t, a, offline(), handles(toField("note", "response", "$jmespath", "@")))
	for _, want := range []string{
		`{"status_code": 200,`, `"body": "Yf8="`, `"content": "Yf8="`, `"text": "a\u00ff"`, `"url": "` + a.URL,
		`"ok": true`, `"reason": "OK"`, `"encoding": null`, `"cookies": {}`, `"elapsed": `,
	} {
		if !strings.Contains(r.Values["note"], want) {
			t.Errorf("%s is not in %s", want, r.Values["note"])
		}
	}
}

func TestAHandlerThatFailsIsNamedAndTheOthersRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ handler, mediaType, body, want string }{
		"missing field with a condition":     {`{"condition":{"response.ok":{"$eq":true}},` + toField("remote_ids", "response", "$jmespath", "ok")[1:], "text/plain", "x", `response_handlers[0].target_key (c): schema_id "remote_ids": no such field in the annotation (did you mean "remote_id"?)`},
		"XPath on JSON":                      {toField("note", "response.body", "$xmlpath", "a"), "application/json", "{}", `response_handlers[0].value (c): $xmlpath needs an XML reply; this one (status 200) has the Content-Type "application/json"`},
		"JSON that is HTML":                  {toField("note", "response.body", "$jmespath", "id"), "application/json", "<html>x", `response_handlers[0].value (c): the reply (status 200) says application/json, but cannot be read as JSON: invalid character '<' looking for beginning of value; it begins with "<html>x"`},
		"JSON that is HTML, as a whole":      {toField("note", "response", "$jmespath", "body.id"), "application/json", "<html>x", `says application/json, but cannot be read as JSON`},
		"broken XML":                         {toField("note", "response.body", "$xmlpath", "a"), "text/xml", "<a>", `response_handlers[0].value (c): the reply cannot be read as XML`},
		"a function of the wrong type":       {toField("note", "response.body", "$jmespath", "length(none)"), "application/json", "{}", "response_handlers[0].value (c): JMESPathTypeError: in function length(): argument 1 is of type null"},
		"a condition that cannot be decided": {`{"condition":{"found_value":{"$gt":"x"}},` + toField("note", "response", "$jmespath", "status_code")[1:], "text/plain", "x", `response_handlers[0].condition (c): found_value.$gt: a number cannot be compared with a string`},
	} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, 200, tt.mediaType, tt.body) })
		r := run(t, a, offline(), handles(tt.handler+","+toField("status", "response", "$jmespath", "status_code")))
		if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || r.Values["status"] != "200" {
			t.Errorf("%s: got %v, status %q", name, r.Err, r.Values["status"])
		}
		if len(r.Response.Operations) == 0 || !r.Response.Failed() {
			t.Errorf("%s: the answer is %+v", name, r.Response)
		}
	}
}

func TestAFieldThatIsMissingIsFoundBeforeTheCall(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(t, a, offline(), handles(toField("remote_ids", "response.body", "$jmespath", "id")))
	if r.Err == nil || len(a.requests()) != 0 ||
		!strings.Contains(
			r.Err.Error(),
			`stages[0].call_api[0].response_handlers[0].target_key: field "remote_ids": no such field in the annotation; did you mean "remote_id"?`,
		) {
		t.Errorf("%v, sent %v", r.Err, a.requests())
	}
}

func TestConditionsOfHandlersSeeReplyAndValue(t *testing.T) {
	t.Parallel()
	for condition, runs := range map[string]bool{
		`{"response.status_code":{"$eq":201}}`:                       true,
		`{"response.status_code":{"$in":[200,204]}}`:                 false,
		`{"response.ok":{"$eq":true}}`:                               true,
		`{"found_value":{"$exists":true,"$ne":""}}`:                  true,
		`{"response.body.id":{"$eq":"{found_value}"}}`:               true,
		`{"response.body.none":{"$exists":false}}`:                   true,
		`{"response.headers.content_type":{"$regex":"json"}}`:        true,
		`{"$and":[{"response.reason":{"$eq":"Created"}}]}`:           true,
		`{"found_value":{"$ne":"ERP-1"},"response.ok":{"$eq":true}}`: false,
	} {
		a := serve(t, nil)
		handler := `{"target_type":"property","target_key":"seen","value":{"response.body":{"$jmespath":"id"}}},{"condition":` + condition + `,` + toField("remote_id", "response.body", "$jmespath", "id")[1:]
		r := run(t, a, offline(), handles(handler))
		if r.Err != nil || (r.Values["remote_id"] == "ERP-1") != runs {
			t.Errorf("%s: got %q, %v", condition, r.Values["remote_id"], r.Err)
		}
		if passed := strings.Contains(decisions(r), "response_handlers[1] is passed over"); passed == runs {
			t.Errorf("%s: the report says %s", condition, decisions(r))
		}
	}
}

func TestAHandlerForOtherRepliesNeedNotReadThisOne(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	r := run(
		t,
		a,
		offline(),
		handles(
			`{"condition":{"response.ok":{"$eq":false}},`+toField(
				"note", "response.body", "$jmespath", "length(none)",
			)[1:]+`,{"condition":{"response.ok":{"$eq":false}},`+toField("note", "response.body", "$xmlpath", "a")[1:],
		),
	)
	if r.Err != nil || !strings.Contains(decisions(r), "response_handlers[1] is passed over") {
		t.Errorf("%v\n%s", r.Err, decisions(r))
	}
}

func TestPriorityHandlersStopAtTheFirstThatHandles(t *testing.T) {
	t.Parallel()
	settings := `{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"GET"},
		"priority_response_handlers":[
			{"condition":{"response.status_code":{"$eq":200}},"target_type":"schema_id","target_key":"remote_id","value":{"response.body":{"$jmespath":"id"}}},
			{"condition":{"response.status_code":{"$gte":400}},"target_type":"schema_id","target_key":"note","value":{"response.body":{"$jmespath":"error"}}},
			{"target_type":"schema_id","target_key":"state","value":{"response.reason":{"$jmespath":"@"}}}],
		"response_handlers":[` + toField("status", "response", "$jmespath", "status_code") + `]}]}]}`
	for status, want := range map[int]string{200: "7|old|approved|200", 404: "|gone|approved|404", 302: "|old|Found|302"} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			answer(w, status, "application/json", `{"id":7,"error":"gone"}`)
		})
		r := run(t, a, offline(rossumtest.Field("extra", "old")), strings.ReplaceAll(settings, `"note"`, `"extra"`))
		got := strings.Join([]string{r.Values["remote_id"], r.Values["extra"], r.Values["state"], r.Values["status"]}, "|")
		if status == 302 && r.Err != nil {
			continue // a redirect without a place to go is the API's fault
		}
		if r.Err != nil || got != want && got != strings.Replace(want, "|old|", "||", 1) {
			t.Errorf("%d: got %s, %v", status, got, r.Err)
		}
	}
}

func TestRepeatedWritesBecomeAListAsTheEngineHasThem(t *testing.T) {
	t.Parallel()
	two := func(key string) string {
		call := `{"request":{"url":"API","method":"POST"},"response_handlers":[` + toField(key, "response.body", "$jmespath", "id") + `]}`
		return `{"stages":[{"call_api":[` + call + `]},{"evaluate":[{"name":"seen","condition":{"field.` + key + `.value":{"$ne":""}}}],"call_api":[` + call + `]}]}`
	}
	a := serve(t, nil)
	r := run(t, a, offline(), two("remote_id"))
	if r.Err != nil || r.Values["remote_id"] != "['ERP-1', 'ERP-2']" ||
		!strings.Contains(decisions(r), "remote_id got 2 values and holds them as a list") {
		t.Errorf("got %q, %v\n%s", r.Values["remote_id"], r.Err, decisions(r))
	}
	a = serve(t, func(w http.ResponseWriter, _ seen, n int) { answer(w, 200, "application/json", `{"id":7}`) })
	r = run(t, a, offline(), two("remote_number"))
	if r.Err == nil || !strings.Contains(r.Err.Error(), "the field remote_number is not a text field and got 2 values") ||
		r.Values["remote_number"] != "7" {
		t.Errorf("got %q, %v", r.Values["remote_number"], r.Err)
	}
}

func TestPropertiesAreOverwrittenWithANote(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	property := `{"target_type":"property","target_key":"p","value":{"response.body":{"$jmespath":"id"}}}`
	r := run(
		t,
		a,
		offline(),
		`{"stages":[{"call_api":[{"name":"one","request":{"url":"API","method":"POST"},"response_handlers":[`+property+
			`]},{"name":"two","request":{"url":"API/{property.p}","method":"POST"},"response_handlers":[`+
			property+
			`]},{"name":"three","request":{"url":"API/{property.p}","method":"POST"}}]}]}`,
	)
	if r.Err != nil || a.paths() != "POST /, POST /ERP-1, POST /ERP-2" ||
		!strings.Contains(decisions(r), "stages[0].call_api[1].response_handlers[0]: property.p is overwritten") {
		t.Errorf("%s, %v\n%s", a.paths(), r.Err, decisions(r))
	}
}

func TestARepliesDocumentReplacesTheEarlierOneAndCanBeRead(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	a := serve(t, nil)
	store := `{"name":"store","request":{"url":"API/store","method":"POST"},"response_handlers":[{"target_type":"document_relation","target_key":"reply_{sequence}"}]}`
	settings := `{"stages":[{"get_content":[{"name":"before","source":"document_relation","query":{"key":{"$eq":"reply_0"}}}],"call_api":[` + store + `,` + store + `]},
		{"get_content":[{"name":"after","source":"document_relation_content","query":{"key":{"$eq":"reply_0"}}}],
		 "call_api":[{"name":"use","request":{"url":"API/{property.after.content.@.id}/{property.after.original_file_name}","params":{"at":"{property.after.url}"},"method":"GET"}}]}]}`
	r := run(t, a, invoice(rossumtest.On(platform)), settings)
	if r.Err != nil || !strings.HasPrefix(a.paths(), "POST /store, POST /store, GET /ERP-2/reply_0_response?at=http%3A%2F%2F127.0.0.1") {
		t.Errorf("%s, %v", a.paths(), r.Err)
	}
	if got := string(platform.Artefacts(rossumtest.AnnotationID)["reply_0"]); got != `{"id": "ERP-2"}` ||
		len(platform.Artefacts(rossumtest.AnnotationID)) != 1 {
		t.Errorf("Rossum has %q", got)
	}
	if string(r.Files["reply_0"]) != `{"id": "ERP-2"}` {
		t.Errorf("the export has %q", r.Files)
	}
	client, err := rossum.NewClient(platform.URL, rossum.Secret(platform.Token), rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for relation, err := range client.AllDocumentRelations(t.Context(), rossumtest.AnnotationID) {
		if err != nil || len(relation.Documents) != 1 {
			t.Errorf("%v %v", relation, err)
		}
	}
}

func TestJSONInFieldsIsCompactWhereTheProgramWantsIt(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
		answer(w, 200, "application/json", `{"d": {"z": [1.50, "ü"], "a": true}}`)
	})
	s := step(t, a, handles(toField("note", "response.body", "$jmespath", "d")))
	if r := runStep(t, s, offline()); r.Values["note"] != `{"z": [1.5, "\u00fc"], "a": true}` {
		t.Errorf("got %s, %v", r.Values["note"], r.Err)
	}
	s.CompactJSON = true
	if r := runStep(t, s, offline()); r.Values["note"] != `{"z":[1.5,"ü"],"a":true}` {
		t.Errorf("got %s, %v", r.Values["note"], r.Err)
	}
}
