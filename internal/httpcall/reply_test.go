package httpcall

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestABodyIsReadToItsEndWhateverItsHeaderSaysOfItsLength(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	for _, size := range []int{0, 1, 511, 512, 513, 70_000} {
		want := bytes.Repeat([]byte("x"), size)
		for _, announced := range []int64{-1, 0, 1, int64(size) - 1, int64(size), int64(size) + 1, 1 << 40} {
			for name, r := range map[string]io.Reader{
				"at once": bytes.NewReader(want), "by the byte": iotest.OneByteReader(bytes.NewReader(want)), "with its end": iotest.DataErrReader(bytes.NewReader(want)),
			} {
				if got, err := ReadAll(r, announced); err != nil || !bytes.Equal(got, want) || got == nil {
					t.Errorf("%d bytes, %d announced, %s: %d, %v", size, announced, name, len(got), err)
				}
			}
			if got, err := ReadAll(io.MultiReader(bytes.NewReader(want), iotest.ErrReader(cut)), announced); !errors.Is(err, cut) ||
				!bytes.Equal(got, want) {
				t.Errorf("%d bytes, %d announced, cut off: %d, %v", size, announced, len(got), err)
			}
		}
	}
}
