package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// claims is a step that says what it uses, and makes the files that it says it makes.
type claims struct {
	uses []pipeline.Use
	ran  func()
}

func (c claims) Run(ctx context.Context, x *pipeline.Export) error {
	c.ran()
	for _, u := range c.uses {
		if u.Kind != pipeline.UseMakes {
			continue
		}
		if len(u.If) > 0 {
			if holds, err := u.If[0].Holds(ctx, x); err != nil || !holds {
				x.Files.Skip(u.Name, pipeline.ReasonNotDue)
				continue
			}
		}
		if err := x.Files.Put(ctx, pipeline.File{Key: u.Name, Data: []byte{}}); err != nil {
			return err
		}
	}
	return nil
}

func (c claims) Uses(int64) []pipeline.Use { return c.uses }

// gateIs holds where the field gate has a value.
func gateIs(value string) *pipeline.Condition {
	return &pipeline.Condition{Reads: []string{"gate"}, Holds: func(_ context.Context, x *pipeline.Export) (bool, error) {
		n, err := x.Field("gate")
		return err == nil && n.Value() == value, err
	}}
}

// How certain the model is of something.
const (
	no = iota
	perhaps
	yes
)

// model is what a simple reading of a graph says of its keys.
type model struct {
	next  func() int
	steps int
	most  int             // steps, about: a small graph has all that the rule knows
	want  []string        // of Check: one text for each finding
	fails map[string]bool // steps that fail in the run: "step key"
	wrote bool            // some step writes the gate
	mu    sync.Mutex
	ran   []string
}

// when draws how a use depends on something, and says whether it happens in the run.
func (m *model) when(u *pipeline.Use) (truth int) {
	switch m.next() % 6 {
	case 0, 1:
		return yes
	case 2, 3:
		u.Conditional = true
		return perhaps
	case 4:
		u.If = []*pipeline.Condition{gateIs("yes")}
		return yes
	}
	u.If = []*pipeline.Condition{gateIs("no")}
	return no
}

// row makes a row of steps, which begin with the files made before them, and returns
// what they have made.
func (m *model) row(depth int, made map[string]int) (list []pipeline.Step, all map[string]int) {
	all = maps.Clone(made)
	for i := range 1 + m.next()%4 {
		if i > 0 && m.steps >= m.most {
			break
		}
		if depth < 3 && m.steps < m.most && m.next()%4 == 0 {
			list = append(list, m.beside(depth, all))
			continue
		}
		list = append(list, m.step(all))
	}
	return list, all
}

// beside makes branches: each sees what was made before all of them.
func (m *model) beside(depth int, all map[string]int) pipeline.Step {
	var branches []pipeline.Step
	together := make(map[string]int)
	for range 2 + m.next()%2 {
		steps, made := m.row(depth+1, all)
		chain, err := pipeline.New(steps...)
		if err != nil {
			panic(err)
		}
		branches = append(branches, pipeline.Keyed(fmt.Sprint("branch ", m.steps, len(branches)), chain))
		for key, truth := range made {
			together[key] = max(together[key], truth)
		}
	}
	maps.Copy(all, together)
	return pipeline.Keyed(fmt.Sprint("parallel ", m.steps), pipeline.Parallel(branches...))
}

// step makes a step that needs keys and makes others.
func (m *model) step(all map[string]int) pipeline.Step {
	m.steps++
	name := fmt.Sprint("s", m.steps)
	uses := []pipeline.Use{{Kind: pipeline.UseSends}} // what sends nothing is not looked at again
	for i := range m.next() % 3 {
		use := pipeline.Use{Kind: pipeline.UseNeeds, Place: fmt.Sprint("needs", i), Name: fmt.Sprint("k", m.next()%5), IfDue: m.next()%2 == 0}
		truth := m.when(&use)
		uses = append(uses, use)
		there, known := all[use.Name]
		if !known {
			severity := pipeline.SeverityError
			if use.Conditional || len(use.If) > 0 {
				severity = pipeline.SeverityWarning
			}
			m.want = append(m.want, fmt.Sprint(severity, " ", name, " ", use.Name))
		}
		if truth == yes && (!known || there == no && !use.IfDue) {
			m.fails[name+" "+use.Name] = true
		}
	}
	for range m.next() % 3 {
		use := pipeline.Use{Kind: pipeline.UseMakes, Name: fmt.Sprint("k", m.next()%5)}
		truth := m.when(&use)
		uses = append(uses, use)
		all[use.Name] = max(all[use.Name], truth)
	}
	if m.next()%5 == 0 {
		m.wrote = true
		uses = append(uses, pipeline.Use{Kind: pipeline.UseWrites, Name: "gate"})
	}
	return pipeline.Named(name, claims{uses, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ran = append(m.ran, name)
	}})
}

