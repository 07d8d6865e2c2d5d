package pipelinetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// processEnv marks a process that the suite has started.
const processEnv = "EXPORTPIPELINE_LEDGER_PROCESS"

// LedgerProcess makes this process one that [TestLedger] has started, if it is: it
// serves the ledger to the suite over standard input and output, until the suite
// kills it, and does not return. Otherwise it returns at once. Call it first in
// TestMain; open opens the store that LedgerHarness.Env names.
func LedgerProcess(open func() (pipeline.Ledger, error)) {
	if os.Getenv(processEnv) == "" {
		return
	}
	l, err := open()
	if err != nil {
		fmt.Fprintln(os.Stderr, "opening the ledger:", err)
		os.Exit(1)
	}
	serveLedger(l, os.Stdin, os.Stdout)
	_ = l.Close()
	os.Exit(0)
}

// ledgerCall is a call of a method, or its answer.
type ledgerCall struct {
	N       int64
	Method  string
	Key     pipeline.RunKey
	Options pipeline.ClaimOptions
	Lease   pipeline.Lease
	Run     pipeline.RunID
	Records []pipeline.Record
	Query   pipeline.RunQuery
	Age     time.Duration
	Timeout time.Duration

	Claimed pipeline.Claimed
	Loaded  pipeline.Run
	Infos   []pipeline.RunInfo
	Count   int
	Fault   *remoteError
}

// remoteError is an error of a ledger in another process.
type remoteError struct {
	Text   string
	Is     []int // of ledgerErrors
	Busy   *pipeline.BusyError
	Stale  *pipeline.StaleError
	Fenced *pipeline.FencedError
}

var ledgerErrors = []error{pipeline.ErrNoRun, pipeline.ErrBusy, pipeline.ErrStale, pipeline.ErrFenced, pipeline.ErrEnded, pipeline.ErrRecordTooLarge,
	pipeline.ErrNewerFormat, pipeline.ErrLedgerClosed, context.Canceled, context.DeadlineExceeded}

func (e *remoteError) Error() string { return e.Text }

func (e *remoteError) Unwrap() (list []error) {
	for _, i := range e.Is {
		list = append(list, ledgerErrors[i])
	}
	switch {
	case e.Busy != nil:
		list = append(list, e.Busy)
	case e.Stale != nil:
		list = append(list, e.Stale)
	case e.Fenced != nil:
		list = append(list, e.Fenced)
	}
	return list
}

func toRemote(err error) *remoteError {
	if err == nil {
		return nil
	}
	e := &remoteError{Text: err.Error()}
	for i, known := range ledgerErrors {
		if errors.Is(err, known) {
			e.Is = append(e.Is, i)
		}
	}
	_ = errors.As(err, &e.Busy) || errors.As(err, &e.Stale) || errors.As(err, &e.Fenced)
	return e
}

// serveLedger answers calls, each on its own, until in ends.
func serveLedger(l pipeline.Ledger, in io.Reader, out io.Writer) {
	var mu sync.Mutex
	encode := json.NewEncoder(out)
	decode := json.NewDecoder(bufio.NewReader(in))
	var group sync.WaitGroup
	defer group.Wait()
	for {
		var call ledgerCall
		if decode.Decode(&call) != nil {
			return
		}
		group.Go(func() {
			answer := makeCall(l, call)
			mu.Lock()
			defer mu.Unlock()
			_ = encode.Encode(answer)
		})
	}
}

func makeCall(l pipeline.Ledger, call ledgerCall) (a ledgerCall) {
	ctx, cancel := context.WithTimeout(context.Background(), call.Timeout)
	defer cancel()
	a.N = call.N
	var err error
	switch call.Method {
	case "Claim":
		a.Claimed, err = l.Claim(ctx, call.Key, call.Options)
	case "Append":
		err = l.Append(ctx, call.Lease, call.Records...)
	case "Renew":
		err = l.Renew(ctx, call.Lease)
	case "End":
		err = l.End(ctx, call.Lease, call.Records[0])
	case "Release":
		err = l.Release(ctx, call.Lease)
	case "Note":
		err = l.Note(ctx, call.Run, call.Records[0])
	case "Load":
		a.Loaded, err = l.Load(ctx, call.Run)
	case "Find":
		for info, fault := range l.Find(ctx, call.Query) {
			if err = fault; err != nil {
				break
			}
			a.Infos = append(a.Infos, info)
		}
	case "Wait":
		a.Infos = make([]pipeline.RunInfo, 1)
		a.Infos[0], err = l.Wait(ctx, call.Run)
	case "Erase":
		err = l.Erase(ctx, call.Key.Organization, call.Key.Annotation)
	case "Expire":
		a.Count, err = l.Expire(ctx, call.Age)
	default:
		err = fmt.Errorf("no method %q", call.Method)
	}
	a.Fault = toRemote(err)
	return a
}

