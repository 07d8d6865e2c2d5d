package steps

import (
	"encoding/json"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Register makes a registry know the steps of this package by the addresses of
// Rossum's hosted extensions, and run function hooks: those that are Rossum's Request
// Processor as [RequestProcessor], and those whose code stays within the language of
// formula fields as [Function].
func Register(r *pipeline.Registry) {
	r.Webhook("custom-format-templating-purge", decode[Purge])
	r.Webhook("custom-format-templating", decode[CustomFormat])
	r.Webhook("rest-api-export", decode[RESTExport])
	r.Webhook("data-value-extractor", decode[Extract])
	r.Webhook("export-evaluator", decode[Evaluate])
	r.Webhook("request-processor", requestProcessor)
	r.Functions(func(h *rossum.Hook) (pipeline.Step, error) {
		if isRequestProcessor(h) {
			return requestProcessor(h)
		}
		return function(h)
	})
}

// decode makes a step of a hook's settings; a hook without settings gets none.
func decode[S any, P interface {
	*S
	pipeline.Step
	json.Unmarshaler
}](h *rossum.Hook) (pipeline.Step, error) {
	step := P(new(S))
	if len(h.Settings) == 0 || string(h.Settings) == "null" {
		return step, nil
	}
	return step, step.UnmarshalJSON(h.Settings)
}
