package shadow_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
)

func TestARecordingIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	r := &shadow.Recording{Calls: []shadow.RecordedCall{
		{
			Method:      "POST",
			URL:         "https://erp.example/a?b=c",
			Header:      http.Header{"X-A": {"1", "2"}},
			Body:        []byte("ü\r\n"),
			Status:      201,
			ReplyHeader: http.Header{"Location": {"/7"}},
			ReplyBody:   []byte("{}"),
		},
		{Method: "PUT", URL: "https://erp.example/b", Body: []byte{0xff, 0, 1}, ReplyBody: []byte{0xfe}},
	}}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back, err := shadow.ReadRecording(bytes.NewReader(data))
	if err != nil || !reflect.DeepEqual(r, back) {
		t.Errorf("%v\n%s\n%+v", err, data, back)
	}
}

func TestHARFilesAreRead(t *testing.T) {
	t.Parallel()
	const file = "\xef\xbb\xbf" + `{"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [
		{"time": 12, "request": {"method": "POST", "url": "https://erp.example/invoices#x", "httpVersion": "HTTP/2", "bodySize": 8,
			"headers": [{"name": ":authority", "value": "erp.example"}, {"name": "x-a", "value": "1"}, {"name": "X-A", "value": "2"}],
			"postData": {"mimeType": "text/plain", "text": "Gr\u00f6\u00dfe\n"}},
		 "response": {"status": 201, "headers": [{"name": "content-encoding", "value": "gzip"}, {"name": "Location", "value": "/7"}],
			"content": {"size": 3, "text": "e30K", "encoding": "base64"}}},
		{"request": {"method": "POST", "url": "https://erp.example/form", "bodySize": -1, "postData": {"params": [{"name": "a b", "value": "c&d"}]}},
		 "response": {"status": 0, "content": {}}}]}}`
	r, err := shadow.ReadRecording(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want := []shadow.RecordedCall{
		{Method: "POST", URL: "https://erp.example/invoices", Header: http.Header{"X-A": {"1", "2"}}, Body: []byte("Größe\n"), Status: 201,
			ReplyHeader: http.Header{"Location": {"/7"}}, ReplyBody: []byte("{}\n")},
		{
			Method:      "POST",
			URL:         "https://erp.example/form",
			Header:      http.Header{},
			Body:        []byte("a+b=c%26d"),
			ReplyHeader: http.Header{},
			ReplyBody:   []byte{},
		},
	}
	if !reflect.DeepEqual(r.Calls, want) {
		t.Errorf("%+v", r.Calls)
	}
}

func TestARecordingThatIsNotWhatLeftIsRefused(t *testing.T) {
	t.Parallel()
	entry := func(request string) string {
		return `{"log": {"entries": [{"request": {` + request + `}, "response": {"status": 200}}]}}`
	}
	for file, want := range map[string]string{
		``:                                    "neither a HAR file nor a list of calls",
		`{}`:                                  "neither a HAR file, which has a log",
		`[{"method": "GET", "uri": "x"}]`:     `unknown field "uri"`,
		`[{"method": "GET", "url": "/path"}]`: "call 1: the url is not an address with a host",
		`[{"url": "https://a.example"}]`:      "call 1: the method is missing",
		`[{"method": "GET", "url": "https://a.example", "status": 7}]`:                                          "7 is not a valid status",
		`[{"method": "GET", "url": "https://a.example", "body": "a", "body_base64": "YQ=="}]`:                   "has a body twice",
		entry(`"method": "POST", "url": "https://a.example", "bodySize": 3`):                                    "entry 1 of the HAR file: the body had 3 bytes when it was sent and has 0",
		entry(`"method": "POST", "url": "https://a.example", "bodySize": 7, "postData": {"text": "Größe"}`):     "had 7 bytes when it was sent and has ",
		entry(`"method": "POST", "url": "https://a.example", "postData": {"text": "x", "encoding": "rot13"}`):   `the encoding "rot13" of a body is not known`,
		entry(`"method": "POST", "url": "https://a.example", "postData": {"text": "x!", "encoding": "base64"}`): "illegal base64",
		entry(`"method": "POST", "url": "a.example"`):                                                           "not an address with a host",
	} {
		file = strings.Replace(file, "Größe", "Gr?e", 1) // as a tool writes it that does not know UTF-8
		if _, err := shadow.ReadRecording(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}

func TestARecorderPassesOnWhatItNotes(t *testing.T) {
	t.Parallel()
	var noted []shadow.RecordedCall
	erp := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Got", string(body))
		if len(body) > 0 {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("made"))
		}
	})
	recorder := shadow.Record(erp, func(c shadow.RecordedCall) { noted = append(noted, c) })
	for _, body := range []string{"abc", ""} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "http://proxy.example/a%2Fb?c=d", strings.NewReader(body))
		r.Header.Set("X-Forwarded-Proto", "http")
		recorder.ServeHTTP(w, r)
		c := noted[len(noted)-1]
		if w.Header().Get("X-Got") != body || string(c.Body) != body || c.URL != "http://proxy.example/a%2Fb?c=d" ||
			c.Status != w.Code || string(c.ReplyBody) != w.Body.String() || c.ReplyHeader.Get("X-Got") != body {
			t.Errorf("%q: %+v", body, c)
		}
	}
	w := httptest.NewRecorder()
	recorder.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, 129<<20)))
	if w.Code != http.StatusRequestEntityTooLarge || len(noted) != 2 {
		t.Errorf("too much: %d, %d noted", w.Code, len(noted))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(`[{"method": "GET", "url": "https://a.example/", "body_base64": "/w=="}]`))
	f.Add(
		[]byte(
			`{"log": {"entries": [{"request": {"method": "POST", "url": "https://a.example", "postData": {"text": ` +
				`"x"}}, "response": {"status": 200}}]}}`,
		),
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := shadow.ReadRecording(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := shadow.ReadRecording(bytes.NewReader(again))
		if err != nil || len(back.Calls) != len(r.Calls) {
			t.Fatalf("%v: %s", err, again)
		}
		for i := range r.Calls {
			if !bytes.Equal(r.Calls[i].Body, back.Calls[i].Body) || r.Calls[i].URL != back.Calls[i].URL {
				t.Fatalf("call %d is another one: %s", i, again)
			}
		}
	})
}
