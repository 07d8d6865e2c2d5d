package sftpexport_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

func TestProFTPDIsAskedForTheHash(t *testing.T) {
	t.Parallel()
	s := realtest.NewProFTPD(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	for _, data := range [][]byte{content, []byte("x")} {
		if err := os.WriteFile(filepath.Join(s.Dir, "f"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := opener(t, s.Credentials(), s.Secrets())(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := sftpexport.HashOf(t.Context(), d, "/f")
		if want := sha256.Sum256(data); err != nil || !bytes.Equal(got, want[:]) {
			t.Errorf("%d bytes: the hash is %x, want %x: %v", len(data), got, want, err)
		}
	}
}

func TestOtherBytesThanWereSentAreAnError(t *testing.T) {
	t.Parallel()
	s := paramiko(dict{"extensions": []string{"check-file"}, "hash_of": "something else"})(t)
	for _, size := range []int{10, 100 << 10} {
		_, err := s.put(t, s.step(t, "/in", sftpexport.CollisionReplace), bytes.Repeat([]byte("x"), size))
		if !errors.Is(err, sftpexport.ErrContent) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
