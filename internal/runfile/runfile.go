// Package runfile is the form of files that only grow and must bear to be cut off
// at any byte: a magic number, then frames, each with checksums of its own.
//
//	marker (2 bytes) | type | version | length of meta | length of data | CRC of meta | CRC of data | CRC of this header | meta | data
//
// Lengths and checksums (CRC-32C) have four bytes, little-endian. The header's
// checksum covers the file's name and the frame's offset, too, so that bytes which
// belong elsewhere (a block of an old file, a copy) are not taken for a frame.
//
// [Scan] yields the whole frames. What is broken at the end was being written when
// the process or the machine stopped; what is broken between whole frames is
// damage. A reader must know every type below [Ignorable], and may skip others.
package runfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Sizes in bytes.
const (
	MagicSize  = 8
	HeaderSize = 24
	// MaxMeta bounds the meta of a frame; a header that says more is damaged.
	MaxMeta = 16 << 20
)

// Ignorable is the first type that a reader which doesn't know it may skip.
const Ignorable = 128

// Version is that of the form of files.
const Version = 1

const (
	marker0 = 0x9e
	marker1 = 0xc7
)

// ErrNewer means that a file has a form that this version doesn't know.
var ErrNewer = errors.New("the file has a newer form")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Magic returns what a file of a kind begins with. A kind has six bytes.
func Magic(kind string) []byte {
	return append([]byte(kind), 0, Version)
}

// Frame is what a file holds at an offset.
type Frame struct {
	Type    byte
	Version byte
	Meta    []byte
	Data    []byte // nil if Scan was not to read it
	Offset  int64
	Size    int64 // header included
	// Broken reports that the header and Meta are whole, and the data are not.
	Broken bool
}

// Header returns header and meta of a frame that will be at offset of the file
// called name; the data, in pieces, are to follow.
func Header(name string, offset int64, typ, version byte, meta []byte, data ...[]byte) ([]byte, error) {
	length := 0
	sum := uint32(0)
	for _, piece := range data {
		length += len(piece)
		sum = crc32.Update(sum, castagnoli, piece)
	}
	if len(meta) > MaxMeta || uint64(length) > math.MaxUint32 {
		return nil, fmt.Errorf("a frame of %d and %d bytes is too long", len(meta), length)
	}
	h := make([]byte, HeaderSize, HeaderSize+len(meta))
	h[0], h[1], h[2], h[3] = marker0, marker1, typ, version
	binary.LittleEndian.PutUint32(h[4:], uint32(len(meta)))
	binary.LittleEndian.PutUint32(h[8:], uint32(length))
	binary.LittleEndian.PutUint32(h[12:], crc32.Checksum(meta, castagnoli))
	binary.LittleEndian.PutUint32(h[16:], sum)
	binary.LittleEndian.PutUint32(h[20:], headerSum(name, offset, h))
	return append(h, meta...), nil
}

func headerSum(name string, offset int64, h []byte) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(offset))
	sum := crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, at[:])
	return crc32.Update(sum, castagnoli, h[:20])
}

// Found is what Scan says of a file.
type Found struct {
	// End is where the last whole frame ends, and the next one goes.
	End int64
	// Tail is how many bytes follow End.
	Tail int64
	// Damaged reports broken bytes between whole frames, or before the first one.
	Damaged bool
	// Headers counts the whole headers in broken bytes, the first frame's not
	// included: what they headed is lost.
	Headers int
}

// Scanner reads a file.
type Scanner struct {
	Name string // the file's, as Header had it
	Kind string // of the magic number
	// SkipData leaves out the data of frames, unchecked, except for the last one.
	SkipData bool
	// KeepBroken yields frames whose data are broken, too.
	KeepBroken bool
}

// Scan yields the whole frames of r, which has size bytes, from an offset at which
// a frame begins, or from 0. An error of yield or of reading ends it; one that
// wraps ErrNewer says that the file is not for this version.
func (s Scanner) Scan(r io.ReaderAt, from, size int64, yield func(Frame) error) (Found, error) {
	found := Found{End: from}
	at := from
	if from == 0 {
		var magic [MagicSize]byte
		if size < MagicSize {
			found.Tail = size
			return found, nil
		}
		if err := readAt(r, magic[:], 0); err != nil {
			return found, err
		}
		if string(magic[:6]) == s.Kind && magic[6] == 0 && magic[7] > Version {
			return found, fmt.Errorf("%w (%d)", ErrNewer, magic[7])
		}
		at = MagicSize
	}
	in := reader{r: r, size: size}
	for at < size {
		f, ok, err := s.frame(&in, at)
		if err != nil {
			return found, err
		}
		if !ok {
			next, headers, err := s.next(&in, at+1)
			if err != nil {
				return found, err
			}
			found.Headers += headers
			if next < 0 {
				break
			}
			found.Damaged = true
			at = next
			continue
		}
		at += f.Size
		if f.Broken && !s.KeepBroken {
			whole, err := s.wholeFrom(&in, at)
			if err != nil {
				return found, err
			}
			if !whole { // the end, and nothing is lost
				break
			}
			found.Damaged = true
			continue
		}
		if err := yield(f); err != nil {
			return found, err
		}
		found.End = at
	}
	found.Tail = size - found.End
	return found, nil
}

