package pipeline

import (
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// What a run says: no single text is longer than redact.MaxSaid.
const (
	maxMessages  = 256 << 10 // bytes of the messages of a run, far more than people read
	messageSize  = 64        // bytes that a message counts besides its text
	maxDecisions = 2 << 20   // bytes of the decisions of a step, enough for 200 bytes in each of 10,000 rows
)

// said is what people are shown of a text: without secrets, and of a long one the beginning.
func (x *Export) said(text string) string { return x.run.redactor.Said(text) }

// Error shows an error on the annotation. The chain stops after this step, and
// Rossum moves the annotation to failed_export. Secrets are cut out of the text.
func (x *Export) Error(format string, args ...any) {
	x.Message(rossum.Message{Type: rossum.MessageError, Content: fmt.Sprintf(format, args...)})
}

// Warn shows a warning on the annotation.
func (x *Export) Warn(format string, args ...any) {
	x.Message(rossum.Message{Type: rossum.MessageWarning, Content: fmt.Sprintf(format, args...)})
}

// Info shows a text on the annotation.
func (x *Export) Info(format string, args ...any) {
	x.Message(rossum.Message{Type: rossum.MessageInfo, Content: fmt.Sprintf(format, args...)})
}

// Message shows a message on the annotation, for example beside one field. Of a text of more
// than 64 KiB it shows the beginning. When the messages of a run have 256 KiB, one more says
// that there are others; it is an error if one of those is.
func (x *Export) Message(m rossum.Message) {
	size := 0
	for _, shown := range x.Messages {
		size += len(shown.Content) + messageSize
	}
	if size >= maxMessages {
		x.omit(m.Type)
		return
	}
	m.Content = x.said(m.Content)
	x.Messages = append(x.Messages, m)
	x.step.add(func(s *StepReport) { s.Messages = append(s.Messages, string(m.Type)+": "+m.Content) })
}

// omitted stands for the messages that are not shown. It comes last and only once.
const omitted = "There are more messages, which are not shown."

// omit notes that there is a message which is not shown.
func (x *Export) omit(kind rossum.MessageType) {
	before, last := x.Messages, x.Messages[len(x.Messages)-1]
	if last.Content == omitted {
		if kind != rossum.MessageError || last.Type == kind {
			return
		}
		before = before[:len(before)-1]
	}
	x.Messages = append(slices.Clip(before), rossum.Message{Type: kind, Content: omitted}) // others may have the list that was
	x.step.add(func(s *StepReport) { s.Messages = append(s.Messages, string(kind)+": "+omitted) })
}

// Failed reports whether an error message was shown.
func (x *Export) Failed() bool {
	return (&rossum.Response{Messages: x.Messages}).Failed()
}

// Decide notes in the report what a step decided, such as "skipped: condition
// is empty". Of a text of more than 64 KiB it notes the beginning; when the decisions of a step
// have 2 MiB, those that follow are counted.
func (x *Export) Decide(format string, args ...any) {
	if x.step == nil || x.step.leavesOut() {
		return
	}
	text := x.said(fmt.Sprintf(format, args...))
	x.step.add(func(s *StepReport) { s.Decisions, s.decided = append(s.Decisions, text), s.decided+len(text) })
}

// leavesOut reports whether the step has room for no further decision. Then it also counts the
// decision among those that were left out.
func (s *StepReport) leavesOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decided < maxDecisions {
		return false
	}
	if s.leftOut++; s.leftOut > 1 {
		s.Decisions = s.Decisions[:len(s.Decisions)-1]
	}
	s.Decisions = append(s.Decisions, fmt.Sprintf("and more, which are not kept: %d", s.leftOut))
	return true
}
