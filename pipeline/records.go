package pipeline

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

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
	recordStopped   RecordKind = "stopped"   // the run waits for a verdict
	recordVerdict   RecordKind = "verdict"   // a person says what became of a call
	recordEnd       RecordKind = "end"       // the answer
	recordReplaced  RecordKind = "replaced"  // by a run with other content
	recordDelivered RecordKind = "delivered" // the answer was written to its caller
)

// begunRecord is what a run begins with. The first of a run counts.
type begunRecord struct {
	Request string          `json:"request"`
	Path    string          `json:"path,omitempty"`    // that the hook was called at
	Payload json.RawMessage `json:"payload,omitempty"` // without token and secrets
	Seed    []byte          `json:"seed"`              // of the run's random numbers
	Started time.Time       `json:"started"`
}

// encode makes JSON of b, with the hook call, which may be large, as it came.
func (b begunRecord) encode() ([]byte, error) {
	payload := b.Payload
	b.Payload = nil
	rest, err := json.Marshal(b)
	if err != nil || payload == nil {
		return rest, err
	}
	return slices.Concat([]byte(`{"payload":`), payload, []byte{','}, rest[1:]), nil
}

// startedRecord has the clock of a step.
type startedRecord struct {
	Step string    `json:"step"` // path
	At   time.Time `json:"at"`
}

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
	Name       string        `json:"name"` // of the step
	What       string        `json:"what"`
	Begun      time.Time     `json:"begun"`
	Limit      time.Duration `json:"limit,omitempty"` // after which it is over
	Reads      bool          `json:"reads,omitempty"`
	Repeatable bool          `json:"repeatable,omitempty"`
	Aside      bool          `json:"aside,omitempty"` // about the export's own files
	Key        string        `json:"key,omitempty"`   // that the other side knows a repeated call by
	Request    *Request      `json:"request,omitempty"`
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
	Report   *StepReport       `json:"report,omitempty"`
}

// chainRecord is a chain that goes on with a run of another one.
type chainRecord struct {
	Fingerprint string      `json:"fingerprint"`
	Moves       []movedStep `json:"moves,omitempty"`
}

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

// verdictRecord is what a person says of a call.
type verdictRecord struct {
	callID
	Verdict
}
