package requestprocessor_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestOnlyARedirectThatKeepsTheRequestIsFollowed(t *testing.T) {
	t.Parallel()
	const settings = `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/old","method":"POST","content":"body","headers":{"Authorization":"Bearer x"}}}]}]}`
	for status, followed := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		var target string
		a := serve(t, func(w http.ResponseWriter, s seen, _ int) {
			if s.uri == "/old" {
				w.Header().Set("Location", target+"/new?a=1")
				w.WriteHeader(status)
				return
			}
			answer(w, 200, "text/plain", "ok")
		})
		r := run(t, a, offline(), settings)
		want := "POST /old"
		if followed {
			want += ", POST /new?a=1"
		}
		if got := a.paths(); got != want || (r.Err == nil) != followed {
			t.Errorf("%d: %s, %v", status, got, r.Err)
			continue
		}
		if !followed && !strings.Contains(r.Err.Error(), "status 30") {
			t.Errorf("%d: the error does not name the status: %v", status, r.Err)
		}
		if last := a.requests(); followed && (last[1].body != "body" || last[1].auth != "Bearer x") {
			t.Errorf("%d: sent again as %v", status, last[1])
		}
		other := serve(t, nil)
		target = other.URL // another origin gets nothing
		if r := run(t, a, offline(), settings); r.Err == nil || len(other.requests()) != 0 {
			t.Errorf("%d: %v, another origin got %s", status, r.Err, other.paths())
		}
	}
}

func TestRedirectsThatGoRoundAreGivenUp(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
		w.Header().Set("Location", "/again")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	r := run(t, a, offline(), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/old","method":"POST","content":"body"}}]}]}`)
	if r.Err == nil || len(a.requests()) != 6 || !strings.Contains(r.Err.Error(), "status 307") {
		t.Errorf("%d requests, %v", len(a.requests()), r.Err)
	}
}
