package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

// Set adds a value.
func (l *list) Set(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	*l = append(*l, value)
	return nil
}

// newFlags makes the flags of a command with its help.
func newFlags(name, help string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprint(f.Output(), strings.TrimLeft(help, "\n")+"\nFlags\n")
		f.PrintDefaults()
	}
	return f
}

// errHelp means that the help was shown.
var errHelp = errors.New("the help was shown")

// parseFlags reads the arguments of a command. Flags may stand after other arguments;
// -hooks takes all that follow it up to the next flag.
func parseFlags(f *flag.FlagSet, args []string, out *terminal) (rest []string, err error) {
	args = spreadHooks(f, args)
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(out.stdout)
			f.Usage()
			return nil, errHelp
		}
		if err != nil {
			return nil, fmt.Errorf("%w; exportrun %s -help shows the flags", err, f.Name())
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// noFlag refuses an argument that no flag takes.
func noFlag(arg string) error {
	return fmt.Errorf("%q is not a flag; give a folder of prd2 by -org, and hooks alone by -hooks", arg)
}

// spreadHooks gives each file after -hooks a flag of its own.
func spreadHooks(f *flag.FlagSet, args []string) (spread []string) {
	if f.Lookup("hooks") == nil {
		return args
	}
	after := 0 // 1 right after -hooks, 2 after its first value
	for _, arg := range args {
		switch {
		case strings.TrimLeft(arg, "-") != arg:
			if after = 0; strings.TrimLeft(arg, "-") == "hooks" {
				after = 1
			}
		case after == 1:
			after = 2
		case after == 2:
			spread = append(spread, "-hooks")
		}
		spread = append(spread, arg)
	}
	return spread
}

// code is the exit code after an error of the arguments.
func code(err error, out *terminal) int {
	if errors.Is(err, errHelp) {
		return answered
	}
	return out.fail(err)
}

// whichHooks adds the flags that say which hooks are meant.
func (a *arguments) whichHooks(f *flag.FlagSet) {
	f.StringVar(&a.org, "org", "", "a `folder` of prd2: hooks, queues, schemas and formulas")
	f.Var((*list)(&a.hooks), "hooks", "hook objects as Rossum's API has them: `files` or folders, alone or beside -org")
	f.StringVar(&a.queue, "queue", "", "the `id or name` of a queue of -org, instead of the payload's")
	f.Var((*list)(&a.leaveOut), "leave-out", "leave out a hook that exports nothing, by `name or id`; can be repeated")
	f.BoolVar(&a.leaveOutUnknown, "leave-out-unknown", false, "leave out every hook that this program has no step for")
	f.BoolVar(&a.requireActive, "require-active", false, "refuse a hook that waits for an inactive one, instead of passing the inactive one through")
	f.BoolVar(&a.tolerate, "tolerate", false, "go on with a warning when a formula field cannot be computed")
	f.StringVar(&a.knownHosts, "known-hosts", "", "learn the keys of new SFTP servers into this `file`, for hooks whose settings have none")
}

// whichRun adds the flags that say how hooks run.
func (a *arguments) whichRun(f *flag.FlagSet) {
	f.StringVar(&a.secrets, "secrets", "", "a `file` with the secrets of each hook: {\"<hook id or name>\": {\"api_key\": \"…\"}}")
	f.Var((*list)(&a.allowHosts), "allow-host", "a `host` that a document's text may choose; can be repeated")
	f.Var((*originList)(&a.origins), "rossum-origin", "the `URL` of the Rossum that calls may come from, such as https://acme.rossum.app, and whose hooks keep access tokens; can be repeated")
}

// originList is a list of addresses of Rossum.
type originList []string

func (l *originList) String() string { return strings.Join(*l, " ") }

// Set adds an address.
func (l *originList) Set(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return fmt.Errorf("%q is not an address such as https://acme.rossum.app", value)
	}
	*l = append(*l, value)
	return nil
}

// reach are the options that say where calls may go.
func (a *arguments) reach() []pipeline.Option {
	options := []pipeline.Option{pipeline.WithAllowedHosts(a.allowHosts...)}
	if len(a.origins) > 0 {
		options = append(options, pipeline.WithRossumOrigin(a.origins...))
	}
	return options
}
