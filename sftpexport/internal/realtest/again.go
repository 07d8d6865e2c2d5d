package realtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Again makes a request to another store of the server, signed anew. A condition on a
// generation becomes the one that the server knows.
func (s *VersityGW) Again(t testing.TB, r *http.Request) (*http.Response, error) {
	t.Helper()
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	url := fmt.Sprintf("http://127.0.0.1:%d%s", s.Port, r.URL.RequestURI())
	again, err := http.NewRequestWithContext(r.Context(), r.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		switch name {
		case "Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Goog-If-Generation-Match":
		default:
			again.Header[name] = values
		}
	}
	if r.Header.Get("X-Goog-If-Generation-Match") == "0" {
		again.Header.Set("If-None-Match", "*")
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	again.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(r.Context(), keys, again, hash, "s3", "us-east-1", time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(again)
}
