package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// meeting is a step whose exports meet: it keeps one export's value where the
// next one finds it, which no lock makes right.
type meeting struct {
	mu   sync.Mutex
	last string
}

func (m *meeting) Run(_ context.Context, x *pipeline.Export) error {
	n, err := x.Field("document_id")
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.last = n.Value()
	m.mu.Unlock()
	for range 200 {
		runtime.Gosched() // others come between
		m.mu.Lock()
		found := m.last
		m.mu.Unlock()
		if err := x.Set("status", found); err != nil {
			return err
		}
	}
	return nil
}

func TestASharedValueIsCaught(t *testing.T) {
	if err := pipelinetest.CheckStep(t.Context(), &meeting{}, pipelinetest.Case{Call: call()}); !errors.Is(err, pipelinetest.ErrConcurrent) {
		t.Errorf("got %v", err)
	}
}

// Compiled paths, expressions and templates are shared by all exports of a step;
// what evaluates one must not change it. Run with -race.
func TestCompiledSettingsAreSharedByExports(t *testing.T) {
	replies := map[string]string{
		"xml":  "<r><qty>%s</qty><n>1</n><n>2</n></r>",
		"json": `{"qty": %s, "n": [1, 2]}`,
		"text": "qty=%s n=1 n=2",
	}
	paths := map[string][]string{
		"xml": {
			"//qty + 1", "sum(//n) - //qty", "//n[. > //qty] | //qty", "concat(//qty, '!')", "count(//n[2]) * //qty", "//qty[. = 1 or . = 2]",
			"string(//qty[position() = last()])", "translate(//qty, '0123456789', 'abcdefghij')",
		},
		"json": {"qty", "n[?@ > `1`] | [0]", "[qty, n]", "to_string(qty)", "sort_by([{a: qty}, {a: `0`}], &a)[1].a"},
		"text": {"qty=(.*) n", `qty=\d`},
	}
	for format, list := range paths {
		reply := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			n, err := x.Field("document_id")
			if err != nil {
				return err
			}
			return x.Files.Put(ctx, pipeline.File{Key: "reply", Data: fmt.Appendf(nil, replies[format], n.Value())})
		})
		for _, path := range list {
			extract := &steps.Extract{Sources: []steps.Source{{
				Format: steps.SourceFormat(format), Key: "reply", Condition: "@{document_id}",
				Rules: []steps.ExtractRule{{Path: path, TargetField: "status"}},
			}}}
			if err := pipelinetest.CheckStep(t.Context(), chain(t, reply, extract), pipelinetest.Case{Call: call()}); err != nil {
				t.Errorf("%s %s: %v", format, path, err)
			}
		}
	}
	for name, step := range map[string]pipeline.Step{
		"condition": &steps.Evaluate{Check: steps.Check{Condition: "field.document_id == '3'", Type: "warning"}},
		"template":  &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: "{% macro m(x) %}{{ x|int + 1 }}{% endmacro %}{% for i in range(3) %}{{ loop.index }}{{ m(field.document_id) }}{% endfor %}"}}},
	} {
		if err := pipelinetest.CheckStep(t.Context(), step, pipelinetest.Case{Call: call()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
