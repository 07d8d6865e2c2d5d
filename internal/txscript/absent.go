package txscript

import (
	_ "embed" // python_names.txt
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

//go:embed python_names.txt
var pythonNames string

// inPython are the names that Python's modules have.
func inPython() map[string]map[string]bool { return inPythonOnUse.Get(makeInPython) }

var inPythonOnUse onuse.Value[map[string]map[string]bool]

func makeInPython() map[string]map[string]bool {
	modules := make(map[string]map[string]bool)
	for l := range strings.Lines(pythonNames) {
		words := strings.Fields(l)
		names := make(map[string]bool, len(words))
		for _, name := range words[1:] {
			names[name] = true
		}
		modules[words[0]] = names
	}
	return modules
}

// importedModules returns the modules that the statements of a module bind names to, of
// those names that nothing else is bound to.
func importedModules(body []stmt) map[string]string {
	modules := make(map[string]string)
	others := newScope(nil, moduleScope)
	for _, st := range body {
		if s, ok := st.(*importStmt); ok && s.bindsModule() && (modules[s.name] == "" || modules[s.name] == s.module) {
			modules[s.name] = s.module
			continue
		}
		others.collectOne(st)
	}
	for name := range others.slots {
		delete(modules, name)
	}
	return modules
}

// bindsModule reports whether the name is bound to the module itself, and neither to one of
// its names nor to the package that it is in.
func (s *importStmt) bindsModule() bool {
	outer, _, dotted := strings.Cut(s.module, ".")
	return s.attr == "" && (!dotted || s.name != outer)
}

// refuseAbsent refuses a name of a module that Python's has, and this one has not: it is
// found when the program is compiled, not in the middle of an export.
func (c *compiler) refuseAbsent(x *attrExpr) {
	name, ok := x.x.(*nameExpr)
	if !ok || c.changes.rebinds {
		return
	}
	module := c.imports[name.name]
	_, _, in, bound := c.scope.find(name.name)
	switch {
	case bound && in.parent != nil:
		return
	case !bound && (name.name == "re" || name.name == "math" || name.name == "json") && !slices.Contains(c.options.Globals, name.name):
		module = name.name
	}
	if !inPython()[module][x.name] || inLibrary(module, x.name) || module == "os" && x.name == "path" {
		return
	}
	importValue(&importStmt{line: line(x.at()), module: module, attr: x.name, name: x.name}) // refuses it
}
