package steps

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// isRequestProcessor recognises the engine among function hooks, which have no
// config.url: by its settings, which have stages, and by its code, which has names
// that the engine's reference gives. A hook file whose code is kept elsewhere has
// none.
func isRequestProcessor(h *rossum.Hook) bool {
	var s struct {
		Stages []json.RawMessage `json:"stages"`
	}
	if json.Unmarshal(h.Settings, &s) != nil || len(s.Stages) == 0 || !bytes.Contains(h.Settings, []byte(`"stages"`)) {
		return false
	}
	code := strings.TrimSpace(h.Config.Code)
	for _, mark := range []string{"fill_template", "_request_processor_token_cache", "ResponseHandler"} {
		if strings.Contains(code, mark) {
			return true
		}
	}
	return code == ""
}

// requestProcessor makes the step of a hook, which runs on the hook's own events.
func requestProcessor(h *rossum.Hook) (pipeline.Step, error) {
	s := &requestprocessor.Step{Events: h.Events}
	if len(h.Settings) == 0 || string(h.Settings) == "null" {
		return s, nil // which its Validate refuses
	}
	return s, s.UnmarshalJSON(h.Settings)
}
