package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// dryTransport answers in place of a server. With notes it also notes the calls in the
// report, for clients that do not do so themselves.
type dryTransport struct {
	x     *Export
	notes bool
	body  []byte // of the last call
}

// RoundTrip implements [http.RoundTripper].
func (t *dryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := t.x
	if x.Allows(r.Method, r.URL.String()) {
		return t.pass(r)
	}
	call := DryCall{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone()}
	if r.Body != nil {
		var err error
		call.Body, err = httpcall.ReadAll(r.Body, max(-1, r.ContentLength))
		if closeErr := r.Body.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, fmt.Errorf("reading the body: %w", err)
		}
	}
	if !t.notes { // a client that notes its calls itself has one transport for each
		t.body = call.Body
	}
	answer, err := x.dryAnswer(&call)
	if t.notes {
		x.noteDry(&call, answer, err)
	}
	if err != nil {
		return nil, err
	}
	header := answer.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), StatusCode: answer.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
	}, nil
}

// pass makes a call.
func (t *dryTransport) pass(r *http.Request) (*http.Response, error) {
	h := t.x.run.config.httpClient
	if h == nil || h.Transport == nil {
		h = httpcall.SharedClient()
	}
	started := t.x.WallTime()
	resp, err := httpcall.Once(h.Transport).RoundTrip(r)
	if t.notes {
		t.x.noteTrip(r, started, resp, err)
	}
	return resp, err
}

// noteTrip notes a call that a client of others has made.
func (x *Export) noteTrip(r *http.Request, started time.Time, resp *http.Response, err error) {
	report := CallReport{
		Method: r.Method, URL: x.run.redactor.URL(r.URL.String()), Started: started, Attempts: 1,
		Took: Duration(x.WallTime().Sub(started)), Sent: max(0, r.ContentLength),
	}
	if resp != nil {
		report.Status, report.Received = resp.StatusCode, max(0, resp.ContentLength)
	}
	if err != nil {
		report.Error = err.Error()
	}
	x.RecordCall(report)
}
