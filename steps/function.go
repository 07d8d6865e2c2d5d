package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// Function runs the code of a function hook that stays within the language of
// formula fields, such as an export evaluator: it defines
// rossum_hook_request_handler(payload), reads and writes fields and rows by what
// TxScript.from_payload(payload) returns, and shows messages. It is not for code
// that reaches out into the world.
//
// What is refused is refused when the step is built, before anything is sent, by its
// name and line:
//
//   - JavaScript: a hook whose config.runtime is not Python's, such as nodejs22.x
//   - modules that reach out, and others that are not there, such as httpx, and requests
//     and urllib.request unless [Function.HTTP] allows them: those
//     that are there are abc, ast, base64, binascii, bisect, calendar, collections,
//     collections.abc, contextlib, copy, csv, dataclasses, datetime, decimal, difflib, enum,
//     functools, hashlib, heapq, hmac, html, http, io, itertools, jmespath, json,
//     json.encoder, logging, math, numbers, operator, os.path, re, statistics, string, sys,
//     textwrap, time, traceback, txscript.datapoint, types, typing, unicodedata, urllib.error,
//     urllib.parse, uuid, warnings, xml.dom.minidom, xml.etree.ElementTree, xml.parsers.expat,
//     xml.sax.saxutils and zoneinfo, with what their commonest functions need
//   - names that a module has in Python, but not here: from os import system, or os.system,
//     json.JSONDecoder (give object_hook= a function), math.gamma, where the name os is bound by
//     import os alone
//   - from m import *: import the names; only txscript is imported whole
//   - exec, compile, open, input, globals, locals and __import__, and eval unless it is
//     called: use a dict of functions
//   - async and await: leave the words out, everything runs in order
//   - except*: use except
//   - the operator @, and complex numbers: there are no matrices here
//   - metaclass= of a class statement: use a decorator, or __init_subclass__
//   - the methods __getattribute__, __del__ and __prepare__: use __getattr__, or __exit__ and
//     with
//
// Code that needs one of them and can't be rewritten becomes a step in Go:
// [organisation.Registry.Function] puts it in the place of the hook.
type Function struct {
	// Code is Python.
	Code string
	// HTTP lets the code import requests and urllib.request. Its calls go through [send.Do]:
	// they are announced on the ledger and made once, also when the run goes on after a crash;
	// they keep to the program's rules about addresses, and secrets are cut out of what is
	// said of them. Of requests there are get, post, put, patch, delete, head, options,
	// request and Session, with params, data, json, files, headers, cookies, auth (a tuple, or
	// an object that changes the request), and timeout; replies have status_code, ok, reason,
	// url, headers, cookies, links, request, text, content, json() and raise_for_status(). A
	// Session keeps the cookies of replies, but for those of a redirect, which the request
	// that follows it carries. An HTTPAdapter may be mounted, whose Retry repeats calls as
	// urllib3 does; each attempt is a call of its own on the ledger. time.sleep waits, and the
	// code's clock, which stands still otherwise, goes on by that; elapsed of a reply is 0 for
	// that reason. What reaches into the connection (verify, proxies, cert, hooks and
	// max_redirects, of calls and of sessions; adapters with a method send) is refused, and
	// HTTPDigestAuth is not there. A call of which nobody knows whether it arrived ends the
	// export: the code cannot catch that and send again.
	HTTP bool

	compiled  *formula.Function
	evaluated []evaluated
}

// evaluated is a text of the hook's settings that the code gives to eval.
type evaluated struct {
	place     string
	condition *formula.Condition // nil if it is none that can be read on its own
}

var (
	_ pipeline.Step      = (*Function)(nil)
	_ pipeline.Compiler  = (*Function)(nil)
	_ pipeline.Validator = (*Function)(nil)
)

// Name returns "function".
func (s *Function) Name() string { return "function" }

// Validate checks the code. The error names the construct that is outside of the
// language, and its line.
func (s *Function) Validate() error {
	_, err := s.Compile()
	return err
}

