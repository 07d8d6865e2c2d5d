package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Status is how a step ended.
type Status string

// The ways a step can end.
const (
	StatusDone   Status = "done"    // it ran; its decisions may say that nothing was due
	StatusFailed Status = "failed"  // it returned an error, or showed an error message
	StatusNotRun Status = "not run" // the chain had stopped before
	// StatusUnanswered is a step of a dry run that ended at a call without an answer.
	StatusUnanswered Status = "needs an answer"
)

// Report is what happened in a run. It holds no secret, and is complete when
// the chain has returned. It marshals to JSON; [Report.Text] is for people.
type Report struct {
	RequestID    string    `json:"request_id,omitempty"`
	AnnotationID int64     `json:"annotation_id,omitempty"`
	Started      time.Time `json:"started"`
	Took         Duration  `json:"took_ms"`
	Failed       bool      `json:"failed"` // the answer carries an error message
	// Gone says that the run was of an event which tells that the annotation was purged
	// or deleted, so that nothing may be kept of it.
	Gone    bool          `json:"gone,omitempty"`
	Steps   []*StepReport `json:"steps"`
	LeftOut []LeftOut     `json:"left_out,omitempty"`
	// Findings are what was known to be wrong before the first step: warnings, and the
	// errors that kept it from running.
	Findings Findings `json:"findings,omitempty"`
	Graph    string   `json:"graph,omitempty"` // Mermaid text, for a chain made from hooks
	DryRun   bool     `json:"dry_run,omitempty"`
	Notes    []string `json:"notes,omitempty"` // about the run as a whole
	// Fields and Messages are what the answer changes and shows; see [WithDetails].
	Fields   []FieldReport    `json:"fields,omitempty"`
	Messages []rossum.Message `json:"messages,omitempty"`
}

// LeftOut is a hook that is not part of the chain, and why.
type LeftOut struct {
	Hook string `json:"hook"`
	Why  string `json:"why"`
	// Makes are the reference keys of the files that it would make, as far as its settings
	// can be read: a step that needs one of them says why there is none.
	Makes []string `json:"-"`
}

// StepReport is what one step did.
type StepReport struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Earlier says that the step had ended in a process that was cut short.
	Earlier   bool         `json:"earlier,omitempty"`
	Started   time.Time    `json:"started"`
	Took      Duration     `json:"took_ms"`
	Decisions []string     `json:"decisions,omitempty"` // such as "skipped: condition is empty"
	Calls     []CallReport `json:"calls,omitempty"`
	Files     []FileReport `json:"files,omitempty"`
	Messages  []string     `json:"messages,omitempty"`
	Error     string       `json:"error,omitempty"`
	// Waited is how long calls were held back, those of Rossum's API, too; see [Limiter].
	Waited Duration `json:"waited_ms,omitempty"`
	// Computed lists the formula fields that were computed again after the step, and
	// FormulaRuns counts how often one was: once for each row of a table.
	Computed    []string      `json:"computed,omitempty"`
	FormulaRuns int           `json:"formula_runs,omitempty"`
	Steps       []*StepReport `json:"steps,omitempty"` // of a chain within the chain, or of parallel branches

	mu      sync.Mutex
	decided int // bytes of the decisions
	leftOut int // decisions that are not kept
}

// CallReport is one HTTP call (or its like) that a step made.
type CallReport struct {
	Method   string      `json:"method"`
	URL      string      `json:"url"` // without credentials
	Status   int         `json:"status,omitempty"`
	Started  time.Time   `json:"started,omitzero"`
	Attempts int         `json:"attempts"`
	Tries    []TryReport `json:"tries,omitempty"` // if there was more than one
	Took     Duration    `json:"took_ms"`
	Waited   Duration    `json:"waited_ms,omitempty"` // until it might be made; see [Limiter]
	Sent     int64       `json:"sent_bytes"`
	Received int64       `json:"received_bytes"`
	Error    string      `json:"error,omitempty"`
	// Dry says that the call was rendered and not made; see [DryRun].
	Dry bool `json:"dry,omitempty"`
	// Request and Reply are there with [WithDetails].
	Request *MessageReport `json:"request,omitempty"`
	Reply   *MessageReport `json:"reply,omitempty"`
	// Recorded says that the call was made by a process that was cut short; the answer
	// is that of the ledger.
	Recorded bool `json:"recorded,omitempty"`
}

