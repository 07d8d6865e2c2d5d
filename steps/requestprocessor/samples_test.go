package requestprocessor_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// samples are the settings that the engine's reference and blueprints show, with
// values of our own; want is what the API gets, a call a line.
var samples = []struct{ name, settings, want, fields string }{
	{"look a supplier up and keep its state", `{"stages":[{"call_api":[{"name":"supplier","request":{"url":"API/suppliers/{field.number.value}","method":"GET"},
		"response_handlers":[{"target_type":"schema_id","target_key":"note","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`,
		"GET /suppliers/2026/0042", "note=ERP-1"},
	{"create an invoice", `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/invoices","method":"POST","content_type":"json","content":{"number":"{field.number.value}","total":"{field.total.value}"},"headers":{"Accept":"application/json"}}}]}]}`,
		`POST /invoices {"number": "2026/0042", "total": "1,234.50"}`, ""},
	{"send a ready-made patch as it is", `{"stages":[{"call_api":[{"name":"patch","request":{"url":"API/r/{field.count.value}","method":"PATCH","content":"{field.patch.value}","headers":{"Content-Type":"application/json-patch+json"}}}]}]}`,
		`PATCH /r/3 [{"op":"add","path":"/a","value":1}]`, ""},
	{"create, upload, submit", `{"stages":[
		{"get_content":[{"name":"body","source":"document_relation_content","query":{"key":{"$eq":"draft"}}}],
		 "call_api":[{"name":"create","auth":AUTH,"request":{"url":"{field.base.value}/invoices","method":"POST","content":"{property.body.content.@}","content_type":"json","headers":{"Authorization":"Bearer {token}","Accept":"application/json"}},
		  "response_handlers":[{"target_type":"schema_id","target_key":"status","value":{"response":{"$jmespath":"status_code"}}},{"target_type":"schema_id","target_key":"remote_id","value":{"response.body":{"$jmespath":"id"}}}]}]},
		{"evaluate":[{"name":"created","condition":{"field.status":{"$in":["200","201"]}}}],
		 "call_api":[{"name":"upload","auth":AUTH,"request":{"url":"{field.base.value}/invoices/{field.remote_id.value}/scan","method":"PUT","content_type":"files","content":{"file":["{payload.document.original_file_name}","{payload.document.content.@}"]},"headers":{"Authorization":"Bearer {token}"}}}]},
		{"evaluate":[{"name":"created","condition":{"field.status.value":{"$in":["200","201"]}}}],
		 "call_api":[{"name":"submit","auth":AUTH,"request":{"url":"{field.base.value}/invoices/{field.remote_id.value}/submit","method":"PUT","headers":{"Authorization":"Bearer {token}"}}}]}]}`,
		"POST /token grant_type=client_credentials&client_secret=canary-client-secret\nPOST /invoices {\"n\": \"2026/0042\"} Bearer ERP-1\nPUT /invoices/ERP-2/scan file=invoice.pdf;:PDF bytes Bearer ERP-1\nPUT /invoices/ERP-2/submit Bearer ERP-1", "status=201 remote_id=ERP-2"},
	{"compare with an order", `{"stages":[{"get_content":[{"name":"order","source":"document_relation_content","query":{"key":{"$eq":"draft"}}}],
		"call_api":[{"name":"compare","request":{"url":"API/compare","method":"POST","content_type":"json","content":{"number":"{field.number.value}","order":"{property.order.original_file_name}","total":"{field.total}"}},
		"response_handlers":[{"target_type":"schema_id","target_key":"note","value":{"response.body":{"$jmespath":"ok"}}}]}]}]}`,
		`POST /compare {"number": "2026/0042", "order": "f701", "total": 1234.5}`, "note="},
	{"attach the e-mail", `{"stages":[{"evaluate":[{"name":"by e-mail","condition":{"payload.document.email":{"$exists":true,"$ne":""}}}],
		"get_content":[{"name":"mail","source":"explicit","query":["{payload.document.email}/content"]}],
		"call_api":[{"name":"attach","request":{"url":"API/attachments","method":"POST","content_type":"files","content":{"file":["annotation_{payload.annotation.id}.eml","{property.mail.@}","message/rfc822"],"kind":"Email"}}}]}]}`,
		"POST /attachments file=annotation_314528.eml;message/rfc822:From: a@b kind=kind;:Email", ""},
	{"from call to call by property", `{"stages":[{"call_api":[{"name":"supplier","request":{"url":"API/s/{field.count}","method":"GET"},"response_handlers":[{"target_type":"property","target_key":"supplier","value":{"response.body":{"$jmespath":"@"}}}]}]},
		{"call_api":[{"name":"create","request":{"url":"API/i","method":"POST","content_type":"json","content":{"code":"{property.supplier.id}"}}}]}]}`,
		"GET /s/3\nPOST /i {\"code\": \"ERP-1\"}", ""},
	{"each line", `{"stages":[{"call_api":[{"name":"lines","request":{"url":"API/items/{sequence}","method":"POST","content_type":"json","iterate_over":"field.lines","iteration_item_name":"line","content":{"sku":"{line.sku.value}","qty":"{line.qty.value}","i":"{sequence}"},"headers":{"X-Line-Index":"{sequence}"}}}]}]}`,
		"POST /items/0 {\"sku\": \"A\", \"qty\": \"1\", \"i\": 0}\nPOST /items/1 {\"sku\": \"B\", \"qty\": \"2\", \"i\": 1}", ""},
	{"each attachment", `{"stages":[{"get_content":[{"name":"more","source":"document_relation_content","query":{"key":{"$regex":"^attachment_\\d{1,10}(?:_\\d+)?$"}}}],
		"call_api":[{"name":"upload","request":{"url":"API/attachments","method":"POST","iterate_over":"property.more","iteration_item_name":"item","content_type":"multipart","content":{"attachment[file]":["{item.original_file_name}","{item.content.@}"],"attachment[intent]":"Supplier","metadata":"{\"source\": \"rossum\"}"}},
		"response_handlers":[{"target_type":"schema_id","target_key":"note","value":{"response":{"$jmespath":"status_code"}}}]}]}]}`,
		"POST /attachments attachment[intent]=Supplier attachment[file]=f702;:file 702\nPOST /attachments attachment[intent]=Supplier attachment[file]=f703;:file 703\nPOST /attachments attachment[intent]=Supplier attachment[file]=f704;:file 704", "note=[201, 201, 201]"},
	{"what may fail", `{"stages":[{"call_api":[{"name":"enrich","request":{"url":"API/enrich/{field.count.value}","method":"GET","timeout":5,"ignore_timeout":true}}]}]}`, "GET /enrich/3", ""},
	{"store the reply and read it", `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/i","method":"POST"},"response_handlers":[{"target_type":"document_relation","target_key":"api_response"}]}]},
		{"get_content":[{"name":"reply","source":"document_relation_content","query":{"key":{"$eq":"api_response"}}}],"call_api":[{"name":"use","request":{"url":"API/{property.reply.original_file_name}","method":"POST","content":"{property.reply.content.@}"}}]}]}`,
		"POST /i\nPOST /api_response_response {\"id\": \"ERP-1\"}", ""},
	{"guards", `{"stages":[{"evaluate":[{"name":"sums","condition":{"$and":[{"field.total":{"$gt":1000}},{"field.state.value":{"$eq":"approved"}}]}},{"name":"lines","condition":{"field.lines":{"$size":{"$gt":0}}}},{"name":"vendor","condition":{"field.vendor.value":{"$exists":true,"$ne":"","$regex":"Co"}}}],
		"call_api":[{"name":"a","request":{"url":"API/a","method":"POST"}}]},
		{"evaluate":[{"name":"draft","condition":{"field.state.value":{"$in":["draft","pending"]}}}],"call_api":[{"name":"b","request":{"url":"API/b","method":"POST"}}]}]}`,
		"POST /a", ""},
	{"status or error", `{"stages":[{"call_api":[{"name":"a","request":{"url":"API/a","method":"POST"},"response_handlers":[
		{"condition":{"response.ok":{"$eq":true}},"target_type":"schema_id","target_key":"note","value":{"response.body":{"$jmespath":"id"}}},
		{"condition":{"response.ok":{"$eq":false}},"target_type":"schema_id","target_key":"remote_id","value":{"response.body":{"$jmespath":"error"}}}]}]}]}`,
		"POST /a", "note=ERP-1 remote_id="},
	{"file storage", `{"stages":[{"call_api":[{"name":"push","request":{"url":"API/svc/file-storage-export/api/v1/direct_export","method":"POST","headers":{"Authorization":"Bearer {payload.rossum_authorization_token}"},"content_type":"json",
		"content":{"request_id":"{payload.request_id}","timestamp":"{payload.timestamp}","hook":"{payload.hook}","action":"manual","event":"invocation","base_url":"{payload.base_url}","settings":{"credentials":{"host":"sftp.example","port":22,"username":"u","type":"sftp","sftp_version":3},"export_rule":{"path_to_directory":"/in","filename_collision":{"replace":true}}},"secrets":{"password":"{payload.secrets.client_secret}","type":"sftp"},"payload":"{base64(payload)}","filename":"invoice_{field.number.value}"}},
		"response_handlers":[{"value":{"response":{"$jmespath":"status_code"}},"target_key":"status","target_type":"schema_id"}]}]}]}`,
		"", "status=201"},
}

