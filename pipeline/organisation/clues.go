package organisation

import (
	"slices"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Clues are how a hook that the Rossum Store has installed, whose config may be no
// more than {"private": true}, is recognised. Settings decide before names, since a
// hook may be called anything; a template counts for every hook made from it.
type Clues struct {
	// Templates are the URLs of hook templates, of which every cluster of Rossum has
	// its own.
	Templates []string
	// Settings are gjson paths such as export_rules or configurations.0.wsdl, each of
	// which only settings of this extension have. Several paths with spaces between
	// them must all be there, one after an exclamation mark must not.
	Settings []string
	// Names are words in a hook's name, such as "rest api export": all words of one
	// of them, in any order. They count for a hook whose settings are empty, or have a
	// key that was meant to be one of Settings. If names of several extensions fit, that
	// with the most words counts.
	Names []string
	// Secrets are names in secrets_schema that only hooks of this extension have.
	Secrets []string
}

func (c Clues) empty() bool {
	return len(c.Templates)+len(c.Settings)+len(c.Names)+len(c.Secrets) == 0
}

// byClues finds what a hook without an address may be: the best clues decide.
func (r *Registry) byClues(h *rossum.Hook, all []*rossum.Hook) []*Kind {
	for _, fits := range []func(Clues, *rossum.Hook) bool{ofTemplate, hasSettings} {
		if found := r.withClues(h, fits); len(found) > 0 {
			return found
		}
	}
	for _, sister := range all {
		if h.Template != "" && sister.Template == h.Template && sister != h {
			if found := r.withClues(sister, hasSettings); len(found) == 1 {
				return found
			}
		}
	}
	if found := r.named(h); len(found) > 0 {
		return found
	}
	return r.withClues(h, hasSecrets)
}

// named finds the extensions whose names fit best.
func (r *Registry) named(h *rossum.Hook) (found []*Kind) {
	most := 0
	for i := range r.kinds {
		switch n := r.kinds[i].Store.named(h); {
		case n == 0 || n < most:
		case n > most:
			found, most = []*Kind{&r.kinds[i]}, n
		default:
			found = append(found, &r.kinds[i])
		}
	}
	return found
}

func (r *Registry) withClues(h *rossum.Hook, fits func(Clues, *rossum.Hook) bool) (found []*Kind) {
	for i := range r.kinds {
		if fits(r.kinds[i].Store, h) {
			found = append(found, &r.kinds[i])
		}
	}
	return found
}

func ofTemplate(c Clues, h *rossum.Hook) bool {
	return h.Template != "" && slices.Contains(c.Templates, h.Template)
}

func hasSettings(c Clues, h *rossum.Hook) bool {
	return slices.ContainsFunc(c.Settings, func(clue string) bool {
		for path := range strings.FieldsSeq(clue) {
			path, absent := strings.CutPrefix(path, "!")
			if gjson.GetBytes(h.Settings, path).Exists() == absent {
				return false
			}
		}
		return clue != ""
	})
}

// named counts the words of the longest name that fits a hook.
func (c Clues) named(h *rossum.Hook) (most int) {
	if !c.mayBeSettings(h) {
		return 0
	}
	words := wordsOf(h.Name)
	for _, name := range c.Names {
		wanted := wordsOf(name)
		if !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(words, w) }) {
			most = max(most, len(wanted))
		}
	}
	return most
}

// mayBeSettings reports whether a hook's settings are empty, or have a key that is
// most likely a misspelt one of this extension.
func (c Clues) mayBeSettings(h *rossum.Hook) bool {
	keys := gjson.ParseBytes(h.Settings).Map()
	if len(keys) == 0 {
		return true
	}
	var known []string
	for _, clue := range c.Settings {
		path, _, _ := strings.Cut(clue, " ")
		key, _, _ := strings.Cut(path, ".")
		known = append(known, key)
	}
	for key := range keys {
		if settings.Nearest(key, known) != "" {
			return true
		}
	}
	return false
}

func hasSecrets(c Clues, h *rossum.Hook) bool {
	properties := gjson.GetBytes(h.SecretsSchema, "properties").Map()
	return c.mayBeSettings(h) && slices.ContainsFunc(c.Secrets, func(name string) bool { _, ok := properties[name]; return ok })
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
}
