package sftpexport_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
)

// opOf is the operation of a request to a bucket.
func opOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "create"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "complete"
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "part"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "abort"
	}
	return map[string]string{http.MethodPut: "put", http.MethodHead: "head", http.MethodDelete: "delete", http.MethodGet: "get"}[r.Method]
}

// isProbe reports whether a request is about the object by which conditions are tried.
func isProbe(r *http.Request) bool { return strings.Contains(r.URL.Path, "exportpipeline-probe") }

// answering refuses the operation on what is no probe, so many times (for ever if it is
// negative).
func answering(op string, times, status int, code, message string) func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		if opOf(r) != op || isProbe(r) || times >= 0 && n.Add(1) > int64(times) {
			return true
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return refuse(w, status, code, message)
	}
}

// TestOddStores are rows of the matrix for versitygw behind a proxy: small and large files,
// and what must come of them.
func TestOddStores(t *testing.T) {
	t.Parallel()
	const small, large = 5, 17 << 20
	both, onlyLarge, onlySmall := []int{small, large}, []int{large}, []int{small}
	for _, c := range []struct {
		name   string
		change func(http.ResponseWriter, *http.Request) bool
		sizes  []int
		rules  []sftpexport.CollisionRule
		fails  any    // nil if the object must be there and whole; else a part of the error, or an error
		says   string // in the report
	}{
		{
			"too busy a few times, putting (Backblaze)", answering("put", 3, 503, "ServiceUnavailable", "no tomes available"), onlySmall,
			everyRule, nil, "",
		},
		{"slow down, putting (Amazon)", answering("put", 2, 503, "SlowDown", "Please reduce your request rate."), onlySmall, everyRule, nil, ""},
		{"too many requests, putting (R2)", answering("put", 2, 429, "TooManyRequests", ""), onlySmall, everyRule, nil, ""},
		{"an internal error, beginning parts", answering("create", 2, 500, "InternalError", ""), onlyLarge, everyRule, nil, ""},
		{
			"an internal error, a part (Backblaze)",
			answering("part", 2, 500, "InternalError", "An internal error occurred.  Please retry your upload."), onlyLarge, everyRule, nil, "",
		},
		{"an internal error, joining", answering("complete", 2, 500, "InternalError", ""), onlyLarge, everyRule, nil, ""},
		{
			"an error with status 200, joining (Amazon)",
			answering("complete", 2, 200, "InternalError", "We encountered an internal error. Please try again."), onlyLarge, everyRule, nil, "",
		},
		{
			"an upload that a rule of the bucket has ended", answering("complete", -1, 404, "NoSuchUpload", ""), onlyLarge, everyRule,
			"lifecycle rule", "",
		},
		{
			"nobody may look (only s3:PutObject)", answering("head", -1, 403, "AccessDenied", ""), onlyLarge, everyRule[:1], nil,
			"it cannot be looked at",
		},
		{"nobody may delete", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodDelete {
				return true
			}
			return refuse(w, 403, "AccessDenied", "")
		}, onlySmall, everyRule, nil, ""},
		{
			"MinIO's quota", answering("put", -1, 400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded"), onlySmall, everyRule,
			sftpexport.ErrSpace, "",
		},
		{
			"MinIO's quota, parts", answering("part", -1, 400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded"), onlyLarge, everyRule,
			sftpexport.ErrSpace, "",
		},
		{"MinIO's full disk", answering("put", -1, 507, "XMinioStorageFull", ""), onlySmall, everyRule, sftpexport.ErrSpace, ""},
		{"Ceph's quota", answering("put", -1, 403, "QuotaExceeded", ""), onlySmall, everyRule, sftpexport.ErrSpace, ""},
		{
			"Backblaze's cap", answering("put", -1, 403, "AccessDenied", "Cannot upload files, storage cap exceeded."), onlySmall, everyRule,
			sftpexport.ErrSpace, "",
		},
		{
			"a policy against it", answering("put", -1, 403, "AccessDenied", "Access Denied."), onlySmall, everyRule,
			"policy must allow s3:PutObject", "",
		},
		{"a key that is too long", answering("put", -1, 400, "KeyTooLongError", ""), onlySmall, everyRule, "1024 bytes", ""},
		{"a file that is too large", answering("put", -1, 400, "EntityTooLarge", ""), onlySmall, everyRule, "no file of this size", ""},
		{
			"another region in words only (MinIO)",
			answering(
				"put", -1, 400, "AuthorizationHeaderMalformed",
				"The authorization header is malformed; the region is wrong; expecting 'eu-west-1'.",
			),
			onlySmall, everyRule, `credentials.region must be "eu-west-1"`, "",
		},
		{"a bucket with locks and no checksum", func(w http.ResponseWriter, r *http.Request) bool {
			if opOf(r) == "put" && r.Header.Get("Content-Md5") == "" && r.Header.Get("X-Amz-Checksum-Sha256") == "" {
				return refuse(w, 400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock "+
					"parameters")
			}
			return true
		}, onlySmall, everyRule, nil, ""},
		{"no chunked encoding (Alibaba, UpCloud)", func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(
				r.Header.Get("X-Amz-Content-Sha256"), "STREAMING",
			) || strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") || r.Header.Get("X-Amz-Trailer") != "" {
				return refuse(w, 400, "InvalidArgument", "aws-chunked encoding is not supported with the specified x-amz-content-sha256 value")
			}
			return true
		}, both, everyRule, nil, ""},
		{"parts of one length (R2)", func() func(http.ResponseWriter, *http.Request) bool {
			var mu sync.Mutex
			sizes := map[string]map[string]int64{}
			return func(w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				id := r.URL.Query().Get("uploadId")
				switch opOf(r) {
				case "part":
					if sizes[id] == nil {
						sizes[id] = map[string]int64{}
					}
					sizes[id][r.URL.Query().Get("partNumber")] = r.ContentLength
				case "complete":
					for n, size := range sizes[id] {
						if number, _ := strconv.Atoi(n); number < len(sizes[id]) && size != sizes[id]["1"] || size > sizes[id]["1"] {
							return refuse(w, 400, "InvalidPart", "All non-trailing parts must have the same length.")
						}
					}
				}
				return true
			}
		}(), onlyLarge, everyRule, nil, ""},
		{"no condition when parts are joined", func(w http.ResponseWriter, r *http.Request) bool {
			if opOf(r) == "complete" && r.Header.Get("If-None-Match") != "" {
				return refuse(w, 501, "NotImplemented", "A header you provided implies functionality that is not implemented")
			}
			return true
		}, onlyLarge, everyRule[:1], s3.ErrNoCondition, ""},
		{"nobody may look, small files", answering("head", -1, 403, "AccessDenied", ""), onlySmall, everyRule[:1], nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := kin(t, c.change)
			for _, rule := range c.rules {
				for _, size := range c.sizes {
					directory := fmt.Sprintf("%s-%d", rule, size)
					content := bytes.Repeat([]byte("x"), size)
					report, err := s.put(t, s.step(t, directory, rule), content)
					got := tree(t, s.dir)[directory+"/erp.csv"]
					is, _ := c.fails.(error)
					text, _ := c.fails.(string)
					switch {
					case c.fails == nil && (err != nil || got != string(content)):
						t.Errorf("%s: %d bytes, %v", directory, len(got), err)
					case c.fails != nil && (err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) || got != ""):
						t.Errorf("%s: %d bytes, %v", directory, len(got), err)
					case c.fails == nil && (c.says != "" && !strings.Contains(
						report, c.says,
					) || c.says == "" && strings.Contains(report, "cannot be looked at")):
						t.Errorf("%s: the report is\n%s", directory, report)
					}
				}
			}
		})
	}
}

