package runpage

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// step is a step as the template sees it.
type step struct {
	*pipeline.StepReport
	ID    string // of its place on the page
	State state
	Time  string
	Open  bool
	Calls []call
	Files []file
	Inner []step
}

// call is a call of a step.
type call struct {
	pipeline.CallReport
	Outcome state
	Request *exchange
	Reply   *exchange
}

// exchange is a request or an answer.
type exchange struct {
	Header []fact
	Body   string
	Note   string // instead of the body, or about it
}

func stepsOf(r *pipeline.Report) []step { return steps(r.Steps, "step") }

func steps(reports []*pipeline.StepReport, prefix string) []step {
	list := make([]step, len(reports))
	for i, s := range reports {
		one := step{
			StepReport: s, ID: fmt.Sprintf("%s-%d", prefix, i+1), State: stateOf(s.Status), Time: duration(time.Duration(s.Took)),
			Open: s.Status == pipeline.StatusFailed || s.Status == pipeline.StatusUnanswered,
		}
		if s.Status == pipeline.StatusNotRun {
			one.Time = ""
		}
		for _, c := range s.Calls {
			one.Calls = append(one.Calls, callOf(c))
		}
		for _, f := range s.Files {
			one.Files = append(one.Files, fileOf(f))
		}
		one.Inner = steps(s.Steps, one.ID)
		list[i] = one
	}
	return list
}

func callOf(c pipeline.CallReport) call {
	one := call{CallReport: c, Outcome: stateDone, Request: exchangeOf(c.Request), Reply: exchangeOf(c.Reply)}
	if c.Error != "" || c.Status >= 400 {
		one.Outcome = stateFailed
	}
	switch {
	case c.Dry && c.Status != 0:
		one.Outcome = state{"notrun", "–", fmt.Sprintf("not made; a recording answers %d", c.Status)}
		return one
	case c.Dry:
		one.Outcome = state{"notrun", "–", "not made"}
		return one
	case c.Status != 0:
		one.Outcome.Word = strings.TrimSpace(fmt.Sprintf("%d %s", c.Status, http.StatusText(c.Status)))
	case c.Error != "":
		one.Outcome.Word = "no answer"
	}
	if c.Attempts > 1 {
		one.Outcome.Word += fmt.Sprintf(", %d attempts", c.Attempts)
	}
	if c.Recorded {
		one.Outcome.Word += ", by a process before this one"
	}
	one.Outcome.Word += ", " + duration(time.Duration(c.Took))
	return one
}

func exchangeOf(m *pipeline.MessageReport) *exchange {
	if m == nil {
		return nil
	}
	e := &exchange{Body: pretty(m.Body, m.Header.Get("Content-Type"), m.Cut)}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		for _, value := range m.Header[name] {
			e.Header = append(e.Header, fact{name, value})
		}
	}
	switch {
	case m.Hidden != "":
		e.Note = m.Hidden
		if m.Size > 0 {
			e.Note = fmt.Sprintf("%s: %s", size(m.Size), m.Hidden)
		}
	case m.Size == 0:
		e.Note = "no body"
	case m.Cut:
		e.Note = "the beginning of " + size(m.Size)
	}
	return e
}

// size is a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
