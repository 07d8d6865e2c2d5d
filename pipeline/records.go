package pipeline

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// recordVersion is that of the records below. It changes when an older program could
// not read one; a newer version is refused with [ErrNewerFormat].
const recordVersion = 1

// The kinds of records.
const (
	recordBegun     RecordKind = "begun"     // a process begins the run, or goes on with it
	recordStarted   RecordKind = "started"   // a step
	recordCall      RecordKind = "call"      // a call is about to be made
	recordReply     RecordKind = "reply"     // what became of it
	recordStep      RecordKind = "step"      // a step has ended
	recordChain     RecordKind = "chain"     // the run goes on in a chain that has changed
	recordStopped   RecordKind = "stopped"   // the run waits for a verdict, or for its hook to be called again
	recordVerdict   RecordKind = "verdict"   // a person says what became of a call
	recordEnd       RecordKind = "end"       // the answer
	recordReplaced  RecordKind = "replaced"  // by a run with other content
	recordDelivered RecordKind = "delivered" // the answer was written to its caller
)

// recordValue is what a record says.
type recordValue interface {
	// encode makes JSON of it.
	encode() ([]byte, error)
	// keep returns what encode can be called on later, also while the run goes on; nil if
	// that cannot be.
	keep() recordValue
}

// mark is a record that has nothing but its kind.
type mark struct{}

func (m mark) encode() ([]byte, error) { return []byte("{}"), nil }
func (m mark) keep() recordValue       { return m }

// begunRecord is what a run begins with. The first of a run counts.
type begunRecord struct {
	Request string          `json:"request"`
	Path    string          `json:"path,omitempty"`    // that the hook was called at
	Payload json.RawMessage `json:"payload,omitempty"` // without token and secrets
	Seed    []byte          `json:"seed"`              // of the run's random numbers
	Started time.Time       `json:"started"`
	Earlier RunID           `json:"earlier,omitempty"` // what it had sent is shown

	call *rossum.Payload // that encode makes Payload of; nil if the run has it
}

// encode makes JSON of b, with the hook call, which may be large, as it came.
func (b begunRecord) encode() ([]byte, error) {
	rest, err := json.Marshal(b)
	if err != nil || b.call == nil {
		return rest, err
	}
	const start = `{"payload":`
	all := rossumrun.AppendRecorded([]byte(start), b.call)
	if len(all) == len(start) { // it was not parsed from JSON
		return rest, nil
	}
	return append(append(all, ','), rest[1:]...), nil
}

func (b begunRecord) keep() recordValue {
	b.Seed = slices.Clone(b.Seed)
	return b // nobody changes the bytes of a hook call
}

// startedRecord has the clock of a step.
type startedRecord struct {
	Step string    `json:"step"` // path
	At   time.Time `json:"at"`
}

func (s *startedRecord) encode() ([]byte, error) { return json.Marshal(s) }
func (s *startedRecord) keep() recordValue       { return s }

// callID is the identity of a call within its run.
type callID struct {
	Step string `json:"step"` // path of keys
	Call string `json:"call"`
	Item int    `json:"item"`
	Try  int    `json:"try"` // 1, and higher when the step makes the call again
}

// callRecord announces a call.
type callRecord struct {
	callID
	Name       string         `json:"name"` // of the step
	What       string         `json:"what"`
	Started    time.Time      `json:"begun"`
	Limit      time.Duration  `json:"limit,omitempty"` // after which it is over
	Reads      bool           `json:"reads,omitempty"`
	Repeatable bool           `json:"repeatable,omitempty"`
	Aside      bool           `json:"aside,omitempty"` // about the export's own files
	Key        string         `json:"key,omitempty"`   // that the other side knows a repeated call by
	Request    *requestRecord `json:"request,omitempty"`
}

func (c *callRecord) encode() ([]byte, error) { return json.Marshal(c) }

