package pipelinetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Steps makes one step of several for [Run], which run one after the other as in a chain.
// A fault of one of them ends the test as it does for a single one.
func Steps(steps ...pipeline.Step) pipeline.Step { return several(steps) }

// several is a chain that is yet to be made.
type several []pipeline.Step

func (s several) Name() string { return "steps" }

// ListensTo reports that the steps decide.
func (several) ListensTo(string, string) bool { return true }

// Compile makes the chain.
func (s several) Compile() (pipeline.Program, error) {
	chain, err := pipeline.New(s...)
	if err != nil {
		return nil, err
	}
	return chain, nil
}

func (s several) Run(ctx context.Context, x *pipeline.Export) error {
	p, err := s.Compile()
	if err != nil {
		return err
	}
	return p.Run(ctx, x)
}

// WithFiles is an option for [Run] and [Case]: the files are there before the first step
// runs, as those of an earlier hook are. It takes the place of [pipeline.WithStore]. Secrets
// and settings are parts of the call; see package rossumtest.
func WithFiles(files ...pipeline.File) pipeline.Option {
	s := &store{byKey: make(map[string]pipeline.File), gone: make(map[*pipeline.Report]map[string]bool)}
	for _, f := range files {
		s.byKey[f.Key] = f
	}
	return pipeline.WithStore(s)
}

// store has the files that a test begins with. It may serve several runs: what one of
// them purges is there for the others.
type store struct {
	byKey map[string]pipeline.File

	mu   sync.Mutex
	gone map[*pipeline.Report]map[string]bool // by the report of the run
}

func (s *store) Put(context.Context, *pipeline.Export, *pipeline.File) error { return nil }

func (s *store) Load(_ context.Context, x *pipeline.Export, key string) (*pipeline.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.byKey[key]
	if !ok || s.gone[x.Report()][key] {
		return nil, fmt.Errorf("%w; the test begins with %q", pipeline.ErrNoFile, slices.Sorted(maps.Keys(s.byKey)))
	}
	return &f, nil
}

func (s *store) Purge(_ context.Context, x *pipeline.Export, keys ...string) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(keys) == 0 {
		keys = slices.Collect(maps.Keys(s.byKey))
	}
	gone := s.gone[x.Report()]
	if gone == nil {
		gone = make(map[string]bool)
		s.gone[x.Report()] = gone
	}
	for _, k := range keys {
		if _, ok := s.byKey[k]; ok && !gone[k] {
			gone[k] = true
			n++
		}
	}
	return n, nil
}
