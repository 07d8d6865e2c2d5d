package sftptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

func (s *suite) whole(ctx context.Context) error {
	want := make(map[string][]byte)
	for _, size := range s.sizes() {
		name := fmt.Sprintf("f%d.bin", size)
		data := text(name, size)
		err := s.with(ctx, func(d sftpexport.Destination) error {
			staged, err := d.Stage(ctx, s.file(name, data, sftpexport.CollisionNumber))
			if err != nil {
				return err
			}
			visible, _, err := s.seen(ctx)
			if err != nil {
				return err
			}
			if _, there := visible[name]; there {
				return fmt.Errorf("%w: %s is there before Commit", errPartial, name)
			}
			path, err := staged.Commit(ctx)
			if err != nil {
				return err
			}
			if path != s.dir+"/"+name {
				return fmt.Errorf("%w: Commit says %q", errContent, path)
			}
			if _, err := staged.Commit(ctx); err == nil {
				return fmt.Errorf("%w: a second Commit", errMissed)
			}
			return errors.Join(staged.Discard(), staged.Discard())
		})
		if err != nil {
			return err
		}
		want[name] = data
		if err := s.want(ctx, errContent, want); err != nil {
			return err
		}
	}
	unknown := text("unknown", s.large())
	f := s.file("unknown.bin", nil, sftpexport.CollisionRefuse)
	f.Content = source{data: unknown, size: -1, open: func(r io.Reader) io.Reader { return r }}
	if _, err := s.put(ctx, f); err != nil {
		return fmt.Errorf("content of unknown size: %w", err)
	}
	want["unknown.bin"] = unknown
	return s.want(ctx, errContent, want)
}

