package rooms

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/pipeline/template"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// nilCases calls each entry point with a nil, or with an interface that holds a nil
// pointer. Each of them must return an error that says what is nil.
var nilCases = map[string]func(ctx context.Context) error{
	"pipeline.New, a nil step":              newChain(nil),
	"pipeline.New, a typed nil":             newChain((*steps.RESTExport)(nil)),
	"pipeline.New, a nil chain":             newChain((*pipeline.Chain)(nil)),
	"pipeline.New, a nil function":          newChain(pipeline.StepFunc(nil)),
	"pipeline.New, a nil Workday step":      newChain((*workday.Step)(nil)),
	"pipeline.New, a nil SFTP step":         newChain((*sftpexport.Step)(nil)),
	"pipeline.New, a nil Request Processor": newChain((*requestprocessor.Step)(nil)),
	"pipeline.Named, a nil step":            newChain(pipeline.Named("x", nil)),
	"pipeline.Keyed, a typed nil":           newChain(pipeline.Keyed("x", (*steps.Purge)(nil))),
	"pipeline.When, a nil condition":        newChain(pipeline.When(nil, &steps.Purge{})),
	"expression.When, a nil step":           newChain(expression.When("true", nil)),
	"expression.When, a wrong condition":    newChain(expression.When("(", nil)),
	"pipeline.Finally, a nil step":          newChain(pipeline.Finally(nil)),
	"pipeline.Parallel, a typed nil":        newChain(pipeline.Parallel((*steps.Evaluate)(nil))),
	"pipeline.ForHook, a nil step":          newChain(pipeline.ForHook(&rossum.Hook{}, nil)),
	"pipeline.ForHook, a nil hook":          func(context.Context) error { _, err := pipeline.New(pipeline.ForHook(nil, &steps.Purge{})); return err },
	"pipeline.NewExport, a nil payload":     func(context.Context) error { _, err := pipeline.NewExport(nil); return err },
	"pipeline.NewExport, a nil option":      func(context.Context) error { _, err := pipeline.NewExport(nil, nil); return err },
	"pipeline.NewJournal, a nil ledger":     func(context.Context) error { _, err := pipeline.NewJournal(nil, pipeline.JournalOptions{}); return err },
	"pipeline.NewJournal, a typed nil": func(context.Context) error {
		_, err := pipeline.NewJournal((*ledger)(nil), pipeline.JournalOptions{})
		return err
	},
	"pipeline.Chain.Export, a nil chain": func(ctx context.Context) error { _, err := (*pipeline.Chain)(nil).Export(ctx, call()); return err },
	"pipeline.Chain.Export, a nil payload": onChain(
		func(ctx context.Context, c *pipeline.Chain) error { _, err := c.Export(ctx, nil); return err },
	),
	"pipeline.Chain.Export, no annotation": onChain(func(ctx context.Context, c *pipeline.Chain) error {
		_, err := c.Export(ctx, &rossum.Payload{})
		return err
	}),
	"pipeline.Chain.Keep, a nil payload": onChain(func(ctx context.Context, c *pipeline.Chain) error {
		_, err := c.Keep(ctx, nil, pipeline.KeepOptions{}, journal())
		return err
	}),
	"pipeline.Chain.Run, a nil export": onChain(func(ctx context.Context, c *pipeline.Chain) error { return c.Run(ctx, nil) }),
	"pipeline.Files.Put, no key": onExport(
		func(ctx context.Context, x *pipeline.Export) error { return x.Files.Put(ctx, pipeline.File{}) },
	),
	"hookserver.New, nothing to run": func(context.Context) error { _, err := hookserver.New(hookserver.Options{Unsigned: true}); return err },
	"hookserver.New, a nil chain of a queue": func(context.Context) error {
		_, err := hookserver.New(hookserver.Options{Unsigned: true, Queues: map[int64]*pipeline.Chain{1: nil}})
		return err
	},
	"hookserver.New, a nil registry": func(context.Context) error {
		_, err := hookserver.New(hookserver.Options{Unsigned: true, Extensions: (*organisation.Registry)(nil)})
		return err
	},
	"shadow.New, nothing to run": func(context.Context) error { _, err := shadow.New(shadow.Options{Unsigned: true}); return err },
	"shadow.New, a nil chain of a queue": func(context.Context) error {
		_, err := shadow.New(
			shadow.Options{Unsigned: true, Compared: func(context.Context, *shadow.Comparison) {}, Queues: map[int64]*pipeline.Chain{1: nil}},
		)
		return err
	},
	"organisation.FromHooks, a nil registry": func(context.Context) error {
		_, err := organisation.FromHooks([]*rossum.Hook{hook()}, nil, organisation.Options{})
		return err
	},
	"organisation.FromHooks, a nil hook": func(context.Context) error {
		_, err := organisation.FromHooks([]*rossum.Hook{nil}, &organisation.Registry{}, organisation.Options{})
		return err
	},
	"organisation.FromHooks, a step that is nil": fromHooks(func(*rossum.Hook) (pipeline.Step, error) { return nil, nil }),
	"organisation.FromHooks, a typed nil":        fromHooks(func(*rossum.Hook) (pipeline.Step, error) { return (*steps.Purge)(nil), nil }),
	"organisation.SecretsByHook, a nil hook": func(context.Context) error {
		_, err := organisation.SecretsByHook([]*rossum.Hook{nil}, map[string]rossum.Secrets{"a": nil})
		return err
	},
	"organisation.Registry, nothing makes it": func(context.Context) error {
		r := &organisation.Registry{}
		r.Register(organisation.Kind{Name: "x"})
		r.Function("y", nil)
		r.Functions(nil)
		return r.Err()
	},
	"runpage.Page, a nil report": func(context.Context) error { _, err := runpage.Page(nil); return err },
	"pipelinetest.CheckStep, a nil step": func(ctx context.Context) error {
		return pipelinetest.CheckStep(ctx, nil, pipelinetest.Case{Call: rossumtest.Annotation()})
	},
	"pipelinetest.CheckStep, a nil call": func(ctx context.Context) error {
		return pipelinetest.CheckStep(ctx, &steps.Purge{}, pipelinetest.Case{})
	},
	"pipelinetest.CheckLedger, nothing opens it": func(ctx context.Context) error { return pipelinetest.CheckLedger(ctx, pipelinetest.LedgerHarness{}) },
	"send.Do, a nil call": onExport(
		func(ctx context.Context, x *pipeline.Export) error { _, err := send.Do(ctx, x, nil); return err },
	),
	"send.Do, an empty call": onExport(func(ctx context.Context, x *pipeline.Export) error {
		_, err := send.Do(ctx, x, &send.Call{})
		return err
	}),
	"send.Do, a nil export": func(ctx context.Context) error {
		_, err := send.Do(ctx, nil, &send.Call{URL: "https://erp.example"})
		return err
	},
	"send.Ask, a nil call": onExport(func(ctx context.Context, x *pipeline.Export) error { _, err := send.Ask(ctx, x, nil); return err }),
	"send.Tokens.Get, a nil call": onExport(func(ctx context.Context, x *pipeline.Export) error {
		_, err := new(send.Tokens).Get(ctx, x, send.TokenRequest{})
		return err
	}),
	"send.Multipart, a nil content":      func(context.Context) error { _, _, err := send.Multipart("b", send.Part{Name: "a"}); return err },
	"settings.Decode into nil":           func(context.Context) error { return settings.Decode([]byte(`{}`), nil) },
	"settings.Decode into a nil pointer": func(context.Context) error { return settings.Decode([]byte(`{}`), (*steps.Check)(nil)) },
	"settings.Decode of nothing":         func(context.Context) error { return settings.Decode(nil, &steps.Check{}) },
	"template.CompileJSON of nothing":    func(context.Context) error { _, err := template.CompileJSON(nil, template.Options{}); return err },
	"template.JSON.Render, a nil export": func(ctx context.Context) error {
		t, err := template.CompileText("@{a}", template.Options{})
		if err != nil {
			return nil
		}
		_, err = t.Render(ctx, nil, nil)
		return err
	},
	"template.Jinja.Render, a nil export": func(ctx context.Context) error {
		t, err := template.CompileJinja("{{ field.a }}", template.Options{})
		if err != nil {
			return nil
		}
		_, err = t.Render(ctx, nil)
		return err
	},
	"rossum.NewClient, an empty address":    func(context.Context) error { _, err := rossum.NewClient("", "", rossum.ClientOptions{}); return err },
	"rossum.Client, a nil client":           func(ctx context.Context) error { _, err := (*rossum.Client)(nil).Document(ctx, 1); return err },
	"rossum.Client.FetchContent, nil":       onClient(func(ctx context.Context, c *rossum.Client) error { return c.FetchContent(ctx, nil) }),
	"rossum.ParsePayload of nothing":        func(context.Context) error { _, err := rossum.ParsePayload(nil); return err },
	"rossum.ParseContent of nothing":        func(context.Context) error { _, err := rossum.ParseContent(nil); return err },
	"rossum.ParseHook of nothing":           func(context.Context) error { _, err := rossum.ParseHook(nil); return err },
	"rossum.LoadOrganisation, a nil folder": func(context.Context) error { _, err := rossum.LoadOrganisation(nil); return err },
	"rossum.LoadOrganisation, an empty one": func(context.Context) error { _, err := rossum.LoadOrganisation(fstest.MapFS{}); return err },
	"rossum.VerifySignature, no secret":     func(context.Context) error { return rossum.VerifySignature(http.Header{}, nil) },
	"rossum.CheckSignatureHeader, nil":      func(context.Context) error { return rossum.CheckSignatureHeader(nil) },
	"formula.Set.Run, a nil content": func(ctx context.Context) error {
		s, err := formula.Compile(&rossum.Schema{})
		if err != nil {
			return nil
		}
		_, err = s.Run(ctx, nil, nil, formula.Options{})
		return err
	},
	"formula.Condition.Holds, a nil payload": func(ctx context.Context) error {
		c, err := formula.CompileCondition("field.a")
		if err != nil {
			return nil
		}
		_, err = c.Holds(ctx, nil, formula.ConditionOptions{})
		return err
	},
	"formula.Function.Run, a nil payload": func(ctx context.Context) error {
		f, err := formula.CompileFunction(handler)
		if err != nil {
			return nil
		}
		return f.Run(ctx, nil, formula.FunctionOptions{})
	},
	"native.Write, a nil payload": func(context.Context) error { return native.Write(io.Discard, native.FormatCSV, native.Options{}, nil) },
	"native.Write, a nil writer": func(context.Context) error {
		return native.Write(nil, native.FormatCSV, native.Options{Schema: &rossum.Schema{}}, call())
	},
	"sftpexport.Step.Destination, a nil export": func(ctx context.Context) error { _, err := (&sftpexport.Step{}).Destination(ctx, nil); return err },
	"sftpexport.Step.Validate, a nil backend": func(context.Context) error {
		return (&sftpexport.Step{Backends: map[string]sftpexport.Backend{"s3": nil}, Credentials: sftpexport.Credentials{Type: "s3"}}).Validate()
	},
	"sftptest.CheckDestination, nothing opens": func(ctx context.Context) error { return sftptest.CheckDestination(ctx, sftptest.Harness{}) },
	"s3.New, an empty bucket": func(ctx context.Context) error {
		_, err := s3.New(s3.Options{})(sftpexport.Credentials{Type: "s3"}).Open(ctx, export())
		return err
	},
	"workday.NewClient, no WSDL": func(context.Context) error {
		_, err := workday.NewClient(workday.WSDL{}, "", "", workday.ClientOptions{})
		return err
	},
	"workday.Client.Call, a nil client":   func(ctx context.Context) error { _, err := (*workday.Client)(nil).Call(ctx, "S", "O", nil); return err },
	"steps.Register, a nil registry":      func(context.Context) error { steps.Register(nil, steps.RegisterOptions{}); return errIgnored },
	"sftpexport.Register, a nil registry": func(context.Context) error { sftpexport.Register(nil, sftpexport.RegisterOptions{}); return errIgnored },
	"workday.Register, a nil registry":    func(context.Context) error { workday.Register(nil, workday.RegisterOptions{}); return errIgnored },
}

