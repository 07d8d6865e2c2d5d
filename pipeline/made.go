package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// Remains notes something that a step has made in another system and could not remove, such
// as a hidden file, and that no call in the report stands for. Should the run fail, the
// sentence about what was sent names it. Secrets in the text are hidden as in other messages.
// It may be called by several goroutines.
func (x *Export) Remains(format string, args ...any) {
	log := x.run.log
	log.mu.Lock()
	defer log.mu.Unlock()
	log.remains = append(log.remains, fmt.Sprintf(format, args...))
}

// sentence says what the run has sent, for the person who reads that it failed.
func (l *runLog) sentence() string {
	l.mu.Lock()
	remains := strings.Join(l.remains, "; ")
	l.mu.Unlock()
	text := l.ofCalls()
	if remains != "" {
		text += " This may still be there, because it could not be removed: " + remains + "."
	}
	return text
}

// ofCalls says which calls the run has made.
func (l *runLog) ofCalls() string {
	l.mu.Lock()
	inRossum, remains := l.inRossum, len(l.remains) > 0
	for _, c := range l.calls {
		inRossum = inRossum || c.Aside && c.counts()
	}
	l.mu.Unlock()
	calls := l.made()
	switch {
	case len(calls) > 0:
		return sentence(calls)
	case inRossum:
		return "No call that changes anything outside of Rossum was made."
	case remains:
		return "Nothing permanent was made."
	}
	return "No call that changes anything was made."
}

// sentence says what was sent.
func sentence(calls []*madeCall) string {
	const most = 10
	var parts []string
	for i, c := range calls {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(calls)-most))
			break
		}
		parts = append(parts, c.what())
	}
	return "These calls were made: " + strings.Join(parts, "; ") + "."
}

// counts reports that the other side may have changed something for the call.
func (c *madeCall) counts() bool {
	return !c.reads && !(c.reply != nil && c.reply.Error != "" && !c.reply.Sent)
}

// what says what became of a call.
func (c *madeCall) what() string {
	switch {
	case c.reply == nil:
		return c.What + " (its outcome is not known)"
	case c.reply.Answer == nil:
		return c.What + " (no answer, it may have been received)"
	}
	a := c.reply.Answer
	text := "answered"
	if a.Status != 0 {
		text += " " + strconv.Itoa(a.Status)
	}
	location := a.Header.Get("Location")
	if strings.ContainsAny(location, "?#@") { // it may be signed, or have a code or a token
		location = redact.Address("", location)
	}
	if location != "" {
		text += ", " + location
	}
	if id := idIn(a.Body); id != "" && !strings.Contains(location, id) {
		text += ", id " + id
	}
	return c.What + " (" + text + ")"
}

// maxID is how many bytes an id has at most that is shown.
const maxID = 100

// idIn finds the id that an answer in JSON gives to what was made: its own, or that of an
// object in it.
func idIn(body []byte) string {
	if !gjson.ValidBytes(body) {
		return ""
	}
	answer := gjson.ParseBytes(body)
	if id := ownID(answer); id != "" {
		return id
	}
	found := ""
	answer.ForEach(func(_, value gjson.Result) bool {
		found = ownID(value)
		return found == ""
	})
	return found
}

func ownID(object gjson.Result) (id string) {
	if !object.IsObject() {
		return ""
	}
	object.ForEach(func(key, value gjson.Result) bool {
		if strings.EqualFold(key.Str, "id") && (value.Type == gjson.String || value.Type == gjson.Number) {
			id = value.String()
			if value.Type == gjson.Number {
				id = value.Raw // a long one would lose digits
			}
		}
		return id == ""
	})
	if len(id) > maxID {
		return ""
	}
	return strings.Join(strings.Fields(id), " ")
}
