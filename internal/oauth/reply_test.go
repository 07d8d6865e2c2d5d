package oauth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokenRepliesAreReadAsServersSendThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body, contentType, token string
		life                     time.Duration
		problem                  string
	}{
		{`{"access_token":"t","expires_in":3600}`, "application/json", "t", time.Hour, ""},
		{`{"access_token":"t","expires_in":"3600"}`, "application/json", "t", time.Hour, ""},
		{`{"access_token":"t","expires_in":" 3600 "}`, "application/json", "t", time.Hour, ""},
		{`{"access_token":"t","expires_in":3599.5}`, "application/json", "t", 3599*time.Second + 500*time.Millisecond, ""},
		{`{"access_token":"t","expires_in":3.6e3}`, "application/json", "t", time.Hour, ""},
		{`{"access_token":"t","expires_in":""}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":null}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":"soon"}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":[1]}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":-1}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":"NaN"}`, "application/json", "t", 0, ""},
		{`{"access_token":"t","expires_in":99999999999999999999}`, "application/json", "t", 1e9 * time.Second, ""},
		{`{"access_token":"t","expires_in":true}`, "text/html", "t", 0, ""},
		{"\ufeff{\"access_token\":\"t\"}", "application/json; charset=utf-8", "t", 0, ""},
		{" \r\n{\"access_token\":\"t\"}\n", "text/plain", "t", 0, ""},
		{"access_token=t%2B1&expires_in=60&scope=", "application/x-www-form-urlencoded", "t+1", time.Minute, ""},
		{"access_token=t&token_type=bearer", "text/plain; charset=utf-8", "t", 0, ""},
		{"error=bad_verification_code&error_description=The+code+is+wrong.", "application/x-www-form-urlencoded; charset=utf-8", "", 0, "bad_verification_code: The code is wrong."},
		{`{"error":"invalid_client","error_description":"wrong secret"}`, "application/json", "", 0, "invalid_client: wrong secret"},
		{`{"error":"invalid_client"}`, "application/json", "", 0, "invalid_client"},
		{`{"error":{"code":1}}`, "application/json", "", 0, ""},
		{`{"access_token":7}`, "application/json", "", 0, ""},
		{`<html>access_token=t</html>`, "text/html", "", 0, ""},
		{`["access_token"]`, "application/json", "", 0, ""}, {`{"access_token":"t"`, "application/json", "", 0, ""}, {"", "", "", 0, ""}, {"not a token", "text/plain", "", 0, ""},
	} {
		r := ParseReply([]byte(tt.body), tt.contentType)
		if r.Token != tt.token || r.Life != tt.life || r.Problem != tt.problem {
			t.Errorf("%s (%s): got %q, %v, %q", tt.body, tt.contentType, r.Token, r.Life, r.Problem)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"access_token":"t","expires_in":"1e3"}`), "application/json")
	f.Add([]byte("access_token=t&expires_in=60"), "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		if r := ParseReply(body, contentType); r.Life < 0 || r.Token != "" && r.Object == nil {
			t.Errorf("%q: %+v", body, r)
		}
	})
}

// A token request that hangs holds nobody longer than his own context.
func TestAWaiterForATokenWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Cache
		var all sync.WaitGroup
		hang := func(ctx context.Context) (Token, error) { <-ctx.Done(); return Token{}, context.Cause(ctx) }
		slow, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		all.Go(func() { _, _, _ = c.Get(slow, Ask{Key: "a", Fetch: hang}) })
		synctest.Wait()
		started := time.Now()
		ctx, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if _, _, err := c.Get(ctx, Ask{Key: "a", Fetch: hang}); !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(started))
		}
		// Another request waits for nobody.
		token, fresh, err := c.Get(t.Context(), Ask{Key: "b", Fetch: func(context.Context) (Token, error) { return Token{Value: "t"}, nil }})
		if token.Value != "t" || !fresh || err != nil {
			t.Errorf("%v %v %v", token, fresh, err)
		}
		cancel()
		all.Wait()
	})
}

func TestATokenIsAskedForOnceAndAgainWhenItIsRefusedOrOld(t *testing.T) {
	t.Parallel()
	var c Cache
	now, asked := time.Unix(0, 0), 0
	get := func(key, refused, kept string) string {
		token, _, err := c.Get(t.Context(), Ask{Key: key, Now: now, Refused: refused, Kept: kept, Fetch: func(context.Context) (Token, error) {
			asked++
			return Reply{Life: time.Minute}.New(string(rune('A'+asked)), now), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return token.Value
	}
	for i, step := range []struct {
		key, refused, kept, want string
		after                    time.Duration
	}{
		{"a", "", "", "B", 0}, {"a", "", "kept", "B", 0}, {"a", "B", "B", "C", 0}, {"b", "", "kept", "kept", 0}, {"b", "kept", "kept", "D", 0},
		{"a", "", "", "C", 29 * time.Second}, {"a", "", "", "E", 2 * time.Second}, {"a", "", "B", "E", 0},
	} {
		now = now.Add(step.after)
		if got := get(step.key, step.refused, step.kept); got != step.want {
			t.Errorf("%d: got %s, want %s", i, got, step.want)
		}
	}
}
