package httpcall

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"testing"
)

// FuzzDecoded reads a reply as it comes. What the standard library can read comes out as
// it reads it; and a server cannot make more of its bytes than compression does.
func FuzzDecoded(f *testing.F) {
	var zipped, deflated bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"id": 7}`))
	_ = z.Close()
	d := zlib.NewWriter(&deflated)
	_, _ = d.Write([]byte(`{"id": 7}`))
	_ = d.Close()
	for _, body := range [][]byte{zipped.Bytes(), append(bytes.Clone(zipped.Bytes()), zipped.Bytes()...), append(bytes.Clone(zipped.Bytes()), 0, 0), zipped.Bytes()[:9], nil} {
		f.Add("gzip", body)
	}
	f.Add("deflate", deflated.Bytes())
	f.Add("deflate", deflated.Bytes()[2:])
	f.Add("gzip, deflate", deflated.Bytes())
	f.Add("gzip,gzip,gzip,gzip", zipped.Bytes())
	f.Add("br", []byte("x"))
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, encoding string, sent []byte) {
		got, err := io.ReadAll(io.LimitReader(decoded(&http.Response{
			Header: http.Header{"Content-Encoding": {encoding}}, Body: io.NopCloser(bytes.NewReader(sent)),
		}), most))
		var r io.Reader
		switch encoding {
		case "", "identity", "br":
			r = bytes.NewReader(sent)
		case "gzip":
			r, _ = gzip.NewReader(bytes.NewReader(sent))
			if r.(*gzip.Reader) == nil {
				return
			}
		case "deflate":
			if r, _ = zlib.NewReader(bytes.NewReader(sent)); r == nil {
				return
			}
		default:
			return
		}
		want, wantErr := io.ReadAll(io.LimitReader(r, most))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%q as %s is %q, %v, and %q for the standard library", sent, encoding, got, err, want)
		}
	})
}
