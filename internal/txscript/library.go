package txscript

import (
	"embed"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// sources are modules that are written in the language itself, and so run under the
// budgets of the program that imports them.
//
//go:embed library/*.py
var sources embed.FS

// library compiles the modules once, when they are first imported. It is set by init,
// since modules may import each other.
var library func() map[string]*Program

func init() { library = sync.OnceValue(compileLibrary) }

func compileLibrary() map[string]*Program {
	files, err := sources.ReadDir("library")
	if err != nil {
		panic(err) // they are embedded
	}
	programs := make(map[string]*Program)
	for _, f := range files {
		source, err := sources.ReadFile("library/" + f.Name())
		if err != nil {
			panic(err)
		}
		body := (&parser{tokens: lex(string(source), 1)}).program()
		c := &compiler{scope: newScope(nil, moduleScope), program: &Program{at: -1}}
		c.changes = &changes{apart: true, atOnce: make(map[*compExpr]bool), slots: make(map[string]int)}
		c.scope.collect(body)
		c.program.module = c.scope
		c.program.body = c.block(body)
		programs[strings.TrimSuffix(f.Name(), ".py")] = c.program
	}
	return programs
}

// inLibrary reports a module that is written in the language, and whether it has a
// name, if one is given.
func inLibrary(module, name string) bool {
	p := library()[module]
	if p == nil || strings.HasPrefix(name, "_") {
		return false
	}
	_, ok := p.module.slots[name]
	return ok || name == ""
}

// imports returns such a module, which is run when it is first asked for.
func (r *run) imports(name string) (*module, error) {
	if m := r.modules[name]; m != nil {
		return m, nil
	}
	p := library()[name]
	line := r.line
	f := &frame{vars: make([]variable, len(p.module.slots))}
	if _, err := p.body(r, f); err != nil {
		return nil, err
	}
	r.line = line
	m := &module{name, make(map[string]value)}
	for name, slot := range p.module.slots {
		if v := f.vars[slot]; v.ok && !strings.HasPrefix(name, "_") {
			m.attrs[name] = v.v
		}
	}
	if r.modules == nil {
		r.modules = make(map[string]*module)
	}
	r.modules[name] = m
	return m, nil
}

// libraryFunctions are what those modules need of the interpreter.
var libraryFunctions = map[string]func(r *run, c *pyvalue.Call) (value, error){
	"_lib_clone": func(r *run, c *pyvalue.Call) (value, error) {
		o, ok := first(c.Args).Object().(*instance)
		if !ok {
			return first(c.Args), nil
		}
		made := pyvalue.NewDict()
		if err := pyvalue.UpdateDict(r.meter, made, o.attrs.Value()); err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(&instance{class: o.class, attrs: made}), nil
	},
	"_lib_rename": func(_ *run, c *pyvalue.Call) (value, error) {
		if k, ok := first(c.Args).Object().(*userClass); ok && len(c.Args) == 2 {
			k.name = c.Args[1].Text()
		}
		return first(c.Args), nil
	},
	"_lib_default": func(_ *run, c *pyvalue.Call) (value, error) {
		if d := first(c.Args).Dict(); d != nil && len(c.Args) == 2 {
			d.Default = c.Args[1]
		}
		return first(c.Args), nil
	},
}
