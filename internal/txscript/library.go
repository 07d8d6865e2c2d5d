package txscript

import (
	"embed"
	"html"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// sources are modules that are written in the language itself, and so run under the
// budgets of the program that imports them.
//
//go:embed library/*.py
var sources embed.FS

// library are those modules. Each is compiled when it is first imported.
func library() map[string]func() *Program { return libraryOnUse.Get(makeLibrary) }

var libraryOnUse onuse.Value[map[string]func() *Program]

func makeLibrary() map[string]func() *Program {
	all := make(map[string]func() *Program)
	files, err := sources.ReadDir("library")
	if err != nil {
		panic(err) // they are embedded
	}
	for _, f := range files {
		all[strings.TrimSuffix(f.Name(), ".py")] = sync.OnceValue(func() *Program { return compileModule("library/" + f.Name()) })
	}
	return all
}

func compileModule(name string) *Program {
	source, err := sources.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	body := (&parser{tokens: lex(string(source), 1)}).program()
	c := &compiler{scope: newScope(nil, moduleScope), program: &Program{at: -1}, library: true, captured: new(bool)}
	c.changes = &changes{apart: true, atOnce: make(map[*compExpr]bool), owned: make(map[*callExpr]bool), slots: make(map[string]int)}
	c.scope.collect(body)
	c.program.module = c.scope
	c.program.body = c.block(body)
	return c.program
}

// inLibrary reports a module that is written in the language, and whether it has a
// name, if one is given.
func inLibrary(module, name string) bool {
	compiled, ok := library()[module]
	if !ok || strings.HasPrefix(name, "_") {
		return false
	}
	_, ok = compiled().module.slots[name]
	return ok || name == ""
}

// imports returns such a module, which is run when it is first asked for.
func (r *run) imports(name string) (*module, error) {
	if m := r.modules[name]; m != nil {
		return m, nil
	}
	p := library()[name]()
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
func libraryFunctions() map[string]func(r *run, c *pyvalue.Call) (value, error) {
	return libraryFunctionsOnUse.Get(makeLibraryFunctions)
}

var libraryFunctionsOnUse onuse.Value[map[string]func(r *run, c *pyvalue.Call) (value, error)]

func makeLibraryFunctions() map[string]func(r *run, c *pyvalue.Call) (value, error) {
	return map[string]func(r *run, c *pyvalue.Call) (value, error){
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
		"_lib_abstract": func(_ *run, c *pyvalue.Call) (value, error) {
			return first(c.Args), setAttr(first(c.Args), "__isabstractmethod__", pyvalue.Bool(true))
		},
		"_lib_exc_info": func(r *run, _ *pyvalue.Call) (value, error) {
			if r.handled == nil {
				return pyvalue.NewTuple(value{}, value{}, value{}), nil
			}
			e := pyvalue.FromObject(r.handled)
			return pyvalue.NewTuple(classOf(e), e, value{}), nil
		},
		"_lib_from_xml":    fromXML,
		"_lib_indent_xml":  indentXML,
		"_lib_literal":     literal,
		"_lib_quote":       libQuote,
		"_lib_send":        libSend,
		"_lib_sleep":       libSleep,
		"_lib_struct_time": apart(clock.StructTime),
		"_lib_subelement":  subElement,
		"_lib_unicode":     unicodeData,
		"_lib_write_xml":   writeXML,
		"_lib_xml_nodes":   xmlNodes,
		"_lib_unescape": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("unescape", 1); err != nil {
				return value{}, err
			}
			if !c.Args[0].IsText() {
				return value{}, pyvalue.Raise("TypeError", "argument of type '%s' is not iterable", pyvalue.TypeName(c.Args[0]))
			}
			if err := r.meter.Grow(int64(len(c.Args[0].Text()))); err != nil {
				return value{}, err
			}
			text := html.UnescapeString(c.Args[0].Text())
			return pyvalue.Str(text), r.meter.Grow(int64(len(text)))
		},
		"_lib_zone": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("ZoneInfo", 1); err != nil {
				return value{}, err
			}
			return clock.Zone(c.Args[0].Text())
		},
		"_lib_namedtuple": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("namedtuple", 3); err != nil {
				return value{}, err
			}
			p := &pyvalue.Parts{Defaults: make(map[string]value)}
			names, _ := c.Args[1].Items()
			for _, n := range names {
				p.Names = append(p.Names, n.Text())
			}
			for name, v := range c.Args[2].Dict().All() {
				p.Defaults[name.Text()] = v
			}
			return pyvalue.FromObject(newNamedTuple(r, c.Args[0].Text(), p)), nil
		},
		"_lib_default": func(_ *run, c *pyvalue.Call) (value, error) {
			d := first(c.Args).Dict()
			switch {
			case d != nil && len(c.Args) == 2:
				d.SetFactory(c.Args[1])
			case d != nil:
				return d.Factory(), nil
			}
			return first(c.Args), nil
		},
	}
}
