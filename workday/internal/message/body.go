package message

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// Body is a message in parts: XML, and files that are encoded in base64 while
// they are sent. It may be opened several times.
type Body struct {
	parts []part
}

// part is text, and then a file if content is not nil.
type part struct {
	text    []byte
	content httpcall.Body
	// opened is the file as [Body.OpenFiles] has opened it, of length bytes.
	opened io.ReadCloser
	length int64
	known  bool // length is
}

// sized is a file whose length is known when it has been opened.
type sized interface {
	OpenSized(ctx context.Context) (io.ReadCloser, int64, error)
}

// OpenFiles opens the files whose length is not known yet, so that the length of
// the whole is known before anything is sent, and a file that is not there is found
// out. The next Open reads what was opened. Call the function in any case: it closes
// what has not been read.
func (b *Body) OpenFiles(ctx context.Context) (closeFiles func(), err error) {
	closeFiles = func() {
		for i := range b.parts {
			if r := b.parts[i].opened; r != nil {
				_ = r.Close() // it was never read
			}
		}
	}
	for i := range b.parts {
		p := &b.parts[i]
		file, ok := p.content.(sized)
		if !ok || p.content.Size() >= 0 {
			continue
		}
		if p.opened, p.length, err = file.OpenSized(ctx); err != nil {
			p.opened = nil
			return closeFiles, err
		}
		p.known = p.length >= 0
	}
	return closeFiles, nil
}

// Size is the number of bytes, -1 if a file does not know its own.
func (b *Body) Size() (total int64) {
	for _, p := range b.parts {
		total += int64(len(p.text))
		if p.content == nil {
			continue
		}
		n := p.content.Size()
		if n < 0 && p.known {
			n = p.length
		}
		if n < 0 {
			return -1
		}
		total += (n + 2) / 3 * 4
	}
	return total
}

// Parts are the texts and files of the message. Who opens them does not open the whole.
func (b *Body) Parts() []httpcall.Body {
	var list []httpcall.Body
	for _, p := range b.parts {
		if len(p.text) > 0 {
			list = append(list, httpcall.Bytes(p.text))
		}
		if p.content != nil {
			p.text = nil
			list = append(list, &Body{parts: []part{p}})
		}
	}
	return list
}

// Source is what the file is, if it says so, of a part that is one.
func (b *Body) Source() string {
	if len(b.parts) == 1 {
		if named, ok := b.parts[0].content.(interface{ Source() string }); ok {
			return named.Source()
		}
	}
	return ""
}

// Text is a body of XML alone.
func Text(xml []byte) *Body { return &Body{parts: []part{{text: xml}}} }

// Join puts bodies one behind the other.
func Join(bodies ...*Body) *Body {
	joined := &Body{}
	for _, b := range bodies {
		joined.parts = append(joined.parts, b.parts...)
	}
	return joined
}

// Open returns a reader of the whole. A file is opened when its turn comes.
func (b *Body) Open(ctx context.Context) (io.ReadCloser, error) {
	r := &bodyReader{ctx: ctx, rest: slices.Clone(b.parts)}
	for i := range b.parts {
		b.parts[i].opened = nil // is r's from now on
	}
	return r, nil
}

type bodyReader struct {
	ctx     context.Context
	rest    []part
	text    []byte // of the first part, what is left; nil before it has begun
	begun   bool
	content io.ReadCloser
	// encoded is what is left of the last block of a file.
	raw, block, encoded []byte
}

// blockSize is how much of a file is encoded at a time: a multiple of 3.
const blockSize = 3 * 16 << 10

func (r *bodyReader) Read(p []byte) (int, error) {
	for {
		switch {
		case len(r.encoded) > 0:
			n := copy(p, r.encoded)
			r.encoded = r.encoded[n:]
			return n, nil
		case r.content != nil:
			if err := r.encode(); err != nil {
				return 0, err
			}
		case len(r.rest) == 0:
			return 0, io.EOF
		case !r.begun:
			r.text, r.begun = r.rest[0].text, true
		case len(r.text) > 0:
			n := copy(p, r.text)
			r.text = r.text[n:]
			return n, nil
		default:
			if err := r.next(); err != nil {
				return 0, err
			}
		}
	}
}

// next goes from a part's text to its file, or else to the next part.
func (r *bodyReader) next() error {
	p := r.rest[0]
	r.rest, r.begun = r.rest[1:], false
	if p.content == nil {
		return nil
	}
	opened := p.opened
	if opened == nil {
		var err error
		if opened, err = p.content.Open(r.ctx); err != nil {
			return err
		}
	}
	r.content = opened
	if r.raw == nil {
		r.raw, r.block = make([]byte, blockSize), make([]byte, blockSize/3*4)
	}
	return nil
}

// encode encodes the next block of the file that is open.
func (r *bodyReader) encode() error {
	n, err := io.ReadFull(r.content, r.raw)
	base64.StdEncoding.Encode(r.block, r.raw[:n])
	r.encoded = r.block[:base64.StdEncoding.EncodedLen(n)]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = r.content.Close()
		r.content = nil
	}
	return err
}

// Close closes the files that are open.
func (r *bodyReader) Close() error {
	var err error
	if r.content != nil {
		err = r.content.Close()
		r.content = nil
	}
	for i := range r.rest {
		if opened := r.rest[i].opened; opened != nil {
			err = errors.Join(err, opened.Close())
			r.rest[i].opened = nil
		}
	}
	return err
}
