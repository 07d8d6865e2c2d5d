package oauth

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Reply is the answer to a token request.
type Reply struct {
	// Object is the answer as a JSON object; nil if it is none. One in the form of a
	// URL's query, as some servers send it, has become an object of texts.
	Object json.RawMessage
	Token  string // access_token, if it is a text
	// Life is how long the token is good for, 0 if the server does not say it in a way
	// that can be understood.
	Life time.Duration
	// Problem is what a server says that answers with status 200 and an error.
	Problem string
}

// ParseReply reads an answer. It never fails: what is not there is empty.
func ParseReply(body []byte, contentType string) Reply {
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
	if len(body) == 0 {
		return Reply{}
	}
	var members map[string]json.RawMessage
	if body[0] != '{' {
		members = fromForm(body, contentType)
	} else if json.Unmarshal(body, &members) != nil {
		members = nil
	}
	if members == nil {
		return Reply{}
	}
	r := Reply{Object: body, Token: text(members["access_token"]), Life: life(members["expires_in"])}
	if body[0] != '{' {
		r.Object, _ = json.Marshal(members) // of texts, which can always be written
	}
	if r.Token == "" {
		for _, name := range []string{"error", "error_description"} {
			if what := text(members[name]); what != "" {
				if r.Problem != "" {
					r.Problem += ": "
				}
				r.Problem += what
			}
		}
	}
	return r
}

// fromForm reads a query such as access_token=x&expires_in=3600.
func fromForm(body []byte, contentType string) map[string]json.RawMessage {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	if mediaType != "application/x-www-form-urlencoded" && mediaType != "text/plain" && mediaType != "" {
		return nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || values.Get("access_token") == "" && values.Get("error") == "" && mediaType != "application/x-www-form-urlencoded" {
		return nil
	}
	members := make(map[string]json.RawMessage, len(values))
	for name := range values {
		members[name], _ = json.Marshal(values.Get(name)) // a text can always be written
	}
	return members
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// life reads expires_in: a number, or a text with one.
func life(raw json.RawMessage) time.Duration {
	written := strings.TrimSpace(text(raw))
	if written == "" {
		written = string(raw)
	}
	seconds, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, 1e9) * float64(time.Second))
}

// early is how long before its end a token is no longer used.
const early = 30 * time.Second

// New returns the token of the reply, as it is had at a time.
func (r Reply) New(token string, now time.Time) Token {
	t := Token{Value: token}
	if r.Life > 0 {
		t.Expires = now.Add(r.Life - min(early, r.Life/2))
	}
	return t
}
