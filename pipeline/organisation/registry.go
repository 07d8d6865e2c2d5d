package organisation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Make makes the step of a hook. Its error joins everything that is wrong with the
// hook's settings.
type Make func(*rossum.Hook) (pipeline.Step, error)

// Kind is one extension: how its hooks are recognised, and what makes their step.
type Kind struct {
	// Name is what config.url has as a label of its host or as a segment of its path,
	// such as rest-api-export in https://elis.rest-api-export.rossum-ext.app and in
	// https://exports.example.com/rest-api-export. Several segments in a row are
	// written with slashes, such as svc/workday. Case does not matter.
	Name string
	// Make makes the step.
	Make Make
	// Store recognises hooks without a config.url, which the Rossum Store installs.
	Store Clues
}

// Registry says which step stands for which hook: by config.url for Rossum's hosted
// extensions, by template, name, settings and secrets for those of the Rossum Store,
// and by name or id for an organisation's functions. The zero value is empty and
// ready to use; a nil one takes nothing, and [FromHooks] refuses it. Fill it before the first [FromHooks]; it may then be shared.
type Registry struct {
	kinds     []Kind
	hooks     map[string]Make // by name or id
	functions Make
	faults    []error
}

// Register adds an extension. A second one of the same name is a fault, which
// [Registry.Err] and [FromHooks] report: use [Registry.Replace] if it is meant.
func (r *Registry) Register(k Kind) {
	if r == nil {
		return // which FromHooks refuses
	}
	switch {
	case len(segments(k.Name)) == 0:
		r.faults = append(r.faults, fmt.Errorf("%w: the name %q is not a label of a host or segments of a path", ErrRegistration, k.Name))
	case k.Make == nil:
		r.faults = append(r.faults, fmt.Errorf("%w: %s has nothing that makes its step", ErrRegistration, k.Name))
	case r.index(k.Name) >= 0:
		r.faults = append(r.faults, fmt.Errorf("%w: %s is registered already; use Registry.Replace to put another step in its place", ErrRegistration, k.Name))
	default:
		r.kinds = append(r.kinds, k)
	}
}

// Replace puts an extension in the place of the registered one of the same name. A
// kind without clues keeps those of the one that it replaces. That there is none to
// replace is a fault.
func (r *Registry) Replace(k Kind) {
	if r == nil {
		return // which FromHooks refuses
	}
	at := r.index(k.Name)
	if at < 0 || k.Make == nil {
		r.faults = append(r.faults, fmt.Errorf("%w: no %q is registered that could be replaced, or nothing makes its step", ErrRegistration, k.Name))
		return
	}
	if k.Store.empty() {
		k.Store = r.kinds[at].Store
	}
	r.kinds[at] = k
}

// Function registers a step for a function hook, or for any other hook that should
// not be what its kind says, by the hook's name or id. A second one for the same name
// or id is a fault.
func (r *Registry) Function(nameOrID string, f Make) {
	if r == nil {
		return // which FromHooks refuses
	}
	if r.hooks[nameOrID] != nil || f == nil || nameOrID == "" {
		r.faults = append(r.faults, fmt.Errorf("%w: hook %q is registered already, or nothing makes its step", ErrRegistration, nameOrID))
		return
	}
	if r.hooks == nil {
		r.hooks = make(map[string]Make)
	}
	r.hooks[nameOrID] = f
}

// Functions registers what makes a step of a function hook that has no step of its
// own, for example an interpreter of its code. Its error means that the hook cannot
// be run. A second one is a fault.
func (r *Registry) Functions(f Make) {
	if r == nil {
		return // which FromHooks refuses
	}
	switch {
	case f == nil:
		r.faults = append(r.faults, fmt.Errorf("%w: nothing makes the steps of function hooks", ErrRegistration))
	case r.functions != nil:
		r.faults = append(r.faults, fmt.Errorf("%w: something makes the steps of function hooks already", ErrRegistration))
	default:
		r.functions = f
	}
}

// Err returns what is wrong with the registrations, nil if nothing is.
func (r *Registry) Err() error {
	if r == nil {
		return fmt.Errorf("%w: the registry is nil", ErrRegistration)
	}
	return errors.Join(r.faults...)
}