// wholeFrom reports whether a whole frame comes at or after an offset.
func (s Scanner) wholeFrom(in *reader, at int64) (bool, error) {
	s.SkipData = false
	for at < in.size {
		f, ok, err := s.frame(in, at)
		if err != nil || ok && !f.Broken {
			return ok, err
		}
		if ok {
			at += f.Size
			continue
		}
		if at, _, err = s.next(in, at+1); err != nil || at < 0 {
			return false, err
		}
	}
	return false, nil
}

// WholeAt reports whether a whole frame is at an offset of r, which has size bytes.
func (s Scanner) WholeAt(r io.ReaderAt, at, size int64) bool {
	s.SkipData = false
	f, ok, err := s.frame(&reader{r: r, size: size}, at)
	return err == nil && ok && !f.Broken
}

// frame reads the frame at an offset; !ok means that there is none.
func (s Scanner) frame(in *reader, at int64) (f Frame, ok bool, err error) {
	if at+HeaderSize > in.size {
		return f, false, nil
	}
	h, err := in.bytes(at, HeaderSize)
	if err != nil {
		return f, false, err
	}
	if !s.header(h, at) {
		return f, false, nil
	}
	metaSize, dataSize := int64(binary.LittleEndian.Uint32(h[4:])), int64(binary.LittleEndian.Uint32(h[8:]))
	metaSum, dataSum := binary.LittleEndian.Uint32(h[12:]), binary.LittleEndian.Uint32(h[16:])
	f = Frame{Type: h[2], Version: h[3], Offset: at, Size: HeaderSize + metaSize + dataSize}
	if metaSize > MaxMeta || at+f.Size > in.size {
		return f, false, nil
	}
	meta, err := in.bytes(at+HeaderSize, int(metaSize))
	if err != nil {
		return f, false, err
	}
	if crc32.Checksum(meta, castagnoli) != metaSum {
		return f, false, nil
	}
	f.Meta = append([]byte(nil), meta...)
	if s.SkipData && at+f.Size < in.size {
		return f, true, nil
	}
	data := make([]byte, dataSize)
	if err := in.copy(data, at+HeaderSize+metaSize); err != nil {
		return f, false, err
	}
	if f.Broken = crc32.Checksum(data, castagnoli) != dataSum; !f.Broken {
		f.Data = data
	}
	return f, true, nil
}

// header reports whether a header is whole.
func (s Scanner) header(h []byte, at int64) bool {
	return h[0] == marker0 && h[1] == marker1 && binary.LittleEndian.Uint32(h[20:]) == headerSum(s.Name, at, h)
}

// next looks for a header that is whole, from an offset on; -1 if there is none.
func (s Scanner) next(in *reader, at int64) (offset int64, headers int, err error) {
	for at = max(at, MagicSize); at+HeaderSize <= in.size; at++ {
		h, err := in.bytes(at, HeaderSize)
		if err != nil {
			return -1, headers, err
		}
		if !s.header(h, at) {
			continue
		}
		headers++
		f, ok, err := s.frame(in, at)
		if err != nil {
			return -1, headers, err
		}
		if ok && (!f.Broken || s.KeepBroken) {
			return at, headers, nil
		}
	}
	return -1, headers, nil
}

// reader reads ahead: most files are small.
type reader struct {
	r    io.ReaderAt
	size int64
	at   int64
	buf  []byte
}

const ahead = 64 << 10

// bytes returns n bytes at an offset, which must be there; they are good until the
// next call.
func (in *reader) bytes(at int64, n int) ([]byte, error) {
	if at < in.at || at+int64(n) > in.at+int64(len(in.buf)) {
		in.at = at
		in.buf = make([]byte, min(max(int64(n), ahead), in.size-at))
		if err := readAt(in.r, in.buf, at); err != nil {
			in.buf = nil
			return nil, err
		}
	}
	return in.buf[at-in.at:][:n], nil
}

// copy reads into b, past the read-ahead if b is long.
func (in *reader) copy(b []byte, at int64) error {
	if len(b) > ahead {
		return readAt(in.r, b, at)
	}
	got, err := in.bytes(at, len(b))
	copy(b, got)
	return err
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}
