package httpcall

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
)

// acceptEncoding is what a call asks for whose settings don't say it.
const acceptEncoding = "gzip, deflate"

// maxEncodings bounds how often a body can be compressed.
const maxEncodings = 3

// decoded undoes the Content-Encoding of a reply, whatever was asked for: some servers
// compress unasked. An encoding that is not known is left as it is.
func decoded(resp *http.Response) io.ReadCloser {
	if resp.Uncompressed || len(resp.Header["Content-Encoding"]) == 0 {
		return resp.Body
	}
	encodings := strings.Split(strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ",")), ",")
	if len(encodings) > maxEncodings {
		return resp.Body
	}
	body := io.Reader(resp.Body)
	for i := len(encodings) - 1; i >= 0; i-- {
		switch strings.TrimSpace(encodings[i]) {
		case "gzip", "x-gzip":
			body = &decoder{from: bufio.NewReader(body), open: gunzip}
		case "deflate":
			body = &decoder{from: bufio.NewReader(body), open: inflate}
		case "", "identity":
		default:
			return struct {
				io.Reader
				io.Closer
			}{body, resp.Body}
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{body, resp.Body}
}

// gunzip reads members of gzip. What comes after the last one is passed over, as Python's
// urllib3 and curl do: an answer must not be lost to what some server appends to it.
func gunzip(r *bufio.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &members{from: r, member: z}, nil
}

type members struct {
	from   *bufio.Reader
	member *gzip.Reader
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.member.Read(p)
	isEnd := errors.Is(err, io.EOF)
	if !isEnd || n > 0 {
		if isEnd {
			err = nil // comes again
		}
		return n, err
	}
	if head, _ := m.from.Peek(2); string(head) != "\x1f\x8b" || m.member.Reset(m.from) != nil {
		return 0, io.EOF
	}
	m.member.Multistream(false)
	return 0, nil
}

// inflate reads both things that are called deflate: with the head of zlib, as the
// standard has it, and without, as some servers do.
func inflate(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// decoder opens its reader at the first byte, since a reply may have no body.
type decoder struct {
	from *bufio.Reader
	open func(*bufio.Reader) (io.Reader, error)
	body io.Reader
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.body == nil {
		if _, err := d.from.Peek(1); err != nil {
			return 0, err
		}
		body, err := d.open(d.from)
		if err != nil {
			return 0, err
		}
		d.body = body
	}
	return d.body.Read(p)
}
