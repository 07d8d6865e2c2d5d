package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/exportpipeline/exportpipeline/examples/exportrun/workbench"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const workbenchHelp = `
exportrun workbench shows a page in the browser of this machine: the hooks of a queue,
their settings and templates to edit, and beside them at once what they make of a payload,
or what is wrong and where. Nothing is ever sent. Saving writes the hook's file, and changes
in it only what was edited.

  exportrun workbench -org DIR -payload FILE [-queue ID|NAME] [flags]
  exportrun workbench -hooks DIR|FILE… -payload FILE [flags]

Open the address that it prints, in a browser on this machine. The address is for you: who
has it can read the payload and write the hooks.

Exit codes: 0 it was ended by Ctrl-C; 2 the arguments or hooks are unusable, or an address
cannot be listened at.

Examples
  exportrun workbench -org acme -payload call.json
  exportrun workbench -hooks hooks -payload call.json -replies replies.json
`

func workbenchCommand(ctx context.Context, args []string, out *terminal) int {
	a := &runArguments{}
	f := newFlags("workbench", workbenchHelp)
	a.whichHooks(f)
	a.whichRun(f)
	f.StringVar(&a.payload, "payload", "", "the body of a hook call in this `file`")
	f.StringVar(&a.replies, "replies", "", "answers for the calls of dry runs in this `file`; see exportrun run -help")
	f.BoolVar(&a.keepFields, "keep-fields", false, "take the fields for what earlier answers have filled")
	f.StringVar(&a.original, "original", "", "the annotated document is this `file`")
	listen := f.String("listen", "127.0.0.1:0", "serve the page at this `address` of this machine; port 0 is any free one")
	rest, err := parseFlags(f, args, out)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = noFlag(rest[0])
	case a.payload == "":
		err = errors.New("-payload is missing; exportrun workbench -help shows how to call it")
	default:
		err = a.checkHooks()
	}
	if err != nil {
		return code(err, out)
	}
	bench, err := workbench.New(func() (*workbench.Place, error) { return placeOf(a) })
	if err != nil {
		return out.fail(err)
	}
	err = bench.Serve(ctx, *listen, func(address string) {
		fmt.Fprintf(out.stdout, "%s\n", address)
		fmt.Fprintln(out.stderr, "Open the address in a browser on this machine. Ctrl-C ends the workbench.")
	})
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return out.fail(err)
	}
	return answered
}

// placeOf reads what the workbench works on.
func placeOf(a *runArguments) (*workbench.Place, error) {
	l, err := load(&a.arguments)
	if err != nil {
		return nil, err
	}
	body, err := os.ReadFile(a.payload)
	if err != nil {
		return nil, err
	}
	if _, err := a.answers(); err != nil {
		return nil, err
	}
	options := append(a.reach(), pipeline.WithFormulas(l.formulas(&a.arguments)), pipeline.WithSecrets(l.secrets))
	if a.original != "" {
		data, err := os.ReadFile(a.original)
		if err != nil {
			return nil, err
		}
		options = append(options, pipeline.WithOriginal(pipeline.Bytes(data)))
	}
	known := registry(&a.arguments)
	p := &workbench.Place{
		Title: titleOf(l), Payload: body, File: a.payload, Hooks: l.hooks, Shown: inOrder(l, a.leaveOut), KeepFields: a.keepFields,
		Kind: func(h *rossum.Hook) string { name, _, _ := known.Kind(h.Config.URL); return name },
		Chain: func(hooks []*rossum.Hook, warn func(*pipeline.Finding)) (*pipeline.Chain, error) {
			now := *l
			now.hooks = hooks
			return chainOf(&a.arguments, &now, warn)
		},
		Alone: func(h *rossum.Hook) (*pipeline.Chain, error) {
			alone := *h
			alone.RunAfter = nil
			return organisation.FromHooks([]*rossum.Hook{&alone}, registry(&a.arguments), organisation.Options{})
		},
		Run: func() []pipeline.Option { return options },
		Answer: func() func(pipeline.DryCall) (pipeline.DryReply, bool) {
			answer, err := a.answers()
			if err != nil {
				return nil // the file was readable a moment ago; without it calls have no answers
			}
			return answer
		},
	}
	if len(p.Shown) == 0 {
		return nil, errors.New("no active hook of this queue is called on an export; what is to be edited?")
	}
	return p, nil
}

// titleOf names the queue.
func titleOf(l *loaded) string {
	if l.org != nil {
		for _, q := range l.org.Queues {
			if q.ID == rossum.IDOf(l.queue) {
				return cmp.Or(q.Name, fmt.Sprintf("queue %d", q.ID))
			}
		}
	}
	if id := rossum.IDOf(l.queue); id != 0 {
		return fmt.Sprintf("queue %d", id)
	}
	return "hooks"
}

// inOrder lists the hooks that run on an export of the queue, each after those that it
// waits for.
func inOrder(l *loaded, leftOut []string) (ordered []*rossum.Hook) {
	var waiting []*rossum.Hook
	for _, h := range l.hooks {
		left := slices.Contains(leftOut, h.Name) || slices.Contains(leftOut, fmt.Sprint(h.ID))
		if h.Active && !left && h.File != "" && h.ListensTo(rossum.EventAnnotationContent, "export") && (l.queue == "" || h.OnQueue(l.queue)) {
			waiting = append(waiting, h)
		}
	}
	slices.SortFunc(waiting, func(a, b *rossum.Hook) int { return cmp.Compare(a.ID, b.ID) })
	for len(waiting) > 0 {
		i := slices.IndexFunc(waiting, func(h *rossum.Hook) bool {
			return !slices.ContainsFunc(h.RunAfter, func(url string) bool {
				return slices.ContainsFunc(waiting, func(before *rossum.Hook) bool { return before.ID == rossum.IDOf(url) })
			})
		})
		i = max(i, 0) // of a circle any one comes first
		ordered = append(ordered, waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
	}
	return ordered
}
