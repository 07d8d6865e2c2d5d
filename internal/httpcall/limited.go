package httpcall

import (
	"io"
	"net/http"

	"github.com/exportpipeline/exportpipeline/internal/limit"
)

// Limited returns a transport whose requests wait until they may be made. It is for
// clients of other libraries; calls of a [Client] wait already.
func Limited(next http.RoundTripper) http.RoundTripper { return limited{next} }

type limited struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	pass, err := limit.Enter(req.Context(), req.URL, false)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		pass.Leave(limit.Outcome{})
		return nil, err
	}
	outcome := outcomeOf(resp)
	resp.Body = &leaving{resp.Body, func() { pass.Leave(outcome) }}
	return resp, nil
}

// leaving ends a request when its reply has been read.
type leaving struct {
	io.ReadCloser
	leave func()
}

func (b *leaving) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.leave()
	}
	return n, err
}

func (b *leaving) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}
