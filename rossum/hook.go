package rossum

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
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

	raw json.RawMessage
}

// Get reads any other key of the hook by its gjson path, such as
// "description" or "config.third_party_library_pack".
func (h *Hook) Get(path string) gjson.Result { return gjson.GetBytes(h.raw, path) }

// HookConfig is how Rossum reaches a hook.
type HookConfig struct {
	URL        string   `json:"url"`       // of a webhook
	TimeoutS   *float64 `json:"timeout_s"` // 0 to 60
	RetryCount *int     `json:"retry_count"`
	Code       string   `json:"code"`    // of a function
	Runtime    string   `json:"runtime"` // such as python3.12
	Secret     Secret   `json:"secret"`  // that calls are signed with
}

// DefaultHookTimeout is what a hook gets whose config says nothing.
const DefaultHookTimeout = 30 * time.Second

// maxHookTimeout is far beyond the 60 s of the platform; it keeps a number that
// is no time-out from becoming one.
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

// ParseHook reads a hook object. The error names the key that is wrong.
func ParseHook(data []byte) (*Hook, error) {
	var h Hook
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("reading a hook: %w", err)
	}
	if h.ID == 0 {
		h.ID = IDOf(h.URL)
	}
	h.raw = bytes.Clone(data)
	switch t := h.Config.TimeoutS; {
	case h.ID == 0:
		return nil, fmt.Errorf("reading a hook: key \"id\" is missing")
	case h.ID < 0:
		return nil, fmt.Errorf("reading a hook: id %d is not positive", h.ID)
	case t != nil && (*t < 0 || *t > maxHookTimeout.Seconds()):
		return nil, fmt.Errorf("reading hook %d: config.timeout_s %v is not between 0 and %v", h.ID, *t, maxHookTimeout.Seconds())
	case strings.TrimSpace(h.Name) == "":
		h.Name = fmt.Sprintf("hook %d", h.ID)
	}
	return &h, nil
}
