package groupcommit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

// segment is one journal file.
type segment struct {
	name   string
	file   *disk.File
	size   int64 // that is known to be on the disk
	zeroed int64 // up to where the file was filled with zeros
	broken bool  // there may be more
	files  map[string]bool
}

// append writes a group after what is there.
func (s *segment) append(group []*waiting) (end int64, err error) {
	end = s.size
	var buf []byte
	flush := func() error {
		_, err := s.file.WriteAt(buf, end-int64(len(buf)))
		buf = buf[:0]
		return err
	}
	for _, w := range group {
		meta := binary.AppendUvarint(nil, uint64(w.Offset))
		meta = append(meta, w.File...)
		h, err := runfile.Header(s.name, end, entryType, 1, meta, w.Data...)
		if err != nil {
			return end, err
		}
		for _, piece := range append([][]byte{h}, w.Data...) {
			if len(buf) > 0 && len(buf)+len(piece) > gathered {
				if err := flush(); err != nil {
					return end, err
				}
			}
			end += int64(len(piece))
			if len(piece) > gathered {
				if _, err := s.file.WriteAt(piece, end-int64(len(piece))); err != nil {
					return end, err
				}
				continue
			}
			buf = append(buf, piece...)
		}
	}
	return end, flush()
}

// sync makes what was written up to end last. The file is kept longer than what it
// holds: a sync that need not note a new size is several times as quick.
func (s *segment) sync(end int64) error {
	if end <= s.zeroed {
		return s.file.SyncData()
	}
	zeros := min(max(end, minAhead), maxAhead)
	if _, err := s.file.WriteAt(make([]byte, zeros), end); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.zeroed = end + zeros
	return nil
}

// repair cuts off what a failed write has left.
func (s *segment) repair() error {
	// Void must not write where another entry will be.
	if err := lock(s.file, true); err != nil {
		return err
	}
	err := s.file.Truncate(s.size)
	if err == nil {
		err = s.file.Sync()
	}
	s.broken, s.zeroed = err != nil, s.size
	return errors.Join(err, hostlock.Unlock(s.file.File))
}

// lock waits a little for those that erase from a journal, or repair it.
func lock(f *disk.File, exclusive bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if err := hostlock.Lock(ctx, f.File, exclusive); err != nil {
		return fmt.Errorf("%s is locked by another process: %w", f.Name(), err)
	}
	return nil
}
