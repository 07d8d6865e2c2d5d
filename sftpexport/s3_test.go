package sftpexport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

var withS3 = map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}

func newS3(t testing.TB) *s3test.Server {
	t.Helper()
	s := s3test.NewServer()
	t.Cleanup(s.Close)
	return s
}

func s3Step(t testing.TB, s *s3test.Server, collision *sftpexport.Collision) *sftpexport.Step {
	t.Helper()
	step := &sftpexport.Step{
		Credentials: s.Credentials(), Backends: withS3,
		Rules: []sftpexport.Rule{{
			Directory: "/out/{document_id}", FilenameCollision: collision,
			Objects: []sftpexport.Object{{Type: "document", Name: "{annotation.id}"}},
		}},
	}
	t.Cleanup(func() { _ = step.Close() })
	return step
}

func s3Call(s *s3test.Server, parts ...rossumtest.Part) *rossumtest.Call {
	c := rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Offline())
	for name, secret := range s.Secrets() {
		c.With(rossumtest.Secret(name, secret))
	}
	return c.With(parts...)
}

const s3Key = "out/2026-0042/314528.pdf"

func TestTheFakeBucketKeepsTheSuitesPromises(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	sftptest.TestDestination(t, inBucket(t, s.Credentials(), s.Secrets()))
}

func TestWhatABucketGetsWrong(t *testing.T) {
	t.Parallel()
	small, large := invoice, bytes.Repeat(invoice, 5)
	replace := &sftpexport.Collision{Replace: true}
	number := &sftpexport.Collision{Number: true}
	for _, c := range []struct {
		name   string
		data   []byte
		rule   *sftpexport.Collision
		faults []s3test.Fault
		is     error // nil for a file that arrives
		code   string
		key    string // s3Key if ""
	}{
		{name: "nothing", data: small},
		{name: "nothing, in parts", data: large},
		{name: "asked to slow down", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 503, Code: "SlowDown", Times: 2}}},
		{name: "internal error", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 500, Code: "InternalError"}}},
		{name: "parts asked to slow down", data: large, faults: []s3test.Fault{{Op: "UploadPart", Status: 503, Code: "SlowDown", Times: 2}}},
		{name: "joining asked to slow down", data: large, faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Status: 503, Code: "SlowDown"}}},
		{name: "cut while sending", data: small, faults: []s3test.Fault{{Op: "PutObject", Cut: true}}},
		{name: "part cut while sending", data: large, faults: []s3test.Fault{{Op: "UploadPart", Cut: true}}},
		{name: "part's answer lost", data: large, faults: []s3test.Fault{{Op: "UploadPart", CutAfter: true}}},
		{name: "answer lost", data: small, faults: []s3test.Fault{{Op: "PutObject", CutAfter: true}}},
		{name: "answer lost, replacing", data: small, rule: replace, faults: []s3test.Fault{{Op: "PutObject", CutAfter: true}}},
		{name: "answer lost, numbering", data: small, rule: number, faults: []s3test.Fault{{Op: "PutObject", CutAfter: true}}},
		{name: "error after it was done", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 503, Code: "SlowDown"}, {Op: "PutObject", CutAfter: true}}},
		{name: "joining's answer lost", data: large, faults: []s3test.Fault{{Op: "CompleteMultipartUpload", CutAfter: true}}},
		{name: "joining cut before", data: large, faults: []s3test.Fault{{Op: "CompleteMultipartUpload", CutBefore: true}}},
		{name: "answer lost, and the server slow", data: small, faults: []s3test.Fault{
			{Op: "PutObject", CutAfter: true}, {Op: "HeadObject"}, {Op: "HeadObject", Delay: 2500 * time.Millisecond},
		}},
		{name: "joining cut before, and the server slow", data: large, faults: []s3test.Fault{
			{Op: "CompleteMultipartUpload", CutBefore: true}, {Op: "ListParts", Delay: 2500 * time.Millisecond},
		}},
		{name: "request lost when all was sent", data: small, faults: []s3test.Fault{{Op: "PutObject", CutBefore: true}}, is: sftpexport.ErrUnknownOutcome},
		{name: "conflict", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 409, Code: "ConditionalRequestConflict"}}},
		{name: "conflict when joining", data: large, faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Status: 409, Code: "ConditionalRequestConflict"}}},
		{name: "corrupted", data: small, faults: []s3test.Fault{{Op: "PutObject", Corrupt: true}}, code: "BadDigest"},
		{name: "corrupted part", data: large, faults: []s3test.Fault{{Op: "UploadPart", Corrupt: true}}, code: "BadDigest"},
		{name: "forbidden", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 403, Code: "AccessDenied"}}, code: "AccessDenied"},
		{name: "may not look", data: small, faults: []s3test.Fault{{Op: "HeadObject", Status: 403, Code: "AccessDenied", Times: -1}}},
		{name: "no space", data: small, faults: []s3test.Fault{{Op: "PutObject", Status: 507, Code: "InsufficientStorage"}}, is: sftpexport.ErrSpace},
		{name: "never answers well", data: large, faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Status: 503, Code: "SlowDown", Times: -1}}, code: "SlowDown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			s.Fail(c.faults...)
			_, err := chain(t, s3Step(t, s, c.rule)).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes(c.data)))
			failing := c.is != nil || c.code != ""
			if (err != nil) != failing || c.is != nil && !errors.Is(err, c.is) || err != nil && !strings.Contains(err.Error(), c.code) {
				t.Errorf("the error is %v", err)
			}
			objects := s.Objects()
			switch {
			case failing && len(objects) > 0:
				t.Errorf("there is an object: %v", s.Calls())
			case !failing && (len(objects) != 1 || objects[s3Key] == nil || !bytes.Equal(objects[s3Key].Data, c.data)):
				t.Errorf("the object is not what was sent: %v", s.Calls())
			}
			if left := s.Uploads(); len(left) > 0 {
				t.Errorf("uploads are left: %v", left)
			}
		})
	}
}

