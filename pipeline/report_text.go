package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Text returns the report as a few lines for a terminal or a log file.
func (r *Report) Text() string {
	var b strings.Builder
	what := "Export"
	if r.DryRun {
		what = "Dry run, " + r.sentByDryRun() + ": export"
	}
	fmt.Fprintf(&b, "%s of annotation %d: %s\n", what, r.AnnotationID, r.outcome())
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s: %s\n", f.Severity, indented(f.Error(), "    "))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  %s\n", note)
	}
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	writeSteps(w, r.Steps, "  ")
	_ = w.Flush() // a strings.Builder takes everything
	for _, l := range r.LeftOut {
		fmt.Fprintf(&b, "  left out: %s (%s)\n", l.Hook, l.Why)
	}
	return b.String()
}

// outcome says how the run ended, and when.
func (r *Report) outcome() string {
	switch {
	case r.Failed:
		return "answered with an error in " + short(r.Took)
	case slices.ContainsFunc(r.All(), func(s *StepReport) bool { return s.Status == StatusUnanswered }):
		return "not finished after " + short(r.Took) + ", since the answer to a call is missing"
	}
	return "answered without an error in " + short(r.Took)
}

// sentByDryRun says which calls of a dry run were made.
func (r *Report) sentByDryRun() string {
	made, not := 0, 0
	for _, s := range r.All() {
		for _, c := range s.Calls {
			if c.Dry {
				not++
			} else {
				made++
			}
		}
	}
	switch {
	case made == 0:
		return "nothing was sent"
	case not == 0:
		return "in which every call was made"
	}
	return fmt.Sprintf("in which %d of %d calls were made", made, made+not)
}

func writeSteps(w *tabwriter.Writer, steps []*StepReport, indent string) {
	for i, s := range steps {
		fmt.Fprintf(w, "%s%d. %s\t%s\t%s\n", indent, i+1, s.Name, s.Status, short(s.Took))
		below := indent + "   "
		if s.Waited > 0 {
			fmt.Fprintf(w, "%scalls held back by their limits for %s\n", below, short(s.Waited))
		}
		for _, d := range s.Decisions {
			fmt.Fprintf(w, "%s%s\n", below, indented(d, below+"  "))
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
			fmt.Fprintf(w, "%s%s\n", below, indented(m, below+"  "))
		}
		if s.Error != "" {
			fmt.Fprintf(w, "%serror: %s\n", below, indented(s.Error, below+"  "))
		}
		writeSteps(w, s.Steps, below)
	}
}

// indented moves the lines of a text after the first one to the right, such as those of
// joined errors.
func indented(text, by string) string { return strings.ReplaceAll(text, "\n", "\n"+by) }

func (c CallReport) line() string {
	line := c.Method + " " + c.URL
	if c.Dry {
		line += fmt.Sprintf(": not made, body of %d bytes", c.Sent)
		if c.Status != 0 {
			line += fmt.Sprintf(", answered as %d", c.Status)
		}
		return line
	}
	if c.Status != 0 {
		line += fmt.Sprintf(" → %d", c.Status)
	}
	line += fmt.Sprintf(", %d bytes out, %d in, %s", c.Sent, c.Received, short(c.Took))
	if c.Waited > 0 {
		line += ", held back for " + short(c.Waited)
	}
	if c.Attempts > 1 {
		line += fmt.Sprintf(", %d attempts", c.Attempts)
	}
	if c.Error != "" {
		line += ", " + c.Error
	}
	return line
}

func short(d Duration) string { return time.Duration(d).Round(10 * time.Microsecond).String() }
