package organisation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// SecretsByHook returns what [pipeline.WithSecrets] takes, of secrets by the hook's id
// or name, such as from a file. The error names entries that belong to no hook or to
// several, and hooks with two entries: a secret never goes to a hook by guessing.
func SecretsByHook(hooks []*rossum.Hook, secrets map[string]rossum.Secrets) (pipeline.SecretsOf, error) {
	byID := make(map[int64]rossum.Secrets)
	var known []string
	for i, h := range hooks {
		if h == nil {
			return nil, fmt.Errorf("hooks[%d] is nil", i)
		}
		known = append(known, h.Name)
	}
	var faults []error
	entries := make([]string, 0, len(secrets))
	for name := range secrets {
		entries = append(entries, name)
	}
	slices.Sort(entries)
	for _, name := range entries {
		var of []*rossum.Hook
		for _, h := range hooks {
			if isCalled(h, name) {
				of = append(of, h)
			}
		}
		near := settings.Nearest(name, known)
		switch {
		case len(of) == 0 && near != "":
			faults = append(faults, fmt.Errorf("secrets of %q: there is no such hook; did you mean %q?", name, near))
		case len(of) == 0:
			faults = append(faults, fmt.Errorf("secrets of %q: no hook has this name or id", name))
		case len(of) > 1:
			faults = append(faults, fmt.Errorf("secrets of %q: both %s and %s are called so; use the id", name, of[0], of[1]))
		case byID[of[0].ID] != nil:
			faults = append(faults, fmt.Errorf("secrets of %q: hook %s has another entry; keep one of them", name, of[0]))
		default:
			byID[of[0].ID] = secrets[name]
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) { return byID[h.ID], nil }, nil
}
