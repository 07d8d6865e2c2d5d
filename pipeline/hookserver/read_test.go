package hookserver_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestAServerWithoutAUsableSecretIsNotBuilt(t *testing.T) {
	t.Parallel()
	chain := chainOf(t, set("status", "1"))
	for name, tt := range map[string]struct {
		secrets  []string
		unsigned bool
		want     string
	}{
		"an empty secret":       {[]string{""}, false, "secret 1 is empty"},
		"one of several":        {[]string{"older", ""}, false, "secret 2 is empty"},
		"none":                  {nil, false, "secret is missing; set SignatureSecrets"},
		"a secret and no check": {[]string{"a"}, true, "both SignatureSecrets and Unsigned"},
	} {
		if s, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: tt.secrets, Unsigned: tt.unsigned}); s != nil ||
			err == nil ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// untouched is a body that must not be read.
type untouched struct{ read atomic.Bool }

func (u *untouched) Read([]byte) (int, error) { u.read.Store(true); return 0, io.EOF }

func TestTheBodyOfAnUnsignedCallIsNotRead(t *testing.T) {
	t.Parallel()
	h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
	for name, header := range map[string]string{"none": "", "no digest": "sha256=", "too short": "sha256=00", "not hexadecimal": "sha256=zz", "of another kind": "md5=00"} {
		body := &untouched{}
		r := httptest.NewRequest(http.MethodPost, "/export", body)
		r.Header.Set("Content-Type", "application/json")
		if header != "" {
			r.Header.Set(rossum.SignatureHeader, header)
		}
		if status, _ := serve(h, r); status != http.StatusUnauthorized || body.read.Load() {
			t.Errorf("%s: status %d, the body was read: %v", name, status, body.read.Load())
		}
	}
}

// slow is a body that stops after its first bytes until it is released.
type slow struct {
	first   int64 // bytes that come at once
	started *atomic.Int32
	release chan struct{}
	rest    io.Reader
}

func (s *slow) Read(p []byte) (int, error) {
	if s.first > 0 {
		n, err := s.rest.Read(p[:min(int64(len(p)), s.first)])
		s.first -= int64(n)
		return n, err
	}
	if s.release != nil {
		s.started.Add(1)
		<-s.release
		s.release = nil
	}
	return s.rest.Read(p)
}

// large is a hook call of more than a megabyte.
func large() []byte { return append(invoice().Bytes(), bytes.Repeat([]byte(" "), 2<<20)...) }

func TestFewLargeBodiesAreReadAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
		var started atomic.Int32
		release := make(chan struct{})
		body := large()
		var group sync.WaitGroup
		statuses := make([]int, 10)
		for i := range statuses {
			group.Go(func() {
				r := hookCall(body)
				r.Body, r.ContentLength = io.NopCloser(&slow{1<<20 + 1, &started, release, bytes.NewReader(body)}), -1
				statuses[i], _ = serve(h, r)
			})
		}
		synctest.Wait()
		if n := started.Load(); n != 4 {
			t.Errorf("%d bodies are read at a time", n)
		}
		if status, _ := serve(h, hookCall(invoice().Bytes())); status != 200 {
			t.Errorf("a small call had to wait: %d", status)
		}
		time.Sleep(31 * time.Second) // longer than a call may wait for its turn
		synctest.Wait()
		close(release)
		group.Wait()
		counts := make(map[int]int)
		for _, s := range statuses {
			counts[s]++
		}
		if counts[200] != 4 || counts[503] != 6 {
			t.Errorf("statuses %v", statuses)
		}
	})
}

func TestFewLargeBodiesWaitInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
		var started, refused, read atomic.Int32
		release := make(chan struct{})
		body := large()
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				r := hookCall(body)
				r.Body = io.NopCloser(&slow{1<<20 + 1, &started, release, bytes.NewReader(body)})
				switch status, _ := serve(h, r); status {
				case http.StatusServiceUnavailable:
					refused.Add(1)
				case http.StatusOK:
					read.Add(1)
				}
			})
		}
		synctest.Wait() // no time has passed
		if started.Load() != 4 || refused.Load() != 200-4-64 {
			t.Errorf("%d bodies are read, and %d were refused", started.Load(), refused.Load())
		}
		close(release)
		group.Wait()
		if read.Load() != 4+64 {
			t.Errorf("%d bodies were read after all", read.Load())
		}
	})
}

func TestNotAllSmallBodiesAreReadAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
		var started, refused atomic.Int32
		release := make(chan struct{})
		body := invoice().With(rossumtest.Field("long", strings.Repeat("x", 10_000))).Bytes()
		var group sync.WaitGroup
		for range 300 {
			group.Go(func() {
				r := hookCall(body)
				r.Header.Set(rossum.SignatureHeader, "sha256="+strings.Repeat("00", 32))
				r.Body = io.NopCloser(&slow{4<<10 + 1, &started, release, bytes.NewReader(body)})
				if status, _ := serve(h, r); status == http.StatusServiceUnavailable {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := started.Load(); n != 256 {
			t.Errorf("%d bodies are read at a time", n)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		close(release)
		group.Wait()
		if refused.Load() != 300-256 {
			t.Errorf("%d calls were refused", refused.Load())
		}
	})
}

// Whoever has a connection and no secret keeps no call of Rossum out, however it announces
// its body.
func TestConnectionsOnWhichNothingComesKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
		var started atomic.Int32
		release := make(chan struct{})
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() {
				r := hookCall(invoice().Bytes())
				r.Header.Set(rossum.SignatureHeader, "sha256="+strings.Repeat("00", 32))
				r.Body, r.ContentLength = io.NopCloser(&slow{1, &started, release, r.Body}), []int64{-1, 100, 100 << 20}[i%3]
				if i%2 == 0 {
					r.Header.Set("Content-Encoding", "gzip")
				}
				serve(h, r)
			})
		}
		synctest.Wait()
		before := time.Now()
		for _, body := range [][]byte{invoice().Bytes(), large()} {
			if status, answer := serve(h, hookCall(body)); status != 200 || time.Since(before) > 0 {
				t.Errorf("%d after %v: %s", status, time.Since(before), texts(answer))
			}
		}
		close(release)
		group.Wait()
	})
}

// deadlined is a caller that ends with the deadline of its connection.
type deadlined struct {
	*httptest.ResponseRecorder
	release chan struct{}
	once    sync.Once
}

func (d *deadlined) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Before(time.Now()) {
		d.once.Do(func() { close(d.release) })
	}
	return nil
}

// Read fails after the deadline.
func (d *deadlined) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestABodyThatComesSlowlyGivesWayToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
		var started atomic.Int32
		body := large()
		var group sync.WaitGroup
		callers := make([]*deadlined, 4)
		for i := range callers {
			callers[i] = &deadlined{ResponseRecorder: httptest.NewRecorder(), release: make(chan struct{})}
			group.Go(func() {
				r := hookCall(body)
				r.Body = io.NopCloser(
					&slow{
						1<<20 + 1,
						&started,
						callers[i].release,
						io.MultiReader(io.LimitReader(bytes.NewReader(body), 1<<20+1), callers[i]),
					},
				)
				h.ServeHTTP(callers[i], r)
			})
		}
		synctest.Wait()
		before := time.Now()
		if status, answer := serve(h, hookCall(body)); status != 200 || time.Since(before) > 5*time.Second {
			t.Errorf("%d after %v: %s", status, time.Since(before), texts(answer))
		}
		synctest.Wait()
		gone := 0
		for _, c := range callers {
			if c.Code == http.StatusRequestTimeout && strings.Contains(c.Body.String(), "arrived slowly, while other calls waited") {
				gone++
			}
			_ = c.SetReadDeadline(time.Unix(1, 0))
		}
		if gone != 1 {
			t.Errorf("%d calls gave way", gone)
		}
		group.Wait()
	})
}

func TestACallThatIsOlderThanItMayBeIsRefused(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) // as rossumtest has it
	for name, tt := range map[string]struct {
		after  time.Duration // that it arrives
		maxAge time.Duration
		stamp  string // instead of its own
		want   int
	}{
		"recent":                         {time.Minute, time.Hour, "", 200},
		"by a clock that is behind":      {-time.Minute, time.Hour, "", 200},
		"just as old as it may be":       {time.Hour, time.Hour, "", 200},
		"older":                          {time.Hour + time.Second, time.Hour, "", 403},
		"from the future":                {-time.Hour - time.Second, time.Hour, "", 403},
		"old, and any age is accepted":   {1000 * time.Hour, 0, "", 200},
		"without a timestamp":            {0, time.Hour, " ", 403},
		"in another zone":                {time.Minute, time.Hour, "2026-11-24T11:00:00+01:00", 200},
		"in no zone":                     {time.Minute, time.Hour, "2026-11-24T10:00:00", 403},
		"old, by a stamp in no spelling": {0, 0, "yesterday", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(made.Add(tt.after)))
				h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), MaxAge: tt.maxAge})
				body := invoice().Bytes()
				if tt.stamp != "" {
					body = bytes.Replace(body, []byte("2026-11-24T10:00:00.000000Z"), []byte(strings.TrimSpace(tt.stamp)), 1)
				}
				if status, answer := serve(h, hookCall(body)); status != tt.want ||
					tt.want == 403 && !strings.Contains(texts(answer), "the call") {
					t.Errorf("%d %s, want %d", status, texts(answer), tt.want)
				}
			})
		})
	}
	_, err := hookserver.New(hookserver.Options{Chain: chainOf(t, set("status", "1")), Unsigned: true, MaxAge: time.Hour})
	if err == nil || !strings.Contains(err.Error(), "MaxAge is set for unsigned calls") {
		t.Error(err)
	}
}

func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1"))})
	body := invoice().Bytes()
	r := hookCall(body)
	clock := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r.Body = io.NopCloser(clock)
	before := time.Now()
	h.ServeHTTP(clock, r)
	if clock.Code != http.StatusRequestTimeout || len(clock.set) != 2 || clock.set[0].Before(before.Add(29*time.Second)) ||
		!clock.set[1].IsZero() {
		t.Errorf("status %d, deadlines %v", clock.Code, clock.set)
	}
}

// deadlines is a connection on which nothing arrives before the deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.set = append(d.set, t); return nil }

func (d *deadlines) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