// ledgerChild is a ledger in another process.
type ledgerChild struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex
	n       int64
	waiting map[int64]chan ledgerCall
	dead    bool
	ended   chan struct{}
}

var errProcessGone = errors.New("the process is gone")

// child starts a process.
func (c *ledgerCheck) child() *ledgerChild {
	self, err := os.Executable()
	c.must("finding the test binary", err)
	p := &ledgerChild{cmd: exec.Command(self, "-test.run=^$"), waiting: make(map[int64]chan ledgerCall), ended: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), c.harness.Env...), processEnv+"=1")
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	c.must("starting a process", err)
	out, err := p.cmd.StdoutPipe()
	c.must("starting a process", err)
	c.must("starting a process", p.cmd.Start())
	c.children = append(c.children, p)
	go p.read(out)
	return p
}

func (p *ledgerChild) read(out io.Reader) {
	decode := json.NewDecoder(bufio.NewReader(out))
	for {
		var a ledgerCall
		if decode.Decode(&a) != nil {
			break
		}
		p.mu.Lock()
		done := p.waiting[a.N]
		delete(p.waiting, a.N)
		p.mu.Unlock()
		if done != nil {
			done <- a
		}
	}
	_ = p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	for _, done := range p.waiting {
		close(done)
	}
	close(p.ended)
}

// kill ends the process as SIGKILL does, and returns when it is gone.
func (p *ledgerChild) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// call makes a call; errProcessGone means that there is no answer.
func (p *ledgerChild) call(ctx context.Context, call ledgerCall) (ledgerCall, error) {
	if err := ctx.Err(); err != nil {
		return call, err
	}
	call.Timeout = ledgerPatience
	if deadline, ok := ctx.Deadline(); ok {
		call.Timeout = time.Until(deadline)
	}
	done := make(chan ledgerCall, 1)
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return call, errProcessGone
	}
	p.n++
	call.N = p.n
	p.waiting[call.N] = done
	line, err := json.Marshal(call)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return call, fmt.Errorf("%w: %w", errProcessGone, err)
	}
	select {
	case a, ok := <-done:
		if !ok {
			return call, errProcessGone
		}
		if a.Fault != nil {
			return a, a.Fault
		}
		return a, nil
	case <-ctx.Done():
		return call, ctx.Err()
	}
}

func (p *ledgerChild) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	a, err := p.call(ctx, ledgerCall{Method: "Claim", Key: key, Options: o})
	return a.Claimed, err
}

func (p *ledgerChild) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	_, err := p.call(ctx, ledgerCall{Method: "Append", Lease: l, Records: records})
	return err
}

func (p *ledgerChild) Renew(ctx context.Context, l pipeline.Lease) error {
	_, err := p.call(ctx, ledgerCall{Method: "Renew", Lease: l})
	return err
}

func (p *ledgerChild) End(ctx context.Context, l pipeline.Lease, final pipeline.Record) error {
	_, err := p.call(ctx, ledgerCall{Method: "End", Lease: l, Records: []pipeline.Record{final}})
	return err
}

func (p *ledgerChild) Release(ctx context.Context, l pipeline.Lease) error {
	_, err := p.call(ctx, ledgerCall{Method: "Release", Lease: l})
	return err
}

func (p *ledgerChild) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	_, err := p.call(ctx, ledgerCall{Method: "Note", Run: id, Records: []pipeline.Record{r}})
	return err
}

func (p *ledgerChild) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	a, err := p.call(ctx, ledgerCall{Method: "Load", Run: id})
	return a.Loaded, err
}

func (p *ledgerChild) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	return func(yield func(pipeline.RunInfo, error) bool) {
		a, err := p.call(ctx, ledgerCall{Method: "Find", Query: q})
		for _, info := range a.Infos {
			if !yield(info, nil) {
				return
			}
		}
		if err != nil {
			yield(pipeline.RunInfo{}, err)
		}
	}
}

func (p *ledgerChild) Wait(ctx context.Context, id pipeline.RunID) (pipeline.RunInfo, error) {
	a, err := p.call(ctx, ledgerCall{Method: "Wait", Run: id})
	if err != nil {
		return pipeline.RunInfo{}, err
	}
	return a.Infos[0], nil
}

func (p *ledgerChild) Erase(ctx context.Context, organization string, annotation int64, _ ...pipeline.RunID) error {
	_, err := p.call(ctx, ledgerCall{Method: "Erase", Key: pipeline.RunKey{Organization: organization, Annotation: annotation}})
	return err
}

func (p *ledgerChild) Expire(ctx context.Context, age time.Duration) (int, error) {
	a, err := p.call(ctx, ledgerCall{Method: "Expire", Age: age})
	return a.Count, err
}
