package organisation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestWhatExportsNothingCanBeLeftOut(t *testing.T) {
	t.Parallel()
	function := hook(4, "", 3)
	function.Type, function.Name = "function", "Rules"
	hooks := []*rossum.Hook{hook(1, "known"), hook(2, "mystery", 1), hook(3, "known", 2), function, hook(5, "known", 4)}
	ours := func(h *rossum.Hook) string {
		if h.ID%2 == 0 {
			return "made by us"
		}
		return ""
	}
	for name, tt := range map[string]struct {
		options organisation.Options
		leftOut string // in the report
	}{
		"by name and id":  {organisation.Options{LeaveOut: []string{"h2", "4"}}, `"h2" (id 2): as the options say; passed through by "h3" (id 3), "Rules" (id 4): as the options say; passed through by "h5" (id 5)`},
		"by a predicate":  {organisation.Options{LeaveOutIf: ours}, `"h2" (id 2): made by us; passed through by "h3" (id 3), "Rules" (id 4): made by us; passed through by "h5" (id 5)`},
		"what is unknown": {organisation.Options{LeaveOutUnknown: true}, `"h2" (id 2): unknown extension; passed through by "h3" (id 3), "Rules" (id 4): its code cannot be run; passed through by "h5" (id 5)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, err := organisation.FromHooks(hooks, registry(), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			report, response := exported(t, chain)
			var left []string
			for _, l := range report.LeftOut {
				left = append(left, l.Hook+": "+l.Why)
			}
			if got := strings.Join(left, ", "); got != tt.leftOut {
				t.Errorf("left out %s", got)
			}
			if len(response.Messages) != 3 || response.Messages[0].Content != "h1" || response.Messages[1].Content != "h3" ||
				response.Messages[2].Content != "h5" {
				t.Errorf("%+v", response.Messages)
			}
		})
	}
}

func TestAHookThatIsNotThereCannotBeLeftOut(t *testing.T) {
	t.Parallel()
	hooks := []*rossum.Hook{hook(1, "known"), hook(2, "mystery", 1)}
	_, err := organisation.FromHooks(hooks, registry(), organisation.Options{LeaveOut: []string{"h 2", "99999", "2"}})
	if !errors.Is(err, organisation.ErrLeaveOut) || !strings.Contains(err.Error(), `"h 2"; did you mean "h2"?`) ||
		!strings.Contains(err.Error(), `"99999"`) ||
		strings.Contains(err.Error(), "mystery") {
		t.Errorf("got %v", err)
	}
}

func TestAnInactivePredecessorIsPassedThroughUnlessAllMustBeActive(t *testing.T) {
	t.Parallel()
	off := hook(2, "mystery", 1)
	off.Active = false
	hooks := []*rossum.Hook{hook(1, "known"), off, hook(3, "known", 2)}
	chain, err := organisation.FromHooks(hooks, registry(), organisation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report, _ := exported(t, chain); len(report.LeftOut) != 1 || report.LeftOut[0].Why != `not active; passed through by "h3" (id 3)` ||
		!strings.Contains(report.Graph, "h1 --> h3") {
		t.Errorf("%+v", report)
	}
	_, err = organisation.FromHooks(hooks, registry(), organisation.Options{RequireActive: true})
	if !errors.Is(err, organisation.ErrInactivePredecessor) ||
		!strings.Contains(err.Error(), `hook "h3" (id 3): run_after[0]: "h2" (id 2): predecessor is not active; activate it`) {
		t.Errorf("got %v", err)
	}
}
