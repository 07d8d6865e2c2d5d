package hookserver_test

import (
	"encoding/json"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// The dimensions of the table of crashes. A row is a value of each.
var (
	points = []string{
		"before the call is noted", "after the call is noted", "after the first byte", "after the ERP acted", "before the reply is noted", "after the reply is noted",
		"after the call timed out", "between steps", "in a branch", "in a Finally step", "while answering", "twice in a row", "twice at the same call",
	}
	kinds    = []string{"REST", "REST with OAuth", "multipart with 40 MB", "Request Processor", "Function", "Workday", "SFTP"}
	modes    = []string{"sync", "async"}
	heirs    = []string{"the same process again", "another process"}
	settlers = []string{"key", "probe", "verdict", "none"}
)

// crash is a row of the table.
type crash struct{ point, kind, mode, heir, settler string }

func (c crash) String() string {
	return strings.Join([]string{c.point, c.kind, c.mode, c.heir, c.settler}, ", ")
}

// isHTTP reports that the target system may honour idempotency keys.
func (c crash) isHTTP() bool { return c.kind != "Workday" && c.kind != "SFTP" }

// possible leaves out what cannot be told apart from another row: files have no first
// byte that their server could see alone, and no single call that times out.
func (c crash) possible() bool {
	return c.kind != "SFTP" || c.point != "after the first byte" && c.point != "after the call timed out"
}

// rows chooses rows that together have every pair of values, and as many more as are
// wanted, by the order of the product.
func rows(atLeast int) []crash {
	var all []crash
	for _, p := range points {
		for _, k := range kinds {
			for _, m := range modes {
				for _, h := range heirs {
					for _, s := range settlers {
						if c := (crash{p, k, m, h, s}); c.possible() {
							all = append(all, c)
						}
					}
				}
			}
		}
	}
	pairs := func(c crash) []string {
		v := []string{c.point, c.kind, c.mode, c.heir, c.settler}
		var list []string
		for i := range v {
			for j := range i {
				list = append(list, v[j]+"|"+v[i])
			}
		}
		return list
	}
	covered := make(map[string]bool)
	var chosen []crash
	taken := make(map[crash]bool)
	for {
		best, most := crash{}, 0
		for _, c := range all {
			n := 0
			for _, p := range pairs(c) {
				if !covered[p] {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		if most == 0 {
			break
		}
		for _, p := range pairs(best) {
			covered[p] = true
		}
		taken[best] = true
		chosen = append(chosen, best)
	}
	for i := 0; len(chosen) < min(atLeast, len(all)); i++ {
		c := all[i*37%len(all)] // 37 and the number of rows have no divisor in common
		if !taken[c] {
			taken[c] = true
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// target is the path of the call that the row is about.
func (c crash) target() string {
	switch {
	case c.point == "in a Finally step":
		return "/notify"
	case c.kind == "Request Processor":
		return "/create/B"
	}
	return "/create"
}

// byERP reports that it is the ERP which sees the moment at which the process dies.
func (c crash) byERP() bool {
	switch c.point {
	case "after the first byte", "in a Finally step":
		return true
	case "after the ERP acted", "in a branch", "twice in a row", "twice at the same call":
		return c.kind != "SFTP" // whose server acts when it renames
	}
	return false
}

// diesAgain is whether the second process gets as far as the point of the first.
func (c crash) diesAgain() bool {
	switch c.point {
	case "twice in a row":
		return true
	case "twice at the same call": // made again with its key, or its outcome seen and noted
		return c.kind == "SFTP" || c.settler == "key" && c.isHTTP()
	}
	return false
}

// isOpen is the rule: whether nobody can know, from the ledger alone, if the call was
// made.
func (c crash) isOpen() bool {
	switch c.point {
	case "before the call is noted", "after the reply is noted", "after the call timed out", "between steps", "while answering":
		return false
	}
	return true
}

// acted is whether the target system had acted on the call when the process died.
func (c crash) acted() bool {
	return c.point == "after the call timed out" || c.isOpen() && c.point != "after the call is noted" && c.point != "after the first byte"
}

// settles is the rule: whether the run goes on to its end without a person. That a call
// timed out is an outcome: the export fails and says so.
func (c crash) settles() bool {
	aboutFile := c.kind == "SFTP" && c.point != "in a Finally step"
	switch {
	case !c.isOpen(), c.settler == "probe":
		return true
	case aboutFile && c.acted():
		return true // the file is there, with its content
	case c.settler == "key":
		return c.isHTTP() || c.point == "in a Finally step"
	}
	return false
}

// succeeds is the rule: whether the export succeeds in the end.
func (c crash) succeeds() bool {
	return c.point != "after the call timed out" && (c.settles() || c.settler == "verdict")
}

// TestTheTableOfCrashes kills a process at each point of each kind of export, and looks
// at what the next process makes of it. The outcome is derived from the rules above. With
// EXPORTPIPELINE_SOAK set it takes every row of the product.
func TestTheTableOfCrashes(t *testing.T) {
	t.Parallel()
	all := rows(150)
	switch {
	case os.Getenv(soakVariable) != "":
		all = rows(1 << 20)
	case testing.Short():
		all = all[:20]
	}
	slots := make(chan struct{}, 8)
	for _, c := range all {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			done := sync.OnceFunc(func() { <-slots }) // also for one that only waits from now on
			defer done()
			for patience := 10 * time.Second; !play(t, c, patience, done); patience *= 4 {
				t.Logf("this machine needs more than %v until the first process is killed", patience)
			}
		})
	}
}

// play plays a row. If the first process had no time to get to the point where it is
// killed it reports false.
func play(t *testing.T, c crash, patience time.Duration, waits func()) bool {
	w := newWorld(t, c)
	w.patience = patience
	second := ""
	if c.heir == "another process" && c.point != "twice in a row" {
		_, second = w.start(w.plan())
	}
	victim, first := w.start(w.deadly())
	if c.byERP() {
		w.dies(victim)
	}
	// While it answers, a poll may be faster than the end of the process.
	if answer, lived := w.ask(w.t.Context(), first, "first"); lived && c.point != "while answering" {
		if strings.Contains(messages(answer), "took longer than") && patience < 2*time.Minute {
			return false
		}
		t.Fatalf("it was not killed: %+v, %v", answer, w.acts)
	}
	if c.point == "twice in a row" || c.point == "twice at the same call" {
		w.kills(c)
	}
	if second == "" {
		_, second = w.start(w.plan())
	}
	if c.settler == "probe" {
		waits()
	}
	w.check(w.goesOn(second))
	return true
}

// dies has the ERP kill a process.
func (w *world) dies(victim *osexec.Cmd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.victim = victim
}

// kills kills the process that goes on.
func (w *world) kills(c crash) {
	w.t.Helper()
	p := w.plan()
	switch {
	case c.point == "twice in a row":
		p.KillKind = "claim"
	case !c.byERP():
		p = w.deadly()
	}
	p.Timeout = w.plan().Timeout
	victim, address := w.start(p)
	if c.point == "twice at the same call" && c.byERP() {
		w.dies(victim)
	}
	if answer, lived := w.ask(w.t.Context(), address, "first again"); lived == c.diesAgain() {
		w.t.Fatalf("it was killed a second time: %v, want %v: %s", !lived, c.diesAgain(), messages(answer))
	}
	w.dies(nil)
}

// goesOn calls the hook again, and again after a verdict.
func (w *world) goesOn(address string) rossum.Response {
	answer, lived := w.ask(w.t.Context(), address, "repeat")
	if !lived {
		w.t.Fatal("the second process died")
	}
	if w.row.settles() {
		return answer
	}
	if text := messages(answer); !answer.Failed() || !strings.Contains(text, "may have sent this already") ||
		!strings.Contains(text, "Check in the target system") {
		w.t.Errorf("nobody can know, and the answer is %s", text)
	}
	if again, _ := w.ask(w.t.Context(), address, "repeat once more"); !again.Failed() {
		w.t.Errorf("the second time it goes on: %s", messages(again))
	}
	if w.row.settler != "verdict" {
		return answer
	}
	// The calls of other branches may have been under way, too.
	if n := w.settle(); n < 1 || n > 1 && w.row.point != "in a branch" {
		w.t.Errorf("%d calls wait for a verdict", n)
	}
	answer, lived = w.ask(w.t.Context(), address, "after the verdict")
	if !lived {
		w.t.Fatal("the second process died")
	}
	return answer
}

func messages(r rossum.Response) string {
	text, _ := json.Marshal(r.Messages) // of texts
	return string(text)
}

// check looks at the answer and at what the target systems have done.
func (w *world) check(answer rossum.Response) {
	c := w.row
	create := []string{"/create"}
	if c.kind == "Request Processor" {
		create = []string{"/create/A", "/create/B", "/create/C"}
	}
	succeeds := c.succeeds()
	if c.point == "after the call timed out" && !strings.Contains(messages(answer), "no answer, it may have been received") {
		w.t.Errorf("it is not said that the call may have been received: %s", messages(answer))
	}
	if answer.Failed() == succeeds {
		w.t.Errorf("success %v expected: %s", succeeds, messages(answer))
	}
	paths := append(create, "/submit", "/notify")
	if c.point == "in a branch" {
		paths = append(paths, "/other")
	}
	for _, path := range paths {
		want, n := 1, w.count(path)
		if !succeeds {
			if path != c.target() { // what comes later may not have been made
				if n > 1 {
					w.t.Errorf("%s: %d times", path, n)
				}
				continue
			}
			if want = 0; c.acted() {
				want = 1
			}
		}
		if n != want {
			w.t.Errorf("%s: %d times, want %d", path, n, want)
		}
	}
	if operations, _ := json.Marshal(answer.Operations); succeeds && c.kind != "SFTP" && !strings.Contains(string(operations), "ERP/create") &&
		!strings.Contains(string(operations), "SUPPLIER_INVOICE-1") {
		w.t.Errorf("the ERP's number is lost: %s", operations)
	}
}
