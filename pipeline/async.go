package pipeline

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Defaults of [AsyncOptions].
const (
	DefaultAsyncTimeout = 10 * time.Minute // as long as the token of a hook call lives
	DefaultKeep         = 2 * time.Hour
	DefaultLease        = 30 * time.Second // the platform's interval of polling
)

// AsyncOptions are the options of [NewAsync]; the zero value works for one
// process whose exports may be lost when it ends.
type AsyncOptions struct {
	// Results keeps what exports ended with; nil means [MemoryResults].
	Results Results
	// Key signs the polling addresses: at least 16 bytes that nobody else knows,
	// the same in every process that shares Results. nil makes a random one, so
	// that addresses end with this process.
	Key []byte
	// After is how long a call is waited for before it gets its polling address;
	// 0 waits until the hook's time-out nears. With a negative time every call gets
	// its address at once.
	After time.Duration
	// Timeout bounds an export, DefaultAsyncTimeout if 0. The hook's
	// max_polling_time_s should be longer, and so should its token_lifetime_s if
	// steps talk to Rossum.
	Timeout time.Duration
	// Keep is how long a result is kept after its export has ended, DefaultKeep if
	// 0. It should be longer than the hook's max_polling_time_s.
	Keep time.Duration
	// Lease is how long nothing may be heard of a running export before it counts
	// as cut short, DefaultLease if 0.
	Lease time.Duration
}

// Async answers slow exports in the asynchronous form of Rossum's hooks: 202 and
// a polling address in Location, which answers 202 while the export runs and 201
// with its result when it has ended (Rossum's API reference, "Webhook Events").
// Give it to a [Handler] by [WithAsync]. It is safe for concurrent use, and serves
// one handler.
type Async struct {
	address string
	options AsyncOptions

	mu      sync.Mutex
	running map[string]chan struct{} // closed when the export has ended
	watched map[string]sighting
	swept   time.Time
	now     func() time.Time
}

// sighting is what this process has seen of a run of another one. How long nothing
// has changed is measured here: clocks of two machines differ.
type sighting struct{ seen, since time.Time }

// NewAsync makes an Async for a handler that Rossum reaches at publicURL, which is
// the hook's config.url: polling addresses begin with it. The error says what is
// wrong with the URL or the options.
func NewAsync(publicURL string, o AsyncOptions) (*Async, error) {
	u, err := url.Parse(publicURL)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("answering asynchronously: %q is not the hook's URL, such as https://exports.example.com/export", publicURL)
	case o.Key != nil && len(o.Key) < 16:
		return nil, fmt.Errorf("answering asynchronously: the key has %d bytes, it needs 16 at least", len(o.Key))
	case o.Timeout < 0 || o.Keep < 0 || o.Lease < 0:
		return nil, errors.New("answering asynchronously: a time-out cannot be negative")
	}
	if o.Results == nil {
		o.Results = MemoryResults()
	}
	if o.Key == nil {
		o.Key = []byte(rand.Text())
	}
	setDefault(&o.Timeout, DefaultAsyncTimeout)
	setDefault(&o.Keep, DefaultKeep)
	setDefault(&o.Lease, DefaultLease)
	return &Async{address: publicURL, options: o, running: make(map[string]chan struct{}), watched: make(map[string]sighting), now: time.Now}, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// WithAsync has slow exports answered later.
//
// What is known of a run outlives the process if the [Results] do. A call that
// comes again, with the same request_id, never runs again: it gets the result, or
// the polling address once more. A run that was cut short, because its process
// ended, is answered with an error message that lists the calls which had been
// sent; whether to export again is then for a person to say.
func WithAsync(a *Async) HandlerOption { return handlerOption(func(h *handler) { h.async = a }) }

