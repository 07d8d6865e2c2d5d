package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/jmespath"
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func jmespathModule() value { return jmespathModuleOnUse.Get(makeJMESPathModule) }

var jmespathModuleOnUse onuse.Value[value]

func makeJMESPathModule() value {
	return newModule("jmespath", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"search": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("search", 2, "expression", "data"); err != nil {
				return value{}, err
			}
			text, _ := c.Arg(0, "expression")
			data, _ := c.Arg(1, "data")
			e, err := r.compileSearch(text)
			if err != nil {
				return value{}, err
			}
			return e.run(r, data)
		},
		"compile": func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Check("compile", 1, "expression"); err != nil {
				return value{}, err
			}
			text, _ := c.Arg(0, "expression")
			e, err := r.compileSearch(text)
			return pyvalue.FromObject(e), err
		},
	}, map[string]value{"exceptions": newModule("jmespath.exceptions", nil, map[string]value{
		"JMESPathError": pyvalue.FromObject(excClasses["JMESPathError"]),
	})})
}

// compiledSearch is a compiled JMESPath.
type compiledSearch struct{ e *jmespath.Expression }

func (r *run) compileSearch(text value) (*compiledSearch, error) {
	if !text.IsText() {
		return nil, pyvalue.Raise("TypeError", "a JMESPath is a text, not '%s'", pyvalue.TypeName(text))
	}
	if err := r.meter.Step(int64(1 + len(text.Text()))); err != nil {
		return nil, err
	}
	if err := r.meter.Grow(int64(len(text.Text())) * 64); err != nil {
		return nil, err
	}
	e, err := jmespath.Compile(text.Text())
	if err != nil {
		return nil, &pyvalue.Error{Type: "JMESPathError", Msg: err.Error()}
	}
	return &compiledSearch{e}, nil
}

func (s *compiledSearch) run(r *run, data value) (value, error) { return s.e.SearchWith(r.meter, data) }

// PyType implements [pyvalue.Object].
func (*compiledSearch) PyType() string { return "ParsedResult" }

// PyAttr returns search.
func (s *compiledSearch) PyAttr(name string) (value, bool) {
	if name != "search" {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		if err := c.Check(name, 1, "value"); err != nil {
			return value{}, err
		}
		data, _ := c.Arg(0, "value")
		return s.run(r, data)
	}}), true
}