func TestACanceledUploadIsAborted(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			ctx, cancel := context.WithCancel(t.Context())
			s.Fail(s3test.Fault{Op: op, Before: cancel, Delay: 100 * time.Millisecond})
			_, err := chain(t, s3Step(t, s, nil)).Export(ctx, s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes(bytes.Repeat(invoice, 8))))
			if op != "CompleteMultipartUpload" && !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
			// A request whose client has hung up may be carried out all the same.
			deadline := time.Now().Add(5 * time.Second)
			for len(s.Uploads()) > 0 && time.Now().Before(deadline) {
				time.Sleep(10 * time.Millisecond)
			}
			if left := s.Uploads(); len(left) > 0 {
				t.Errorf("uploads are left: %v", left)
			}
			if n := len(s.Objects()); (err == nil) != (n == 1) {
				t.Errorf("the error is %v, and there are %d objects", err, n)
			}
		})
	}
}

func TestWrongS3KeysAreAnErrorWithoutThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secret, value string
		is            error
		text          string
	}{
		{"access_key_id", "another-access-key", sftpexport.ErrAuth, "InvalidAccessKeyId"},
		{"secret_access_key", "another-secret-key", sftpexport.ErrAuth, "SignatureDoesNotMatch"},
		{"secret_access_key", "", nil, "no secret_access_key"},
		{"access_key_id", "", nil, "no access_key_id"},
		{"type", "sftp", nil, `secret type is "sftp"`},
	} {
		t.Run(c.secret+" "+c.value, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			call := s3Call(s, rossumtest.Secret(c.secret, c.value))
			_, err := chain(t, s3Step(t, s, &sftpexport.Collision{Replace: true})).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("x")))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && c.value != "" && c.secret != "type" && strings.Contains(err.Error(), c.value) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

func TestObjectsGetMetadataAndEncryption(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	step := s3Step(t, s, nil)
	step.Credentials.Metadata = map[string]string{"source": "rossum"}
	step.Credentials.ServerSideEncryption = "AES256"
	for _, data := range [][]byte{invoice, bytes.Repeat(invoice, 5)} {
		if _, err := chain(t, step).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes(data))); err != nil {
			t.Fatal(err)
		}
		o := s.Objects()[s3Key]
		if o.Metadata["source"] != "rossum" || o.Header.Get("X-Amz-Server-Side-Encryption") != "AES256" {
			t.Errorf("metadata %v, header %v", o.Metadata, o.Header)
		}
		s.Delete(s3Key)
	}
}

func TestOriginalsAreStreamedInParts(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	data := bytes.Repeat(invoice, 8)
	most := &lag{sent: func() int64 {
		n := int64(0)
		for _, call := range s.Calls() {
			if strings.HasPrefix(call, "UploadPart") {
				n += 8 << 20
			}
		}
		return n
	}}
	content := streamed{data: data, lag: most}
	if _, err := chain(t, s3Step(t, s, nil)).Export(t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(content)); err != nil {
		t.Fatal(err)
	}
	// Three parts are under way at most, and a fourth is being read.
	if most.most > 4*8<<20 {
		t.Errorf("%d bytes were read ahead of what was sent", most.most)
	}
}

// streamed is content that knows how far it was read ahead of what has arrived.
type streamed struct {
	data []byte
	lag  *lag
}

type lag struct {
	read, most int64
	sent       func() int64
}

func (s streamed) Size() int64 { return int64(len(s.data)) }

func (s streamed) Open(context.Context) (io.ReadCloser, error) {
	r := bytes.NewReader(s.data)
	return io.NopCloser(readFunc(func(p []byte) (int, error) {
		n, err := r.Read(p[:min(len(p), 1<<20)])
		s.lag.read += int64(n)
		s.lag.most = max(s.lag.most, s.lag.read-s.lag.sent())
		return n, err
	})), nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
