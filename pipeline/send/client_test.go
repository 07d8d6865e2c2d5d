package send_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestAStepsClientFollowsRedirectsToItsOwnOriginOnly(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(plain.Close)
	var here atomic.Int32
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/to-http":
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		case "/elsewhere":
			http.Redirect(w, r, plain.URL, http.StatusTemporaryRedirect)
		case "/elsewhere-for-ever":
			http.Redirect(w, r, plain.URL, http.StatusPermanentRedirect)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		case "/here":
			here.Add(1)
		}
	}))
	t.Cleanup(secure.Close)
	payload, err := rossum.ParsePayload([]byte(`{"annotation":{"id":1,"content":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	x, err := pipeline.NewExport(payload, pipeline.WithHTTPClient(secure.Client()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		followed     bool
	}{
		{"GET", "/to-http", false}, {"GET", "/elsewhere", false}, {"POST", "/elsewhere", false}, {"POST", "/elsewhere-for-ever", false},
		{"PUT", "/elsewhere", false}, {"GET", "/moved", true}, {"POST", "/moved", true},
	} {
		before := here.Load()
		req, _ := http.NewRequestWithContext(t.Context(), tt.method, secure.URL+tt.path, strings.NewReader("invoice"))
		req.Header.Set("Authorization", "Bearer token")
		resp, err := send.Client(x).Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if followed := err == nil && here.Load() == before+1; followed != tt.followed {
			t.Errorf("%s %s: followed %v, %v", tt.method, tt.path, followed, err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("another origin was called")
	}
}
