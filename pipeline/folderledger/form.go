package folderledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/runfile"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// The form of a run's file: package runfile's, with frames of these types. Each
// frame is one call of the ledger, so that its records are there all or none. Meta
// has the time, the records' kinds, versions and sizes, and what the type needs;
// readers pass over what follows that. Data are the records' data.
const (
	runFileKind = "exprun"
	frameForm   = 1 // the version of each frame

	claimFrame   = 1
	recordsFrame = 2
	endFrame     = 3
	releaseFrame = 4
	noteFrame    = 5
)

// runState is what the frames of a file add up to.
type runState struct {
	pipeline.RunInfo
	born     bool   // a claim was read
	instance string // of the process that claimed it
	released bool
	end      int64 // of the last whole frame
	tail     int64 // bytes after it
	seq      int64
	last     time.Time // of the last record or frame
	renewed  renewal   // by this process
}

// renewal is when a lease was written last, by the clock of leases.
type renewal struct {
	fence    int64
	epoch    string
	at       time.Duration
	duration time.Duration // that was written
}

func (s *runState) ended() bool { return !s.Ended.IsZero() }

// isOwn reports whether a process owns the run and is going to write to it again.
func (s *runState) isOwn(instance string) bool {
	return s.born && s.instance == instance && !s.released && !s.ended()
}

// meta is what stands in a frame beside the records' data.
type frameMeta struct {
	time    time.Time
	first   int64 // Seq of the first record
	records []pipeline.Record
	sizes   []int
	fence   int64
	claim   pipeline.RunInfo // of a claimFrame
	process string
}

type metaWriter []byte

func (w *metaWriter) int(n int64)   { *w = binary.AppendVarint(*w, n) }
func (w *metaWriter) text(s string) { w.int(int64(len(s))); *w = append(*w, s...) }
func (w *metaWriter) texts(s ...string) {
	for _, t := range s {
		w.text(t)
	}
}

func (m *frameMeta) encode(typ byte) []byte {
	var w metaWriter
	w.int(m.time.UnixMicro())
	w.int(m.first)
	w.int(int64(len(m.records)))
	for _, r := range m.records {
		w.text(string(r.Kind))
		w.int(int64(r.Version))
		w.int(int64(len(r.Data)))
	}
	w.int(m.fence)
	if typ == claimFrame {
		c := m.claim
		w.int(c.Generation)
		w.int(c.Started.UnixMicro())
		w.int(c.Key.Annotation)
		w.texts(m.process, c.Owner, c.Key.Organization, c.Key.Hook, c.Key.Event, c.Content, c.Fingerprint)
	}
	return w
}

var errMeta = errors.New("a frame's checksum is right and its content is not")

type metaReader struct {
	b   []byte
	bad bool
}

func (r *metaReader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *metaReader) text() string {
	n := r.int()
	if n < 0 || n > int64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func decodeMeta(typ byte, b []byte) (m frameMeta, err error) {
	r := metaReader{b: b}
	m.time = time.UnixMicro(r.int()).UTC()
	m.first = r.int()
	n := r.int()
	if n < 0 || n > int64(len(b)) { // each record takes some bytes
		return m, errMeta
	}
	for range n {
		m.records = append(m.records, pipeline.Record{Kind: pipeline.RecordKind(r.text()), Version: int(r.int()), Time: m.time, Seq: m.first + int64(len(m.records))})
		size := r.int()
		if size < 0 || size > pipeline.MaxRecordData {
			return m, errMeta
		}
		m.sizes = append(m.sizes, int(size))
	}
	m.fence = r.int()
	if typ == claimFrame {
		c := &m.claim
		c.Generation = r.int()
		c.Started = time.UnixMicro(r.int()).UTC()
		c.Key.Annotation = r.int()
		m.process, c.Owner, c.Key.Organization, c.Key.Hook, c.Key.Event = r.text(), r.text(), r.text(), r.text(), r.text()
		c.Content, c.Fingerprint = r.text(), r.text()
	}
	if r.bad {
		return m, errMeta
	}
	return m, nil
}

// apply adds a frame, and returns its records if the frame has data.
func (s *runState) apply(f runfile.Frame) ([]pipeline.Record, error) {
	if f.Type < claimFrame || f.Type > noteFrame || f.Version > frameForm {
		if f.Type >= runfile.Ignorable {
			s.end = f.Offset + f.Size
			return nil, nil
		}
		return nil, fmt.Errorf("%w (a frame of type %d, form %d)", pipeline.ErrNewerFormat, f.Type, f.Version)
	}
	m, err := decodeMeta(f.Type, f.Meta)
	if err != nil {
		return nil, err
	}
	s.add(f.Type, m, f.Offset+f.Size)
	if f.Data == nil {
		return nil, nil
	}
	at := 0
	for i, size := range m.sizes {
		if size > len(f.Data)-at {
			return nil, errMeta
		}
		if size > 0 {
			m.records[i].Data = f.Data[at : at+size : at+size]
		}
		at += size
	}
	return m.records, nil
}

// add adds what a frame says that ends at an offset.
func (s *runState) add(typ byte, m frameMeta, end int64) {
	s.end = end
	s.last = m.time
	if len(m.records) > 0 {
		s.Damaged = s.Damaged || m.first != s.seq+1
		s.seq = m.first + int64(len(m.records)) - 1
		s.Count += len(m.records)
	}
	switch typ {
	case claimFrame:
		if id := s.ID; !s.born {
			s.RunInfo = pipeline.RunInfo{ID: id, Key: m.claim.Key, Generation: m.claim.Generation, Content: m.claim.Content, Fingerprint: m.claim.Fingerprint,
				Started: m.claim.Started, Count: s.Count, Damaged: s.Damaged}
			s.born = true
		}
		s.Fence, s.Owner, s.instance, s.released = m.fence, m.claim.Owner, m.process, false
	case releaseFrame:
		s.released = s.released || m.fence == s.Fence
	case endFrame:
		if n := len(m.records); n > 0 && !s.ended() {
			s.Ended, s.Outcome = m.time, m.records[n-1].Kind
		}
	}
}

// scan reads the frames from s.end on. collect, if not nil, gets the records.
func (s *runState) scan(file *os.File, collect func([]pipeline.Record)) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return s.scanBytes(file, info.Size(), collect)
}

// scanBytes is scan for a file of that size.
func (s *runState) scanBytes(file io.ReaderAt, size int64, collect func([]pipeline.Record)) error {
	scanner := runfile.Scanner{Name: string(s.ID), Kind: runFileKind, SkipData: collect == nil && size > 1<<20}
	from := s.end
	found, err := scanner.Scan(file, from, size, func(f runfile.Frame) error {
		records, err := s.apply(f)
		if collect != nil {
			collect(records)
		}
		return err
	})
	if errors.Is(err, runfile.ErrNewer) {
		err = fmt.Errorf("%w: %w", pipeline.ErrNewerFormat, err)
	}
	if err != nil {
		return err
	}
	s.Damaged = s.Damaged || found.Damaged
	s.tail = size - s.end
	if !s.born && from == 0 && found.Headers > 0 {
		// Frames were there, and nothing says what they held: nobody may take this
		// run for one that has sent nothing.
		s.Damaged, s.end, s.tail = true, size, 0
	}
	return nil
}

// unborn reports that the file holds no claim that was ever acknowledged: its
// process stopped before the first frame was whole.
func (s *runState) unborn() bool { return !s.born && !s.Damaged }