func (s *suite) discarded(ctx context.Context) error {
	for _, size := range s.sizes() {
		err := s.with(ctx, func(d sftpexport.Destination) error {
			staged, err := d.Stage(ctx, s.file("f.bin", text("x", size), sftpexport.CollisionRefuse))
			if err != nil {
				return err
			}
			return errors.Join(staged.Discard(), staged.Discard())
		})
		if err != nil {
			return err
		}
		if err := s.want(ctx, errLeft, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) refuse(ctx context.Context) error {
	for _, size := range []int{5, s.large()} {
		name := fmt.Sprintf("f%d.txt", size)
		there := s.dir + "/" + name
		data := text("new", size)
		err := s.with(ctx, func(d sftpexport.Destination) error {
			staged, err := d.Stage(ctx, s.file(name, data, sftpexport.CollisionRefuse))
			if err != nil {
				return err
			}
			// Somebody else is faster.
			if err := s.Put(ctx, there, []byte("old")); err != nil {
				return err
			}
			_, err = staged.Commit(ctx)
			if !errors.Is(err, sftpexport.ErrExists) {
				return fmt.Errorf("%w: Commit onto a name that is taken: %w", errMissed, err)
			}
			return staged.Discard()
		})
		if err != nil {
			return err
		}
		if _, err := s.put(ctx, s.file(name, data, sftpexport.CollisionRefuse)); !errors.Is(err, sftpexport.ErrExists) {
			return fmt.Errorf("%w: the name is taken: %w", errMissed, err)
		}
	}
	return s.want(ctx, errTouched, map[string][]byte{"f5.txt": []byte("old"), fmt.Sprintf("f%d.txt", s.large()): []byte("old")})
}

func (s *suite) replace(ctx context.Context) error {
	old, size := text("old", 1<<20), 1<<20
	if err := s.with(ctx, func(d sftpexport.Destination) error {
		staged, err := d.Stage(ctx, s.file("f.bin", old, sftpexport.CollisionReplace))
		if err == nil {
			_, err = staged.Commit(ctx)
		}
		return err
	}); err != nil {
		return err
	}
	stop := make(chan struct{})
	seen := make(chan error, 1)
	versions := [][]byte{old, text("new0", size), text("new1", size), text("new2", size)}
	go func() {
		for {
			select {
			case <-stop:
				seen <- nil
				return
			default:
			}
			visible, _, err := s.seen(ctx)
			if err != nil {
				continue // gone between two calls of the reader's
			}
			if !slices.ContainsFunc(versions, func(v []byte) bool { return bytes.Equal(v, visible["f.bin"]) }) {
				seen <- fmt.Errorf("%w: %s", errPartial, describe(visible))
				return
			}
		}
	}()
	var err error
	for _, v := range versions[1:] {
		if _, putErr := s.put(ctx, s.file("f.bin", v, sftpexport.CollisionReplace)); putErr != nil {
			err = errors.Join(err, putErr)
		}
	}
	close(stop)
	return errors.Join(err, <-seen, s.want(ctx, errContent, map[string][]byte{"f.bin": versions[3]}))
}

func (s *suite) number(ctx context.Context) error {
	want := make(map[string][]byte)
	large := text("large", s.large())
	for i, name := range []string{"f.tar.gz", "f.tar-1.gz", "f.tar-2.gz", "f.tar-3.gz"} {
		data := []byte(name)
		if i == 3 {
			data = large
		}
		path, err := s.put(ctx, s.file("f.tar.gz", data, sftpexport.CollisionNumber))
		if err != nil {
			return err
		}
		if path != s.dir+"/"+name {
			return fmt.Errorf("%w: the name is %q, want %q", errContent, path, name)
		}
		want[name] = data
	}
	return s.want(ctx, errContent, want)
}

const racers = 8

func (s *suite) race(ctx context.Context) error {
	won := make([]bool, racers)
	content := make([][]byte, racers)
	err := all(racers, func(i int) error {
		content[i] = text(fmt.Sprint("racer", i), 100<<10)
		_, err := s.put(ctx, s.file("f.bin", content[i], sftpexport.CollisionRefuse))
		won[i] = err == nil
		if errors.Is(err, sftpexport.ErrExists) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) {
		return fmt.Errorf("%w: %v have won", errRace, won)
	}
	return s.want(ctx, errRace, map[string][]byte{"f.bin": content[winner]})
}

func (s *suite) raceNumbered(ctx context.Context) error {
	want := make(map[string][]byte)
	var mu sync.Mutex
	err := all(racers, func(i int) error {
		data := text(fmt.Sprint("racer", i), 10<<10)
		path, err := s.put(ctx, s.file("f.bin", data, sftpexport.CollisionNumber))
		mu.Lock()
		defer mu.Unlock()
		want[strings.TrimPrefix(path, s.dir+"/")] = data
		return err
	})
	if err != nil {
		return err
	}
	if len(want) != racers {
		return fmt.Errorf("%w: %d names for %d files", errRace, len(want), racers)
	}
	return s.want(ctx, errRace, want)
}

func (s *suite) canceled(ctx context.Context) error {
	for _, size := range []int{s.large() / 4, 2 * s.large()} {
		short, cancel := context.WithCancel(ctx)
		f := s.file("f.bin", nil, sftpexport.CollisionRefuse)
		f.Content = source{data: text("x", size), size: int64(size), open: func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, int64(size)/2), readerFunc(func(p []byte) (int, error) {
				cancel()
				return r.Read(p[:min(len(p), 1000)])
			}))
		}}
		started := time.Now()
		_, err := s.put(short, f)
		cancel()
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: an upload whose context has ended: %w", errMissed, err)
		}
		if took := time.Since(started); took > 10*time.Second {
			return fmt.Errorf("%w: it took %v", errNotEnded, took)
		}
		if err := s.want(ctx, errLeft, nil); err != nil {
			return err
		}
	}
	err := s.with(ctx, func(d sftpexport.Destination) error {
		staged, err := d.Stage(ctx, s.file("f.bin", []byte("x"), sftpexport.CollisionRefuse))
		if err != nil {
			return err
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := staged.Commit(ended); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: Commit with a context that has ended: %w", errMissed, err)
		}
		return staged.Discard()
	})
	return errors.Join(err, s.want(ctx, errLeft, nil))
}

func (s *suite) wrongSize(ctx context.Context) error {
	for _, size := range []int{1000, s.large()} {
		for _, wrong := range []int{-1, 1} {
			f := s.file("f.bin", nil, sftpexport.CollisionRefuse)
			f.Content = source{data: text("x", size), size: int64(size + wrong), open: func(r io.Reader) io.Reader { return r }}
			if _, err := s.put(ctx, f); !errors.Is(err, sftpexport.ErrSize) {
				return fmt.Errorf("%w: %d bytes of %d: %w", errMissed, size, size+wrong, err)
			}
		}
	}
	return s.want(ctx, errLeft, nil)
}

func (s *suite) failingSource(ctx context.Context) error {
	broken := errors.New("the source is broken")
	for _, size := range []int{1000, 2 * s.large()} {
		for _, cause := range []error{broken, io.ErrUnexpectedEOF} {
			f := s.file("f.bin", nil, sftpexport.CollisionRefuse)
			f.Content = source{data: text("x", size), size: int64(size), open: func(r io.Reader) io.Reader {
				return failing(r, int64(size)*3/4, cause)
			}}
			if _, err := s.put(ctx, f); !errors.Is(err, cause) {
				return fmt.Errorf("%w: the source breaks after three quarters of %d bytes: %w", errMissed, size, err)
			}
		}
	}
	return s.want(ctx, errLeft, nil)
}