const handler = "def rossum_hook_request_handler(payload):\n    return {}\n"

// errIgnored stands for the error of what returns none.
var errIgnored = io.EOF

type ledger struct{ pipeline.Ledger }

func newChain(s pipeline.Step) func(context.Context) error {
	return func(context.Context) error { _, err := pipeline.New(s); return err }
}

func fromHooks(f organisation.Make) func(context.Context) error {
	return func(context.Context) error {
		r := &organisation.Registry{}
		r.Register(organisation.Kind{Name: "x", Make: f})
		_, err := organisation.FromHooks([]*rossum.Hook{hook()}, r, organisation.Options{})
		return err
	}
}

func hook() *rossum.Hook {
	return &rossum.Hook{
		ID:     1,
		Name:   "h",
		Type:   "webhook",
		Active: true,
		Events: []string{"annotation_content.export"},
		Config: rossum.HookConfig{URL: "https://x.example/"},
	}
}

func call() *rossum.Payload { return rossumtest.Annotation(rossumtest.Offline()).Payload() }

func journal() pipeline.Option {
	j, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
	if err != nil {
		panic(err)
	}
	return pipeline.WithJournal(j)
}

func export() *pipeline.Export {
	x, err := pipeline.NewExport(call())
	if err != nil {
		panic(err)
	}
	return x
}

func onChain(f func(context.Context, *pipeline.Chain) error) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := pipeline.New(&steps.Purge{})
		if err != nil {
			return nil
		}
		return f(ctx, c)
	}
}

func onExport(f func(context.Context, *pipeline.Export) error) func(context.Context) error {
	return func(ctx context.Context) error { return f(ctx, export()) }
}

func onClient(f func(context.Context, *rossum.Client) error) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := rossum.NewClient("https://acme.rossum.app", "token", rossum.ClientOptions{})
		if err != nil {
			return nil
		}
		return f(ctx, c)
	}
}

func TestNilsGiveErrorsAndNoPanics(t *testing.T) {
	t.Parallel()
	for name, f := range nilCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := withoutPanic(func() error { return f(ctx) })
			switch {
			case err == nil:
				t.Error("there is no error")
			case strings.Contains(err.Error(), "panic"), strings.Contains(err.Error(), "nil pointer"), strings.Contains(err.Error(), "<nil>"):
				t.Error(err)
			}
		})
	}
}

func withoutPanic(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			at, _, _ := bytes.Cut(debug.Stack(), []byte("withoutPanic"))
			err = fmt.Errorf("panic: %v\n%s", p, at)
		}
	}()
	return f()
}
