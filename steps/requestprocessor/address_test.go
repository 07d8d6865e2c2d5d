package requestprocessor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// What a property holds has an origin, which stays with it wherever it goes.
func TestAPropertyLeadsAURLNoFurtherThanWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	const secret = `{"get_content":[{"name":"p","source":"explicit","query":["{payload.secrets.address}"]}]},`
	const field = `{"get_content":[{"name":"p","source":"explicit","query":["{field.number}"]}]},{"get_content":[{"name":"q","source":"explicit","query":["{property.p}"]}]},`
	const reply = `{"call_api":[{"name":"a","request":{"url":"API/first","method":"PUT"},"response_handlers":[
		{"target_type":"property","target_key":"p","value":{"response.body":{"$jmespath":"next"}}},{"target_type":"property","target_key":"all","value":{"response.body":{"$jmespath":"[next]"}}}]}]},
		{"get_content":[{"name":"q","source":"explicit","query":["{property.p}"]}]},`
	for _, tt := range []struct{ before, url, text, want string }{
		{field, "{property.p}", "THIEF/x", ""},
		{field, "{property.q}", "THIEF/x", ""},
		{field, "{property.p}", "API/x?y=1", "GET /x?y=1"},
		{field, "{property.p}/lines", "API/x", "GET /x/lines"},
		{field, "API/v/{property.p}", "a?admin=1", ""},
		{field, "API/v?a={property.q}", "a&admin=1", ""},
		{field, "API/v/{property.p}", "../admin", ""},
		{field, "API/v/{property.p}", "a b/c", "GET /v/a%20b/c"},
		{field, "API{property.p}", "@thief.example/", ""},
		{reply, "{property.p}", "THIEF/x", ""},
		{reply, "{property.q}", "THIEF/x", ""},
		{reply, "API{property.p}", "@thief.example/", ""},
		{reply, "API{property.p}", "1/", ""},
		{reply, "API/v/{property.p}", "../../admin", ""},
		{reply, "{property.p}", "API/x?page=2&of=3", "GET /x?page=2&of=3"},
		{reply, "API{property.q}", "/x?page=2", "GET /x?page=2"},
		{reply, "API/v?{property.p}", "page=2&of=3", "GET /v?page=2&of=3"},
		{reply, `{item}","iterate_over":"property.all`, "THIEF/x", ""},
		{reply, `{item}","iterate_over":"property.all`, "API/x", "GET /x"},
		{secret, "{property.p}/x", "THIEF", "GET /x"},
	} {
		thief := serve(t, nil)
		text := tt.text
		a := serve(t, func(w http.ResponseWriter, s seen, _ int) { answer(w, 200, "application/json", `{"next":"`+text+`"}`) })
		text = strings.NewReplacer("API", a.URL, "THIEF", strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)).Replace(text)
		call := offline(rossumtest.Field("number", text), rossumtest.Secret("address", text))
		if tt.before == field {
			call = rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", text))
		}
		r := run(t, a, call, `{"stages":[`+tt.before+`{"call_api":[{"name":"c","request":{"url":"`+tt.url+`","method":"GET","headers":{"X-Base":"API/"}}}]}]}`)
		got := strings.TrimPrefix(strings.TrimPrefix(a.paths(), "PUT /first"), ", ") + thief.paths()
		if got != tt.want || (r.Err == nil) != (tt.want != "") {
			t.Errorf("%s with %q: called %q, %v, want %q", tt.url, tt.text, got, r.Err, tt.want)
		}
	}
}