// TestAStoreThatForgetsTheConditionAtTheEndOverwritesNothing: some obey it for small files
// and not when parts are joined.
func TestAStoreThatForgetsTheConditionAtTheEndOverwritesNothing(t *testing.T) {
	t.Parallel()
	var dir atomic.Value
	others := []byte("another program's")
	s := kin(t, func(_ http.ResponseWriter, r *http.Request) bool {
		switch opOf(r) {
		case "part": // after it was looked whether the name is free
			path := filepath.Join(dir.Load().(string), "in", "erp.csv")
			_ = os.MkdirAll(filepath.Dir(path), 0o755)
			_ = os.WriteFile(path, others, 0o644)
		case "complete":
			r.Header.Del("If-None-Match")
		}
		return true
	})
	dir.Store(s.dir)
	_, err := s.put(t, s.step(t, "in", sftpexport.CollisionRefuse), make([]byte, 17<<20))
	if got := tree(t, s.dir)["in/erp.csv"]; !errors.Is(err, sftpexport.ErrExists) || got != string(others) {
		t.Errorf("%d bytes are there: %v", len(got), err)
	}
}

// TestAWebPageIsNotAStore: consoles and portals answer everything with a page.
func TestAWebPageIsNotAStore(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"a page for everything": 200, "a redirect to a login": 302, "nothing": 204} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", "/login")
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(status)
				if status == 200 {
					_, _ = io.WriteString(w, "<html>Welcome</html>")
					w.(http.Flusher).Flush() // without a length
				}
			}))
			t.Cleanup(server.Close)
			s := site{
				credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports", Endpoint: server.URL, PathStyle: true, Region: "us-east-1"},
				secrets:     map[string]string{"access_key_id": "a", "secret_access_key": "b-secret-key-9"},
			}
			for _, rule := range everyRule {
				for _, size := range []int{0, 5, 17 << 20} {
					for _, conditional := range []*bool{nil, new(bool)} {
						s.credentials.ConditionalPut = conditional
						_, err := s.put(t, s.step(t, "in", rule), make([]byte, size))
						if status == 302 && !strings.Contains(fmt.Sprint(err), "StatusCode: 302") || status != 302 && !errors.Is(err, s3.ErrNotS3) {
							t.Errorf("%s, %d bytes: %v", rule, size, err)
						}
					}
				}
			}
		})
	}
}

