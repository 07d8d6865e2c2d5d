package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
)

const serveHelp = `
exportrun serve serves the export hooks of an organisation: Rossum calls one hook, with
the address of this server as its config.url, and the hooks of the payload's queue run
here. It sends. The recent runs are shown as pages at an address of their own, which
-pages gives; it should be one that only you reach.

  exportrun serve -org DIR -listen ADDRESS -secrets FILE [-pages ADDRESS] [flags]

Types and formulas of fields are those of the folder's schemas, or else of what the hook
call sideloads. Calls are checked against the hook's secret in ROSSUM_HOOK_SECRET; -unsigned takes calls
of everybody. Runs are kept in memory: a program of your own keeps them on a ledger, see
"Running it" among the guides.

Exit codes: 0 it was ended by Ctrl-C, after the runs that went on; 2 the arguments or hooks
are unusable, or an address cannot be listened at.

Example
  ROSSUM_HOOK_SECRET=… exportrun serve -org acme -listen :8080 -secrets secrets.json -pages 127.0.0.1:8081
`

func serveCommand(ctx context.Context, args []string, out *terminal) int {
	a := &arguments{}
	f := newFlags("serve", serveHelp)
	a.whichHooks(f)
	a.whichRun(f)
	listen := f.String("listen", "127.0.0.1:8080", "serve the hook at this `address`")
	pages := f.String("pages", "", "show the recent runs at this `address`, such as 127.0.0.1:8081")
	unsigned := f.Bool("unsigned", false, "take calls without a signature")
	rest, err := parseFlags(f, args, out)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = noFlag(rest[0])
	default:
		err = a.checkHooks()
	}
	if err == nil && os.Getenv(hookSecret) == "" && !*unsigned {
		err = fmt.Errorf("set %s to the hook's secret, or give -unsigned to take calls of everybody", hookSecret)
	}
	if err != nil {
		return code(err, out)
	}
	s, recent, err := newServer(a, *unsigned, out)
	if err != nil {
		return out.fail(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	paged := make(chan error, 1)
	if *pages == "" {
		paged <- nil
	} else {
		go func() { paged <- serveUntil(ctx, *pages, ofThisMachine(*pages, recent), out); cancel() }()
	}
	err = serveUntil(ctx, *listen, s, out)
	cancel()
	if err = errors.Join(err, <-paged, s.Shutdown(context.WithoutCancel(ctx))); err != nil {
		return out.fail(err)
	}
	return answered
}

// ofThisMachine serves pages at an address of this machine under its own names only: a page
// of another site could bind a name of that site to this machine, and read them.
func ofThisMachine(listen string, pages http.Handler) http.Handler {
	if !isLoopback(&url.URL{Host: listen}) {
		return pages
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(&url.URL{Host: strings.ToLower(r.Host)}) {
			http.Error(w, "These pages are served at localhost and 127.0.0.1 only.", http.StatusMisdirectedRequest)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// newServer makes the server of the queues, and the pages of its runs.
func newServer(a *arguments, unsigned bool, out *terminal) (*hookserver.Server, http.Handler, error) {
	l, err := load(a)
	if err != nil {
		return nil, nil, err
	}
	recent := runpage.NewRecent(runpage.Options{})
	log := slog.New(slog.NewTextHandler(out.stderr, nil))
	o := hookserver.Options{Logger: log, Unsigned: unsigned, Run: append(a.reach(),
		pipeline.WithSecrets(l.secrets), pipeline.WithLogger(log), pipeline.WithDetails(pipeline.Details{}), pipeline.WithReport(recent.Add),
		pipeline.WithFormulas(pipeline.Formulas{Queues: schemasOf(l), Tolerate: a.tolerate}),
	)}
	if !unsigned {
		o.SignatureSecrets = []string{os.Getenv(hookSecret)}
	}
	if o.Queues, err = chains(a, l); err != nil {
		return nil, nil, err
	}
	if len(o.Queues) == 0 {
		return nil, nil, errors.New("no hook is bound to a queue; what is to be served?")
	}
	s, err := hookserver.New(o)
	return s, recent, err
}

// chains makes the chain of each queue that has hooks.
func chains(a *arguments, l *loaded) (map[int64]*pipeline.Chain, error) {
	byQueue := make(map[int64]*pipeline.Chain)
	var faults []error
	for _, url := range boundQueues(l.hooks) {
		one := *l
		one.queue, one.schema = url, schemasOf(l)[rossum.IDOf(url)]
		chain, err := chainOf(a, &one, nil)
		if err != nil {
			faults = append(faults, fmt.Errorf("queue %d: %w", rossum.IDOf(url), err))
			continue
		}
		byQueue[rossum.IDOf(url)] = chain
	}
	return byQueue, errors.Join(faults...)
}

// schemasOf are those that the folder has, by queue.
func schemasOf(l *loaded) map[int64]*rossum.Schema {
	byQueue := make(map[int64]*rossum.Schema)
	if l.org != nil {
		for _, q := range l.org.Queues {
			byQueue[q.ID] = q.Schema
		}
	}
	return byQueue
}

// boundQueues lists the queues that active export hooks are bound to.
func boundQueues(hooks []*rossum.Hook) (urls []string) {
	seen := make(map[string]bool)
	for _, h := range hooks {
		if !h.Active || !h.ListensTo(rossum.EventAnnotationContent, "export") {
			continue
		}
		for _, url := range h.Queues {
			if !seen[url] {
				seen[url] = true
				urls = append(urls, url)
			}
		}
	}
	return urls
}

const reportHelp = `
exportrun report makes a page of a report that "exportrun run -report" or a program has
written as JSON. The page is one file that needs nothing else; it can be sent by mail.

  exportrun report REPORT [-out FILE]

Exit codes: 0 the page is written; 2 the report cannot be read.

Example
  exportrun report run.json -out run.html
`

func reportCommand(_ context.Context, args []string, out *terminal) int {
	f := newFlags("report", reportHelp)
	to := f.String("out", "", "write the page to this `file`; by default it has the name of the report and ends in .html")
	rest, err := parseFlags(f, args, out)
	if err == nil && len(rest) != 1 {
		err = fmt.Errorf("%s given; give one", count(len(rest), "report"))
	}
	if err != nil {
		return code(err, out)
	}
	report, err := readReport(rest[0])
	if err != nil {
		return out.fail(err)
	}
	page, err := runpage.Page(report)
	if err != nil {
		return out.fail(err)
	}
	if *to == "" {
		*to = rest[0][:len(rest[0])-len(filepath.Ext(rest[0]))] + ".html"
	}
	if err := os.WriteFile(*to, page, 0o600); err != nil {
		return out.fail(err)
	}
	fmt.Fprintln(out.stdout, *to)
	return answered
}
