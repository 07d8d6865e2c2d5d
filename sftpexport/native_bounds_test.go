package sftpexport

import (
	"context"
	"errors"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestANativeExportThatIsMadeHereEndsWithTheRun(t *testing.T) {
	t.Parallel()
	x := &pipeline.Export{Payload: rossumtest.Annotation(rossumtest.Field("name", "Bob")).Payload()}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, f := range native.Formats() {
		if data, err := localNative(t.Context(), x, f); err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", f, len(data), err)
		}
		if _, err := localNative(ended, x, f); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestANativeExportThatIsMadeHereIsBounded(t *testing.T) {
	t.Parallel()
	b := bounded{ctx: t.Context(), limit: 4 << 10}
	block := make([]byte, 1<<10)
	for i := range 5 {
		if _, err := b.Write(block); (err != nil) != (i == 4) {
			t.Errorf("block %d: %v", i, err)
		}
	}
}