// TestAStoreThatCannotBeReachedForGoodIsTriedOnce counts requests, by the limiter.
func TestAStoreThatCannotBeReachedForGoodIsTriedOnce(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	selfSigned := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(selfSigned.Close)
	for name, c := range map[string]struct{ endpoint, text string }{
		"a certificate that nobody trusts": {selfSigned.URL, "certificate"},
		"HTTP instead of HTTPS":            {strings.Replace(plain.URL, "http:", "https:", 1), "HTTP response to HTTPS client"},
		"no such host":                     {"http://store.invalid", "there is no host store.invalid"},
	} {
		for _, rule := range everyRule {
			s := site{
				credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports", Endpoint: c.endpoint, PathStyle: true, Region: "us-east-1"},
				secrets:     map[string]string{"access_key_id": "a", "secret_access_key": "b-secret-key-9"},
			}
			l := new(counting)
			call := rossumtest.Annotation(rossumtest.Offline()).
				With(rossumtest.Secret("access_key_id", "a"), rossumtest.Secret("secret_access_key", "b-secret-key-9"))
			step := s.step(t, "in", rule)
			step.Exports = []sftpexport.Object{{Type: "document", Name: "x"}}
			_, err := chain(t, step).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("x")), pipeline.WithLimiter(l))
			if !errors.Is(err, sftpexport.ErrConnection) || !strings.Contains(err.Error(), c.text) || len(l.targets) != 1 {
				t.Errorf("%s, %s: %d requests, error %v", name, rule, len(l.targets), err)
			}
		}
	}
}

// TestGoogleByItsDocumentation: a store at Google's address that takes MD5 only, has generations
// for conditions, none of them when parts are joined, and a front end that changes headers.
func TestGoogleByItsDocumentation(t *testing.T) {
	t.Parallel()
	s := realtest.NewVersityGW(t)
	signed := regexp.MustCompile(`SignedHeaders=([^,]*)`)
	google := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		failure := func(status int, code string) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/xml"}},
				Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>no</Message></Error>")),
			}, nil
		}
		found := signed.FindStringSubmatch(r.Header.Get("Authorization"))
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Sdk-Checksum-Algorithm" {
				return failure(400, "InvalidArgument")
			}
		}
		switch {
		case r.URL.Host != "storage.googleapis.com" || found == nil:
			return failure(400, "WrongHost")
		case strings.Contains(found[1], "accept-encoding"):
			return failure(403, "SignatureDoesNotMatch")
		case r.Header.Get("If-None-Match") != "":
			return failure(400, "InvalidArgument")
		case opOf(r) == "complete" && r.Header.Get("X-Goog-If-Generation-Match") != "":
			return failure(400, "InvalidArgument")
		}
		return s.Again(t, r) // signed again, since the address is another
	})}
	large := bytes.Repeat([]byte("g"), 17<<20)
	for _, rule := range everyRule {
		for _, content := range [][]byte{[]byte("small"), large} {
			directory := fmt.Sprintf("%s-%d", rule, len(content))
			for try := range 2 {
				step := site{
					credentials: sftpexport.Credentials{Type: "s3", Bucket: realtest.Bucket, Endpoint: "https://storage.googleapis.com", PathStyle: true},
				}.step(
					t,
					directory,
					rule,
				)
				step.Exports = []sftpexport.Object{{Type: "document", Name: "erp"}}
				call := rossumtest.Annotation(rossumtest.Offline()).
					With(rossumtest.Secret("access_key_id", "GOOG"), rossumtest.Secret("secret_access_key", "google-hmac-secret-1"))
				_, err := chain(
					t,
					step,
				).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes(content[try:])), pipeline.WithHTTPClient(google))
				files := tree(t, s.Dir+"/"+realtest.Bucket)
				name := directory + "/erp.pdf"
				if try == 1 && rule == sftpexport.CollisionNumber {
					name = directory + "/erp-1.pdf"
				}
				if try == 1 && rule == sftpexport.CollisionRefuse {
					if !errors.Is(err, sftpexport.ErrExists) || files[name] != string(content) {
						t.Errorf("%s, again: %v", directory, err)
					}
				} else if err != nil || files[name] != string(content[try:]) {
					t.Errorf("%s, try %d: %d bytes, %v", directory, try, len(files[name]), err)
				}
			}
		}
	}
}

