package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Client returns a client for a step whose library of an API wants one. Each of its
// requests is a call by [Do]; it is announced, made once, and its reply is read whole and
// noted, so that a request which an earlier process has made gets the reply of the ledger.
// Redirects are followed on the same host and with the same scheme only.
//
// A request is known by its method, its address without the query, and how many like it
// the step has made before. So a step that is run again must make like requests in the
// same order, one after the other.
func Client(x *pipeline.Export) *http.Client {
	return &http.Client{Transport: transport{x}, CheckRedirect: httpcall.SameOrigin}
}

type transport struct{ x *pipeline.Export }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := requestBody(r)
	if err != nil {
		return nil, pipeline.NotSent(err)
	}
	address := *r.URL
	address.RawQuery, address.Fragment, address.User = "", "", nil
	call := &Call{Name: r.Method + " " + address.String(), Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: body, raw: true}
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	if r.Host != "" && r.Host != r.URL.Host {
		call.SetHeader("Host", r.Host)
	}
	reply, err := Do(r.Context(), t.x, call)
	if once, isOnce := body.(*onlyOnce); isOnce && !once.used.Swap(true) {
		_ = once.rest.Close() // nothing was sent, or the ledger has the reply
	}
	if err != nil {
		return nil, err
	}
	header := reply.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	header.Del("Content-Encoding") // it has been undone
	header.Del("Content-Length")
	return &http.Response{
		Status: fmt.Sprintf("%d %s", reply.Status, reply.Reason), StatusCode: reply.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(reply.Body)), ContentLength: int64(len(reply.Body)), Uncompressed: true, Request: r,
	}, nil
}

// maxBuffered is how much of a request's body is held in memory, in bytes.
const maxBuffered = 1 << 20

// requestBody makes the body of a request, which is streamed if it is large.
func requestBody(r *http.Request) (pipeline.Content, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxBuffered+1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the body of the request: %w", err), r.Body.Close())
	}
	if len(head) <= maxBuffered {
		return pipeline.Bytes(head), r.Body.Close()
	}
	if r.GetBody != nil {
		return reopened{r.GetBody, r.ContentLength}, r.Body.Close()
	}
	return &onlyOnce{head: head, rest: r.Body, size: r.ContentLength}, nil
}

// reopened is a body that the request can make again.
type reopened struct {
	open func() (io.ReadCloser, error)
	size int64
}

func (b reopened) Open(context.Context) (io.ReadCloser, error) { return b.open() }

func (b reopened) Size() int64 { return max(b.size, -1) }

// onlyOnce is a body that can be read a single time.
type onlyOnce struct {
	head []byte
	rest io.ReadCloser
	size int64
	used atomic.Bool
}

func (b *onlyOnce) Open(context.Context) (io.ReadCloser, error) {
	if b.used.Swap(true) {
		return nil, errors.New("the body of the request can be read a single time; set GetBody to have it sent again")
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b.head), b.rest), b.rest}, nil
}

func (b *onlyOnce) Size() int64 {
	if b.size <= 0 {
		return -1
	}
	return b.size
}
