package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/raced"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// TestMain has one processor play, and collects garbage seldom: both would order what
// happens at one instant.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(512 << 20)
	os.Exit(m.Run())
}

// TestSimulation plays schedules, each from one seed. The failure names the seed, and
// SIM_SEED=n plays it alone and prints what happened.
func TestSimulation(t *testing.T) {
	if text := os.Getenv("SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		simulate(t, seed, true)
		return
	}
	if text := os.Getenv("SIM_SECONDS"); text != "" && os.Getenv("SIM_PART") == "" {
		onEveryCore(t)
		return
	} else if text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		first, ends := rand.Uint64()>>1, time.Now().Add(time.Duration(seconds)*time.Second)
		t.Logf("seeds from %d on", first)
		inTurn(t, func(n uint64) bool {
			simulate(t, first+n, false)
			return time.Now().Before(ends)
		})
		return
	}
	// Few schedules decide about a change; SIM_SECONDS plays more.
	const schedules = 120
	inTurn(t, func(n uint64) bool {
		simulate(t, n, false)
		return n+1 < schedules
	})
}

// onEveryCore has a process for each core play, each with one processor, and adds up what
// they have played.
func onEveryCore(t *testing.T) {
	outputs, worked := make([][]byte, runtime.NumCPU()), make([]time.Duration, runtime.NumCPU())
	var parts sync.WaitGroup
	for i := range outputs {
		parts.Go(func() {
			part := exec.Command(os.Args[0], "-test.run=^TestSimulation$", "-test.v", "-test.timeout=0")
			part.Env = append(os.Environ(), "SIM_PART=1")
			var err error
			if outputs[i], err = part.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, outputs[i])
			}
			worked[i] = part.ProcessState.UserTime() + part.ProcessState.SystemTime()
		})
	}
	parts.Wait()
	schedules, perMinute, total := 0, 0, time.Duration(0)
	for i, output := range outputs {
		figures := playedFigures.FindSubmatch(output)
		if figures == nil {
			t.Fatalf("no figures in\n%s", output)
		}
		n, _ := strconv.Atoi(string(figures[1])) // of digits
		rate, _ := strconv.Atoi(string(figures[2]))
		schedules, perMinute = schedules+n, perMinute+rate
		total += worked[i]
		t.Logf("%s", seedsFigure.Find(output))
	}
	// Other programs may have used the cores, too.
	t.Logf(
		"%d schedules on %d cores, %d a minute; %.0f in a minute of each core's time",
		schedules,
		len(outputs),
		perMinute,
		float64(len(outputs)*schedules)/total.Minutes(),
	)
}

// What a part prints.
var (
	playedFigures = regexp.MustCompile(`(\d+) schedules, (\d+) a minute`)
	seedsFigure   = regexp.MustCompile(`seeds from \d+ on`)
)

// TestSchedulesThatOnceFailed plays seeds again that broke a rule.
func TestSchedulesThatOnceFailed(t *testing.T) {
	for _, seed := range []uint64{
		4640463109390870949, // paused while it announced a call
		2989103385284186933, // a verdict that came while the owner was paused
		2989103385284187051, // a reply that came after the end
		7176877946879973050, // asked for while it could still be made, since its announcement took long
		1046100993801481632,
		3860393210395513674,
		3244788289432234946, // found by a verdict that could not be noted
		3988969406829278346, // refused when it was tried first, which came to light after it was made again
	} {
		simulate(t, seed, false)
	}
}

// TestASeedPlaysAlikeAgain compares what happens. The race detector has the scheduler
// choose at random, so that it does not hold there.
func TestASeedPlaysAlikeAgain(t *testing.T) {
	if raced.Enabled() {
		t.Skip("the race detector orders what happens at one instant at random")
	}
	for seed := range uint64(12) {
		var stories [][]string
		isKnown := func(story []string) bool {
			return slices.ContainsFunc(stories, func(known []string) bool { return slices.Equal(known, story) })
		}
		// A busy machine may take the processor away in the middle of an instant.
		for len(stories) < 5 {
			w := newWorld(seed, true)
			synctest.Test(t, w.play)
			slices.Sort(w.story) // within an instant
			if isKnown(w.story) {
				break
			}
			stories = append(stories, w.story)
		}
		if len(stories) == 5 {
			t.Errorf("seed %d has played in five ways", seed)
		}
	}
}

// inTurn plays schedules one after the other.
func inTurn(t *testing.T, play func(n uint64) bool) {
	n, started := uint64(1), time.Now()
	for play(n-1) && !t.Failed() {
		n++
	}
	t.Logf("%d schedules, %.0f a minute", n, float64(n)/time.Since(started).Minutes())
}

// settling is how the program finds out about calls whose reply was lost.
type settling int

const (
	bare settling = iota
	byKey
	byProbe
	byVerdict
	settlings
)

func (s settling) String() string { return [...]string{"none", "key", "probe", "verdict"}[s] }