// TestBackblazeByItsDocumentation: a region in the endpoint, no newer checksums, and no
// conditions.
func TestBackblazeByItsDocumentation(t *testing.T) {
	t.Parallel()
	s := realtest.NewVersityGW(t)
	backblaze := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		failure := func(status int, code, message string) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/xml"}},
				Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>")),
			}, nil
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Sdk-Checksum-Algorithm" {
				return failure(400, "InvalidArgument", "Unsupported header '"+strings.ToLower(name)+"' received for this API call.")
			}
		}
		switch {
		case r.URL.Host != "exports.s3.us-west-004.backblazeb2.com" || !strings.Contains(r.Header.Get("Authorization"), "/us-west-004/s3/"):
			return failure(400, "AuthorizationHeaderMalformed", "wrong region")
		case r.Header.Get("If-None-Match") != "":
			return failure(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
		}
		r = r.Clone(r.Context())
		r.URL.Path = "/exports" + r.URL.Path
		return s.Again(t, r)
	})}
	put := func(rule sftpexport.CollisionRule, conditional *bool, content []byte) error {
		step := site{credentials: sftpexport.Credentials{
			Type: "s3", Bucket: realtest.Bucket, Endpoint: "https://s3.us-west-004.backblazeb2.com", ConditionalPut: conditional,
		}}.step(t, fmt.Sprintf("%s-%d", rule, len(content)), rule)
		step.Exports = []sftpexport.Object{{Type: "document", Name: "erp"}}
		call := rossumtest.Annotation(rossumtest.Offline()).
			With(rossumtest.Secret("access_key_id", "B2"), rossumtest.Secret("secret_access_key", "backblaze-secret-1"))
		_, err := chain(
			t,
			step,
		).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes(content)), pipeline.WithHTTPClient(backblaze))
		return err
	}
	for _, content := range [][]byte{[]byte("small"), bytes.Repeat([]byte("b"), 17<<20)} {
		for _, rule := range everyRule {
			name := fmt.Sprintf("%s-%d/erp.pdf", rule, len(content))
			if rule != sftpexport.CollisionReplace {
				if err := put(rule, nil, content); !errors.Is(err, s3.ErrNoCondition) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := put(rule, new(bool), content); err != nil || tree(t, s.Dir+"/"+realtest.Bucket)[name] != string(content) {
				t.Errorf("%s, without conditions: %v", name, err)
			}
			if err := put(rule, new(bool), content); (err != nil) != (rule == sftpexport.CollisionRefuse) ||
				err != nil && !errors.Is(err, sftpexport.ErrExists) {
				t.Errorf("%s, again: %v", name, err)
			}
		}
	}
}

// TestAnotherObjectUnderTheNameIsNotOursCutShort: exports that replace each other's objects
// may find another one's where theirs was; an object of nobody's is told as a fault.
func TestAnotherObjectUnderTheNameIsNotOursCutShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id string
		want     error
	}{
		{"another export's", "another", nil},
		{"nobody's", "", sftpexport.ErrSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := kin(t, func(w http.ResponseWriter, r *http.Request) bool {
				if opOf(r) != "put" && opOf(r) != "head" || isProbe(r) {
					return true
				}
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("ETag", `"not-an-md5"`)
				if opOf(r) == "head" {
					w.Header().Set("Content-Length", "3")
					if c.id != "" {
						w.Header().Set("X-Amz-Meta-Exportpipeline-Id", c.id)
					}
				}
				return false
			})
			report, err := s.put(t, s.step(t, "in", sftpexport.CollisionReplace), []byte("content"))
			if !errors.Is(err, c.want) || (err == nil) != strings.Contains(report, "somebody else has put another object there") {
				t.Errorf("%v\n%s", err, report)
			}
		})
	}
}
