package txscript

import (
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/maths"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// module is a module as a value.
type module struct {
	name  string
	attrs map[string]value
}

// PyType implements [pyvalue.Object].
func (m *module) PyType() string { return "module" }

// PyAttr returns what the module holds.
func (m *module) PyAttr(name string) (value, bool) {
	v, ok := m.attrs[name]
	return v, ok
}

func newModule(name string, functions map[string]func(r *run, c *pyvalue.Call) (value, error), others map[string]value) value {
	m := &module{name, make(map[string]value)}
	for n, f := range functions {
		m.attrs[n] = pyvalue.FromObject(&builtin{n, f})
	}
	for n, v := range others {
		m.attrs[n] = v
	}
	return pyvalue.FromObject(m)
}

func mathModule() value { return mathModuleOnUse.Get(makeMathModule) }

var mathModuleOnUse onuse.Value[value]

func makeMathModule() value {
	return pyvalue.FromObject(&module{"math", maths.Module()})
}

// osNames is what the module os has besides path: nothing of the machine.
var osNames = map[string]value{"sep": pyvalue.Str("/"), "pathsep": pyvalue.Str(":"), "linesep": pyvalue.Str("\n"), "name": pyvalue.Str("posix")}

// helperModules may be imported: Rossum's own names are there without it, and types
// say nothing at run time.
var helperModules = []string{"txscript", "rossum_python", "typing", "__future__"}

// importedNames lists what an import binds.
func importedNames(s *importStmt) []string {
	if s.attr != "*" {
		return []string{s.name}
	}
	return nil // Rossum's own names are there without it
}

// Modules lists the modules that can be imported, besides Rossum's own.
func Modules() (names []string) {
	names = append(names, "typing", "decimal", "datetime")
	for name := range wholeModules() {
		names = append(names, name)
	}
	for name := range library() {
		if !sends(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// imported compiles an import.
func (c *compiler) imported(s *importStmt) exec {
	if sends(s.module) && !c.options.HTTP && !c.library {
		msg := "the module " + s.module + " is not supported in formulas, and in functions only if the program allows it (steps.Function.HTTP, FunctionsMaySend in steps.RegisterOptions)"
		panic(fault{&SyntaxError{Line: s.at(), Msg: msg, Unsupported: true}})
	}
	switch s.module {
	case "httpx", "aiohttp", "http.client":
		unsupported(s.at(), "the module "+s.module+" (use requests, which the program must allow)")
	case "xml.etree.cElementTree": // as it was called before Python 3.9
		s.module = "xml.etree.ElementTree"
	}
	if s.attr == "*" {
		if !slices.Contains(helperModules, s.module) {
			unsupported(s.at(), "from "+s.module+" import *")
		}
		return nil
	}
	set := c.store(&nameExpr{s.line, s.name})
	if s.module == "__future__" || s.module == "typing" || s.module == "typing_extensions" {
		return func(r *run, f *frame) (control, error) {
			switch {
			case s.module == "__future__":
				return goOn, set(r, f, value{})
			case s.attr == "":
				return goOn, set(r, f, pyvalue.FromObject(&typingModule{}))
			}
			return goOn, set(r, f, typingName(s.attr))
		}
	}
	if inLibrary(s.module, s.attr) {
		return c.importedModule(s, set)
	}
	if inner := s.module + "." + s.attr; s.attr != "" && inLibrary(inner, "") { // from os import path
		return func(r *run, f *frame) (control, error) {
			m, err := r.imports(inner)
			if err != nil {
				return goOn, err
			}
			return goOn, set(r, f, pyvalue.FromObject(m))
		}
	}
	if s.module == "os" && s.attr == "" || s.module == "urllib" && s.attr == "" {
		inner := map[string]string{"os": "path", "urllib": "parse"}[s.module]
		return func(r *run, f *frame) (control, error) {
			m, err := r.imports(s.module + "." + inner)
			if err != nil {
				return goOn, err
			}
			names := map[string]value{inner: pyvalue.FromObject(m)}
			if s.module == "os" {
				maps.Copy(names, osNames)
			}
			return goOn, set(r, f, pyvalue.FromObject(&module{s.module, names}))
		}
	}
	v := importValue(s)
	return func(r *run, f *frame) (control, error) { return goOn, set(r, f, v(r)) }
}

// importedModule compiles the import of a module that is written in the language, or
// of a name in it. import a.b binds a, which has b.
func (c *compiler) importedModule(s *importStmt, set setter) exec {
	outer, _, dotted := strings.Cut(s.module, ".")
	return func(r *run, f *frame) (control, error) {
		m, err := r.imports(s.module)
		if err != nil {
			return goOn, err
		}
		v := pyvalue.FromObject(m)
		switch {
		case s.attr != "":
			v = m.attrs[s.attr]
		case dotted && s.name == outer:
			if v, err = r.around(s.module, v); err != nil {
				return goOn, err
			}
		}
		return goOn, set(r, f, v)
	}
}

// around puts a module in the one that it is a part of, and that in the one around it. It
// returns the outermost one, which has all that the program has imported of it.
func (r *run) around(name string, v value) (value, error) {
	for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name, '.') {
		outer, inner := name[:at], name[at+1:]
		m := r.packages[outer]
		if m == nil {
			m = &module{outer, make(map[string]value)}
			if outer == "os" {
				maps.Copy(m.attrs, osNames)
			}
			if inLibrary(outer, "") { // collections.abc
				var err error
				if m, err = r.imports(outer); err != nil {
					return value{}, err
				}
			}
			if r.packages == nil {
				r.packages = make(map[string]*module)
			}
			r.packages[outer] = m
		}
		m.attrs[inner] = v
		name, v = outer, pyvalue.FromObject(m)
	}
	return v, nil
}

// wholeModules are the modules that are written in Go.
func wholeModules() map[string]func(r *run) value {
	return map[string]func(r *run) value{
		"math": constant(mathModule()), "json": constant(jsonModule()), "re": constant(reModule()),
		"datetime": func(r *run) value { return r.clock().Datetime }, "dataclasses": constant(dataclassesModule()), "enum": constant(enumModule()),
		"base64": constant(base64Module()), "hashlib": constant(hashlibModule()), "traceback": constant(tracebackModule()),
		"txscript.datapoint": constant(datapointModule()), "uuid": constant(uuidModule()), "jmespath": constant(jmespathModule()),
	}
}

// importValue returns what an import binds; what cannot be imported is refused
// while the program is compiled.
func importValue(s *importStmt) func(r *run) value {
	whole := wholeModules()
	if s.module == "jmespath.exceptions" {
		return dottedImport(s)
	}
	if s.module == "decimal" {
		return decimalImport(s)
	}
	if s.attr == "" {
		if v := whole[s.module]; v != nil {
			return v
		}
		if slices.Contains(helperModules, s.module) {
			return constant(pyvalue.None())
		}
		unsupported(s.at(), "the module "+s.module)
	}
	if s.module == "txscript" || s.module == "rossum_python" {
		if b, ok := builtins()[s.attr]; ok {
			return constant(b)
		}
		if s.attr == "TxScript" || s.attr == "RossumPython" {
			return constant(pyvalue.FromObject(txClass))
		}
		unsupported(s.at(), s.attr+" of the module "+s.module)
	}
	if s.module == "datetime" {
		if _, ok := new(clock.Module).Names()[s.attr]; !ok {
			unsupported(s.at(), s.attr+" of the module datetime")
		}
		return func(r *run) value { return r.clock().Names()[s.attr] }
	}
	v := whole[s.module]
	if v == nil {
		if library()[s.module] != nil {
			unsupported(s.at(), s.attr+" of the module "+s.module)
		}
		if v, ok := osNames[s.attr]; ok && s.module == "os" {
			return constant(v)
		}
		if s.module == "os" || s.module == "urllib" {
			unsupported(s.at(), s.attr+" of the module "+s.module)
		}
		unsupported(s.at(), "the module "+s.module)
	}
	attr, ok := v(nil).Object().(*module).PyAttr(s.attr)
	if !ok {
		unsupported(s.at(), s.attr+" of the module "+s.module)
	}
	return constant(attr)
}

// dottedImport binds the first name of a module within modules, or what is in one.
func dottedImport(s *importStmt) func(r *run) value {
	inner, _ := jmespathModule().Object().(*module).PyAttr("exceptions")
	switch v, ok := inner.Object().(*module).PyAttr(s.attr); {
	case ok:
		return constant(v)
	case s.attr != "":
		unsupported(s.at(), s.attr+" of the module "+s.module)
	case s.name != "jmespath":
		return constant(inner)
	}
	return constant(jmespathModule())
}

func constant(v value) func(*run) value { return func(*run) value { return v } }

func first(args []value) value {
	if len(args) == 0 {
		return value{}
	}
	return args[0]
}

// txClass stands for TxScript and RossumPython; the host makes what from_payload
// returns.
var txClass = &txscriptClass{}

type txscriptClass struct{}

// PyType implements [pyvalue.Object].
func (*txscriptClass) PyType() string { return "type" }

// PyAttr returns from_payload.
func (*txscriptClass) PyAttr(name string) (value, bool) {
	if name != "from_payload" {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, _ *pyvalue.Call) (value, error) {
		if len(r.host.Globals) == 0 {
			return value{}, pyvalue.Raise("RuntimeError", "there is no payload here")
		}
		return r.host.Globals[0], nil
	}}), true
}
