package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// loaded is what the arguments name.
type loaded struct {
	hooks   []*rossum.Hook
	org     *rossum.Organisation // nil if the arguments name none
	payload *rossum.Payload      // nil if only the graph is wanted
	queue   string               // URL of the queue that is exported, "" for all
	schema  *rossum.Schema       // of the queue, nil if the folder has none
	secrets pipeline.SecretsOf
}

// load reads everything, and reports all that cannot be read.
func load(a *arguments) (*loaded, error) {
	l := &loaded{}
	hooks, err := readHooks(a.hooks)
	faults := []error{err}
	l.hooks = hooks
	read := err == nil
	var o *rossum.Organisation
	if a.org != "" {
		if o, err = rossum.LoadOrganisation(os.DirFS(a.org)); err != nil {
			faults, read = append(faults, fmt.Errorf("%s: %w", a.org, err)), false
		} else {
			o.InFolder(a.org)
			l.hooks = append(l.hooks, o.Hooks...)
		}
	}
	if a.payload != "" {
		l.payload, err = readPayload(a.payload)
		faults = append(faults, err)
	}
	if l.payload != nil {
		l.queue = l.payload.Annotation.Queue
	}
	if l.org = o; o != nil {
		faults = append(faults, l.choose(o, a.queue))
	}
	if a.secrets != "" && read { // else secrets of hooks that are there would be said to have none
		l.secrets, err = readSecrets(a.secrets, l.hooks)
		faults = append(faults, err)
	}
	return l, errors.Join(faults...)
}

// choose finds the queue in the organisation, with its schema.
func (l *loaded) choose(o *rossum.Organisation, wanted string) error {
	if wanted == "" {
		for _, q := range o.Queues {
			if q.ID == rossum.IDOf(l.queue) && l.queue != "" {
				l.schema = q.Schema
			}
		}
		return nil
	}
	queue, err := o.Queue(wanted)
	if err != nil {
		return err
	}
	l.schema, l.queue = queue.Schema, queue.URL
	if l.queue == "" {
		l.queue = fmt.Sprintf("queues/%d", queue.ID)
	}
	return nil
}

func readPayload(file string) (*rossum.Payload, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	payload, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if payload.Annotation == nil {
		return nil, fmt.Errorf("%s: %w: no annotation", file, rossum.ErrPayload)
	}
	return payload, nil
}

// readSecrets reads the secrets of each hook, by its id or name.
func readSecrets(file string, hooks []*rossum.Hook) (pipeline.SecretsOf, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if json.Unmarshal(data, &entries) != nil { // whose error could quote a secret
		return nil, fmt.Errorf(`%s: is not a JSON object such as {"<hook id or name>": {"api_key": "…"}}`, file)
	}
	byName := make(map[string]rossum.Secrets)
	var faults []error
	for name, raw := range ordered.ByKey(entries) {
		var secrets map[string]string
		if json.Unmarshal(raw, &secrets) != nil {
			faults = append(faults, fmt.Errorf("%s: %q: the secrets of a hook are an object of texts", file, name))
			continue
		}
		byName[name] = secrets
	}
	provider, err := organisation.SecretsByHook(hooks, byName)
	if err != nil {
		faults = append(faults, fmt.Errorf("%s: %w", file, err))
	}
	return provider, errors.Join(faults...)
}

// readHooks reads hook files, and all hook files below folders.
func readHooks(paths []string) ([]*rossum.Hook, error) {
	var hooks []*rossum.Hook
	var faults []error
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".json" {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			// A folder may hold schemas and queues as well; a file that is named is a hook.
			if file != path && !isHook(data) {
				return nil
			}
			h, err := rossum.ParseHook(data)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", file, err))
				return nil
			}
			h.File = file
			hooks = append(hooks, h)
			return nil
		})
		faults = append(faults, err)
	}
	return hooks, errors.Join(faults...)
}

func isHook(data []byte) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(data, &keys) != nil || keys["events"] != nil && keys["config"] != nil
}

// options are those of the chain that the arguments ask for.
func (a *arguments) options(l *loaded) organisation.Options {
	return organisation.Options{Queue: l.queue, LeaveOut: a.leaveOut, LeaveOutUnknown: a.leaveOutUnknown, RequireActive: a.requireActive}
}
