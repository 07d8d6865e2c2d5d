package hookserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Defaults of [Options] and [Async].
const (
	defaultTimeout      = rossum.DefaultHookTimeout
	defaultWindow       = 2 * time.Minute
	defaultKeep         = 24 * time.Hour
	defaultAsyncTimeout = 10 * time.Minute // as long as the token of a hook call lives
)

// memoryKeep is how long a run is remembered that nothing but memory keeps.
const memoryKeep = 15 * time.Minute

// answerTime is kept free at the end of the hook's time-out: an answer that comes late
// makes the platform call again.
const answerTime = time.Second

// Options are the options of [New]. One of Chain, Queues and Extensions says what is
// served.
type Options struct {
	// Chain serves every call.
	Chain *pipeline.Chain
	// Queues has a chain for each queue, by its number.
	Queues map[int64]*pipeline.Chain
	// Extensions serves every kind of extension at a path of its own; see [Kinds].
	Extensions Kinds

	// SignatureSecrets are those that the hook signs its calls with; there are several while
	// one is being replaced by another. Without any, Unsigned must say that calls are
	// accepted as they come, for hooks without a secret that are protected in another way.
	SignatureSecrets []string
	Unsigned         bool

	// Journal keeps the runs. nil keeps them in memory: then nothing is known of a run
	// any more when the process has ended, and a second process knows nothing of them.
	Journal *pipeline.Journal
	// Recover goes on by itself with runs whose process has ended. The program must give
	// what the hook call no longer does: secrets by pipeline.WithSecrets, and a client of
	// Rossum's API by pipeline.WithRossum where steps need one. A run that lacks them goes on
	// when its hook is called again, with those of that call; see pipeline.ErrNeedsCall.
	Recover bool
	// Run are the options of every run. What is wrong with them is an error of New.
	Run []pipeline.Option
	// Engine, if not nil, has exports done elsewhere, such as by Temporal (package
	// temporalrun): a call is answered at once if its export ends in time, and by polling
	// otherwise, so that Async must be set; and so must Journal, whose ledger all processes
	// share. Events of a purged or deleted annotation are served in this process. With
	// Recover the engine is started again on runs that it has not in work.
	Engine Engine

	// Timeout is the hook's time-out. 0 stands for that of the hooks which the chain was
	// made from, or else 30 seconds, as for Rossum. A run is bounded by it, less a
	// second, unless it is answered later.
	Timeout time.Duration
	// Async answers slow exports later; nil answers all at once.
	Async *Async

	// Window is how long a call with the same content gets the answer of the first, a
	// failure, too; two minutes if 0.
	Window time.Duration
	// Keep is how long a run is remembered after its end: if 0, a day, or 15 minutes
	// without a Journal.
	Keep time.Duration

	// BodyLimit is how many bytes a call may have, 128 MiB if 0. ReadTimeout bounds the reading
	// of a body, 30 seconds if 0. Of those of which more than a megabyte has arrived four are
	// read at a time, while 64 wait and more are refused with status 503; of others 256 are
	// read. The first 4 KiB need no turn. While calls wait for theirs, a body that comes
	// slowly (32 KiB a second, or 256 KiB for a large one) is given up.
	BodyLimit   int64
	ReadTimeout time.Duration

	// MaxAge refuses calls whose timestamp is further from this machine's clock, so that
	// somebody who has recorded a call cannot repeat it later; 0 accepts calls of any age.
	// It is off by default since Rossum itself repeats a call whose polling has failed
	// (retry_after_polling_failure): make it longer than the hook's max_polling_time_s.
	// Only signed calls have a timestamp that nobody can change.
	MaxAge time.Duration

	// Logger gets one line for each call that is refused and each fault of the server; nil
	// for none. Logs of runs are an option of the runs.
	Logger *slog.Logger
}

// Async answers slow exports in the asynchronous form of Rossum's hooks: 202 and a
// polling address in Location, which answers 202 while the export runs and 201 with its
// result when it has ended (Rossum's API reference, "Webhook Events").
type Async struct {
	// URL is the hook's config.url: polling addresses begin with it.
	URL string
	// Key signs the polling addresses: 16 bytes at least that nobody else knows, the same
	// in every process that shares the ledger. nil makes a random one, so that addresses
	// end with this process.
	Key []byte
	// After is how long a call is waited for before it gets its polling address; 0 waits
	// until the hook's time-out nears. With a negative time every call gets it at once.
	After time.Duration
	// Timeout bounds a run, ten minutes if 0, as long as the token of a hook call lives. The hook's max_polling_time_s
	// should be longer, and so should its token_lifetime_s if steps talk to Rossum.
	Timeout time.Duration
}