// world is a schedule: all that the seed decides, and what has happened.
type world struct {
	seed   uint64
	how    settling
	async  bool
	steps  int
	items  int
	beside bool // a step in a branch of Parallel
	final  bool // the last step is run in any case
	faulty float64
	begun  time.Time

	shared pipeline.Ledger
	erp    *simERP
	hosts  []*host
	loud   bool

	mu      sync.Mutex
	counts  map[string]int
	calm    bool // no more faults
	faults  []string
	story   []string
	names   map[string]string // of contents, by hash
	said    map[string]bool   // contents whose success was told
	late    map[string]bool   // records of processes that do not own their run any more
	unnoted map[pipeline.RunID]bool
	people  sync.WaitGroup
}

// draw gives the next random number of an actor: what others do meanwhile does not
// change it.
func (w *world) draw(actor string) *rand.Rand {
	w.mu.Lock()
	w.counts[actor]++
	n := w.counts[actor]
	w.mu.Unlock()
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", actor, n) // a hash never fails
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// moment draws a time above 0: no two things are to happen at one instant, since then
// the scheduler and not the seed would order them.
func (w *world) moment(actor string, most time.Duration) time.Duration {
	return time.Duration(1 + w.draw(actor).Int64N(int64(most)))
}

// chance reports a fault with a probability, in proportion to how faulty the world is.
func (w *world) chance(r *rand.Rand, p float64) bool {
	hit := r.Float64() < p*w.faulty
	w.mu.Lock()
	defer w.mu.Unlock()
	return hit && !w.calm
}

func (w *world) tell(format string, args ...any) {
	if !w.loud {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, fmt.Sprintf("%14.9f ", time.Since(w.begun).Seconds())+fmt.Sprintf(format, args...))
}

// wrong notes that a rule was broken.
func (w *world) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func newWorld(seed uint64, loud bool) *world {
	return &world{
		seed:    seed,
		loud:    loud,
		counts:  make(map[string]int),
		names:   make(map[string]string),
		said:    make(map[string]bool),
		late:    make(map[string]bool),
		unnoted: make(map[pipeline.RunID]bool),
	}
}

// simulate plays one schedule.
func simulate(t *testing.T, seed uint64, loud bool) {
	t.Helper()
	w := newWorld(seed, loud)
	synctest.Test(t, w.play)
	for _, line := range w.story {
		t.Log(line)
	}
	if len(w.faults) > 0 {
		t.Errorf(
			"SIM_SEED=%d: %v, %d steps with %d calls, async %v, beside %v, final %v\n  %s",
			seed,
			w.how,
			w.steps,
			w.items,
			w.async,
			w.beside,
			w.final,
			strings.Join(w.faults, "\n  "),
		)
	}
}

func (w *world) play(t *testing.T) {
	r := w.draw("world")
	w.begun = time.Now()
	w.how, w.async = settling(r.IntN(int(settlings))), r.IntN(2) == 0
	w.steps, w.items, w.beside, w.final = 1+r.IntN(3), 1+r.IntN(2), r.IntN(3) == 0, r.IntN(3) == 0
	w.faulty = []float64{0, 0.3, 1, 2, 4}[r.IntN(5)]
	w.shared = pipeline.MemoryLedger()
	w.erp = newSimERP(w)
	for i := range 1 + r.IntN(3) {
		w.hosts = append(w.hosts, &host{world: w, name: fmt.Sprint("host", i+1)})
	}
	w.tell(
		"%v, %d steps with %d calls, beside %v, final %v, async %v, %d hosts, faulty %v",
		w.how,
		w.steps,
		w.items,
		w.beside,
		w.final,
		w.async,
		len(w.hosts),
		w.faulty,
	)
	for _, h := range w.hosts {
		time.Sleep(w.moment("start", time.Second))
		h.start(t)
	}
	var users []*user
	for i := range 1 + r.IntN(2) {
		u := &user{world: w, annotation: int64(i + 1), name: fmt.Sprint("user", i+1), bodies: make(map[int][]byte)}
		users = append(users, u)
		times := 2 + r.IntN(2)
		w.people.Go(func() { u.live(times) })
	}
	ctx, stop := context.WithCancel(t.Context())
	var operator sync.WaitGroup
	if w.how == byVerdict {
		operator.Go(func() { w.operate(ctx) })
	}
	w.people.Wait()
	w.settle(t, users)
	stop()
	operator.Wait()
	w.check(users)
	for _, h := range w.hosts {
		h.stop()
	}
}

// settle ends all faults and has everybody finish.
func (w *world) settle(t *testing.T, users []*user) {
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	w.tell("no more faults")
	for _, h := range w.hosts {
		time.Sleep(w.moment("start", time.Second))
		h.start(t)
	}
	time.Sleep(15 * time.Minute) // pauses, leases and patience end
	if w.how != byVerdict {
		w.verdicts(t.Context()) // somebody looks in the end
		time.Sleep(3 * time.Minute)
	}
	for _, u := range users {
		for range 4 {
			if u.done {
				break
			}
			u.export()
			time.Sleep(3 * time.Minute)
			w.verdicts(t.Context())
		}
	}
}

// operate has a person look into the ERP from time to time.
func (w *world) operate(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(w.moment("operator", 2*time.Minute)):
			w.verdicts(ctx)
		}
	}
}

