package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// maxRecordedBody is how many bytes of a body the ledger keeps as they are. Of the rest it
// keeps a sum, so that the step can make it again, and a difference is found.
const maxRecordedBody = 1 << 20

// requestRecord is what the ledger has of a [Request].
type requestRecord struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header,omitempty"` // without what proves who made the call
	Body   []bodyPart  `json:"body,omitempty"`
}

// record makes what the ledger gets to know of a request: nothing that proves who made it.
func (r *Request) record(redact func(string) string) *requestRecord {
	if r == nil {
		return nil
	}
	kept := &requestRecord{Method: r.Method, URL: redact(r.URL), Header: make(http.Header), Body: describeBody(r.Body, redact)}
	for name, values := range r.Header {
		if text := strings.Join(values, "\x00"); redact(text) == text && !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "Cookie") {
			kept.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	return kept
}

// bodyPart is a part of a body: bytes as they were sent, or what it takes to know them
// again.
type bodyPart struct {
	Text []byte `json:"text,omitempty"`
	// Of bytes that are not kept: what they are, if they have a name, such as document 7,
	// how many there are, -1 if that is not known yet, and their SHA-256, which of a
	// stream is known when it has been read.
	Source string `json:"source,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Sum    []byte `json:"sum,omitempty"`
	Masked bool   `json:"masked,omitempty"` // Sum is that of the text without its secrets

	content Content // to read it from
}

// describeBody lists the parts of a body.
func describeBody(body Content, redact func(string) string) []bodyPart {
	var list []bodyPart
	left := maxRecordedBody
	for _, c := range partsOf(body) {
		p := bodyPart{content: c, Size: c.Size()}
		data, inMemory := inBytes(c)
		switch {
		case !inMemory && !isStream(c):
			p.Sum = c.(derived).Sum()
		case !inMemory:
			if named, ok := c.(interface{ Source() string }); ok {
				p.Source = named.Source()
			}
		case len(data) > left:
			p.Sum = sum(data)
		default:
			if text := redact(string(data)); text != string(data) {
				p.Sum, p.Masked, p.Size = sum([]byte(text)), true, 0
				break
			}
			left -= len(data)
			p.Text, p.Size = data, 0
		}
		list = append(list, p)
	}
	return list
}

// kept reports that the ledger has the bytes themselves.
func (p *bodyPart) kept() bool { return p.Sum == nil && p.Size == 0 }

func sum(data []byte) []byte {
	s := sha256.Sum256(data)
	return s[:]
}

// partsOf takes a body of several apart.
func partsOf(body Content) []Content {
	var list []Content
	switch b := body.(type) {
	case nil:
	case httpcall.Segments:
		for _, one := range b {
			list = append(list, partsOf(one)...)
		}
	case interface{ Parts() []httpcall.Body }: // which have no parts themselves
		for _, one := range b.Parts() {
			list = append(list, one)
		}
	default:
		return []Content{body}
	}
	return list
}

// inBytes returns the bytes of a content that is in memory.
func inBytes(c Content) ([]byte, bool) {
	switch c := c.(type) {
	case Bytes:
		return c, true
	case httpcall.Bytes:
		return c, true
	}
	return nil, false
}

// derived is a content that is made of bytes in memory while it is read, such as their
// base64: its SHA-256 is known before it is sent.
type derived interface{ Sum() []byte }

func isStream(c Content) bool {
	_, inMemory := inBytes(c)
	_, isDerived := c.(derived)
	return !inMemory && !isDerived
}

// bytesOf returns a body that is in memory, nil if it is not.
func bytesOf(body Content) []byte {
	var all []byte
	for _, c := range partsOf(body) {
		data, inMemory := inBytes(c)
		if !inMemory {
			return nil
		}
		all = append(all, data...)
	}
	return all
}

// text is the whole body, nil if the ledger does not have all of it.
func (r *requestRecord) text() []byte {
	var all []byte
	for i := range r.Body {
		if !r.Body[i].kept() {
			return nil
		}
		all = append(all, r.Body[i].Text...)
	}
	return all
}

// errOtherBody means that what a call has to send once more is not what it sent.
var errOtherBody = errors.New("it is not what was to be sent before")

// again makes the parts of a body that is sent once more: what the ledger has, and the
// rest from now, which has to be what it was. Documents are read to find that out.
func again(ctx context.Context, past, now []bodyPart) ([]bodyPart, error) {
	list := slices.Clone(past)
	if !slices.ContainsFunc(past, func(p bodyPart) bool { return !p.kept() }) {
		for i := range list {
			list[i].content = Bytes(list[i].Text)
		}
		return list, nil
	}
	if len(past) != len(now) {
		return nil, errors.New("the settings have changed since it was begun")
	}
	for i := range list {
		p, n := &list[i], &now[i]
		if p.kept() {
			p.content = Bytes(p.Text)
			continue
		}
		if p.content = n.content; n.kept() {
			n.Sum = sum(n.Text)
		}
		if err := p.compare(ctx, n); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// compare finds out whether a part can be what it was, and reads documents for that.
func (p *bodyPart) compare(ctx context.Context, now *bodyPart) error {
	switch {
	case p.Source != now.Source && p.Source != "" && now.Source != "":
		return fmt.Errorf("%w: it is %s now, and was %s", errOtherBody, now.Source, p.Source)
	case p.Sum != nil && now.Sum != nil && p.Masked == now.Masked && !bytes.Equal(p.Sum, now.Sum):
		return fmt.Errorf("%w: %s has other bytes now than the %d that it had (SHA-256 %x)", errOtherBody, p.called(), p.Size, p.Sum)
	case p.Sum == nil || p.Source == "" || now.Sum != nil:
		return nil // it cannot be known, or not before it is sent
	}
	r, err := now.content.Open(ctx)
	if err != nil {
		return fmt.Errorf("reading %s to compare it: %w", p.called(), err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return fmt.Errorf("reading %s to compare it: %w", p.called(), err)
	}
	return p.is(n, h.Sum(nil))
}

// is compares a part with what was read.
func (p *bodyPart) is(size int64, sum []byte) error {
	if p.Sum != nil && !bytes.Equal(p.Sum, sum) {
		return fmt.Errorf("%w: %s has %d bytes with the SHA-256 %x, and had %d with %x", errOtherBody, p.called(), size, sum, p.Size, p.Sum)
	}
	return nil
}

func (p *bodyPart) called() string {
	if p.Source == "" {
		return "a file in it"
	}
	return p.Source
}

// sendAs makes the body that goes out in place of the request's own: that of an earlier
// attempt, or one whose streams are noted by note. It is nil if that is the request's own.
func (r *requestRecord) sendAs(repeated bool, note func(context.Context, []bodyPart) error) Content {
	if slices.ContainsFunc(r.Body, func(p bodyPart) bool { return isStream(p.content) }) {
		return &notedBody{r.Body, note}
	}
	if !repeated {
		return nil
	}
	var all httpcall.Segments
	for _, p := range r.Body {
		all = append(all, p.content)
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// notedBody is a body with streams, whose last byte leaves when the ledger knows what they
// held: whoever has got all of it can act on it.
type notedBody struct {
	parts []bodyPart
	note  func(context.Context, []bodyPart) error
}

// Size is the sum, -1 if one is not known.
func (b *notedBody) Size() (total int64) {
	for _, p := range b.parts {
		n := p.content.Size()
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}

// Parts are what it is made of, for those who read it without sending it.
func (b *notedBody) Parts() []httpcall.Body {
	list := make([]httpcall.Body, len(b.parts))
	for i, p := range b.parts {
		list[i] = p.content
	}
	return list
}

// Open opens one part after the other as they are read.
func (b *notedBody) Open(ctx context.Context) (io.ReadCloser, error) {
	inner := &partReader{ctx: ctx, parts: slices.Clone(b.parts)}
	return &notedReader{bufio.NewReaderSize(inner, 64<<10), inner, b.note, nil}, nil
}

// notedReader withholds the end until it is noted.
type notedReader struct {
	ahead *bufio.Reader // of inner
	inner *partReader
	note  func(context.Context, []bodyPart) error
	err   error // what follows
}

func (r *notedReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.ahead.Read(p)
	if r.err = err; err == nil {
		_, r.err = r.ahead.Peek(1)
	}
	switch {
	case r.err == nil:
		return n, nil
	case !errors.Is(r.err, io.EOF):
		return 0, r.err // what was read is the end, if the length of the body is known
	}
	if err := r.note(r.inner.ctx, r.inner.parts); err != nil {
		r.err = &brokenOffError{err}
		return 0, r.err
	}
	return n, err
}

func (r *notedReader) Close() error { return r.inner.Close() }

// brokenOffError is that of a call of which the other side has not got the end.
type brokenOffError struct{ err error }

func (e *brokenOffError) Error() string { return e.err.Error() }
func (e *brokenOffError) Unwrap() error { return e.err }

// partReader reads one part after the other, and fills in what the streams held.
type partReader struct {
	ctx   context.Context
	parts []bodyPart
	at    int // the part that is read
	open  io.ReadCloser
	sum   hash.Hash // nil for a part that is known
	size  int64
}

func (r *partReader) Read(p []byte) (int, error) {
	for r.at < len(r.parts) {
		part := &r.parts[r.at]
		if r.open == nil {
			var err error
			if r.open, err = part.content.Open(r.ctx); err != nil {
				return 0, err
			}
			r.sum, r.size = nil, 0
			if isStream(part.content) {
				r.sum = sha256.New()
			}
		}
		n, err := r.open.Read(p)
		if r.size += int64(n); r.sum != nil {
			_, _ = r.sum.Write(p[:n]) // a hash never fails
		}
		if errors.Is(err, io.EOF) {
			err = r.next(part)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// next goes on to the next part.
func (r *partReader) next(part *bodyPart) error {
	err := r.open.Close()
	r.open, r.at = nil, r.at+1
	if err != nil || r.sum == nil {
		return err
	}
	sum := r.sum.Sum(nil)
	if err := part.is(r.size, sum); err != nil {
		return &brokenOffError{err}
	}
	part.Sum, part.Size = sum, r.size
	return nil
}

func (r *partReader) Close() error {
	if r.open == nil {
		return nil
	}
	return r.open.Close()
}
