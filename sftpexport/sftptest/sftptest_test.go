package sftptest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a destination in memory, which breaks the rule that it is told to.
type shelf struct {
	mu     sync.Mutex
	files  map[string][]byte
	counts map[string]int64
	breaks string
}

func (s *shelf) harness() sftptest.Harness {
	return sftptest.Harness{
		Flat: true, Large: 1 << 20,
		Open: func(context.Context) (sftpexport.Destination, error) { return s, nil },
		Read: func(context.Context) (map[string][]byte, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return maps.Clone(s.files), nil
		},
		Put: func(_ context.Context, path string, data []byte) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.files[path] = data
			return nil
		},
	}
}

func (s *shelf) Stage(ctx context.Context, f sftpexport.File) (sftpexport.Staged, error) {
	var data []byte
	var err error
	for range 2 {
		if data, err = read(ctx, f); err == nil || ctx.Err() != nil {
			break
		}
	}
	if s.breaks == "swallow errors" {
		err = nil
	}
	if size := f.Content.Size(); err == nil && size >= 0 && size != int64(len(data)) && s.breaks != "size" {
		err = sftpexport.ErrSize
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.breaks == "early" || s.breaks == "leave parts" && err != nil {
		s.files[f.Path()] = data
	}
	if s.breaks == "leave hidden" {
		s.files[f.Directory+"/"+sftpexport.HiddenPrefix+f.Name] = data
	}
	return &book{s, f, data, false}, err
}

func read(ctx context.Context, f sftpexport.File) ([]byte, error) {
	r, err := f.Content.Open(ctx)
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	for {
		if ctx.Err() != nil {
			return data.Bytes(), ctx.Err()
		}
		if _, err := io.CopyN(&data, r, 64<<10); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return data.Bytes(), err
		}
	}
}

func (s *shelf) Holds(_ context.Context, f sftpexport.File) (bool, error) {
	want, err := read(context.Background(), f)
	s.mu.Lock()
	defer s.mu.Unlock()
	data, there := s.files[f.Path()]
	if s.breaks == "holds by size" {
		return there && len(data) == len(want), err
	}
	return there && bytes.Equal(data, want), err
}

func (s *shelf) Count(_ context.Context, directory string, _ bool) (int64, error) {
	s.mu.Lock()
	n := s.counts[directory]
	if s.breaks != "count" || n < 5 {
		s.counts[directory]++
		n++
	}
	s.mu.Unlock()
	return n, nil
}

func (s *shelf) Close() error { return nil }

type book struct {
	s    *shelf
	f    sftpexport.File
	data []byte
	done bool
}

func (b *book) Commit(ctx context.Context) (string, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.done || ctx.Err() != nil && b.s.breaks != "ignore the context" {
		return "", errors.Join(ctx.Err(), errors.New("too late"))
	}
	path := b.f.Path()
	for n := 1; b.f.Collision != sftpexport.CollisionReplace && b.s.breaks != "overwrite"; n++ {
		if _, taken := b.s.files[path]; !taken {
			break
		}
		if b.f.Collision == sftpexport.CollisionRefuse {
			return "", sftpexport.ErrExists
		}
		i := strings.LastIndexByte(b.f.Name, '.')
		path = b.f.Directory + "/" + b.f.Name[:i] + fmt.Sprintf("-%d", n) + b.f.Name[i:]
	}
	b.done = b.s.breaks != "commit twice"
	b.s.files[path] = b.data
	if b.s.breaks == "cut" && len(b.data) > 1000 {
		b.s.files[path] = b.data[:1000]
	}
	return path, nil
}

func (b *book) Discard() error { return nil }

func TestTheSuitePassesWhatIsRight(t *testing.T) {
	t.Parallel()
	s := &shelf{files: make(map[string][]byte), counts: make(map[string]int64)}
	sftptest.TestDestination(t, s.harness())
}

func TestTheSuiteFindsEachBreach(t *testing.T) {
	t.Parallel()
	for breach, want := range map[string]error{
		"early": sftptest.ErrPartial, "cut": sftptest.ErrContent, "overwrite": sftptest.ErrMissed, "commit twice": sftptest.ErrMissed,
		"leave hidden": sftptest.ErrLeft, "leave parts": sftptest.ErrLeft, "size": sftptest.ErrMissed, "swallow errors": sftptest.ErrMissed,
		"count": sftptest.ErrCounter, "holds by size": sftptest.ErrContent, "ignore the context": sftptest.ErrMissed,
	} {
		t.Run(breach, func(t *testing.T) {
			t.Parallel()
			s := &shelf{files: make(map[string][]byte), counts: make(map[string]int64), breaks: breach}
			if err := sftptest.CheckDestination(t.Context(), s.harness()); !errors.Is(err, want) {
				t.Errorf("the error is %v, want %v", err, want)
			}
		})
	}
}

func TestAServerGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	s, err := sftptest.NewServer("")
	if err != nil {
		t.Fatal(err)
	}
	address := s.Addr()
	s.Stop()
	if err := s.Start(); err != nil || s.Addr() != address {
		t.Errorf("%v: %s, then %s", err, address, s.Addr())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