// verdicts settles every call that has been over for long.
func (w *world) verdicts(ctx context.Context) {
	journal, err := pipeline.NewJournal(w.shared, pipeline.JournalOptions{Owner: "operator"})
	if err != nil {
		panic(err)
	}
	for p, err := range journal.Pending(ctx, pipeline.RunQuery{}) {
		if err != nil || p.Verdict != nil || time.Since(p.Over) < actsLate {
			continue
		}
		v := pipeline.Verdict{By: "operator"}
		if id := w.erp.find(p.What, p.Run.ID); id != "" {
			v.There, v.Status, v.Body, v.Header = true, 201, []byte(id), http.Header{"Location": {"/invoices/" + id}}
		}
		w.tell("operator: %s there %v %s", p.What, v.There, v.Body)
		if err := journal.Settle(ctx, p.Run.ID, p.Call, v); err != nil && ctx.Err() == nil {
			w.tell("operator: %v", err)
		}
	}
}

// user has an annotation and wants it in the ERP.
type user struct {
	*world
	name       string
	annotation int64
	version    int
	requests   int // request_ids
	calls      int
	bodies     map[int][]byte // of calls, by version
	done       bool           // the current version is there
}

// live exports, corrects and exports again.
func (u *user) live(times int) {
	for range times {
		r := u.draw(u.name)
		time.Sleep(time.Duration(r.Int64N(int64(30 * time.Second))))
		if u.done || r.IntN(4) == 0 {
			u.version++
			u.done = false
		}
		u.export()
		time.Sleep(time.Duration(r.Int64N(int64(4 * time.Minute))))
	}
}

// export is what the platform does: up to five calls, until one is answered.
func (u *user) export() {
	r := u.draw(u.name + " export")
	anew := r.IntN(2) == 0
	u.requests++
	for try := range 5 {
		if anew && try > 0 {
			u.requests++
		}
		h := u.hosts[u.draw(u.name+" route").IntN(len(u.hosts))]
		answer := u.call(h)
		if answer == nil {
			time.Sleep(time.Duration(1+r.Int64N(int64(5*time.Second))) + time.Duration(try)*time.Second)
			continue
		}
		u.tell("%s: version %d is answered: failed %v %v", u.name, u.version, answer.Failed(), answer.Messages)
		u.done = !answer.Failed()
		if u.done {
			u.mu.Lock()
			u.said[u.content()] = true
			u.mu.Unlock()
			u.checkSuccess(answer)
		}
		return
	}
	u.tell("%s: the platform gives up", u.name)
}

// call makes a hook call, and polls if it is to be answered later.
func (u *user) call(h *host) *rossum.Response {
	u.tell("%s: calls %s for version %d", u.name, h.name, u.version)
	u.calls++
	name := fmt.Sprint(u.name, " call ", u.calls)
	status, header, body := h.serve(name, hookCall(u.body()))
	for polls := 0; status == 202 && polls < 60; polls++ {
		location := header.Get("Location")
		for status = 202; status == 202 && polls < 60; polls++ {
			time.Sleep(15 * time.Second)
			h := u.hosts[u.draw(u.name+" poll").IntN(len(u.hosts))]
			switch status, _, body = h.serve(fmt.Sprint(name, " poll ", polls), pollCall(location)); status {
			case 0, 503:
				status = 202 // the platform polls again
			}
		}
	}
	if status != 200 && status != 201 {
		return nil
	}
	var answer rossum.Response
	if err := json.Unmarshal(body, &answer); err != nil {
		u.wrong("an answer that is not JSON: %q", body)
	}
	return &answer
}

// body is the body of a call for the current version, with a request_id and a time of
// its own.
func (u *user) body() []byte {
	const id, at = "THE REQUEST", "THE TIME"
	body := u.bodies[u.version]
	if body == nil {
		call := rossumtest.Annotation(
			rossumtest.Offline(),
			rossumtest.Set("id", u.annotation),
			rossumtest.Field("version", strconv.Itoa(u.version)),
			rossumtest.Request(id),
			rossumtest.Sideload("timestamp", at),
			rossumtest.Sideload("schemas", []any{}),
		)
		for s := range u.steps + 1 {
			for i := range u.items {
				call.With(rossumtest.Field(fieldOf(s, i), ""))
			}
		}
		body = call.Bytes()
		u.bodies[u.version] = body
		payload, err := rossum.ParsePayload(body)
		if err != nil {
			panic(err)
		}
		u.mu.Lock()
		u.names[payload.ContentHash()] = u.content()
		u.mu.Unlock()
	}
	body = bytes.Replace(body, []byte(id), fmt.Append(nil, u.name, "-", u.requests), 1)
	return bytes.Replace(body, []byte(at), time.Now().AppendFormat(nil, time.RFC3339Nano), 1)
}

// content is the name of what the user exports.
func (u *user) content() string { return fmt.Sprintf("a%d/v%d", u.annotation, u.version) }

func fieldOf(step, item int) string { return fmt.Sprintf("id_%d_%d", step, item) }
