package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// DryRun makes a run that renders everything and sends nothing: no call of the steps of
// this module, none through package send or [Export.Once], and nothing to Rossum.
// Nothing of it is kept on a ledger or in Rossum.
//
// Each call is rendered to its last byte and noted in the report, and then gets the
// reply that Reply knows. Without one, the step ends there with the status [StatusUnanswered],
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
