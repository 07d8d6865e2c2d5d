package httpcall

import (
	"context"
	"io"
)

// EscapedBody is a body whose bytes are escaped for a form while they are sent.
type EscapedBody struct {
	Body
	size int64
}

// EscapedForForm returns what stands for a body in a form: what [url.QueryEscape] makes of it.
// The body is read once for its size.
func EscapedForForm(ctx context.Context, b Body) (*EscapedBody, error) {
	e := &EscapedBody{Body: b}
	r, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	e.size, err = io.Copy(io.Discard, r)
	return e, err
}

// Size implements [Body].
func (e *EscapedBody) Size() int64 { return e.size }

// Open implements [Body].
func (e *EscapedBody) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := e.Body.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &escapingReader{in: r}, nil
}

// escapingReader escapes as [url.QueryEscape] does, byte by byte.
type escapingReader struct {
	in   io.ReadCloser
	buf  [4 << 10]byte
	room []byte // of out
	out  []byte // escaped, and not read yet
	done error
}

func (r *escapingReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.done != nil {
			return 0, r.done
		}
		n, err := r.in.Read(r.buf[:])
		r.room = appendEscaped(r.room[:0], r.buf[:n])
		r.done, r.out = err, r.room
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// appendEscaped is [url.QueryEscape] without a text of its own.
func appendEscaped(out, data []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range data {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			out = append(out, c)
		case c == ' ':
			out = append(out, '+')
		default:
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return out
}

func (r *escapingReader) Close() error { return r.in.Close() }
