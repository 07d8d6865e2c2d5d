package hookserver_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCallsAreTakenAsTheirHeadersDescribeThem(t *testing.T) {
	t.Parallel()
	plain := invoice().Bytes()
	packed := gzipped(t, plain)
	bomb := gzipped(t, make([]byte, 2<<20))
	for name, tt := range map[string]struct {
		contentType, encoding string
		sent, signed          []byte
		want                  int
	}{
		"JSON":                            {"application/json", "", plain, plain, 200},
		"a charset":                       {"Application/JSON; charset=utf-8", "", plain, plain, 200},
		"a parameter without a value":     {"application/json; charset", "", plain, plain, 200},
		"a parameter without a name":      {"application/json; =utf-8", "", plain, plain, 200},
		"a duplicate parameter":           {"application/json; charset=utf-8; charset=utf-8", "", plain, plain, 200},
		"a lone semicolon":                {"application/json;", "", plain, plain, 200},
		"a JSON type of its own":          {"application/vnd.rossum+json; v=1", "", plain, plain, 200},
		"no type":                         {"", "", plain, plain, 415},
		"another type":                    {"text/plain; x=application/json", "", plain, plain, 415},
		"two types":                       {"application/json, text/html", "", plain, plain, 415},
		"a suffix without a type":         {"+json", "", plain, plain, 415},
		"identity":                        {"application/json", "identity", plain, plain, 200},
		"gzip, signed as sent":            {"application/json", "gzip", packed, packed, 200},
		"gzip, signed before":             {"application/json", "GZIP", packed, plain, 200},
		"x-gzip":                          {"application/json", "x-gzip", packed, packed, 200},
		"gzip, signed wrongly":            {"application/json", "gzip", packed, []byte("other"), 401},
		"gzip of nothing":                 {"application/json", "gzip", nil, nil, 400},
		"gzip that is none":               {"application/json", "gzip", plain, plain, 400},
		"gzip, cut short":                 {"application/json", "gzip", packed[:len(packed)-9], packed[:len(packed)-9], 400},
		"gzip, larger than it may be":     {"application/json", "gzip", bomb, bomb, 413},
		"gzip, larger, and signed before": {"application/json", "gzip", bomb, plain, 413},
		"another encoding":                {"application/json", "br", plain, plain, 415},
		"gzip twice":                      {"application/json", "gzip, gzip", packed, packed, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), BodyLimit: 1 << 20})
			r := httptest.NewRequest(http.MethodPost, "/export", bytes.NewReader(tt.sent))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			rossum.Sign(r.Header, tt.signed, secret)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
}
