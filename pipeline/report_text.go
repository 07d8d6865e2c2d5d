package pipeline

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Text returns the report as a few lines for a terminal or a log file.
func (r *Report) Text() string {
	var b strings.Builder
	outcome := "answered without an error"
	if r.Failed {
		outcome = "answered with an error"
	}
	fmt.Fprintf(&b, "Export of annotation %d: %s in %s\n", r.AnnotationID, outcome, short(r.Took))
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s: %v\n", f.Severity, f)
	}
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	writeSteps(w, r.Steps, "  ")
	_ = w.Flush() // a strings.Builder takes everything
	for _, l := range r.LeftOut {
		fmt.Fprintf(&b, "  left out: %s (%s)\n", l.Hook, l.Why)
	}
	return b.String()
}

func writeSteps(w *tabwriter.Writer, steps []*StepReport, indent string) {
	for i, s := range steps {
		fmt.Fprintf(w, "%s%d. %s\t%s\t%s\n", indent, i+1, s.Name, s.Status, short(s.Took))
		below := indent + "   "
		for _, d := range s.Decisions {
			fmt.Fprintf(w, "%s%s\n", below, d)
		}
		for _, c := range s.Calls {
			fmt.Fprintf(w, "%s%s\n", below, c.line())
		}
		for _, f := range s.Files {
			fmt.Fprintf(w, "%sfile %s: %d bytes\n", below, f.Key, f.Size)
		}
		if s.FormulaRuns > 0 {
			fmt.Fprintf(w, "%sformulas computed again: %s (%d runs)\n", below, strings.Join(s.Computed, ", "), s.FormulaRuns)
		}
		for _, m := range s.Messages {
			fmt.Fprintf(w, "%s%s\n", below, m)
		}
		if s.Error != "" {
			fmt.Fprintf(w, "%serror: %s\n", below, s.Error)
		}
		writeSteps(w, s.Steps, below)
	}
}

func (c CallReport) line() string {
	line := c.Method + " " + c.URL
	if c.Status != 0 {
		line += fmt.Sprintf(" → %d", c.Status)
	}
	line += fmt.Sprintf(", %d bytes out, %d in, %s", c.Sent, c.Received, short(c.Took))
	if c.Attempts > 1 {
		line += fmt.Sprintf(", %d attempts", c.Attempts)
	}
	if c.Error != "" {
		line += ", " + c.Error
	}
	return line
}

func short(d Duration) string { return time.Duration(d).Round(10 * time.Microsecond).String() }