func (c *callRecord) keep() recordValue {
	kept := *c
	if c.Request != nil {
		r := *c.Request
		r.Body = slices.Clone(r.Body) // its header is not changed
		for i := range r.Body {
			r.Body[i].Text, r.Body[i].content = bytes.Clone(r.Body[i].Text), nil
		}
		kept.Request = &r
	}
	return &kept
}

// replyRecord is what became of a call.
type replyRecord struct {
	callID
	At      time.Time       `json:"at"`
	Answer  *recordedAnswer `json:"answer,omitempty"`
	Error   string          `json:"error,omitempty"`
	Sent    bool            `json:"sent,omitempty"`    // with an error: the other side may have got it
	Timeout bool            `json:"timeout,omitempty"` // the error is that of a time-out
	Fence   int64           `json:"fence,omitempty"`   // of the lease of who got it
}

func (r *replyRecord) encode() ([]byte, error) { return json.Marshal(r) }

func (r *replyRecord) keep() recordValue {
	kept := *r
	if r.Answer != nil {
		a := *r.Answer
		if len(a.Value) > 0 && !json.Valid(a.Value) {
			return nil // encode says what is wrong
		}
		a.Header, a.Body, a.Value = a.Header.Clone(), bytes.Clone(a.Body), bytes.Clone(a.Value)
		kept.Answer = &a
	}
	return &kept
}

type recordedAnswer struct {
	Status int             `json:"status,omitempty"`
	Reason string          `json:"reason,omitempty"`
	URL    string          `json:"url,omitempty"`
	Header http.Header     `json:"header,omitempty"`
	Body   []byte          `json:"body,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
	Took   time.Duration   `json:"took,omitempty"`
}

// stepRecord is a step that has ended, and what the export was like then.
type stepRecord struct {
	Step     string            `json:"step"` // path
	Failures []string          `json:"failures,omitempty"`
	Again    bool              `json:"again,omitempty"` // too much to record: the step runs again
	Changes  json.RawMessage   `json:"changes,omitempty"`
	Messages []rossum.Message  `json:"messages,omitempty"`
	Keys     []string          `json:"keys,omitempty"`  // of all files
	Files    []*File           `json:"files,omitempty"` // those that are new
	Skipped  map[string]string `json:"skipped,omitempty"`
	Gone     map[string]bool   `json:"gone,omitempty"` // keys of files from before a branch
	Report   *StepReport       `json:"report,omitempty"`
}

func (s *stepRecord) encode() ([]byte, error) { return json.Marshal(s) }

// keep relies on what others do not change: files that were made, and the report of a step
// that has ended, from which secrets may still be cut that were learnt later.
func (s *stepRecord) keep() recordValue {
	s.Messages = slices.Clone(s.Messages)
	return s
}

// chainRecord is a chain that goes on with a run of another one.
type chainRecord struct {
	Fingerprint string      `json:"fingerprint"`
	Moves       []movedStep `json:"moves,omitempty"`
}

func (c chainRecord) encode() ([]byte, error) { return json.Marshal(c) }
func (c chainRecord) keep() recordValue       { return c }

// movedStep is a step that is in another row of the chain now, by its paths.
type movedStep struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// endRecord is the answer of a run.
type endRecord struct {
	Response *rossum.Response `json:"response"`
	Error    string           `json:"error,omitempty"`
	Report   *Report          `json:"report,omitempty"`
}

func (e endRecord) encode() ([]byte, error) { return json.Marshal(e) }

func (e endRecord) keep() recordValue {
	if e.Response != nil { // which belongs to the caller
		r := *e.Response
		r.Messages, r.Operations = slices.Clone(r.Messages), slices.Clone(r.Operations)
		e.Response = &r
	}
	return e
}

// verdictRecord is what a person says of a call.
type verdictRecord struct {
	callID
	Verdict
}

func (v verdictRecord) encode() ([]byte, error) { return json.Marshal(v) }
func (v verdictRecord) keep() recordValue       { return nil } // nothing is gained by it
