package httpcall

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

func (r *Reply) closeStream() {
	if r.Stream != nil {
		_ = r.Stream.Close()
		r.Stream = nil
	}
}

// read takes the reply in.
func (c *Client) read(resp *http.Response, r *running) (*Reply, error) {
	reply := &Reply{
		Status: resp.StatusCode, Reason: reason(resp), Header: resp.Header, Length: resp.ContentLength,
		Attempts: int(r.attempts.Load()),
	}
	if resp.Request != nil && resp.Request.URL != nil {
		reply.URL = resp.Request.URL.String()
	}
	if r.exchange != nil {
		reply.fields = r.exchange.fields()
	}
	limited := &limitedBody{ReadCloser: decoded(resp), left: c.maxReply, limit: c.maxReply}
	if r.call.Stream {
		reply.Stream = limited
		return reply, nil
	}
	defer resp.Body.Close()
	if resp.ContentLength > c.maxReply {
		return reply, fmt.Errorf("status %d, then %w: %d bytes, the limit is %d", resp.StatusCode, ErrTooLarge, resp.ContentLength, c.maxReply)
	}
	body, err := ReadAll(limited, resp.ContentLength)
	reply.Body = body
	if err != nil {
		return reply, fmt.Errorf("reading the reply, status %d: %w", resp.StatusCode, err)
	}
	return reply, nil
}

// ReadAll reads a body of which is said how long it is, -1 if that is not known. Room is made
// for no more than sixteen times what has arrived, whatever a header says.
func ReadAll(r io.Reader, announced int64) ([]byte, error) {
	if announced < 0 {
		return io.ReadAll(r)
	}
	const least = 64 << 10
	body := make([]byte, 0, min(announced, least)+1) // room to read the end, too
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		case len(body) < cap(body):
		case int64(len(body)) <= announced:
			body = append(make([]byte, 0, min(announced, 16*int64(len(body)))+1), body...)
		default: // it is longer than that, once it is decoded
			rest, err := io.ReadAll(r)
			return append(body, rest...), err
		}
	}
}

// limitedBody fails where a body goes past the limit, instead of ending there
// as if it were whole.
type limitedBody struct {
	io.ReadCloser
	left, limit int64
}

func (l *limitedBody) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, l.tooLarge()
	}
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, l.tooLarge()
	}
	return n, err
}

func (l *limitedBody) tooLarge() error {
	return fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, l.limit)
}
