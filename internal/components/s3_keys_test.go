package components_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
)

// Package pipeline has this test for the secrets of the other components.
func TestKeysOfS3AreMissedBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ secret, want string }{
		"both":           {"", "credentials: the hook has no secrets access_key_id and secret_access_key"},
		"the secret one": {"access_key_id", "credentials: the hook has the secret access_key_id and no secret_access_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int32
			erp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
			defer erp.Close()
			chain, err := pipeline.New(
				&steps.RESTExport{Request: steps.Request{URL: erp.URL, Method: "POST", Content: "x"}},
				&sftpexport.Step{
					Backends:    map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})},
					Credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports", Region: "eu-west-1"},
					Rules:       []sftpexport.Rule{{Directory: "in", Objects: []sftpexport.Object{{Type: "document", Name: "a"}}}},
				},
			)
			if err != nil {
				t.Fatal(err)
			}
			defer chain.Close()
			call := rossumtest.Annotation(rossumtest.Offline())
			if tt.secret != "" {
				call.With(rossumtest.Secret(tt.secret, "canary"))
			}
			_, err = chain.Export(t.Context(), call.Payload())
			text := fmt.Sprint(err)
			if !errors.Is(err, pipeline.ErrNoSecret) || !strings.Contains(text, tt.want) || strings.Contains(text, "canary") || seen.Load() != 0 {
				t.Errorf("%d calls, %v", seen.Load(), err)
			}
		})
	}
}