func TestTheSamplesOfTheReferenceRun(t *testing.T) {
	t.Parallel()
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := platform(t)
			a := serve(t, func(w http.ResponseWriter, s seen, n int) {
				answer(w, 201, "application/json", fmt.Sprintf(`{"id": "ERP-%d"}`, n))
			})
			mail := s.AddDocument(777, "mail.eml", "message/rfc822", []byte("From: a@b"))
			call := invoice(rossumtest.On(s), rossumtest.Field("base", a.URL), rossumtest.Field("patch", `[{"op":"add","path":"/a","value":1}]`),
				rossumtest.Sideload("document", map[string]any{"id": rossumtest.DocumentID, "original_file_name": "invoice.pdf", "mime_type": "application/pdf", "url": s.URL + "/api/v1/documents/314621", "content": s.URL + "/api/v1/documents/314621/content", "email": mail}))
			auth := `{"url":"API/token","method":"POST","content_type":"form","content":{"grant_type":"client_credentials","client_secret":"{payload.secrets.client_secret}"},"credential_key":"id"}`
			r := run(t, a, call, strings.ReplaceAll(tt.settings, "AUTH", auth))
			if r.Err != nil || len(r.Response.Messages) != 0 {
				t.Fatalf("%v %v", r.Err, r.Response.Messages)
			}
			if got := summary(a.requests()); tt.want != "" && got != tt.want {
				t.Errorf("the API got\n%s\nwant\n%s", got, tt.want)
			}
			for _, field := range strings.Fields(strings.ReplaceAll(tt.fields, ", ", ",")) {
				name, want, _ := strings.Cut(field, "=")
				if strings.ReplaceAll(r.Values[name], ", ", ",") != want {
					t.Errorf("field %s is %q, want %q", name, r.Values[name], want)
				}
			}
			if tt.name == "file storage" {
				checkFileStorage(t, a.requests()[0])
			}
		})
	}
}

