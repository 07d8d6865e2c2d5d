package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// DryRun makes a run that renders everything and sends nothing: no call of the steps of
// this module, none through package send or [Export.Once], and nothing to Rossum.
// Nothing of it is kept on a ledger or in Rossum.
//
// Each call is rendered to its last byte and noted in the report, and then gets the
// answer that Answer knows. Without one, the step ends there with the status [StatusUnanswered],
// and the run goes on. A later step that reads a file or a field which depends on the
// missing answer is not run; the report says which call it waits for. A step that is no
// [Describer], so that nobody knows what it reads, is not run either once an answer is
// missing.
//
// The zero value knows no answers. A token that no answer is known for is made up, and
// never kept.
type DryRun struct {
	// Reply returns the reply to a call, as a recording has it; ok is false if it
	// knows none. It must be safe for concurrent use. nil knows none.
	Reply func(c DryCall) (r DryReply, ok bool)
	// Made gets each call with every byte that would have left, secrets included: it is
	// for comparing, not for showing. It must be safe for concurrent use. May be nil.
	Made func(c DryCall)
	// KeepFields has steps that take values from a missing answer passed over, and later
	// steps work with the values that the fields have, which no cleaning empties. It is for
	// a payload whose fields an earlier export has filled.
	KeepFields bool
	// MakeUpSecrets has a secret that a hook needs and nobody has given made up, so that
	// settings can be tried without the secrets of the systems that they speak to. One that
	// is called an address, such as erp_url, is an address that leads nowhere.
	MakeUpSecrets bool
	// Allow says which calls are made after all, such as those that only read, or those to
	// a fake on this machine. nil makes none.
	Allow func(method string, u *url.URL) bool
}

// DryCall is a call that was rendered and not made.
type DryCall struct {
	Step   string // the name of the step
	Method string // PUT for a file that would be put
	URL    string
	Header http.Header
	Body   []byte
}

// DryReply is the answer to a [DryCall].
type DryReply struct {
	Status int // 200 if 0
	Header http.Header
	Body   []byte
}

// ErrUnanswered means that a dry run has no answer to a call.
var ErrUnanswered = errors.New("a dry run makes no calls, and there is no answer to this one")

// UnansweredError names the call. It wraps [ErrUnanswered].
type UnansweredError struct{ Method, URL string }

func (e *UnansweredError) Error() string {
	return e.Method + " " + e.URL + ": " + ErrUnanswered.Error()
}

// Is reports that it is ErrUnanswered, and that nothing was sent.
func (e *UnansweredError) Is(target error) bool {
	return target == ErrUnanswered || target == httpcall.ErrNotMade
}

// MaybeSent returns false.
func (e *UnansweredError) MaybeSent() bool { return false }

// WithDryRun makes runs that send nothing; see [DryRun].
func WithDryRun(d DryRun) Option {
	return func(c *config) {
		c.dry = &d
		if !c.details.on() {
			c.details = Details{BodyLimit: defaultBodyLimit}
		}
	}
}

// IsDry reports whether the export is a [DryRun].
func (x *Export) IsDry() bool { return x.run.config.dry != nil }

// keepsFields reports whether the fields hold what an earlier export has filled in, and
// must not be emptied; see [DryRun].
func (x *Export) keepsFields() bool { return x.IsDry() && x.run.config.dry.KeepFields }

// Dry notes a call of a dry run in place of making it, for steps that send other than by
// package send or [Export.Once], where [Export.Allows] says no. The error, if no answer is known,
// is an [*UnansweredError]; a step returns it, so that the report can say what it waits
// for.
func (x *Export) Dry(c DryCall) (DryReply, error) {
	answer, err := x.dryAnswer(&c)
	x.noteDry(&c, answer, err)
	return answer, err
}

// noteDry notes a call that was not made, with its answer if err is nil.
func (x *Export) noteDry(c *DryCall, answer DryReply, err error) {
	report := CallReport{
		Method: c.Method, URL: x.run.redactor.URL(c.URL), Dry: true, Attempts: 1, Started: x.WallTime(),
		Sent: int64(len(c.Body)), Status: answer.Status, Received: int64(len(answer.Body)),
	}
	report.Request = x.shown(c.Header, c.Body, int64(len(c.Body)))
	if err == nil {
		report.Reply = x.shown(answer.Header, answer.Body, int64(len(answer.Body)))
	}
	x.RecordCall(report)
}

// dryAnswer looks for the answer to a call.
func (x *Export) dryAnswer(c *DryCall) (DryReply, error) {
	d := x.run.config.dry
	if x.at != nil {
		c.Step = x.at.name
	}
	if d.Made != nil {
		d.Made(*c)
	}
	if d.Reply != nil {
		if a, ok := d.Reply(*c); ok {
			if a.Status == 0 {
				a.Status = http.StatusOK
			}
			return a, nil
		}
	}
	return DryReply{}, &UnansweredError{c.Method, x.run.redactor.URL(c.URL)}
}