// judgeRun compares a run with the model.
func (m *model) judgeRun(t *testing.T, report *pipeline.Report, err error) {
	t.Helper()
	if (err != nil) != (len(m.fails) > 0) {
		t.Errorf("the run ends with %v, the model says %v", err, m.fails)
	}
	for _, f := range report.Findings {
		if f.Severity == pipeline.SeverityError && !m.fails[f.Step+" "+f.Name] {
			t.Errorf("the run says %v, and the model does not", f)
		}
	}
	for _, name := range m.ran {
		for key := range m.fails {
			if strings.HasPrefix(key, name+" ") {
				t.Errorf("step %s ran, although it is known to fail", name)
			}
		}
	}
	if len(m.fails) > 0 && !m.wrote && len(m.ran) > 0 {
		t.Errorf("%v ran, although all was known at the beginning", m.ran)
	}
}

// graphs are the seeds of random graphs.
var graphs = [][]byte{
	{1, 2, 3, 4, 5, 6, 7, 8},
	{0, 4, 0, 4, 2, 1, 1, 3, 0, 2, 2, 4, 1, 0, 0, 9, 4, 4, 4, 4, 1, 1, 1, 2, 2, 3},
	[]byte("a chain of hooks, side by side and one after the other, that need and make files"),
	[]byte("\x00\x04\x00\x04\x02\x01\x01\x03\x00\x02\x02\x04\x01\x00\x04\x04\t\x00\x04\x04\x01\x01\xbe\xbe\xbe\xbe\xbe\xbe\xbe\xbe"), // a branch writes the gate
}

// graphOf makes a chain of at most about that many steps of bytes, and what the model
// says of it.
func graphOf(t *testing.T, data []byte, most int) (*pipeline.Chain, *model) {
	t.Helper()
	at := 0
	m := &model{next: func() int { at++; return int(data[at%len(data)]) + at/len(data) }, most: most, fails: make(map[string]bool)}
	steps, _ := m.row(0, make(map[string]int))
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return chain, m
}

// FuzzCheckOfRandomGraphs compares the check with a model that is as simple as the
// rule: a file is there if a step before makes it, and branches do not see each other.
func FuzzCheckOfRandomGraphs(f *testing.F) {
	for _, data := range graphs {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		chain, m := graphOf(t, data, 5)
		var got []string
		for _, found := range chain.Check(nil) {
			got = append(got, fmt.Sprint(found.Severity, " ", found.Step, " ", found.Name))
		}
		if !slices.Equal(got, m.want) {
			t.Errorf("Check finds\n%q\nthe model\n%q", got, m.want)
		}
	})
}

// TestRunsOfRandomGraphs compares runs with the model: a condition counts as soon as
// nothing can change it any more.
func TestRunsOfRandomGraphs(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(20261126, 0))
	all := slices.Clone(graphs)
	for range 300 {
		data := make([]byte, 8+random.IntN(64))
		for i := range data {
			data[i] = byte(random.IntN(12))
		}
		all = append(all, data)
	}
	for _, data := range all {
		chain, m := graphOf(t, data, 30)
		_, report, err := exportReport(t, chain, queueCall(), pipeline.WithLogger(slog.New(slog.DiscardHandler)))
		if m.judgeRun(t, report, err); t.Failed() {
			t.Fatalf("with %q", data)
		}
	}
}

// BenchmarkPreflight shows what the check adds to a run: "run" makes one call on
// loopback, "check" is the part of it that is spent before the first step.
func BenchmarkPreflight(b *testing.B) {
	address, _ := recordingERP(b)
	chain, err := pipeline.New(
		made(b, address, "purge", `{"reset_schema_ids": ["erp_id", "erp_status"]}`),
		made(b, address, "template", templateOf("{% for r in field.line_items %}{{ r.item_code }};{{ r.item_total }}\n{% endfor %}")[1]),
		made(b, address, first[0], first[1]), made(b, address, "extract", extractTo("p", "erp_id")[1]),
		made(b, address, "evaluate", `{"condition": "r.field.erp_id == ''"}`),
	)
	if err != nil {
		b.Fatal(err)
	}
	body := queueCall()
	x, err := pipeline.NewExport(body.Payload())
	if err != nil {
		b.Fatal(err)
	}
	run := 0.0
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			_, _ = chain.Export(b.Context(), body.Payload())
		}
		run = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			_ = chain.Preflight(b.Context(), x)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/run, "of-a-run")
	})
}