// Names lists the names that extensions are registered under.
func (r *Registry) Names() []string {
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	return names
}

// Kind returns the extension that an address stands for: a URL, or the path of one.
// Of several names that fit, the one with the most segments counts.
func (r *Registry) Kind(address string) (name string, f func(*rossum.Hook) (pipeline.Step, error), ok bool) {
	k := r.byAddress(address)
	if k == nil {
		return "", nil, false
	}
	return k.Name, k.Make, true
}

func (r *Registry) index(name string) int {
	return slices.IndexFunc(r.kinds, func(k Kind) bool { return strings.EqualFold(strings.Trim(k.Name, "/"), strings.Trim(name, "/")) })
}

// byAddress finds the extension that an address stands for, nil if there is none.
func (r *Registry) byAddress(address string) (best *Kind) {
	labels, path := split(address)
	most := 0
	for i := range r.kinds {
		name := segments(r.kinds[i].Name)
		fits := len(name) == 1 && slices.Contains(labels, name[0]) || containsRow(path, name)
		if fits && len(name) > most {
			best, most = &r.kinds[i], len(name)
		}
	}
	return best
}

// step makes the step of a hook; all are the organisation's hooks.
func (r *Registry) step(h *rossum.Hook, all []*rossum.Hook) (pipeline.Step, error) {
	if f := r.hooks[strconv.FormatInt(h.ID, 10)]; f != nil {
		return f(h)
	}
	if f := r.hooks[h.Name]; f != nil {
		return f(h)
	}
	if h.Type == "function" {
		if r.functions != nil {
			return r.functions(h)
		}
		return nil, fmt.Errorf("%w: register one with Registry.Function(%q, …) or by its id, or leave the hook out", ErrNoFunction, h.Name)
	}
	if h.Config.URL != "" {
		if k := r.byAddress(h.Config.URL); k != nil {
			return k.Make(h)
		}
		return nil, &place{"config.url", fmt.Errorf("%w: %q has none of the extensions %s in its host or path; %s",
			ErrUnknownExtension, h.Config.URL, strings.Join(r.Names(), ", "), waysOut(h))}
	}
	kinds := r.byClues(h, all)
	switch len(kinds) {
	case 1:
		return kinds[0].Make(h)
	case 0:
		return nil, &place{"config", fmt.Errorf("%w: it has no config.url%s, and nothing in its name, settings and secrets_schema shows that it is one of %s; %s",
			ErrUnknownExtension, template(h), strings.Join(r.Names(), ", "), waysOut(h))}
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return nil, &place{"config", fmt.Errorf("%w: it has no config.url%s, and could be any of %s; %s",
		ErrUnknownExtension, template(h), strings.Join(names, ", "), waysOut(h))}
}

// template names the template of a hook of the Store.
func template(h *rossum.Hook) string {
	if h.Template == "" {
		return ""
	}
	return " (it was made from " + h.Template + ")"
}

// waysOut says what to do about a hook that is not known.
func waysOut(h *rossum.Hook) string {
	return fmt.Sprintf("give it a step with Registry.Function(%q, …), or leave it out if it exports nothing (LeaveOut in organisation.Options, or exportrun -leave-out %d)", h.Name, h.ID)
}

// split returns the labels of an address's host and the segments of its path, in
// lower case. What has no scheme is a path.
func split(address string) (labels, path []string) {
	address, _, _ = strings.Cut(strings.ToLower(address), "?")
	address, _, _ = strings.Cut(address, "#")
	if _, rest, ok := strings.Cut(address, "://"); ok {
		host, below, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			host = host[at+1:]
		}
		host, _, _ = strings.Cut(host, ":")
		labels, address = strings.Split(host, "."), below
	}
	return labels, segments(address)
}

// segments returns the segments of a path that are not empty.
func segments(path string) []string {
	return strings.FieldsFunc(strings.ToLower(path), func(c rune) bool { return c == '/' })
}

// containsRow reports whether all parts stand next to each other in a list.
func containsRow(list, parts []string) bool {
	for i := 0; i+len(parts) <= len(list); i++ {
		if slices.Equal(list[i:i+len(parts)], parts) {
			return true
		}
	}
	return false
}
