package s3test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// failure is an answer of S3 that says what went wrong.
type failure struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	status  int
}

func fail(status int, code, format string, args ...any) *failure {
	return &failure{Code: code, Message: fmt.Sprintf(format, args...), status: status}
}

// request is a call with its body.
type request struct {
	*http.Request
	w    http.ResponseWriter
	key  string
	body []byte
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	op := operation(r, key)
	fault := s.fault(op, key)
	if fault == nil {
		fault = &Fault{}
	}
	if fault.Cut {
		panic(http.ErrAbortHandler)
	}
	if fault.Before != nil {
		fault.Before()
	}
	select {
	case <-time.After(fault.Delay):
	case <-r.Context().Done():
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || fault.CutBefore {
		panic(http.ErrAbortHandler)
	}
	call := &request{Request: r, w: w, key: key, body: body}
	var failed *failure
	switch {
	case fault.Status != 0:
		failed = fail(fault.Status, fault.Code, "as the test asks")
	case bucket != Bucket:
		failed = fail(http.StatusNotFound, "NoSuchBucket", "there is no bucket %q", bucket)
	default:
		if failed = checkSignature(r, body); failed == nil {
			failed = s.handle(op, call, fault)
		}
	}
	if fault.After != nil {
		fault.After()
	}
	if fault.CutAfter {
		panic(http.ErrAbortHandler)
	}
	for name, values := range fault.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if failed != nil {
		if op != "HeadObject" {
			w.Header().Set("Content-Type", "application/xml")
		}
		w.WriteHeader(failed.status)
		if op != "HeadObject" {
			_ = xml.NewEncoder(w).Encode(failed)
		}
	}
}

// operation is what a request is called in S3's reference.
func operation(r *http.Request, key string) string {
	q := r.URL.Query()
	switch {
	case key == "" && q.Has("uploads"):
		return "ListMultipartUploads"
	case key == "" && r.Method == http.MethodHead:
		return "HeadBucket"
	case key == "":
		return "ListObjectsV2"
	case q.Has("uploads"):
		return "CreateMultipartUpload"
	case q.Has("uploadId"):
		return map[string]string{"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}[r.Method]
	}
	return map[string]string{"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[r.Method]
}

// handle carries out a call.
func (s *Server) handle(op string, r *request, fault *Fault) *failure {
	body, failed := r.content()
	if failed != nil {
		return failed
	}
	if fault.Corrupt && len(body) > 0 {
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
	}
	r.body = body
	s.mu.Lock()
	defer s.mu.Unlock()
	f := map[string]func(*request) *failure{
		"PutObject": s.putObject, "GetObject": s.getObject, "HeadObject": s.getObject, "DeleteObject": s.deleteObject,
		"ListObjectsV2": s.listObjects, "HeadBucket": func(*request) *failure { return nil },
		"CreateMultipartUpload": s.createUpload, "UploadPart": s.uploadPart, "CompleteMultipartUpload": s.completeUpload,
		"AbortMultipartUpload": s.abortUpload, "ListParts": s.listParts, "ListMultipartUploads": s.listUploads,
	}[op]
	if f == nil {
		return fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is not what this server does", r.Method)
	}
	return f(r)
}

// content takes a body that comes in chunks with a trailer apart.
func (r *request) content() ([]byte, *failure) {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") && !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return r.body, nil
	}
	in := bufio.NewReader(bytes.NewReader(r.body))
	var out bytes.Buffer
	for {
		line, err := in.ReadString('\n')
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, parseErr := strconv.ParseInt(size, 16, 64)
		if err != nil || parseErr != nil || n > int64(len(r.body)) {
			return nil, fail(http.StatusBadRequest, "IncompleteBody", "the chunk %q is broken", line)
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&out, in, n+2); err != nil {
			return nil, fail(http.StatusBadRequest, "IncompleteBody", "a chunk is cut")
		}
		out.Truncate(out.Len() - 2)
	}
	for {
		line, err := in.ReadString('\n')
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			r.Header.Set(name, value)
		}
		if err != nil {
			return out.Bytes(), nil
		}
	}
}

// sums are the checksums that a request may carry, by header.
var sums = map[string]func() hash.Hash{
	"X-Amz-Checksum-Sha256": sha256.New,
	"X-Amz-Checksum-Crc32":  func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Content-Md5":           md5.New,
}

// checksums compares the sums of a request with its body.
func (r *request) checksums() (map[string]string, *failure) {
	found := make(map[string]string)
	for name, newHash := range sums {
		want := r.Header.Get(name)
		if want == "" {
			continue
		}
		h := newHash()
		_, _ = h.Write(r.body)
		if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
			return nil, fail(http.StatusBadRequest, "BadDigest", "%s is %s, and the body's is %s", name, want, got)
		}
		found[name] = want
	}
	return found, nil
}

// checkSignature signs the request again, and compares.
func checkSignature(r *http.Request, body []byte) *failure {
	auth := r.Header.Get("Authorization")
	fields := make(map[string]string)
	for _, part := range strings.Split(strings.TrimPrefix(auth, "AWS4-HMAC-SHA256 "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 {
		return fail(http.StatusForbidden, "AccessDenied", "the request is not signed")
	}
	if scope[0] != AccessKey {
		return fail(http.StatusForbidden, "InvalidAccessKeyId", "the access key is unknown")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return fail(http.StatusForbidden, "AccessDenied", "the request has no date")
	}
	again, err := http.NewRequestWithContext(context.Background(), r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return fail(http.StatusBadRequest, "InvalidURI", "%v", err)
	}
	for _, name := range strings.Split(fields["SignedHeaders"], ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := r.Header.Get("X-Amz-Content-Sha256")
	if digest := sha256.Sum256(body); len(sum) == 64 && sum != hex.EncodeToString(digest[:]) {
		return fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "the body is not what was signed")
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	if err := signer.SignHTTP(context.Background(), keys, again, sum, scope[3], scope[2], at); err != nil {
		return fail(http.StatusForbidden, "AccessDenied", "%v", err)
	}
	if again.Header.Get("Authorization") != auth {
		return fail(http.StatusForbidden, "SignatureDoesNotMatch", "the signature is another one")
	}
	return nil
}
