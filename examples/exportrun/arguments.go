package main

import (
	"errors"
	"fmt"
	"strings"
)

// help is what -help shows of the flags without a command.
const help = `Without a command, exportrun runs the hooks on one payload and sends, as Rossum would:

  exportrun -org DIR -payload FILE [-queue ID|NAME] [flags]
  exportrun -hooks DIR|FILE… -payload FILE [flags]

What runs
  -org DIR              a folder of prd2: hooks, queues, schemas and formulas
  -hooks DIR|FILE…      hook objects as Rossum's API has them, alone or beside -org
  -payload FILE         the body of a hook call
  -queue ID|NAME        run the hooks of this queue of -org instead of the payload's
  -secrets FILE         the secrets of each hook: {"<hook id or name>": {"api_key": "…"}}.
                        The secrets of the payload are those of the hook that was called
  -leave-out NAME|ID    leave out a hook that exports nothing; can be repeated
  -leave-out-unknown    leave out every hook that this program has no step for
  -allow-host HOST      a host that a document's text may choose (pipeline.WithAllowedHosts);
                        can be repeated
  -rossum-origin URL    the Rossum that calls may come from, such as https://acme.rossum.app, and
                        whose hooks keep access tokens, where the hooks' own addresses name another
                        host (pipeline.WithRossumOrigin); can be repeated
  -known-hosts FILE     learn the keys of new SFTP servers into this file, for hooks whose
                        settings have none, and hold them against the servers later
  -require-active       refuse a hook that waits for an inactive one, instead of
                        passing the inactive one through
  -tolerate             go on with a warning when a formula field cannot be computed

What comes out
  -out DIR              write each artefact to this folder, under its reference key
  -artefacts WHERE      keep artefacts in memory (the default), or in rossum as documents
  -graph                show the hooks and their order as Mermaid text; without
                        -payload, only check the hooks and show that
  -help                 show this text

The answer goes to the standard output, the report and errors to the standard error.
Exit codes: 0 the export was answered without an error message; 1 with one; 2 hooks,
payload or arguments are unusable, and nothing was sent.

Examples
  exportrun -org acme -queue "Invoices EU" -graph
  exportrun -org acme -payload call.json -secrets secrets.json -out artefacts
  exportrun -org acme -payload call.json -leave-out "Duplicate Handling" -leave-out 418432
  exportrun -hooks hooks -payload call.json
`

type arguments struct {
	hooks           []string
	org, queue      string
	payload, out    string
	secrets         string
	knownHosts      string
	leaveOut        []string
	allowHosts      []string
	origins         []string
	leaveOutUnknown bool
	requireActive   bool
	tolerate        bool
	inRossum, graph bool
	help            bool
}

// parse reads the arguments; -hooks takes all that follow it up to the next flag.
func parse(args []string) (arguments, error) {
	var a arguments
	switches := map[string]*bool{
		"leave-out-unknown": &a.leaveOutUnknown, "require-active": &a.requireActive, "tolerate": &a.tolerate,
		"graph": &a.graph, "help": &a.help, "h": &a.help,
	}
	texts := map[string]*string{
		"org": &a.org, "queue": &a.queue, "payload": &a.payload, "out": &a.out, "secrets": &a.secrets,
		"known-hosts": &a.knownHosts,
	}
	for len(args) > 0 {
		flag, given, hasValue := strings.Cut(args[0], "=")
		name := strings.TrimLeft(flag, "-")
		if name == flag {
			return a, fmt.Errorf("%q is not a flag; -help lists them", args[0])
		}
		args = args[1:]
		if set := switches[name]; set != nil {
			if hasValue {
				return a, fmt.Errorf("-%s takes no value", name)
			}
			*set = true
			continue
		}
		if name == "hooks" && !hasValue {
			for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				a.hooks, args = append(a.hooks, args[0]), args[1:]
			}
			continue
		}
		if !hasValue && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			given, args, hasValue = args[0], args[1:], true
		}
		if err := a.set(name, given, hasValue, texts); err != nil {
			return a, err
		}
	}
	if a.help {
		return a, nil
	}
	return a, a.check()
}

// set takes a flag that has a value.
func (a *arguments) set(name, value string, hasValue bool, texts map[string]*string) error {
	into := texts[name]
	switch {
	case into == nil && name != "hooks" && name != "leave-out" && name != "allow-host" && name != "rossum-origin" && name != "artefacts":
		return fmt.Errorf("unknown flag -%s; -help lists them", name)
	case !hasValue || value == "":
		return fmt.Errorf("-%s takes a value", name)
	case name == "hooks":
		a.hooks = append(a.hooks, value)
	case name == "leave-out":
		a.leaveOut = append(a.leaveOut, value)
	case name == "allow-host":
		a.allowHosts = append(a.allowHosts, value)
	case name == "rossum-origin":
		return (*originList)(&a.origins).Set(value)
	case name == "artefacts":
		if value != "memory" && value != "rossum" {
			return fmt.Errorf("-artefacts is memory or rossum, not %s", value)
		}
		a.inRossum = value == "rossum"
	case *into != "":
		return fmt.Errorf("-%s is given more than once", name)
	default:
		*into = value
	}
	return nil
}

// check refuses arguments that do not go together.
func (a *arguments) check() error {
	if err := a.checkHooks(); err != nil {
		return err
	}
	if a.payload == "" && !a.graph {
		return errors.New("-payload is missing; -help shows how to call exportrun")
	}
	return nil
}

// checkHooks refuses arguments that name no hooks.
func (a *arguments) checkHooks() error {
	switch {
	case len(a.hooks) == 0 && a.org == "":
		return errors.New("-hooks or -org is missing; -help shows how to call exportrun")
	case a.queue != "" && a.org == "":
		return errors.New("-queue names a queue of -org, which is missing")
	}
	return nil
}
