package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// showRequests writes the calls of a dry run that were not made, and what would follow.
func showRequests(r *pipeline.Report, out *terminal) {
	notMade, waiting := 0, 0
	for _, s := range r.All() {
		for _, c := range s.Calls {
			if c.Dry {
				notMade++
				showRequest(s.Name, &c, out)
			}
		}
		if s.Status == pipeline.StatusUnanswered {
			waiting++
		}
	}
	switch {
	case notMade == 0:
		return
	case waiting == 0:
		fmt.Fprintf(out.stderr, "\n%s shown and not made. Add -send to make them.\n", calls(notMade))
	default:
		fmt.Fprintf(out.stderr, "\n%s shown and not made. %s ended at a call without an answer, and what depends on it was not run: "+
			"give answers by -replies, or add -keep-fields. Add -send to make the calls.\n", calls(notMade), count(waiting, "step"))
	}
}

func calls(n int) string {
	if n == 1 {
		return "1 call was"
	}
	return fmt.Sprintf("%d calls were", n)
}

func showRequest(step string, c *pipeline.CallReport, out *terminal) {
	fmt.Fprintf(out.stderr, "\n%s\n", colour(out.stderr, bold, fmt.Sprintf("-- %s %s (step %q, not made)", c.Method, c.URL, step)))
	m := c.Request
	if m == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		for _, value := range m.Header[name] {
			fmt.Fprintf(out.stderr, "%s: %s\n", name, printable(value))
		}
	}
	switch {
	case m.Hidden != "":
		fmt.Fprintf(out.stderr, "\n(%d bytes: %s)\n", m.Size, m.Hidden)
	case m.Size != 0:
		body := printable(m.Body)
		fmt.Fprintf(out.stderr, "\n%s", body)
		if !strings.HasSuffix(body, "\n") {
			fmt.Fprintln(out.stderr)
		}
		if m.Cut {
			fmt.Fprintf(out.stderr, "(the beginning of %d bytes)\n", m.Size)
		}
	}
}
