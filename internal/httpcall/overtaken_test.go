package httpcall

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
)

// A reply without a body gives its connection to the next call before the one that it belongs
// to looks at it. What is known of the first call stays its own.
func TestACallThatTakesOverAConnectionLeavesTheReplyBeforeToItsCall(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	})
	kept := newTransport()
	t.Cleanup(kept.CloseIdleConnections)
	for _, method := range []string{"GET", "POST", "HEAD", "DELETE", "POST within another Once"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			c := isolated(t, Options{})
			method, within, _ := strings.Cut(method, " ")
			if within != "" {
				c = isolated(t, Options{HTTP: &http.Client{Transport: Once(kept)}})
			}
			if _, err := c.Do(t.Context(), &Call{Method: "GET", URL: s.URL}); err != nil { // so that there is a connection
				t.Fatal(err)
			}
			check := func(which string, reply *Reply, err error) {
				if err != nil {
					t.Errorf("%s: %v", which, err)
					return
				}
				if got := fmt.Sprint(reply.Fields()[0]); got != "[Location /"+which+"]" || reply.Status != http.StatusNoContent {
					t.Errorf("%s: status %d, fields %q", which, reply.Status, reply.Fields())
				}
			}
			var both sync.WaitGroup
			second := sync.OnceFunc(func() {
				written := make(chan struct{})
				wrote := sync.OnceFunc(func() { close(written) })
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					WroteRequest: func(httptrace.WroteRequestInfo) { wrote() },
				})
				both.Go(func() {
					reply, err := c.Do(ctx, &Call{Method: method, URL: s.URL + "/second"})
					check("second", reply, err)
				})
				<-written
			})
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{PutIdleConn: func(error) { second() }})
			reply, err := c.Do(ctx, &Call{Method: method, URL: s.URL + "/first"})
			check("first", reply, err)
			both.Wait()
		})
	}
}
