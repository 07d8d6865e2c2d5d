package httpcall

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-retryablehttp"
)

// request makes the request, with a body that is opened for each attempt.
func (r *running) request(ctx context.Context) (*retryablehttp.Request, error) {
	var body any
	if b := r.call.Body; b != nil && b.Size() != 0 {
		body = retryablehttp.ReaderFunc(func() (io.Reader, error) {
			opened, err := b.Open(ctx)
			if err != nil {
				return nil, fmt.Errorf("opening the body: %w", err)
			}
			r.written.Store(0)
			return &countingBody{opened, &r.written}, nil
		})
	}
	plain, err := http.NewRequestWithContext(ctx, r.call.Method, "", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, withoutURL(err))
	}
	plain.URL = withoutEmptyPort(r.url)
	plain.Host = plain.URL.Host
	req := &retryablehttp.Request{Request: plain}
	if body != nil {
		// The size comes from the body itself: SetBody would read a stream of
		// unknown length to measure it.
		if err := setBody(req, body.(retryablehttp.ReaderFunc), r.call.Body.Size()); err != nil {
			return nil, err
		}
	}
	r.call.setHeader(req.Request)
	return req, nil
}

// withoutEmptyPort is a URL as [http.NewRequest] makes it of https://host:/path.
func withoutEmptyPort(u *url.URL) *url.URL {
	host, found := strings.CutSuffix(u.Host, ":")
	if !found {
		return u
	}
	copied := *u
	copied.Host = host
	return &copied
}

func setBody(req *retryablehttp.Request, open retryablehttp.ReaderFunc, size int64) error {
	opened := false
	// go-retryablehttp opens a body once just to learn its length; it gets a
	// stand-in then.
	err := req.SetBody(retryablehttp.ReaderFunc(func() (io.Reader, error) {
		if !opened {
			opened = true
			return strings.NewReader(""), nil
		}
		return open()
	}))
	req.ContentLength = size
	req.GetBody = func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		return r.(io.ReadCloser), nil
	}
	return err
}

// countingBody counts what net/http reads, which is what it sends.
type countingBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
