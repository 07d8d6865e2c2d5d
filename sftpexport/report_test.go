package sftpexport_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// ofUnknownSize is a document as it comes from Rossum.
type ofUnknownSize string

func (d ofUnknownSize) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(d))), nil
}

func (ofUnknownSize) Size() int64 { return -1 }

func TestTheReportSaysHowManyBytesOfAStreamWereSent(t *testing.T) {
	t.Parallel()
	s, err := sftptest.NewServer("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, size := range []int{7, 100_000} {
		step := &sftpexport.Step{Credentials: s.Credentials(), Rules: []sftpexport.Rule{{
			Directory: "/", FilenameCollision: &sftpexport.Collision{Replace: true},
			Objects: []sftpexport.Object{{Type: sftpexport.ObjectDocument, Name: "a"}},
		}}}
		t.Cleanup(func() { _ = step.Close() })
		call := rossumtest.Annotation(rossumtest.Offline())
		for name, secret := range s.Secrets() {
			call.With(rossumtest.Secret(name, secret))
		}
		var report *pipeline.Report
		_, err = chain(t, step).Export(t.Context(), call.Payload(),
			pipeline.WithOriginal(ofUnknownSize(strings.Repeat("x", size))),
			pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
		if err != nil {
			t.Fatal(err)
		}
		if calls := report.Steps[0].Calls; len(calls) != 1 || calls[0].Sent != int64(size) {
			t.Errorf("%d bytes: the report has %+v", size, calls)
		}
	}
}
