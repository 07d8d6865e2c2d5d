package oauth

import (
	"context"
	"sync"
	"time"
)

// Token is an access token.
type Token struct {
	Value   string
	Expires time.Time // zero if the server did not say
}

// Good reports whether the token can be used at a time, and is not the refused one.
func (t Token) Good(now time.Time, refused string) bool {
	return t.Value != "" && t.Value != refused && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Ask is a wish for a token.
type Ask struct {
	// Key names the token request: its URL, header and body, and whose it is. Tokens
	// are shared by those who ask with the same key, and by nobody else.
	Key     string
	Now     time.Time
	Refused string // the token that the server has just turned down
	Kept    string // a token that an earlier process has kept for this request
	// Fetch asks the server.
	Fetch func(context.Context) (Token, error)
}

// maxTokens is how many tokens a cache keeps at a time.
const maxTokens = 1000

// Cache keeps tokens until they expire. The zero value works; it is safe for concurrent
// use. For each key one caller at a time asks the server; the others wait for it, each
// no longer than its own context.
type Cache struct {
	mu    sync.Mutex
	byKey map[string]*shared
}

type shared struct {
	asking chan struct{} // held by the one who asks
	mu     sync.Mutex
	token  Token
}

func (c *Cache) of(key string) *shared {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.byKey[key]
	if s == nil {
		if len(c.byKey) >= maxTokens || c.byKey == nil {
			c.byKey = make(map[string]*shared)
		}
		s = &shared{asking: make(chan struct{}, 1)}
		c.byKey[key] = s
	}
	return s
}

func (s *shared) get() Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

func (s *shared) set(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
}

// Get returns a token: the one in the cache, or the kept one, or a new one; never the
// refused one. fresh says that it is new.
func (c *Cache) Get(ctx context.Context, ask Ask) (token Token, fresh bool, err error) {
	s := c.of(ask.Key)
	if token = s.get(); token.Good(ask.Now, ask.Refused) {
		return token, false, nil
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return Token{}, false, context.Cause(ctx)
	}
	// Whoever held it before may have brought one.
	if token = s.get(); token.Good(ask.Now, ask.Refused) {
		return token, false, nil
	}
	if kept := (Token{Value: ask.Kept}); token.Value != ask.Kept && kept.Good(ask.Now, ask.Refused) {
		s.set(kept)
		return kept, false, nil
	}
	if token, err = ask.Fetch(ctx); err != nil {
		return Token{}, false, err
	}
	s.set(token)
	return token, true, nil
}
