package httpcall

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Transports of programs, those for tests above all, break the rules of http.RoundTripper.
func TestAReplyOfATransportMayLackItsParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		reply  *http.Response
		status int // 0 for an error
	}{
		{"no reply", nil, 0},
		{"no status", &http.Response{Body: http.NoBody}, 0},
		{"no body", &http.Response{StatusCode: http.StatusCreated}, http.StatusCreated},
		{"no body and a switch of protocols", &http.Response{StatusCode: http.StatusSwitchingProtocols}, http.StatusSwitchingProtocols},
	} {
		for _, idle := range []time.Duration{0, time.Minute} {
			client := New(Options{HTTP: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
				if c.reply == nil {
					return nil, nil
				}
				reply := *c.reply
				return &reply, nil
			})}})
			got, err := client.Do(t.Context(), &Call{Method: http.MethodPost, URL: "https://erp.example/", Body: Bytes("b"), Idle: idle})
			switch {
			case c.status == 0 && !errors.Is(err, ErrMaybeSent), c.status != 0 && (err != nil || got.Status != c.status):
				t.Errorf("%s, idle %v: %+v, %v", c.name, idle, got, err)
			}
		}
	}
}
