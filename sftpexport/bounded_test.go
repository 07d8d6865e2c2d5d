package sftpexport_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// A directory whose listing is given up is looked at name by name.
func TestAListingWithoutAnEndIsGivenUp(t *testing.T) {
	t.Parallel()
	s, err := sftptest.NewServer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := os.WriteFile(filepath.Join(s.Dir, "1.pdf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Fail(sftptest.Fault{Op: "list", Endless: true, Times: -1})
	step := &sftpexport.Step{Credentials: s.Credentials(), Rules: []sftpexport.Rule{{
		Directory: "/", FilenameCollision: &sftpexport.Collision{Number: true}, Objects: []sftpexport.Object{{Type: "document", Name: "1"}},
	}}}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range s.Secrets() {
		call.With(rossumtest.Secret(name, secret))
	}
	_, err = chain(t, step).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes(invoice)))
	if _, stat := os.Stat(filepath.Join(s.Dir, "1-1.pdf")); err != nil || stat != nil {
		t.Errorf("the error is %v; looking for the file: %v", err, stat)
	}
}

func TestAnAnswerOfAStoreWithoutAnEndIsAnError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusForbidden, http.StatusNotFound} {
		block := strings.Repeat("<Code>AccessDenied</Code>", 4000)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error>")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, block); err != nil {
					return
				}
			}
		}))
		t.Cleanup(s.Close)
		step := &sftpexport.Step{
			Backends:    map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})},
			Credentials: sftpexport.Credentials{Type: "s3", Bucket: "bucket", Endpoint: s.URL, Region: "us-east-1", PathStyle: true},
			Rules:       []sftpexport.Rule{{Directory: "/out", FilenameCollision: &sftpexport.Collision{Replace: true}, Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
		}
		t.Cleanup(func() { _ = step.Close() })
		call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("access_key_id", "id"), rossumtest.Secret("secret_access_key", "key-of-the-bucket"))
		_, err := chain(t, step).Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes(strings.Repeat("x", 17<<20))))
		if err == nil || !strings.Contains(err.Error(), "the store's answer is too large") {
			t.Errorf("status %d: the error is %v", status, err)
		}
	}
}
