package rossum

import (
	"encoding/json"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// hookReader reads the value of one key, which is not null.
type hookReader func(place string, raw json.RawMessage)

// readers read the keys of a hook object, each on its own.
func (h *Hook) readers() map[string]hookReader {
	return map[string]hookReader{
		"id":             valueOf(h, &h.ID, "a number"),
		"url":            valueOf(h, &h.URL, "a string"),
		"type":           valueOf(h, &h.Type, "a string"),
		"name":           valueOf(h, &h.Name, "a string"),
		"active":         valueOf(h, &h.Active, "true or false"),
		"events":         textsOf(h, &h.Events),
		"queues":         textsOf(h, &h.Queues),
		"run_after":      textsOf(h, &h.RunAfter),
		"sideload":       textsOf(h, &h.Sideload),
		"settings":       objectOf(h, &h.Settings),
		"secrets_schema": objectOf(h, &h.SecretsSchema),
		"metadata":       objectOf(h, &h.Metadata),
		"token_owner":    valueOf(h, &h.TokenOwner, "a string"),
		"hook_template":  valueOf(h, &h.Template, "a string"),
		"config":         h.readConfig,
	}
}

func (h *Hook) readConfig(place string, raw json.RawMessage) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil {
		h.unreadable(place, "is "+settings.Kind(raw)+", expected an object")
		return
	}
	for key, read := range ordered.ByKey(map[string]hookReader{
		"url":         valueOf(h, &h.Config.URL, "a string"),
		"timeout_s":   valueOf(h, &h.Config.TimeoutS, "a number of seconds"),
		"retry_count": valueOf(h, &h.Config.RetryCount, "a whole number"),
		"code":        valueOf(h, &h.Config.Code, "a string"),
		"runtime":     valueOf(h, &h.Config.Runtime, "a string"),
		"secret":      valueOf(h, (*string)(&h.Config.Secret), "a string"),
	}) {
		if raw, ok := keys[key]; ok && string(raw) != "null" {
			read(place+"."+key, raw)
		}
	}
}

// unreadable notes a fault.
func (h *Hook) unreadable(place, msg string) {
	h.Faults = append(h.Faults, &HookFault{Place: place, Msg: msg})
}

func valueOf[T any](h *Hook, into *T, want string) hookReader {
	return func(place string, raw json.RawMessage) {
		var v T
		if json.Unmarshal(raw, &v) != nil { // whose error could quote a secret
			h.unreadable(place, "is "+settings.Kind(raw)+", expected "+want)
			return
		}
		*into = v
	}
}

// textsOf reads a list of texts. Elements that are texts are kept.
func textsOf(h *Hook, into *[]string) hookReader {
	return func(place string, raw json.RawMessage) {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			h.unreadable(place, "is "+settings.Kind(raw)+", expected a list of strings")
			return
		}
		for i, element := range list {
			var text string
			if string(element) == "null" || json.Unmarshal(element, &text) != nil {
				h.unreadable(fmt.Sprintf("%s[%d]", place, i), "is "+settings.Kind(element)+", expected a string")
				continue
			}
			*into = append(*into, text)
		}
	}
}

// objectOf keeps an object as it stands.
func objectOf(h *Hook, into *json.RawMessage) hookReader {
	return func(place string, raw json.RawMessage) {
		if raw[0] != '{' {
			h.unreadable(place, "is "+settings.Kind(raw)+", expected an object")
			return
		}
		*into = raw
	}
}
