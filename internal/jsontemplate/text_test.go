package jsontemplate

import (
	"context"
	"errors"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

func TestAFileThatIsTooLargeIsNotPutIntoText(t *testing.T) {
	t.Parallel()
	file := make(httpcall.Bytes, maxText+1)
	if _, err := ReadText(context.Background(), file); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d bytes: %v", len(file), err)
	}
	if text, err := ReadText(context.Background(), file[:maxText]); err != nil || len(text) != maxText {
		t.Errorf("%d bytes: %v", maxText, err)
	}
}
