package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	measureVariable = "EXPORTPIPELINE_MEASURE"     // measures; a regular expression chooses rows, 1 is all
	rowVariable     = "EXPORTPIPELINE_MEASURE_ROW" // of a child: its row
)

// row is something that an export may meet. run prepares everything and returns what is
// measured.
type row struct {
	name string
	was  string // when the issue was written
	// deadline of the context, 0 for a minute. What goes on after it is the overrun.
	deadline time.Duration
	// memory is the most by which the process may grow, in MiB; 0 for no bound.
	memory int
	// refused says that the export has to end with an error.
	refused bool
	run     func(t testing.TB) func(context.Context) error
	// early says that it is done before there is a run, so that there is no context to look at.
	early bool
}

// result is what a child prints.
type result struct {
	CPU     time.Duration // of the process while the row ran
	Took    time.Duration
	Overrun time.Duration // after the deadline: time, or processor time if that is less
	Grown   int64         // by how many bytes the peak of the resident memory rose
	Live    int64         // by how many the heap did that a collection left, at most
	Unseen  time.Duration // the longest processor time without a look at the context
	Until   string        // who looked then
	Error   string
}

const resultMark = "measured: "

// TestMeasure runs each row in a child process.
func TestMeasure(t *testing.T) {
	if name := os.Getenv(rowVariable); name != "" {
		child(t, name)
		return
	}
	wanted := os.Getenv(measureVariable)
	if wanted == "" {
		t.Skip("set " + measureVariable + "=1 to measure, or to a part of the names of rows")
	}
	if wanted == "1" {
		wanted = "."
	}
	chosen, err := regexp.Compile(wanted)
	if err != nil {
		t.Fatal(err)
	}
	program := watchedProgram(t)
	fmt.Printf("%-46s %-22s %-17s %9s %9s %9s %9s %9s %9s  %s\n",
		"row", "was", "aim", "is: peak", "live heap", "CPU", "took", "overrun", "no look", "outcome")
	for _, r := range rows {
		if !chosen.MatchString(r.name) || wanted == "." && strings.HasPrefix(r.name, attackMark) {
			continue // attacks take minutes, and are run by their name
		}
		got, err := measure(program, r)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		outcome := "done"
		if got.Error != "" {
			outcome = shorten(got.Error)
		}
		fmt.Printf("%-46s %-22s %-17s %6d MB %6d MB %9s %9s %9s %9s  %s\n", nameOf(r), r.was, r.aim(), got.Grown>>20, got.Live>>20,
			short(got.CPU), short(got.Took), short(got.Overrun), short(got.Unseen), outcome)
		if r.refused && got.Error == "" {
			t.Errorf("%s: it was not refused", r.name)
		}
		if got.Overrun > overrun {
			t.Errorf("%s: the deadline was exceeded by %v", r.name, got.Overrun)
		}
		if !r.early && got.Unseen > overrun {
			t.Logf("%s: it went on for %v without a look at its context, until %s", r.name, got.Unseen, got.Until)
		}
		if r.memory > 0 && got.Grown > int64(r.memory)<<20 {
			t.Errorf("%s: the process grew by %d MB, %d are allowed", r.name, got.Grown>>20, r.memory)
		}
	}
}

// nameOf is the name of a row in one line.
func nameOf(r row) string { return strings.Join(strings.Fields(r.name), " ") }

// aim is what is checked.
func (r row) aim() string {
	switch {
	case r.refused:
		return "refused"
	case r.memory > 0 && r.deadline > 0:
		return fmt.Sprintf("%d MB, %.1f s", r.memory, (r.deadline + overrun).Seconds())
	}
	return fmt.Sprintf("%d MB", r.memory)
}

// overrun is how long a deadline may be exceeded.
const overrun = 100 * time.Millisecond

func short(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 140 {
		text = text[:100] + " … " + text[len(text)-37:]
	}
	return text
}

// measure runs a row in a child. A child that takes far too long is ended.
func measure(program string, r row) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestMeasure$", "-test.v")
	cmd.Env = append(os.Environ(), rowVariable+"="+r.name)
	out, err := cmd.CombinedOutput()
	_, line, ok := bytes.Cut(out, []byte(resultMark))
	if !ok {
		return result{}, fmt.Errorf("the process ended: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	var got result
	return got, json.Unmarshal(line, &got)
}

// child measures one row and prints the result.
func child(t *testing.T, name string) {
	for _, r := range rows {
		if r.name != name {
			continue
		}
		run := r.run(t)
		deadline := r.deadline
		if deadline == 0 {
			deadline = time.Minute
		}
		runtime.GC()
		cpu, _ := usage()
		before := resident()
		watched, unseen := watchLooks(t.Context())
		ctx, cancel := context.WithTimeout(watched, deadline)
		defer cancel()
		var atDeadline atomic.Int64
		watch := time.AfterFunc(deadline, func() {
			used, _ := usage()
			atDeadline.Store(int64(used))
		})
		live := watchLive()
		started := time.Now()
		err := run(ctx)
		got := result{Took: time.Since(started)}
		unseen.look()
		after, peak := usage()
		got.Unseen, got.Until = unseen.longest, unseen.until
		if !watch.Stop() {
			// On a machine that is busy otherwise time passes without anything being done.
			got.Overrun = min(max(0, got.Took-deadline), after-time.Duration(atDeadline.Load()))
		}
		got.Live = live()
		got.CPU, got.Grown = after-cpu, max(0, peak-before)
		if err != nil {
			got.Error = err.Error()
		}
		line, _ := json.Marshal(got) // of numbers and a text
		fmt.Printf("\n%s%s\n", resultMark, line)
		return
	}
	t.Fatalf("no row is called %q", name)
}

// watchLive looks at what collections leave until the function that it returns is called,
// which returns by how much that rose: the rest of a peak is garbage, or was to be.
func watchLive() func() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	read := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before, done, peak := read(), make(chan struct{}), make(chan int64)
	go func() {
		most := before
		for ticker := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				peak <- max(most, read())
				return
			case <-ticker.C:
				most = max(most, read())
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-peak - before
	}
}
