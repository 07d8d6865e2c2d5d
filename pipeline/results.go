package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Result is what a store knows of an export that is answered later.
type Result struct {
	// Response is the answer; nil while the export runs.
	Response *rossum.Response `json:"response"`
	// Sent lists the calls that the export has begun so far.
	Sent []Sending `json:"sent,omitempty"`
	// Seen is when the process that runs the export last said so, or ended it.
	Seen time.Time `json:"seen"`
}

// Errors of [Results]; match them with errors.Is.
var (
	// ErrNoResult means that a store has no result under an id.
	ErrNoResult = errors.New("no result under this id")
	// ErrFinalResult means that the export has ended: its answer is never replaced.
	ErrFinalResult = errors.New("the export has its final result already")
)

// Results keep what exports ended with until the platform asks for it; see
// [NewAsync]. There are [MemoryResults] and [FolderResults]; package
// pipelinetest has a conformance suite for others. Implementations must be safe
// for concurrent use, also by several processes if they are shared by them. Ids
// are made of letters, digits, "-" and "_".
type Results interface {
	// Create keeps a first result under a new id, and reports false, without
	// changing anything, when there is one already. Once it has returned true,
	// Load finds the result, even if this process ends at once (for a store that
	// outlives it).
	Create(ctx context.Context, id string, r Result) (created bool, err error)
	// Save replaces the result under an id, unless that has a Response already: then
	// the error wraps ErrFinalResult. After an error the old one is still there, whole.
	Save(ctx context.Context, id string, r Result) error
	// Load returns the result under an id; the error wraps ErrNoResult if there
	// is none.
	Load(ctx context.Context, id string) (Result, error)
	// Expire forgets every result that was Seen before t.
	Expire(ctx context.Context, t time.Time) error
}

// MemoryResults returns a store that lives as long as the process.
func MemoryResults() Results { return &memoryResults{byID: make(map[string]Result)} }

type memoryResults struct {
	mu   sync.Mutex
	byID map[string]Result
}

func (m *memoryResults) Create(_ context.Context, id string, r Result) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.byID[id]; there {
		return false, nil
	}
	m.byID[id] = r.clone()
	return true, nil
}

func (m *memoryResults) Save(_ context.Context, id string, r Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byID[id].Response != nil {
		return ErrFinalResult
	}
	m.byID[id] = r.clone()
	return nil
}

func (m *memoryResults) Load(_ context.Context, id string) (Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, there := m.byID[id]
	if !there {
		return Result{}, ErrNoResult
	}
	return r.clone(), nil
}

func (m *memoryResults) Expire(_ context.Context, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, r := range m.byID {
		if r.Seen.Before(t) {
			delete(m.byID, id)
		}
	}
	return nil
}

func (r Result) clone() Result {
	r.Sent = slices.Clone(r.Sent)
	if r.Response != nil {
		response := *r.Response
		r.Response = &response
	}
	return r
}
