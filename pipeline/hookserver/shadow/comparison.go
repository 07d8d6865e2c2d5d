package shadow

import (
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Comparison is what a run beside a hosted chain has found.
//
// The hook runs after the last hook of the hosted chain, so that the annotation
// has the fields which that chain has filled, and Rossum has its files and replies. The
// chain runs dry on them: every request is rendered and none is made. Replies are those of
// the recording; without one they are those that the hosted chain has kept in Rossum, and
// fields that depend on other replies keep their values. What the chain makes is compared
// with what the hosted one has left or sent, byte for byte. Rossum is only read. Since
// conditions see the fields as they are at the end, a call that was due in the beginning
// may look as if it were not; [Compare] runs on the call of the beginning instead.
type Comparison struct {
	AnnotationID int64
	// Files are the files that differ.
	Files []FileDifference
	// Requests are the requests that differ, with a recording.
	Requests []RequestDifference
	// Fields are those that would get another value: Before is that of the hosted chain.
	// [Compare] does not know them.
	Fields []pipeline.FieldReport
	// Messages are what the chain would show.
	Messages []rossum.Message
	// Report has every step, with the requests that would have left, without secrets.
	Report *pipeline.Report
	// Compared and ComparedRequests count the files and requests that were compared, and
	// Err says why nothing, or not everything, could be.
	Compared, ComparedRequests int
	Err                        error
}

// FileDifference says how a file differs.
type FileDifference struct {
	Key string
	Difference
}

// RequestDifference says how a request differs.
type RequestDifference struct {
	// Step is the name of the step that would send it, "" for one that only the hosted
	// chain has sent.
	Step string
	// Method and URL are those of the request here, or else of the recorded one, without
	// secrets.
	Method, URL string
	// Part is what differs: method, URL, body, or "header" and its name; "" for a request
	// that only one of them has sent, whose Hosted or Here is -1.
	Part string
	Difference
}

// String says the difference in a line.
func (d FileDifference) String() string {
	switch {
	case d.Hosted < 0:
		return fmt.Sprintf("file %q: the hosted chain has not made it", d.Key)
	case d.Here < 0:
		return fmt.Sprintf("file %q: made by the hosted chain only", d.Key)
	}
	return fmt.Sprintf("file %q differs at %v", d.Key, d.Difference)
}

// String says the difference in a line.
func (d RequestDifference) String() string {
	request := d.Method + " " + d.URL
	switch {
	case d.Part == "" && d.Hosted < 0:
		return fmt.Sprintf("%s of step %q: the hosted chain has not sent it", request, d.Step)
	case d.Part == "":
		return request + ": sent by the hosted chain only"
	case d.Hosted < 0:
		return fmt.Sprintf("%s of step %q: %s: the hosted chain has not sent it, here %q", request, d.Step, d.Part, d.HereText)
	case d.Here < 0:
		return fmt.Sprintf("%s of step %q: %s: sent by the hosted chain only, as %q", request, d.Step, d.Part, d.HostedText)
	}
	return fmt.Sprintf("%s of step %q: %s differs at %v", request, d.Step, d.Part, d.Difference)
}

// Same reports that no difference was found, and that everything was compared.
func (c *Comparison) Same() bool {
	return c.Err == nil && len(c.Files) == 0 && len(c.Fields) == 0 && len(c.Requests) == 0
}

// Text says what was found: a line for each difference, and below it those lines of the
// two texts that differ.
func (c *Comparison) Text() string {
	var b strings.Builder
	if c.Same() {
		compared := plural(c.Compared, "file")
		switch {
		case c.ComparedRequests > 0 && c.Compared > 0:
			compared += " and " + plural(c.ComparedRequests, "request")
		case c.ComparedRequests > 0:
			compared = plural(c.ComparedRequests, "request")
		}
		fmt.Fprintf(&b, "annotation %d: the same, with %s compared\n", c.AnnotationID, compared)
	} else {
		fmt.Fprintf(&b, "annotation %d: %s\n", c.AnnotationID, plural(len(c.Files)+len(c.Fields)+len(c.Requests), "difference"))
	}
	for _, f := range c.Files {
		fmt.Fprintf(&b, "  %v\n%s", f, f.shownDiff())
	}
	for _, r := range c.Requests {
		fmt.Fprintf(&b, "  %v\n%s", r, r.shownDiff())
	}
	for _, f := range c.Fields {
		fmt.Fprintf(&b, "  field %q: hosted %q, here %q\n", f.SchemaID, f.Before, f.After)
	}
	for _, m := range c.Messages {
		fmt.Fprintf(&b, "  would show %s: %s\n", m.Type, m.Content)
	}
	if c.Err != nil {
		fmt.Fprintf(&b, "  not compared to the end: %s\n", strings.ReplaceAll(c.Err.Error(), "\n", "\n    "))
	}
	return b.String()
}

// shownDiff is the unified diff, indented; "" where the line above says it all.
func (d Difference) shownDiff() string {
	if strings.Count(d.Diff, "\n") <= 3 { // a hunk of one line each
		return ""
	}
	return "    " + strings.ReplaceAll(strings.TrimSuffix(d.Diff, "\n"), "\n", "\n    ") + "\n"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
