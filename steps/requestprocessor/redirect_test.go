package requestprocessor_test

import (
	"net/http"
	"slices"
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

func TestARedirectThatBringsALoginIsNotFollowed(t *testing.T) {
	t.Parallel()
	var target string
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
		w.Header().Set("Location", strings.Replace(target, "http://", "http://user:foreign-login@", 1)+"/new")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	target = a.URL
	r := run(t, a, offline(), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/old","method":"POST","content":"body"}}]}]}`)
	if got := a.paths(); r.Err == nil || got != "POST /old" || !strings.Contains(r.Err.Error(), "status 308") ||
		strings.Contains(r.Err.Error(), "foreign-login") {
		t.Errorf("%s, %v", got, r.Err)
	}
}

// The expected headers are those that a session of Python's requests 2.34 sends on the
// same replies.
func TestAFollowedRequestCarriesTheCookiesOfItsRedirects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ method, headers, first, referer string }{
		"a session":                {"GET", `{}`, "", ""},
		"a Cookie of the settings": {"GET", `{"cookie":"mine=1","Referer":"https://r.example/"}`, "mine=1", "https://r.example/"},
		"a POST":                   {"POST", `{"cookie":"mine=1"}`, "mine=1", ""},
	} {
		a := serve(t, func(w http.ResponseWriter, s seen, _ int) {
			switch s.uri {
			case "/old?key=1":
				for _, set := range []string{"a=1; Path=/", "o=1; Path=/else", `q="x y"`, "f=1; Domain=erp.example"} {
					w.Header().Add("Set-Cookie", set)
				}
				w.Header().Set("Location", "/mid")
				w.WriteHeader(http.StatusPermanentRedirect)
			case "/mid":
				w.Header().Add("Set-Cookie", "b=2; Path=/new")
				w.Header().Add("Set-Cookie", "s=2; Secure")
				w.Header().Set("Location", "/new")
				w.WriteHeader(http.StatusTemporaryRedirect)
			default:
				answer(w, 200, "text/plain", "ok")
			}
		})
		r := run(
			t, a, offline(),
			`{"stages":[{"call_api":[{"name":"c","request":{"url":"API/old?key=1","method":"`+tt.method+`","headers":`+tt.headers+`}}]}]}`,
		)
		var got []string
		for _, s := range a.requests() {
			got = append(got, s.header.Get("Cookie"))
			if s.header.Get("Referer") != tt.referer {
				t.Errorf("%s: %s has the referrer %q", name, s.uri, s.header.Get("Referer"))
			}
		}
		if want := []string{tt.first, `a=1; q="x y"`, `b=2; a=1; q="x y"`}; r.Err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n got %q\nwant %q", name, r.Err, got, want)
		}
	}
}
