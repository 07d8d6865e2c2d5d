package send_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// form is a body that is made each time that it is opened.
type form func() string

func (f form) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f())), nil
}

func (f form) Size() int64 { return int64(len(f())) }

// countingLedger counts what is written to it.
type countingLedger struct {
	pipeline.Ledger
	n atomic.Int64
}

func (l *countingLedger) Append(ctx context.Context, lease pipeline.Lease, records ...pipeline.Record) error {
	l.n.Add(1)
	return l.Ledger.Append(ctx, lease, records...)
}

// signedExport makes one call with a form, and returns how often its ledger was written.
func signedExport(t *testing.T, address string, signer *send.OAuth1, body pipeline.Content) (int64, error) {
	t.Helper()
	ledger := &countingLedger{Ledger: pipeline.MemoryLedger()}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := pipeline.New(step(func(ctx context.Context, x *pipeline.Export) error {
		call := &send.Call{
			Name: "c", Method: "POST", URL: address + "/x?q=1", Retry: send.RetryIfRefused, Body: body,
			Header: http.Header{"Content-Type": {send.FormType}},
		}
		if signer != nil {
			if err := signer.Sign(x, call); err != nil {
				return err
			}
		}
		_, err := send.Do(ctx, x, call)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = chain.Export(t.Context(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithJournal(journal))
	return ledger.n.Load(), err
}

var protocolParameter = regexp.MustCompile(`(oauth_\w+)="([^"]*)"`)

// The other side finds the signature right that it makes of what has arrived, on each attempt.
func TestAFormThatIsStreamedIsSigned(t *testing.T) {
	t.Parallel()
	signer := &send.OAuth1{ConsumerKey: "ck", ConsumerSecret: "cs", TokenKey: "tk", TokenSecret: "ts", Method: "HMAC-SHA1"}
	value := strings.Repeat("%25PDF+", 1<<19)
	body := form(func() string { return "b=2&file=" + value + "&a=%C3%BC&file=" + value + "2" })
	var calls atomic.Int64
	var nonces [2]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		header, part := r.Header.Get("Authorization"), make(map[string]string)
		for _, m := range protocolParameter.FindAllStringSubmatch(header, -1) {
			part[m[1]], _ = url.PathUnescape(m[2])
		}
		at, _ := strconv.ParseInt(part["oauth_timestamp"], 10, 64)
		want, signErr := oauth.Signer(*signer).Header(
			r.Context(), "POST", "http://"+r.Host+r.URL.String(), pipeline.Bytes(got), part["oauth_nonce"], time.Unix(at, 0),
		)
		if err := errors.Join(err, signErr); err != nil || header != want || string(got) != body() {
			t.Errorf("%v, %d bytes with %s, want %s", err, len(got), header, want)
		}
		n := calls.Add(1)
		if nonces[n-1] = part["oauth_nonce"]; n == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	signed, err := signedExport(t, server.URL, signer, body)
	if err != nil || calls.Load() != 2 || nonces[0] == nonces[1] {
		t.Errorf("%v, %d calls", err, calls.Load())
	}
	unsigned, err := signedExport(t, answering(t, http.StatusTooManyRequests, http.StatusOK), nil, body)
	if err != nil || signed != unsigned {
		t.Errorf("%v; the ledger was written %d times, and %d times without a signature", err, signed, unsigned)
	}
}

// answering is a server with these answers, one after the other.
func answering(t *testing.T, status ...int) string {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(status[n.Add(1)-1])
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAFormThatChangesWhileItIsSignedIsNotSent(t *testing.T) {
	t.Parallel()
	e := newERP(t, created)
	long, opened := strings.Repeat("a", 2<<20), 0
	body := form(func() string {
		opened++
		return "n=" + strconv.Itoa(opened) + "&f=" + long
	})
	_, err := signedExport(t, e.URL, &send.OAuth1{}, body)
	const want = "signing by OAuth 1.0a: the form has changed while it was signed; nothing was sent"
	if err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, pipeline.ErrNotSent) || e.got() != "" {
		t.Errorf("%v; the ERP got %.100s", err, e.got())
	}
	_, err = signedExport(t, e.URL, &send.OAuth1{}, form(func() string { return "a=%zz" }))
	if err == nil || !strings.Contains(err.Error(), "the form has a broken %-escape") || e.got() != "" {
		t.Errorf("%v; the ERP got %s", err, e.got())
	}
}
