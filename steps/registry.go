package steps

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Register makes a registry know the steps of this package by the addresses of
// Rossum's hosted extensions, and by what shows in hooks of the Rossum Store, which
// have no address. Function hooks run as well: those that are Rossum's Request
// Processor as [requestprocessor.Step], and those whose code stays within the language of
// formula fields as [Function].
func Register(r *organisation.Registry, o RegisterOptions) {
	for _, k := range []organisation.Kind{
		{Name: "custom-format-templating-purge", Make: decode[Purge], Store: organisation.Clues{
			Settings: []string{"reference_keys", "reset_schema_ids"},
			Names:    []string{"cleaning", "cleanup", "purge", "custom format templating purge"},
		}},
		{Name: "custom-format-templating", Make: decode[CustomFormat], Store: organisation.Clues{
			Settings: []string{"export_configs"},
			Names:    []string{"custom format", "format templating", "custom format templating"},
		}},
		{Name: "rest-api-export", Make: decode[RESTExport], Store: organisation.Clues{
			Settings: []string{"request.url", "status_code_resolver", "response_headers_reference_key", "response_payload_reference_key"},
			Names:    []string{"rest export", "api export", "rest api", "rest api export"},
		}},
		{Name: "data-value-extractor", Make: decode[Extract], Store: organisation.Clues{
			Settings: []string{"extract"},
			Names:    []string{"value extractor", "data value extractor"},
		}},
		{Name: "export-evaluator", Make: evaluator, Store: organisation.Clues{
			Settings: []string{"condition !request !auth", "checks.0.condition", "replies.0.status_schema_id", "status_schema_id"},
			Names:    []string{"export evaluator", "reply evaluator", "evaluator"},
		}},
		{Name: "request-processor", Make: requestProcessor, Store: organisation.Clues{
			Settings: []string{"stages"},
			Names:    []string{"request processor"},
		}},
	} {
		r.Register(k)
	}
	r.Functions(func(h *rossum.Hook) (pipeline.Step, error) {
		if isRequestProcessor(h) {
			return requestProcessor(h)
		}
		return function(h, o.FunctionsMaySend)
	})
}

// RegisterOptions are the options of [Register]; the zero value works.
type RegisterOptions struct {
	// FunctionsMaySend lets the code of function hooks import requests; see [Function.HTTP].
	FunctionsMaySend bool
}

// evaluator makes the evaluator that a hook's settings are for: [EvaluateReplies] if they
// have a key of its, spelt right or wrong, else [Evaluate].
func evaluator(h *rossum.Hook) (pipeline.Step, error) {
	first := gjson.ParseBytes(h.Settings)
	if first.IsArray() {
		first = first.Get("0")
	}
	conditions := []string{"condition", "checks", "message"}
	replies := []string{"replies", "label", "status_schema_id", "body_schema_id"}
	known := slices.Concat(conditions, replies)
	ofReplies := func(key string) bool { return slices.Contains(replies, settings.Nearest(key, known)) }
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(first.Map())), func(key string) bool { return strings.HasPrefix(key, "//") })
	has := func(names []string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(names, key) })
	}
	if has(replies) || !has(conditions) && slices.ContainsFunc(keys, ofReplies) {
		return decode[EvaluateReplies](h)
	}
	return decode[Evaluate](h)
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