func (s *suite) shakySource(ctx context.Context) error {
	want := make(map[string][]byte)
	for _, size := range []int{1000, s.large() + s.large()/4} {
		name, opens := fmt.Sprintf("f%d.bin", size), 0
		want[name] = text("x", size)
		f := s.file(name, nil, sftpexport.CollisionRefuse)
		f.Content = source{data: want[name], size: int64(size), opens: &opens, open: func(r io.Reader) io.Reader {
			if opens == 1 {
				return failing(r, int64(size)/2, io.ErrUnexpectedEOF)
			}
			return r
		}}
		if _, err := s.put(ctx, f); err != nil {
			return err
		}
	}
	return s.want(ctx, errContent, want)
}

func (s *suite) count(ctx context.Context) error {
	var mu sync.Mutex
	var numbers []int64
	one := func(int) error {
		return s.with(ctx, func(d sftpexport.Destination) error {
			n, err := d.Count(ctx, s.dir, true)
			mu.Lock()
			defer mu.Unlock()
			numbers = append(numbers, n)
			return err
		})
	}
	for i := range 3 {
		if err := one(i); err != nil {
			return err
		}
	}
	if !slices.Equal(numbers, []int64{1, 2, 3}) {
		return fmt.Errorf("%w: one after the other they are %v", errCounter, numbers)
	}
	if err := all(2*racers, one); err != nil {
		return err
	}
	slices.Sort(numbers)
	if len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
		return fmt.Errorf("%w: %v", errCounter, numbers)
	}
	return s.want(ctx, errLeft, nil)
}

func (s *suite) holds(ctx context.Context) error {
	if err := s.Put(ctx, s.dir+"/f.bin", []byte("content")); err != nil {
		return err
	}
	return s.with(ctx, func(d sftpexport.Destination) error {
		for _, c := range []struct {
			name, content string
			want          bool
		}{{"f.bin", "content", true}, {"f.bin", "CONTENT", false}, {"f.bin", "longer content", false}, {"g.bin", "content", false}} {
			got, err := d.Holds(ctx, s.file(c.name, []byte(c.content), sftpexport.CollisionRefuse))
			if err != nil {
				return err
			}
			if got != c.want {
				return fmt.Errorf("%w: Holds(%s, %q) is %t", errContent, c.name, c.content, got)
			}
		}
		return nil
	})
}

func (s *suite) directories(ctx context.Context) error {
	f := s.file("f.bin", []byte("x"), sftpexport.CollisionRefuse)
	f.Directory += "/2026/11/25"
	if f.MayMakeDirectory = false; !s.Flat {
		if _, err := s.put(ctx, f); !errors.Is(err, sftpexport.ErrNoDirectory) {
			return fmt.Errorf("%w: the directory is missing: %w", errMissed, err)
		}
	}
	f.MayMakeDirectory = true
	if _, err := s.put(ctx, f); err != nil {
		return err
	}
	return s.want(ctx, errContent, map[string][]byte{"2026/11/25/f.bin": []byte("x")})
}

func (s *suite) names(ctx context.Context) error {
	want := make(map[string][]byte)
	for _, name := range []string{
		"plain.txt", "two words.txt", "a+b&c=d%2F.txt", "100%.txt", "it's \"quoted\".txt", "$(id) `x`;!#~.txt", "čeština-漢字-🙂.pdf",
		strings.Repeat("é", 127), "-rf", "a..b", "[x]{y}^.txt",
	} {
		want[name] = []byte(name)
		path, err := s.put(ctx, s.file(name, want[name], sftpexport.CollisionRefuse))
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if path != s.dir+"/"+name {
			return fmt.Errorf("%w: %q is called %q", errContent, name, path)
		}
	}
	return s.want(ctx, errContent, want)
}

func (s *suite) concurrent(ctx context.Context) error {
	const files = 5
	want := make(map[string][]byte)
	for i := range racers {
		for j := range files {
			name := fmt.Sprintf("%d-%d.bin", i, j)
			want[name] = text(name, 40<<10)
		}
	}
	err := all(racers, func(i int) error {
		return s.with(ctx, func(d sftpexport.Destination) error {
			var staged []sftpexport.Staged
			for j := range files {
				name := fmt.Sprintf("%d-%d.bin", i, j)
				f := s.file(name, nil, sftpexport.CollisionRefuse)
				f.Content = pipeline.Bytes(want[name])
				one, err := d.Stage(ctx, f)
				if err != nil {
					return err
				}
				staged = append(staged, one)
			}
			for _, one := range staged {
				if _, err := one.Commit(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return errors.Join(err, s.want(ctx, errContent, want))
}
