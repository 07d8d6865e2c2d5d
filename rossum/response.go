package rossum

import "encoding/json"

// MessageType is the weight of a message on an annotation.
type MessageType string

// The three types of message. An error on export moves the annotation to
// failed_export.
const (
	MessageError   MessageType = "error"
	MessageWarning MessageType = "warning"
	MessageInfo    MessageType = "info"
)

// Message is a text that Rossum shows on the annotation, beside a field if ID
// is the field's.
type Message struct {
	ID      int64       `json:"id,omitempty"`
	Type    MessageType `json:"type"`
	Content string      `json:"content"`
}

// Response is the answer to a hook call.
type Response struct {
	Messages   []Message   `json:"messages"`
	Operations []Operation `json:"operations"`
}

// Failed reports whether the answer carries an error message, so that Rossum
// will show the annotation as failed_export.
func (r *Response) Failed() bool {
	for _, m := range r.Messages {
		if m.Type == MessageError {
			return true
		}
	}
	return false
}

// MarshalJSON writes both lists even when they are empty, as the platform
// expects them, and leaves <, > and & readable.
func (r *Response) MarshalJSON() ([]byte, error) {
	type plain Response
	out := plain(*r)
	if out.Messages == nil {
		out.Messages = []Message{}
	}
	if out.Operations == nil {
		out.Operations = []Operation{}
	}
	return encode(out), nil
}

var _ json.Marshaler = (*Response)(nil)
