package hookcall_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func gzipped(body []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body)
	_ = z.Close()
	return out.Bytes()
}

// FuzzRead calls with any headers and any body. Who is let in has signed what was sent, or
// what it holds, and gets what the standard library reads.
func FuzzRead(f *testing.F) {
	const secret, limit = "a-secret-of-the-hook", 1 << 16
	signature := func(body []byte) string {
		h := make(http.Header)
		rossum.Sign(h, body, secret)
		return h.Get(rossum.SignatureHeader)
	}
	for _, body := range fuzzing.Payloads(f) {
		f.Add("application/json", "", signature(body), body)
		f.Add("application/json; charset=utf-8", "gzip", signature(gzipped(body)), gzipped(body))
		f.Add("application/vnd.a+json", "GZIP", signature(body), gzipped(body))
		break
	}
	f.Add("text/html", "br", "sha256=", []byte("{}"))
	f.Add("application/json", "gzip", signature([]byte("x")), []byte("x"))
	f.Add("application/json", "identity", signature(nil), []byte{})
	calls := hookcall.NewReader([]string{secret}, false, limit, 0)
	f.Fuzz(func(t *testing.T, contentType, encoding, signature string, sent []byte) {
		r := &http.Request{
			Method: http.MethodPost, Body: io.NopCloser(bytes.NewReader(sent)), ContentLength: int64(len(sent)),
			Header: http.Header{"Content-Type": {contentType}, "Content-Encoding": {encoding}, rossum.SignatureHeader: {signature}},
		}
		body, err := calls.Read(httptest.NewRecorder(), r)
		if err != nil {
			refused, ok := errors.AsType[*hookcall.Refusal](err)
			if !ok || refused.Status < 400 || refused.Status > 415 {
				t.Fatalf("%v", err)
			}
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		if rossum.VerifySignature(r.Header, sent, secret) != nil && rossum.VerifySignature(r.Header, body, secret) != nil {
			t.Fatalf("%q is let in without a signature", sent)
		}
		want := sent
		if strings.Contains(strings.ToLower(encoding), "gzip") {
			z, err := gzip.NewReader(bytes.NewReader(sent))
			if err == nil {
				want, err = io.ReadAll(z)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, want) || len(body) > limit {
			t.Fatalf("%q became %q", sent, body)
		}
	})
}
