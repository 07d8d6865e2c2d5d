package steps_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/steps"
)

// refusals are the points of the list in the documentation of [steps.Function], each
// with code that is refused and what the error names.
var refusals = []struct {
	point string
	code  map[string]string
}{
	{"JavaScript: ", nil}, // TestAFunctionInJavaScriptIsRefusedByItsRuntime
	{"modules that reach out", map[string]string{
		"import requests": "the module requests", "import socket": "the module socket", "import os.nope": "the module os.nope",
		"from subprocess import run": "the module subprocess", "import httpx": "the module httpx", "import urllib.request": "the module urllib.request",
	}},
	{"names that a module has in Python, but not here: from os import system", map[string]string{
		"from os import system": "system of the module os", "from math import gamma": "gamma of the module math",
		"from collections import UserList": "UserList of the module collections", "from decimal import MAX_EMAX": "MAX_EMAX of the module decimal",
		"from datetime import tzinfo": "tzinfo of the module datetime", "from txscript import nope": "nope of the module txscript",
		"from jmespath.exceptions import nope": "nope of the module jmespath.exceptions",
		"import os\nos.system('x')":            "system of the module os", "import os\ndef f():\n    return os.environ.get('A')": "environ of the module os",
		"import json as j\nclass E(j.JSONDecoder): pass": "JSONDecoder of the module json", "math.gamma(5)": "gamma of the module math",
		"import sys\nsys.exit(1)": "exit of the module sys", "import logging\nlogging.FileHandler('x')": "FileHandler of the module logging",
		"import os.path as p\np.exists('x')": "exists of the module os.path", "import decimal\ndecimal.MAX_EMAX": "MAX_EMAX of the module decimal",
	}},
	{"from m import *", map[string]string{"from math import *": "from math import *"}},
	{"exec, compile, open, input, globals, locals and __import__, and eval unless it is called", map[string]string{
		"exec('1')": "exec", "compile('1', '', 'eval')": "compile", "open('x')": "open", "input()": "input", "globals()": "globals", "locals()": "locals",
		"__import__('os')": "__import__", "f = eval": "eval",
	}},
	{"async and await", map[string]string{
		"async def f(): pass": "async", "await f()": "await", "@d\nasync def f(): pass": "async", "[x async for x in y]": "async",
	}},
	{"except*", map[string]string{"try:\n    1\nexcept* ValueError:\n    2": "except*"}},
	{"the operator @, and complex numbers", map[string]string{
		"a @ b": "the operator @", "a @= b": "the operator @", "1j": "a complex number", "match 1:\n    case 1 + 2j: 1": "a complex number",
	}},
	{"metaclass= of a class statement", map[string]string{"class A(metaclass=M): pass": "a class with metaclass"}},
	{"the methods __getattribute__, __del__ and __prepare__", map[string]string{
		"class A:\n    def __getattribute__(s, n): pass": "the method __getattribute__", "class A:\n    def __del__(s): pass": "the method __del__",
		"class A:\n    def __prepare__(s): pass": "the method __prepare__",
	}},
}

// documented returns the points of the list in the documentation, each on one line.
func documented(t *testing.T) (points []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "function.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE || g.Specs[0].(*ast.TypeSpec).Name.Name != "Function" {
			continue
		}
		for _, line := range strings.Split(g.Doc.Text(), "\n") {
			switch text := strings.TrimSpace(line); {
			case strings.HasPrefix(line, "  - "):
				points = append(points, strings.TrimPrefix(text, "- "))
			case strings.HasPrefix(line, "    "):
				points[len(points)-1] += " " + text
			}
		}
	}
	return points
}

func TestWhatIsRefusedIsWhatTheDocumentationLists(t *testing.T) {
	t.Parallel()
	points := documented(t)
	if len(points) != len(refusals) {
		t.Fatalf("the documentation lists %d points, the test has %d", len(points), len(refusals))
	}
	for i, r := range refusals {
		if !strings.HasPrefix(points[i], r.point) {
			t.Errorf("point %d is %q, want %q", i, points[i], r.point)
		}
		for code, want := range r.code {
			_, err := formula.CompileFunction("\n" + code)
			if !errors.Is(err, formula.ErrUnsupported) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line ") {
				t.Errorf("%q: got %v, want %s refused with its line", code, err, want)
			}
		}
	}
	for _, m := range txscript.Modules() {
		if !strings.Contains(points[1], " "+m+",") && !strings.Contains(points[1], " "+m+" ") {
			t.Errorf("the documentation does not list the module %s", m)
		}
		if _, err := formula.CompileFunction("import " + m); !errors.Is(err, formula.ErrNoHandler) {
			t.Errorf("import %s: %v", m, err)
		}
	}
	_, list, _ := strings.Cut(points[1], "those that are there are ")
	list, _, _ = strings.Cut(list, ", with what")
	names := strings.Split(strings.ReplaceAll(list, " and ", ", "), ", ")
	if len(names) != len(txscript.Modules()) {
		t.Errorf("the documentation lists %d modules, there are %d: %v", len(names), len(txscript.Modules()), txscript.Modules())
	}
}

func TestAFunctionInJavaScriptIsRefusedByItsRuntime(t *testing.T) {
	t.Parallel()
	r := &organisation.Registry{}
	steps.Register(r, steps.RegisterOptions{})
	for _, runtime := range []string{"nodejs22.x", "nodejs18.x", "NodeJS"} {
		h := &rossum.Hook{ID: 7, Name: "Evaluator", Type: "function", Active: true, Events: []string{"annotation_content.export"}}
		h.Config.Runtime, h.Config.Code = runtime, "exports.rossum_hook_request_handler = async () => ({})"
		_, err := organisation.FromHooks([]*rossum.Hook{h}, r, organisation.Options{})
		if !errors.Is(err, organisation.ErrNoFunction) || !strings.Contains(err.Error(), "config.runtime") || !strings.Contains(err.Error(), runtime) ||
			!strings.Contains(err.Error(), "Registry.Function(\"Evaluator\"") ||
			strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %v", runtime, err)
		}
	}
}
