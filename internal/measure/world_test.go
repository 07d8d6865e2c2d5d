package measure

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// bounded is a document that is made while it is read: the same text at each opening.
type generated int64

const pattern = "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ & a line of an invoice\n"

// Size implements [pipeline.Content].
func (g generated) Size() int64 { return int64(g) }

// Open implements [pipeline.Content].
func (g generated) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(&repeating{text: pattern}, int64(g))), nil
}

// repeating reads a text over and over.
type repeating struct {
	text string
	at   int
}

func (r *repeating) Read(p []byte) (n int, err error) {
	for n < len(p) {
		c := copy(p[n:], r.text[r.at:])
		n += c
		r.at = (r.at + c) % len(r.text)
	}
	return n, nil
}

// server answers every call by f, after it has read the request to its end.
func server(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		f(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// replies answers with head, then a pattern until the reply has size bytes, then tail. A
// negative size never ends.
func replies(t testing.TB, mediaType, head, pattern, tail string, size int64) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = io.WriteString(w, head)
		block := strings.Repeat(pattern, 1+(64<<10)/len(pattern))
		for sent := int64(len(head)); size < 0 || sent < size; sent += int64(len(block)) {
			if r.Context().Err() != nil {
				return
			}
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, tail)
	})
}

// exports runs a chain of the steps. What a step says on the annotation as an error
// counts as one.
func exports(t testing.TB, call *rossumtest.Call, steps ...pipeline.Step) func(context.Context) error {
	return exportsWith(t, call, nil, steps...)
}

func exportsWith(t testing.TB, call *rossumtest.Call, options []pipeline.Option, steps ...pipeline.Step) func(context.Context) error {
	t.Helper()
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	payload := call.Payload()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	options = append([]pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})}, options...)
	return func(ctx context.Context) error {
		_, err := chain.Export(ctx, payload, options...)
		return err
	}
}

// settingsOf decodes settings into a step.
func settingsOf[T any](t testing.TB, text string) *T {
	t.Helper()
	s := new(T)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}