// Shutdown waits until the exports that were begun have ended, or ctx has; call
// it after [http.Server.Shutdown], which does not know of them.
func (a *Async) Shutdown(ctx context.Context) error {
	for {
		a.mu.Lock()
		var next chan struct{}
		for _, next = range a.running {
			break
		}
		a.mu.Unlock()
		if next == nil {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mac is a part of a keyed hash.
func (a *Async) mac(of, text string) string {
	h := hmac.New(sha256.New, a.options.Key)
	h.Write([]byte(of + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// id names a run. A call that comes again has the same one.
func (a *Async) id(p *rossum.Payload) string {
	key := runKey(p)
	if key == "" {
		key = rand.Text()
	}
	return a.mac("run", p.BaseURL+" "+key)
}

// pollKey is the query parameter of a polling address.
const pollKey = "poll"

func (a *Async) location(id string) string {
	separator := "?"
	if strings.Contains(a.address, "?") {
		separator = "&"
	}
	return a.address + separator + pollKey + "=" + id + "." + a.mac("poll", id)
}

// open returns the id of a polling address, and whether this Async has made it.
func (a *Async) open(token string) (id string, ok bool) {
	id, signature, _ := strings.Cut(token, ".")
	return id, hmac.Equal([]byte(signature), []byte(a.mac("poll", id)))
}

// poll answers a polling address.
func (a *Async) poll(w http.ResponseWriter, r *http.Request, token string) {
	id, ok := a.open(token)
	if !ok {
		// The same for everything that is not ours, so that it tells nothing.
		refuse(w, &refusal{http.StatusNotFound, "there is no export at this address"})
		return
	}
	result, err := a.load(r.Context(), id)
	switch {
	case errors.Is(err, ErrNoResult):
		refuse(w, &refusal{http.StatusGone, "the result of this export is not kept any more"})
	case err != nil:
		// The platform polls again after 503.
		refuse(w, &refusal{http.StatusServiceUnavailable, "the result cannot be read now"})
	case result.Response == nil:
		w.Header().Set("Retry-After", "30")
		writeJSON(w, http.StatusAccepted, map[string]string{"status": "running"})
	default:
		writeJSON(w, http.StatusCreated, result.Response)
	}
}

// load returns a result. A run that nobody has heard of for too long was cut
// short; that is its result from then on.
func (a *Async) load(ctx context.Context, id string) (Result, error) {
	a.sweep(ctx)
	result, err := a.options.Results.Load(ctx, id)
	if err != nil || result.Response != nil || a.isAlive(id, result.Seen) {
		return result, err
	}
	result.Response, result.Seen = cutShort(result.Sent), a.now()
	err = a.options.Results.Save(ctx, id, result)
	if errors.Is(err, ErrFinalResult) { // it has ended meanwhile
		return a.options.Results.Load(ctx, id)
	}
	return result, err
}

// isAlive reports whether a run is one of this process, or has said something since
// this process first looked, or within the lease.
func (a *Async) isAlive(id string, seen time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running[id] != nil {
		return true
	}
	last, known := a.watched[id]
	if !known || !last.seen.Equal(seen) {
		last = sighting{seen, a.now()}
		a.watched[id] = last
	}
	return a.now().Sub(last.since) < a.options.Lease
}

// cutShort is the answer of a run whose process has ended.
func cutShort(sent []Sending) *rossum.Response {
	text := "Export failed: the export service was stopped while it ran. No call had been sent; the export can be repeated."
	if len(sent) > 0 {
		calls := make([]string, len(sent))
		for i, s := range sent {
			state := "its outcome is not known"
			if s.Ended {
				state = "it was answered"
			}
			calls[i] = fmt.Sprintf("%s: %s (%s)", s.Step, s.What, state)
		}
		text = "Export failed: the export service was stopped while it ran. These calls had been sent before: " + strings.Join(calls, "; ") +
			". They are not sent again; look into the target system before exporting again."
	}
	return &rossum.Response{Messages: []rossum.Message{{Type: rossum.ErrorMessage, Content: text}}}
}

// sweep forgets old results, from time to time.
func (a *Async) sweep(ctx context.Context) {
	a.mu.Lock()
	due := a.now().Sub(a.swept) >= a.options.Keep/10
	if due {
		a.swept = a.now()
		for id, s := range a.watched {
			if a.now().Sub(s.since) > a.options.Keep {
				delete(a.watched, id)
			}
		}
	}
	a.mu.Unlock()
	if due {
		// What cannot be removed now is removed the next time.
		_ = a.options.Results.Expire(ctx, a.now().Add(-a.options.Keep))
	}
}
