package hookserver_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Over HTTP/2 many calls share a connection: one whose body does not come ends alone.
func TestOverHTTP2ABodyThatDoesNotComeEndsAlone(t *testing.T) {
	t.Parallel()
	h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), ReadTimeout: 3 * time.Second})
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	send := func(body io.Reader, signed []byte) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/export", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if signed != nil {
			rossum.Sign(r.Header, signed, secret)
		}
		reply, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		if reply.ProtoMajor != 2 {
			t.Fatalf("the server speaks %s", reply.Proto)
		}
		text, _ := io.ReadAll(reply.Body)
		return reply.StatusCode, string(text)
	}
	good := invoice().Bytes()
	silent, end := io.Pipe()
	defer end.Close()
	status, text := make(chan int), ""
	go func() {
		var n int
		n, text = send(silent, good)
		status <- n
	}()
	for range 3 {
		if n, text := send(bytes.NewReader(good), good); n != 200 {
			t.Errorf("a call beside it: %d %s", n, text)
		}
	}
	if n := <-status; n != http.StatusRequestTimeout || !strings.Contains(text, "did not arrive") {
		t.Errorf("the call whose body does not come: %d %s", n, text)
	}
	unread, stop := io.Pipe()
	defer stop.Close()
	if n, _ := send(unread, nil); n != http.StatusUnauthorized {
		t.Errorf("a call without a signature, whose body does not come: %d", n)
	}
	if n, text := send(bytes.NewReader(good), good); n != 200 {
		t.Errorf("a call after it: %d %s", n, text)
	}
}
