package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// claims is a step that says what it uses, and does nothing.
type claims struct{ uses []pipeline.Use }

func (claims) Run(context.Context, *pipeline.Export) error { return nil }

func (c claims) Uses(int64) []pipeline.Use { return c.uses }

// model is what a simple reading of a graph says of its keys.
type model struct {
	next  func() int
	steps int
	want  []string // one text for each finding
}

// row makes a row of steps, which begin with the files made before them, and returns
// what they have made.
func (m *model) row(depth int, made map[string]bool) (list []pipeline.Step, all map[string]bool) {
	all = make(map[string]bool)
	for key := range made {
		all[key] = true
	}
	for range 1 + m.next()%4 {
		if depth < 3 && m.next()%4 == 0 {
			list = append(list, m.beside(depth, all))
			continue
		}
		list = append(list, m.step(all))
	}
	return list, all
}

// beside makes branches: each sees what was made before all of them.
func (m *model) beside(depth int, all map[string]bool) pipeline.Step {
	var branches []pipeline.Step
	together := make(map[string]bool)
	for range 2 + m.next()%2 {
		steps, made := m.row(depth+1, all)
		chain, err := pipeline.New(steps...)
		if err != nil {
			panic(err)
		}
		branches = append(branches, pipeline.Keyed(fmt.Sprint("branch ", m.steps, len(branches)), chain))
		for key := range made {
			together[key] = true
		}
	}
	for key := range together {
		all[key] = true
	}
	return pipeline.Keyed(fmt.Sprint("parallel ", m.steps), pipeline.Parallel(branches...))
}

// step makes a step that needs keys and makes others.
func (m *model) step(all map[string]bool) pipeline.Step {
	m.steps++
	name := fmt.Sprint("s", m.steps)
	var uses []pipeline.Use
	for range m.next() % 3 {
		key, conditional := fmt.Sprint("k", m.next()%5), m.next()%2 == 0
		uses = append(uses, pipeline.Use{Kind: pipeline.UseNeeds, Name: key, Conditional: conditional})
		if !all[key] {
			severity := pipeline.SeverityError
			if conditional {
				severity = pipeline.SeverityWarning
			}
			m.want = append(m.want, fmt.Sprint(severity, " ", name, " ", key))
		}
	}
	for range m.next() % 3 {
		key := fmt.Sprint("k", m.next()%5)
		uses = append(uses, pipeline.Use{Kind: pipeline.UseMakes, Name: key, Conditional: m.next()%2 == 0})
		all[key] = true
	}
	return pipeline.Named(name, claims{uses})
}

// FuzzCheckOfRandomGraphs compares the check with a model that is as simple as the
// rule: a file is there if a step before makes it, and branches do not see each other.
func FuzzCheckOfRandomGraphs(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0, 4, 0, 4, 2, 1, 1, 3, 0, 2, 2, 4, 1, 0, 0, 9, 4, 4, 4, 4, 1, 1, 1, 2, 2, 3})
	f.Add([]byte("a chain of hooks, side by side and one after the other, that need and make files"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		at := 0
		m := &model{next: func() int { at++; return int(data[at%len(data)]) + at/len(data) }}
		steps, _ := m.row(0, nil)
		chain, err := pipeline.New(steps...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, found := range chain.Check(nil) {
			got = append(got, fmt.Sprint(found.Severity, " ", found.Step, " ", found.Name))
		}
		if !slices.Equal(got, m.want) {
			t.Errorf("Check finds\n%q\nthe model\n%q", got, m.want)
		}
		_, report, err := exportReport(t, chain, queueCall())
		if (err != nil) != slices.ContainsFunc(m.want, func(w string) bool { return w[0] == 'e' }) || len(report.Findings) != len(m.want) {
			t.Errorf("the run finds %v, %v, the model %q", report.Findings, err, m.want)
		}
	})
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
