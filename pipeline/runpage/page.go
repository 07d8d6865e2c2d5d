package runpage

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

//go:embed page.css
var css string

//go:embed page.gohtml
var pageText string

//go:embed list.gohtml
var listText string

var (
	pageTemplate = template.Must(template.New("page").Parse(pageText))
	listTemplate = template.Must(template.New("list").Parse(listText))
)

// Page returns the page of a run.
func Page(r *pipeline.Report) ([]byte, error) {
	if r == nil {
		return nil, errors.New("the page of a run: the report is nil")
	}
	var b bytes.Buffer
	err := write(&b, r, "")
	return b.Bytes(), err
}

// page is what the template of a run sees.
type page struct {
	CSS      template.CSS
	Policy   string
	Back     string // to the list of runs, "" if there is none
	Headline string
	State    state
	Report   *pipeline.Report
	Facts    []fact
	Messages []message
	Graph    template.HTML
	Time     template.HTML
	Steps    []step
	Fields   []pipeline.FieldReport
}

// fact is a line of the run's outline.
type fact struct{ Name, Value string }

// state is how something ended, in a word and a sign, for those who see no colours.
type state struct{ Class, Sign, Word string }

var (
	stateDone    = state{"done", "✓", "done"}
	stateFailed  = state{"failed", "✗", "failed"}
	stateNotRun  = state{"notrun", "–", "not run"}
	stateWaiting = state{"waiting", "?", "needs an answer"}
	stateRunning = state{"notrun", "…", "not ended"}
)

func stateOf(s pipeline.Status) state {
	switch s {
	case pipeline.StatusDone:
		return stateDone
	case pipeline.StatusFailed:
		return stateFailed
	case pipeline.StatusNotRun:
		return stateNotRun
	case pipeline.StatusUnanswered:
		return stateWaiting
	}
	return stateRunning
}

// message is a message of the answer.
type message struct {
	Kind string
	Text template.HTML
	ID   int64
}

// write writes the page of a run. back is the address of the list, "" without one.
func write(w io.Writer, r *pipeline.Report, back string) error {
	p := &page{
		CSS: template.CSS(css), Policy: Policy(), Back: back, Headline: Headline(r), State: stateDone, Report: r,
		Facts: factsOf(r), Steps: stepsOf(r), Fields: r.Fields,
	}
	switch {
	case r.Failed:
		p.State = stateFailed
	case counted(r).waiting > 0:
		p.State = stateWaiting
	}
	for _, m := range messagesOf(r) {
		p.Messages = append(p.Messages, message{string(m.Type), richText(m.Content), m.ID})
	}
	p.Graph, p.Time = graph(p.Steps), waterfall(r, p.Steps)
	if err := execute(w, pageTemplate, p); err != nil {
		return fmt.Errorf("writing the page of a run: %w", err)
	}
	return nil
}

// Headline says in one sentence what happened in a run.
func Headline(r *pipeline.Report) string {
	c := counted(r)
	what := fmt.Sprintf("The export of annotation %d", r.AnnotationID)
	switch {
	case r.DryRun && r.Failed:
		return fmt.Sprintf("A dry run of annotation %d failed%s: %s.", r.AnnotationID, atStep(r), c.dry())
	case r.DryRun:
		return fmt.Sprintf("A dry run of annotation %d rendered %s.", r.AnnotationID, c.dry())
	case r.Failed && c.calls == 0:
		return fmt.Sprintf("%s failed%s, and no call was made.", what, atStep(r))
	case r.Failed:
		return fmt.Sprintf("%s failed%s, after %s.", what, atStep(r), plural(c.calls, "call"))
	}
	parts := []string{plural(c.calls, "call"), plural(c.files, "file")}
	if len(r.Fields) > 0 {
		parts = append(parts, plural(len(r.Fields), "changed field"))
	}
	return fmt.Sprintf("%s succeeded in %s, with %s.", what, duration(time.Duration(r.Took)), and(parts))
}

func atStep(r *pipeline.Report) string {
	for _, s := range r.All() {
		if s.Status == pipeline.StatusFailed && len(s.Steps) == 0 {
			return " in step “" + s.Name + "”"
		}
	}
	return " before its first step"
}

// counts are what a headline counts.
type counts struct{ calls, notMade, files, waiting int }

func counted(r *pipeline.Report) (c counts) {
	for _, s := range r.All() {
		for _, call := range s.Calls {
			if call.Dry {
				c.notMade++
			} else {
				c.calls++
			}
		}
		c.files += len(s.Files)
		if s.Status == pipeline.StatusUnanswered {
			c.waiting++
		}
	}
	return c
}

func (c counts) dry() string {
	text := plural(c.notMade, "call") + ", none of which was made"
	if c.notMade == 0 {
		text = "no call"
	}
	if c.calls > 0 {
		text = fmt.Sprintf("%s, and made %s that it was allowed to", plural(c.notMade, "call"), plural(c.calls, "call"))
	}
	if c.waiting > 0 {
		text += fmt.Sprintf("; %s for an answer", waits(c.waiting))
	}
	return text
}

func waits(n int) string {
	if n == 1 {
		return "1 step waits"
	}
	return fmt.Sprintf("%d steps wait", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// and joins parts as a sentence does.
func and(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func factsOf(r *pipeline.Report) []fact {
	facts := []fact{{"Annotation", fmt.Sprint(r.AnnotationID)}}
	if r.RequestID != "" {
		facts = append(facts, fact{"Hook call", r.RequestID})
	}
	if !r.Started.IsZero() {
		facts = append(facts, fact{"Began", r.Started.UTC().Format("2006-01-02 15:04:05 UTC")})
	}
	return append(facts, fact{"Took", duration(time.Duration(r.Took))})
}

// duration is a time as people read it, such as 1.25 s.
func duration(d time.Duration) string {
	number := func(unit time.Duration, decimals int, name string) string {
		text := strconv.FormatFloat(float64(d)/float64(unit), 'f', decimals, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return text + "\u00a0" + name
	}
	switch {
	case d >= time.Minute:
		return fmt.Sprintf("%d\u00a0min %d\u00a0s", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Second:
		return number(time.Second, 2, "s")
	case d >= time.Millisecond:
		return number(time.Millisecond, 1, "ms")
	case d == 0:
		return "0"
	}
	return number(time.Microsecond, 0, "µs")
}

// messagesOf are the messages of the answer, or without details those that the steps note.
func messagesOf(r *pipeline.Report) []rossum.Message {
	if len(r.Messages) > 0 {
		return r.Messages
	}
	var list []rossum.Message
	for _, s := range r.All() {
		for _, text := range s.Messages {
			kind, content, ok := strings.Cut(text, ": ")
			if !ok {
				kind, content = "info", text
			}
			list = append(list, rossum.Message{Type: rossum.MessageType(kind), Content: content})
		}
	}
	return list
}

// plainTags are those that Rossum's messages have, and that can do nothing else.
var plainTags = []string{"b", "i", "em", "strong"}

// richText is the text of a message with its bold and italic parts. Everything else is
// shown as it is written.
func richText(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	for _, tag := range plainTags {
		begin, end := "&lt;"+tag+"&gt;", "&lt;/"+tag+"&gt;"
		if n := strings.Count(escaped, begin); n > 0 && n == strings.Count(escaped, end) {
			escaped = strings.NewReplacer(begin, "<"+tag+">", end, "</"+tag+">").Replace(escaped)
		}
	}
	escaped = strings.ReplaceAll(escaped, "&lt;br&gt;", "<br>")
	return template.HTML(escaped) //nolint:gosec // escaped above
}