// dryOnce is Once of a dry run: what a step would do in its function is not known, so that
// it is not called.
func (x *Export) dryOnce(ctx context.Context, a Act, send func(context.Context, Attempt) (*Reply, error)) (*Reply, error) {
	method, address, _ := strings.Cut(a.What, " ")
	if i := strings.Index(address, "://"); i >= 0 { // what is done where, such as put file 1 at sftp://…
		begin := strings.LastIndexByte(address[:i], ' ') + 1
		address, _, _ = strings.Cut(address[begin:], " ")
	}
	method = strings.ToUpper(method)
	if x.Allows(method, address) {
		return send(ctx, Attempt{})
	}
	call := DryCall{Method: method, URL: address}
	if r := a.Request; r != nil {
		call = DryCall{Method: r.Method, URL: r.URL, Header: r.Header, Body: bytesOf(r.Body)}
	}
	answer, err := x.Dry(call)
	if err != nil {
		return nil, err
	}
	return &Reply{Status: answer.Status, URL: address, Header: answer.Header, Body: answer.Body}, nil
}

// lets reports that a call is made although the run is dry.
func (d *DryRun) lets(method, address string) bool {
	if d.Allow == nil {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && d.Allow(method, u)
}

// Allows reports whether a call is made: in every run but a dry one, where [DryRun] says
// so. Steps that send other than by package send or [Export.Once] ask it.
func (x *Export) Allows(method, address string) bool {
	return !x.IsDry() || x.run.config.dry.lets(method, address)
}

// sender returns the client that one call goes through, for a package that notes its
// calls in the report itself: the program's, nil if it has none, or in a dry run one that
// makes no calls; rendered returns the body that such a call would have sent.
func (x *Export) sender() (client *http.Client, rendered func() []byte) {
	if !x.IsDry() {
		return x.run.config.httpClient, noBody
	}
	t := &dryTransport{x: x}
	return &http.Client{Transport: t}, func() []byte { return t.body }
}

func noBody() []byte { return nil }

// caller returns what makes the calls of that client, which a run that is not dry makes
// once.
func (x *Export) caller() (client *httpcall.Client, rendered func() []byte) {
	if x.IsDry() {
		sender, rendered := x.sender()
		return httpcall.New(httpcall.Options{HTTP: sender}), rendered
	}
	x.run.callerOnce.Do(func() { x.run.caller = httpcall.New(httpcall.Options{HTTP: x.run.config.httpClient}) })
	return x.run.caller, noBody
}

// DryToken is the token that stands for one which a dry run cannot ask for.
const DryToken = "token-of-a-dry-run"

// madeUpToken decides about the error of a token request. With ok the token is made up,
// which the report says.
func (x *Export) madeUpToken(err error) (token string, ok bool) {
	if !x.IsDry() || !errors.Is(err, ErrUnanswered) {
		return "", false
	}
	x.Hide(DryToken)
	x.Decide("a made-up token stands for the one that the token request would get")
	return DryToken, true
}

// makeUpSecrets gives the hooks of a dry run those that they need and nobody has given.
func (x *Export) makeUpSecrets(steps []hookStep) {
	for _, s := range steps {
		uses, _ := ownUses(s.Step, x.Annotation.QueueID())
		for _, u := range uses {
			if u.Kind != UseSecret || x.run.secrets[s.hook][u.Name] != "" {
				continue
			}
			made, isAddress := madeUp(u.Name)
			x.run.secrets[s.hook][u.Name] = made
			if !isAddress {
				x.Hide(made)
			}
			x.run.report.Notes = append(x.run.report.Notes, fmt.Sprintf("hook %s: a made-up secret stands for %s", s.hook, u.Name))
		}
	}
}

// madeUp is a secret for a name. What is called an address is one, so that URLs made of it
// are URLs: on a host that there is nowhere (RFC 2606).
func madeUp(name string) (secret string, isAddress bool) {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') })
	host := "made-up-" + strings.Join(words, "-") + ".invalid"
	for _, w := range words {
		switch {
		case strings.HasSuffix(w, "url"), w == "uri", w == "endpoint":
			return "https://" + host, true
		case w == "host", w == "domain":
			return host, true
		}
	}
	return "made-up-" + name, false
}

// missing is what a dry run does not know, because answers are missing.
type missing struct {
	any    string            // why fields may be anything, "" if they may not
	fields map[string]string // why, by schema_id
	files  map[string]string // why, by reference key
}

// dryBlock returns why a step cannot run, "" if it can. The caller's run is dry.
func (x *Export) dryBlock(l *link) string {
	x.run.dryMu.Lock()
	defer x.run.dryMu.Unlock()
	m := &x.run.missing
	if l.isRow() || m.any == "" && len(m.fields) == 0 && len(m.files) == 0 {
		return ""
	}
	uses, told := ownUses(l.step, x.Annotation.QueueID())
	if !told {
		if x.run.config.dry.KeepFields {
			return ""
		}
		return "not run: it does not say what it reads, and may need the answer to " + m.first()
	}
	for _, u := range uses {
		switch {
		case u.Kind == UseNeeds && m.files[u.Name] != "":
			return fmt.Sprintf("not run: it needs file %q, and with it the answer to %s", u.Name, m.files[u.Name])
		case u.Kind == UseReads && m.fields[u.Name] != "":
			return fmt.Sprintf("not run: it reads field %q, which depends on the answer to %s", u.Name, m.fields[u.Name])
		case u.Kind == UseReads && m.any != "":
			return fmt.Sprintf("not run: it reads field %q, which may depend on the answer to %s", u.Name, m.any)
		}
	}
	return ""
}

// first names one of the calls without an answer.
func (m *missing) first() string {
	if m.any != "" {
		return m.any
	}
	for _, some := range []map[string]string{m.files, m.fields} {
		for _, why := range some {
			return why
		}
	}
	return ""
}

// dryMiss notes what a step has not made, for want of the answer to a call.
func (x *Export) dryMiss(ctx context.Context, l *link, call string) {
	uses, told := ownUses(l.step, x.Annotation.QueueID())
	x.run.dryMu.Lock()
	defer x.run.dryMu.Unlock()
	m := &x.run.missing
	if m.fields == nil {
		m.fields, m.files = make(map[string]string), make(map[string]string)
	}
	var written []string
	for _, u := range uses {
		switch {
		case u.Kind == UseMakes && (slices.Contains(x.Files.Keys(), u.Name) || x.Files.recall(ctx, u.Name)):
		case u.Kind == UseMakes:
			m.files[u.Name] = call
		case u.Kind == UseWrites && u.Name != "":
			written = append(written, u.Name)
		case u.Kind == UseWrites:
			told = false
		}
	}
	if x.run.config.dry.KeepFields {
		return
	}
	if !told {
		m.any = call
	}
	for _, id := range x.withFormulas(written) {
		m.fields[id] = call
	}
}

// withFormulas adds the formula fields that depend on fields.
func (x *Export) withFormulas(ids []string) []string {
	facts, err := x.schemaFacts()
	if err != nil || facts == nil || len(ids) == 0 {
		return ids
	}
	for _, f := range facts.formulas().Affected(ids...) {
		ids = append(ids, f.SchemaID)
	}
	return ids
}

// ownUses are the uses of a step, without those of chains and branches within it, whose
// steps are asked one by one. told is false if it does not tell them.
func ownUses(s Step, queue int64) (uses []Use, told bool) {
	switch s := s.(type) {
	case *Chain, *parallel:
		return nil, true
	case *when:
		uses, told = ownUses(s.Step, queue)
		return append(s.uses(), uses...), told
	case interface{ Unwrap() Step }:
		return ownUses(s.Unwrap(), queue)
	}
	return describe(s, queue)
}

// dryEnd decides about the error of a step of a dry run. What says no more than that an
// answer is missing is not a failure.
func (x *Export) dryEnd(ctx context.Context, l *link, r *StepReport, err error) error {
	var miss *UnansweredError
	if l.isRow() || !errors.As(err, &miss) || !onlyUnanswered(err) {
		return err
	}
	call := miss.Method + " " + miss.URL
	x.dryMiss(ctx, l, call)
	r.add(func(r *StepReport) {
		r.Status = StatusUnanswered
		r.Decisions = append(r.Decisions, "ended here: a dry run has no answer to "+call)
	})
	return nil
}

// onlyUnanswered reports that every fault of an error is a missing answer.
func onlyUnanswered(err error) bool {
	for _, fault := range faultsOf(err) {
		if !errors.Is(fault, ErrUnanswered) {
			return false
		}
	}
	return true
}

// faultsOf lists the faults that an error joins: step errors, each by itself, and what
// is joined to them.
func faultsOf(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		several := false
		for _, one := range joined.Unwrap() {
			faults := faultsOf(one)
			several = several || isStepError(faults)
			all = append(all, faults...)
		}
		if several {
			return all
		}
		return []error{err} // such as a sentinel with its cause
	}
	if inner := faultsOf(errors.Unwrap(err)); isStepError(inner) {
		return inner
	}
	return []error{err}
}

func isStepError(faults []error) bool {
	for _, f := range faults {
		if _, ok := f.(*StepError); ok {
			return true
		}
	}
	return false
}

// blocked lists a step that a dry run cannot run.
func (s *scope) blocked(ctx context.Context, step *link, why string, at time.Time) {
	_, call, _ := strings.Cut(why, "the answer to ")
	s.x.dryMiss(ctx, step, call)
	s.list(&StepReport{Name: step.name, Status: StatusNotRun, Started: at, Decisions: []string{why}})
}