// Kinds says which extension an address stands for: the registry of package
// organisation, which steps.Register fills. A hook whose config.url ends in a kind's
// name, such as https://exports.example.com/rest-api-export, gets the step of that kind
// with the settings that the hook call carries. So a team moves one hook at a time, and
// config.url is all that changes.
//
// Files go from hook to hook as documents in Rossum ([pipeline.InRossum]), unless
// pipeline.WithStore says otherwise. One hook does not see what another decided: a reply
// that is not there counts as that of a call which was not due. Steps are built once for
// each hook and its settings, and kept for later calls. The secrets are those of the
// call, and what pipeline.WithSecrets adds.
type Kinds interface {
	// Kind returns the extension's name and what makes its step; ok is false if there
	// is none.
	Kind(address string) (name string, make func(*rossum.Hook) (pipeline.Step, error), ok bool)
	// Err returns what is wrong with the registrations, nil if nothing is.
	Err() error
}

// check returns every fault of the options.
func (o *Options) check() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf("hook server: "+format, args...)) }
	served := 0
	for _, given := range []bool{o.Chain != nil, len(o.Queues) > 0, o.Extensions != nil} {
		if given {
			served++
		}
	}
	if served != 1 {
		add("%d of Chain, Queues and Extensions are set; set exactly one", served)
	}
	for queue, chain := range o.Queues {
		if chain == nil {
			add("queue %d has no chain", queue)
		}
	}
	if o.Extensions != nil {
		if err := o.Extensions.Err(); err != nil {
			faults = append(faults, err)
		}
	}
	switch {
	case len(o.SignatureSecrets) == 0 && !o.Unsigned:
		add("the hook's secret is missing; set SignatureSecrets, or set Unsigned to accept calls from anybody")
	case len(o.SignatureSecrets) > 0 && o.Unsigned:
		add("both SignatureSecrets and Unsigned are set; keep one")
	}
	if o.MaxAge > 0 && o.Unsigned {
		add("MaxAge is set for unsigned calls, whose timestamp anybody can change; set SignatureSecrets, or leave MaxAge out")
	}
	for i, secret := range o.SignatureSecrets {
		if secret == "" {
			add("secret %d is empty; is the variable that it comes from set?", i+1)
		}
	}
	for _, option := range []struct {
		name string
		n    int64
	}{
		{"Timeout", int64(o.Timeout)}, {"Window", int64(o.Window)}, {"Keep", int64(o.Keep)},
		{"ReadTimeout", int64(o.ReadTimeout)}, {"MaxAge", int64(o.MaxAge)}, {"BodyLimit", o.BodyLimit},
	} {
		if option.n < 0 {
			add("%s is negative", option.name)
		}
	}
	if o.Engine != nil && o.Async == nil {
		add("Engine is set without Async: what an engine runs may end after the call's time-out")
	}
	if o.Engine != nil && o.Journal == nil {
		add("Engine is set without Journal: the processes that do parts of a run must share its ledger")
	}
	if o.Async != nil {
		faults = append(faults, o.Async.check())
	}
	if err := pipelinerun.OptionFaults(o.Run); err != nil {
		faults = append(faults, fmt.Errorf("hook server: Run: %w", err))
	}
	return errors.Join(faults...)
}

func (a *Async) check() error {
	var faults []error
	if u, err := url.Parse(a.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		faults = append(faults, fmt.Errorf("hook server: Async.URL %q is not the hook's URL, such as https://exports.example.com/export", a.URL))
	}
	if a.Key != nil && len(a.Key) < 16 {
		faults = append(faults, fmt.Errorf("hook server: Async.Key has a length of %d; at least 16 bytes are needed", len(a.Key)))
	}
	if a.Timeout < 0 {
		faults = append(faults, errors.New("hook server: Async.Timeout is negative"))
	}
	return errors.Join(faults...)
}

// setDefault replaces a zero.
func setDefault[T int64 | time.Duration](value *T, by T) {
	if *value == 0 {
		*value = by
	}
}