// summary shows requests: method, address, body, files and token.
func summary(all []seen) string {
	var lines []string
	for _, s := range all {
		parts := []string{s.method, s.uri}
		if s.body != "" {
			parts = append(parts, s.body)
		}
		for _, name := range []string{"attachment[intent]", "metadata"} {
			for _, v := range s.form[name] {
				parts = append(parts, name+"="+v)
			}
		}
		parts = append(parts, s.files...)
		if s.auth != "" {
			parts = append(parts, s.auth)
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	return strings.Join(lines, "\n")
}

func checkFileStorage(t *testing.T, s seen) {
	t.Helper()
	var body struct {
		RequestID string `json:"request_id"`
		Secrets   map[string]string
		Payload   string
		Filename  string
	}
	if err := json.Unmarshal([]byte(s.body), &body); err != nil {
		t.Fatal(err)
	}
	// The engine encodes what Python's str() makes of the payload.
	payload, err := base64.StdEncoding.DecodeString(body.Payload)
	if err != nil || !strings.HasPrefix(string(payload), "{'") || !strings.Contains(string(payload), fmt.Sprintf("'id': %d", rossumtest.AnnotationID)) ||
		strings.Contains(string(payload), "canary") {
		t.Errorf("payload %s, %v", payload, err)
	}
	if s.auth != "Bearer "+rossumtest.Token || body.Secrets["password"] != "canary-client-secret" || body.Filename != "invoice_2026/0042" || body.RequestID == "" {
		t.Errorf("%s %+v", s.auth, body)
	}
}
