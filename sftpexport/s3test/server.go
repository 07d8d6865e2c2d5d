// Package s3test is an S3 server in memory for tests, which does what it is told to
// get wrong.
//
// It knows what an exporter needs: objects with conditions (If-None-Match),
// checksums (SHA-256, CRC-32, CRC-32C, MD5) and metadata, lists, and uploads in
// parts. It checks signatures (version 4, in the header). It is no judge of what
// S3 is: package sftpexport is tested against a real server, too.
package s3test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// Keys that the server takes, and its bucket.
const (
	AccessKey = "s3test-access-key"
	SecretKey = "s3test-secret-key-7f02"
	Bucket    = "exports"
)

// Server is a running S3 server. Its methods may be used while it serves.
type Server struct {
	// URL is its endpoint.
	URL string

	server *httptest.Server

	mu      sync.Mutex
	objects map[string]*Object
	uploads map[string]*upload
	nextID  int
	faults  []*Fault
	calls   []string
}

// Object is what the server keeps under a key.
type Object struct {
	Data     []byte
	Metadata map[string]string // lower case names
	Header   http.Header       // of the request that made it
	checksum map[string]string // header name to value
	parts    int               // that it was made of, 0 if it was put at once
}

type upload struct {
	key    string
	header http.Header
	parts  map[int]*Object
}

// Fault makes the server misbehave.
type Fault struct {
	// Op is PutObject, GetObject, HeadObject, DeleteObject, ListObjectsV2,
	// CreateMultipartUpload, UploadPart, CompleteMultipartUpload,
	// AbortMultipartUpload, ListParts or ListMultipartUploads; "" fits all.
	Op string
	// Key is a part of the object's key; "" fits all but the object by which an exporter
	// finds out what the server can.
	Key string
	// Status and Code are the answer, such as 503 and SlowDown.
	Status int
	Code   string
	// Header is added to the answer.
	Header http.Header
	// Cut closes the connection instead of reading the body.
	Cut bool
	// CutBefore reads the body and closes the connection without doing anything.
	CutBefore bool
	// CutAfter closes the connection when the operation has been carried out, so
	// that its answer is lost.
	CutAfter bool
	// Corrupt changes a byte of the body.
	Corrupt bool
	// Before and After are called around the operation.
	Before, After func()
	// Delay is how long the server waits before the operation.
	Delay time.Duration
	// Times is how often the fault happens; once if 0, always if negative.
	Times int
}

// NewServer starts a server. Call Close when done.
func NewServer() *Server {
	s := &Server{objects: make(map[string]*Object), uploads: make(map[string]*upload)}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.server.URL
	return s
}

// Close stops the server and waits for its calls to end.
func (s *Server) Close() { s.server.Close() }

// Credentials are the settings for this server.
func (s *Server) Credentials() sftpexport.Credentials {
	return sftpexport.Credentials{Type: "s3", Bucket: Bucket, Endpoint: s.URL, PathStyle: true}
}

// Secrets are the secrets for this server.
func (s *Server) Secrets() rossum.Secrets {
	return rossum.Secrets{"type": "s3", "access_key_id": AccessKey, "secret_access_key": SecretKey}
}

// Fail makes the next calls that fit fail, in this order.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Objects returns what is in the bucket, by key.
func (s *Server) Objects() map[string]*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects := make(map[string]*Object, len(s.objects))
	for key, o := range s.objects {
		objects[key] = o
	}
	return objects
}

// Put puts an object there as somebody else would.
func (s *Server) Put(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = &Object{Data: data}
}

// Delete removes an object.
func (s *Server) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
}

// Uploads lists the keys of uploads in parts that have not ended.
func (s *Server) Uploads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for _, u := range s.uploads {
		keys = append(keys, u.key)
	}
	slices.Sort(keys)
	return keys
}

// Calls lists the operations so far, as "PutObject key".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// fault notes a call, and takes the first fault that fits it.
func (s *Server) fault(op, key string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, op+" "+key)
	for i, f := range s.faults {
		if f.Op != "" && f.Op != op || !strings.Contains(key, f.Key) || f.Key == "" && strings.HasSuffix(key, "/.exportpipeline-probe") {
			continue
		}
		if f.Times == 0 || f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return f
	}
	return nil
}
