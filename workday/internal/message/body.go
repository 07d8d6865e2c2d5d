package message

import (
	"context"
	"encoding/base64"
	"io"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
)

// Body is a message in parts: XML, and files that are encoded in base64 while
// they are sent. It may be opened several times.
type Body struct {
	parts []part
}

// part is text, and then a file if content is not nil.
type part struct {
	text    []byte
	content jsontemplate.Content
}

// Size is the number of bytes, -1 if a file does not know its own.
func (b *Body) Size() (total int64) {
	for _, p := range b.parts {
		total += int64(len(p.text))
		if p.content == nil {
			continue
		}
		n := p.content.Size()
		if n < 0 {
			return -1
		}
		total += (n + 2) / 3 * 4
	}
	return total
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
	return &bodyReader{ctx: ctx, rest: b.parts}, nil
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
	content := r.rest[0].content
	r.rest, r.begun = r.rest[1:], false
	if content == nil {
		return nil
	}
	opened, err := content.Open(r.ctx)
	if err != nil {
		return err
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
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = r.content.Close()
		r.content = nil
	}
	return err
}

// Close closes the file that is open.
func (r *bodyReader) Close() error {
	if r.content == nil {
		return nil
	}
	return r.content.Close()
}
