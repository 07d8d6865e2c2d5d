package oauth

import (
	"bufio"
	"context"
	"errors"
	"hash/maphash"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Body is a form as it is sent. Each Open begins at its beginning.
type Body interface {
	Open(ctx context.Context) (io.ReadCloser, error)
}

// ErrChanged means that a form was not the same each time that it was read.
var ErrChanged = errors.New("the form has changed while it was signed")

// stretch is where the value of a field is in a form, from one byte to before another.
type stretch struct {
	from, to int64
	sum      uint64 // of its bytes as they are sent
}

// is reports whether two have the same bytes.
func (s *stretch) is(o *stretch) bool { return s.to-s.from == o.to-o.from && s.sum == o.sum }

// seed is that of all sums, which are of this process.
var seed = maphash.MakeSeed()

// cursor reads a form, from its beginning again where it has to go back.
type cursor struct {
	ctx  context.Context
	form Body
	open io.ReadCloser
	at   int64
	sum  maphash.Hash // of what was read since it was opened
}

// Read implements [io.Reader].
func (c *cursor) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.open.Read(p)
	c.at += int64(n)
	_, _ = c.sum.Write(p[:n])
	return n, err
}

func (c *cursor) close() {
	if c.open != nil {
		_ = c.open.Close() // of what was read
	}
}

// seek goes to a byte.
func (c *cursor) seek(to int64) error {
	if c.open == nil || to < c.at {
		c.close()
		var err error
		if c.open, err = c.form.Open(c.ctx); err != nil {
			return err
		}
		c.at = 0
		c.sum.Reset()
	}
	_, err := io.CopyN(io.Discard, c, to-c.at)
	if errors.Is(err, io.EOF) {
		return ErrChanged
	}
	return err
}

// read returns the value at a stretch, decoded.
func (c *cursor) read(s *stretch) (io.Reader, error) {
	if err := c.seek(s.from); err != nil {
		return nil, err
	}
	raw := &verified{in: io.LimitReader(c, s.to-s.from), left: s.to - s.from, want: s.sum}
	raw.sum.SetSeed(seed)
	return transform.NewReader(unescaper{bufio.NewReaderSize(raw, 32<<10)}, unicode.UTF8.NewDecoder()), nil
}

// unchanged reads the rest of a form that was read again, and compares its sum.
func (c *cursor) unchanged(sum uint64) error {
	if c.open == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	if c.sum.Sum64() != sum {
		return ErrChanged
	}
	return nil
}

// verified is the value of a field that was read before.
type verified struct {
	in   io.Reader
	left int64
	want uint64
	sum  maphash.Hash
}

// Read implements [io.Reader].
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.in.Read(p)
	v.left -= int64(n)
	_, _ = v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && (v.left != 0 || v.sum.Sum64() != v.want) {
		return n, ErrChanged
	}
	return n, err
}