// TryReport is one attempt of a call, up to the header of its answer.
type TryReport struct {
	Started time.Time `json:"started"`
	Took    Duration  `json:"took_ms"`
	Status  int       `json:"status,omitempty"` // 0 if there was no answer
}

// FileReport is one artefact or reply that a step kept. The last four are there with
// [WithDetails].
type FileReport struct {
	Key         string `json:"key"`
	Name        string `json:"name,omitempty"`
	Size        int    `json:"size"`
	ContentType string `json:"content_type,omitempty"`
	Text        string `json:"text,omitempty"`   // of a file that is text
	Binary      string `json:"binary,omitempty"` // base64, of one that is not
	Cut         bool   `json:"cut,omitempty"`    // only the beginning is there
}

// Duration is a time.Duration that JSON shows in milliseconds.
type Duration time.Duration

// MarshalJSON writes milliseconds with three decimals at most.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d).Microseconds()) / 1000)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var ms float64
	if err := json.Unmarshal(data, &ms); err != nil {
		return err
	}
	*d = Duration(ms * float64(time.Millisecond))
	return nil
}

// String formats as [time.Duration.String] does.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalJSON reads what json.Marshal writes of a report. A step or a finding that is
// null is an error.
func (r *Report) UnmarshalJSON(data []byte) error {
	type plain Report
	if err := json.Unmarshal(data, (*plain)(r)); err != nil {
		return err
	}
	return errors.Join(noNull("steps", r.Steps), noNull("findings", r.Findings))
}

// UnmarshalJSON reads what MarshalJSON writes. A step within it that is null is an error.
func (s *StepReport) UnmarshalJSON(data []byte) error {
	type plain StepReport
	if err := json.Unmarshal(data, (*plain)(s)); err != nil {
		return err
	}
	return noNull("steps", s.Steps)
}

// noNull refuses a list with null in it, whose readers need not look for that then.
func noNull[T any](place string, list []*T) error {
	if i := slices.Index(list, nil); i >= 0 {
		return fmt.Errorf("%s[%d] is null", place, i)
	}
	return nil
}

func (s *StepReport) add(change func(*StepReport)) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// MarshalJSON writes the step's report, also while the step is running.
func (s *StepReport) MarshalJSON() ([]byte, error) {
	type plain StepReport
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal((*plain)(s))
}

// All yields every step of the report, a chain before its steps.
func (r *Report) All() []*StepReport { return flatten(r.Steps) }

func flatten(steps []*StepReport) []*StepReport {
	var all []*StepReport
	for _, s := range steps {
		all = append(append(all, s), flatten(s.Steps)...)
	}
	return slices.Clip(all)
}

// eachStep calls f for every step, a chain before its steps.
func eachStep(steps []*StepReport, f func(*StepReport)) {
	for _, s := range steps {
		f(s)
		eachStep(s.Steps, f)
	}
}

func (m *MessageReport) redact(clean func(string) string) {
	if m == nil {
		return
	}
	m.Body = clean(m.Body)
	for _, values := range m.Header {
		for i := range values {
			values[i] = clean(values[i])
		}
	}
}

// redact cuts out secrets that were learnt after a text was noted.
func (r *Report) redact(clean func(string) string) {
	eachStep(r.Steps, func(s *StepReport) {
		s.add(func(s *StepReport) {
			for _, texts := range [][]string{s.Decisions, s.Messages} {
				for i := range texts {
					texts[i] = clean(texts[i])
				}
			}
			for i := range s.Calls {
				s.Calls[i].URL, s.Calls[i].Error = clean(s.Calls[i].URL), clean(s.Calls[i].Error)
				s.Calls[i].Request.redact(clean)
				s.Calls[i].Reply.redact(clean)
			}
			for i := range s.Files {
				s.Files[i].Text = clean(s.Files[i].Text)
			}
			s.Error = clean(s.Error)
		})
	})
}
