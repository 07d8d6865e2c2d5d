package send_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestAClientSendsBodiesOfAnySizeOnce(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	for _, tt := range []struct {
		name string
		body io.Reader
		size int
	}{
		{"none", nil, 0},
		{"small", strings.NewReader("invoice"), 7},
		{"large, and can be read again", strings.NewReader(large), len(large)},
		{"large, a stream", io.MultiReader(strings.NewReader(large), strings.NewReader("end")), len(large) + 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t, created)
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/x", tt.body)
				if err != nil {
					return err
				}
				reply, err := send.Client(x).Do(req)
				if err != nil {
					return err
				}
				return reply.Body.Close()
			}), rossumtest.Annotation())
			if sent := strings.TrimPrefix(e.got(), "POST /x"); r.Err != nil || len(strings.TrimSpace(sent)) != tt.size {
				t.Errorf("%v, %d bytes arrived, want %d", r.Err, len(strings.TrimSpace(sent)), tt.size)
			}
		})
	}
}

func TestAClientSeesARepliesBodyAsItIs(t *testing.T) {
	t.Parallel()
	e := newERP(t, func(w http.ResponseWriter, r *http.Request) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, "host "+r.Host)
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(packed.Bytes())
	})
	r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL, nil)
		if err != nil {
			return err
		}
		req.Host = "erp.example"
		reply, err := send.Client(x).Do(req)
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		data, err := io.ReadAll(reply.Body)
		if got := fmt.Sprint(reply.Status, " ", string(data), " ", reply.ContentLength, reply.Header["Content-Encoding"]); got != "418 I'm a teapot host erp.example 16 []" {
			t.Errorf("got %s", got)
		}
		return err
	}), rossumtest.Annotation())
	if r.Err != nil {
		t.Error(r.Err)
	}
}