// Compile compiles the code, as [Function.Validate] does, and returns what runs.
func (s *Function) Compile() (pipeline.Program, error) {
	compiled, err := s.compile()
	if err != nil {
		return nil, err
	}
	return &Function{Code: s.Code, HTTP: s.HTTP, compiled: compiled, evaluated: s.evaluated}, nil
}

func (s *Function) compile() (*formula.Function, error) {
	compiled, err := compileCode(s.Code, s.HTTP)
	if err != nil {
		return nil, &pipeline.StepError{Place: "config.code", Err: err}
	}
	return compiled, nil
}

func compileCode(code string, sends bool) (*formula.Function, error) {
	if sends {
		return formula.CompileSendingFunction(code)
	}
	return formula.CompileFunction(code)
}

// Run calls the function.
func (s *Function) Run(ctx context.Context, x *pipeline.Export) error {
	f := s.compiled
	if f == nil {
		var err error
		if f, err = s.compile(); err != nil {
			return err
		}
	}
	schema, err := x.Payload.Schema()
	if err != nil {
		return err
	}
	if x.Annotation.Content == nil {
		return pipeline.ErrNoContent
	}
	err = f.Run(ctx, x.Payload, formula.FunctionOptions{Schema: schema, Now: x.Now, NewID: x.NewID, Send: s.sender(x), Show: func(m rossum.Message) {
		if m.Type == "automation_blocker" {
			// An export is past automation; the reason is worth knowing all the same.
			x.Decide("automation blocker: %s", m.Content)
			return
		}
		x.Message(m)
	}})
	if err != nil && ctx.Err() == nil {
		return &pipeline.StepError{Place: "config.code", Err: err}
	}
	return err
}

// function makes a step of a function hook, whose code may send if sends is set.
func function(h *rossum.Hook, sends bool) (pipeline.Step, error) {
	if !isPython(h.Config.Runtime) {
		err := fmt.Errorf("%w: the runtime %s: only Python can run here; rewrite the function in Python, register a step in Go with Registry.Function(%q, …), "+
			"or leave the hook out if it exports nothing (LeaveOut in organisation.Options, or exportrun -leave-out %d)",
			organisation.ErrNoFunction, h.Config.Runtime, h.Name, h.ID)
		return nil, &pipeline.StepError{Place: "config.runtime", Err: err}
	}
	compiled, err := compileCode(h.Config.Code, sends)
	if errors.Is(err, formula.ErrUnsupported) || errors.Is(err, formula.ErrNoHandler) {
		err = fmt.Errorf("%w: %w; register a step in Go with Registry.Function(%q, …), or leave the hook out if it exports nothing (LeaveOut in organisation.Options, or exportrun -leave-out %d)",
			organisation.ErrNoFunction, err, h.Name, h.ID)
	}
	if err != nil {
		return nil, &pipeline.StepError{Place: "config.code", Err: err}
	}
	texts, err := evaluatedTexts(h, compiled)
	return &Function{Code: h.Config.Code, HTTP: sends, compiled: compiled, evaluated: texts}, err
}

// isPython reports a runtime whose code is Python; hooks without one are.
func isPython(runtime string) bool {
	return runtime == "" || strings.HasPrefix(strings.ToLower(runtime), "python")
}

// evaluatedTexts compiles the texts in the hook's settings that the code gives to
// eval.
func evaluatedTexts(h *rossum.Hook, f *formula.Function) ([]evaluated, error) {
	var faults settings.Faults
	var list []evaluated
	for _, name := range f.Evaluates() {
		text := gjson.GetBytes(h.Settings, gjson.Escape(name))
		if text.Type != gjson.String {
			continue
		}
		faults.AddErr(name, formula.CheckExpression(text.Str))
		condition, err := formula.CompileCondition(text.Str)
		if err != nil {
			continue // such as one with variables of the code
		}
		list = append(list, evaluated{name, condition})
	}
	return list, faults.Err()
}
