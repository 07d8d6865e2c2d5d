package rossum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Hook is an extension as Rossum's API and a prd2 folder describe it.
type Hook struct {
	ID            int64           `json:"id"`
	URL           string          `json:"url"`
	Type          string          `json:"type"` // webhook, function or job
	Name          string          `json:"name"`
	Active        bool            `json:"active"`
	Events        []string        `json:"events"`    // annotation_content.export, or annotation_content for all its actions
	Queues        []string        `json:"queues"`    // URLs
	RunAfter      []string        `json:"run_after"` // URLs of hooks that must end before
	Sideload      []string        `json:"sideload"`
	Settings      json.RawMessage `json:"settings"`
	SecretsSchema json.RawMessage `json:"secrets_schema"`
	Config        HookConfig      `json:"config"`
	TokenOwner    string          `json:"token_owner"` // URL of a user
	Metadata      json.RawMessage `json:"metadata"`
	Template      string          `json:"hook_template"` // URL of what a hook of the Rossum Store was made from

	// File is where the hook was read from, and CodeFile where its code was, if that
	// has a file of its own; "" for a hook that came from no file.
	File, CodeFile string `json:"-"`
	// Faults are keys that could not be read; see [ParseHook]. Their fields have the
	// zero value.
	Faults []*HookFault `json:"-"`

	raw json.RawMessage
}

// HookFault is a key of a hook object that cannot be read.
type HookFault struct {
	Place string // such as run_after[1]
	Msg   string
}

func (f *HookFault) Error() string { return f.Msg }

// Unreadable reports whether a top-level key of the hook, or something below it, could
// not be read.
func (h *Hook) Unreadable(key string) bool {
	return slices.ContainsFunc(h.Faults, func(f *HookFault) bool {
		rest, ok := strings.CutPrefix(f.Place, key)
		return ok && (rest == "" || rest[0] == '[' || rest[0] == '.')
	})
}

// Position returns line and column of a place in the hook object, such as
// settings.request.url, as it was read: of the key, or of the nearest one that there
// is. Both are 0 for a hook that was not read from a text.
func (h *Hook) Position(place string) (line, column int) { return settings.Locate(h.raw, place) }

// Lookup returns any other key of the hook as JSON by its path, such as "description" or
// "config.third_party_library_pack"; nil if there is none. Keys and indexes of a path are
// separated by dots.
func (h *Hook) Lookup(path string) json.RawMessage { return lookup(h.raw, path) }

func lookup(raw []byte, path string) json.RawMessage {
	found := gjson.GetBytes(raw, path)
	if !found.Exists() {
		return nil
	}
	return json.RawMessage(found.Raw)
}

// HookConfig is how Rossum reaches a hook.
type HookConfig struct {
	URL        string   `json:"url"`       // of a webhook
	TimeoutS   *float64 `json:"timeout_s"` // 0 to 60
	RetryCount *int     `json:"retry_count"`
	Code       string   `json:"code"`    // of a function
	Runtime    string   `json:"runtime"` // such as python3.12
	Secret     Secret   `json:"secret"`  // that calls are signed with
}

// DefaultHookTimeout is how long Rossum waits for a hook whose config does not set timeout_s.
// It is also a good grace period for a server that shuts down while exports are running.
const DefaultHookTimeout = 30 * time.Second

// maxHookTimeout is far beyond the 60 s of the platform; it keeps a number that
// is not a time-out from becoming one.
const maxHookTimeout = 24 * time.Hour

// Timeout returns how long Rossum waits for the hook's answer.
func (h *Hook) Timeout() time.Duration {
	if h.Config.TimeoutS == nil {
		return DefaultHookTimeout
	}
	return time.Duration(*h.Config.TimeoutS * float64(time.Second))
}

// ListensTo reports whether the hook is called for an event and action. An
// event without an action in Events stands for all actions.
func (h *Hook) ListensTo(event, action string) bool {
	return slices.Contains(h.Events, event) || slices.Contains(h.Events, event+"."+action)
}

// OnQueue reports whether the hook is bound to the queue with the given URL.
// Only the ids are compared, since an organisation has several host names.
func (h *Hook) OnQueue(queue string) bool {
	return slices.ContainsFunc(h.Queues, func(q string) bool { return q == queue || IDOf(q) != 0 && IDOf(q) == IDOf(queue) })
}

// String returns name and id, as people find the hook.
func (h *Hook) String() string { return fmt.Sprintf("%q (id %d)", h.Name, h.ID) }

// Format implements [fmt.Formatter], so that no verb shows settings, which may have
// credentials.
func (h *Hook) Format(f fmt.State, _ rune) {
	if h == nil {
		_, _ = io.WriteString(f, "<nil>")
		return
	}
	_, _ = io.WriteString(f, h.String())
}

// ParseHook reads a hook object. A key whose value is not of the documented type is
// noted in [Hook.Faults] and does not keep the others from being read, so that
// everything that is wrong can be said at once; whoever makes a chain of the hook must
// look at them, as package organisation does. The error says that the text is not a
// JSON object, or that the hook has no id; of what the API's list of hooks answers,
// each object of "results" is a hook.
func ParseHook(data []byte) (*Hook, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil || keys == nil {
		return nil, fmt.Errorf("reading a hook: %w", notAnObject(data, err))
	}
	h := &Hook{raw: bytes.Clone(data)}
	for key, read := range h.readers() {
		if raw, ok := keys[key]; ok && string(raw) != "null" {
			read(key, raw)
		}
	}
	if h.ID == 0 {
		h.ID = IDOf(h.URL)
	}
	switch t := h.Config.TimeoutS; {
	case h.ID == 0 && keys["results"] != nil:
		return nil, errors.New("reading a hook: it is a page of a list; read each object of its \"results\" on its own")
	case h.ID == 0:
		return nil, errors.New("reading a hook: key \"id\" is missing")
	case h.ID < 0:
		return nil, fmt.Errorf("reading a hook: id %d is not positive", h.ID)
	case t != nil && (*t < 0 || *t > maxHookTimeout.Seconds()):
		h.unreadable("config.timeout_s", fmt.Sprintf("%v is not between 0 and %v", *t, maxHookTimeout.Seconds()))
		h.Config.TimeoutS = nil
	}
	slices.SortFunc(h.Faults, func(a, b *HookFault) int { return strings.Compare(a.Place, b.Place) })
	if strings.TrimSpace(h.Name) == "" {
		h.Name = fmt.Sprintf("hook %d", h.ID)
	}
	return h, nil
}

// notAnObject is the error of a text that is not a JSON object.
func notAnObject(data []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := data[:min(int(syntax.Offset), len(data))]
		return fmt.Errorf("line %d: %w", 1+bytes.Count(before, []byte("\n")), err)
	}
	if err != nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return errors.New("it is a list, not a JSON object; read each of its objects on its own")
	}
	return errors.New("it is not a JSON object")
}
