package rooms

import (
	"errors"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// published are the packages that users can import, by their paths within the module.
var published = sync.OnceValues(func() (map[string]*types.Package, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Name}} {{.Export}}", module+"/...").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	exported := make(map[string]string)
	var paths []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		exported[words[0]] = words[2]
		if rest, ours := within(words[0]); ours && words[1] != "main" && !isInternal(rest) && !strings.HasPrefix(rest, "examples") {
			paths = append(paths, words[0])
		}
	}
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if file := exported[path]; file != "" {
			return os.Open(file)
		}
		return nil, errors.New("there is no export data of " + path)
	})
	all := make(map[string]*types.Package, len(paths))
	for _, path := range paths {
		p, err := load.Import(path)
		if err != nil {
			return nil, err
		}
		rest, _ := within(path)
		all[rest] = p
	}
	return all, nil
})

func within(path string) (rest string, ours bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func isInternal(path string) bool { return slices.Contains(strings.Split(path, "/"), "internal") }

// name is one line of the API: an exported name with the types that users meet there.
type name struct {
	text  string
	types []types.Type
}

// names lists what a package exports.
func names(p *types.Package) []name {
	short := func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Name()
	}
	var all []name
	add := func(format string, text any, met ...types.Type) {
		all = append(all, name{fmt.Sprintf(format, text), met})
	}
	for _, id := range p.Scope().Names() {
		o := p.Scope().Lookup(id)
		if !o.Exported() {
			continue
		}
		declared, isType := o.(*types.TypeName)
		if !isType {
			add("%s", types.ObjectString(o, short), o.Type())
			continue
		}
		if declared.IsAlias() {
			add("%s", types.ObjectString(o, short), types.Unalias(o.Type()))
			continue
		}
		switch under := o.Type().Underlying().(type) {
		case *types.Struct:
			add("type %s struct", id)
			for i := range under.NumFields() {
				if f := under.Field(i); f.Exported() {
					add("type "+id+" struct, %s", f.Name()+" "+types.TypeString(f.Type(), short), f.Type())
				}
			}
		case *types.Interface:
			add("type %s interface", id)
			for i := range under.NumMethods() {
				m := under.Method(i)
				add("type "+id+" interface, %s", m.Name()+strings.TrimPrefix(types.TypeString(m.Type(), short), "func"), m.Type())
			}
			continue
		default:
			add("type %s", id+" "+types.TypeString(under, short), under)
		}
		methods := types.NewMethodSet(types.NewPointer(o.Type()))
		for i := range methods.Len() {
			if m := methods.At(i).Obj(); m.Exported() {
				add("%s", types.ObjectString(m, short), m.Type())
			}
		}
	}
	return all
}

// foreign looks for a type that is neither the language's, nor the standard library's,
// nor a public one of this module, nor OpenTelemetry's.
func foreign(t types.Type, seen map[types.Type]bool) string {
	if seen[t] {
		return ""
	}
	seen[t] = true
	first := func(all ...types.Type) string {
		for _, t := range all {
			if found := foreign(t, seen); found != "" {
				return found
			}
		}
		return ""
	}
	switch t := t.(type) {
	case *types.Alias:
		if found := outside(t.Obj()); found != "" {
			return found
		}
		return first(types.Unalias(t))
	case *types.Named:
		if found := outside(t.Obj()); found != "" {
			return found
		}
		for arg := range t.TypeArgs().Types() {
			if found := foreign(arg, seen); found != "" {
				return found
			}
		}
	case *types.Pointer:
		return first(t.Elem())
	case *types.Slice:
		return first(t.Elem())
	case *types.Array:
		return first(t.Elem())
	case *types.Chan:
		return first(t.Elem())
	case *types.Map:
		return first(t.Key(), t.Elem())
	case *types.Signature:
		return first(t.Params(), t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			if found := foreign(v.Type(), seen); found != "" {
				return found
			}
		}
	case *types.Struct:
		for f := range t.Fields() {
			if found := foreign(f.Type(), seen); f.Exported() && found != "" {
				return found
			}
		}
	}
	return ""
}

func outside(o types.Object) string {
	if o.Pkg() == nil {
		return ""
	}
	path := o.Pkg().Path()
	rest, ours := within(path)
	host, _, _ := strings.Cut(path, "/")
	switch {
	case ours && isInternal(rest), !ours && strings.Contains(host, ".") && !strings.HasPrefix(path, "go.opentelemetry.io/otel"):
		return path + "." + o.Name()
	}
	return ""
}

func TestNoSignatureHasATypeThatUsersCannotName(t *testing.T) {
	t.Parallel()
	all, err := published()
	if err != nil {
		t.Fatal(err)
	}
	for path, p := range all {
		for _, n := range names(p) {
			for _, met := range n.types {
				if found := foreign(met, make(map[types.Type]bool)); found != "" && !excepted(found) {
					t.Errorf("%s: %s has the type %s", path, n.text, found)
				}
			}
		}
	}
	if len(all) < 15 {
		t.Errorf("only %d packages were looked at", len(all))
	}
}

// exceptions are third-party types that stay in signatures, each with its reason.
var exceptions = map[string]string{}

func excepted(found string) bool {
	for prefix := range exceptions {
		if strings.HasPrefix(found, prefix) {
			return true
		}
	}
	return false
}

func TestTheAPIIsThatOfTheListing(t *testing.T) {
	t.Parallel()
	all, err := published()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for path, p := range all {
		for _, n := range names(p) {
			lines = append(lines, strings.TrimPrefix(path+", "+n.text, ", "))
		}
	}
	slices.Sort(lines)
	compare(t, "testdata/api.txt", lines)
}

// compare holds lines against a file that is kept in the repository, or writes it.
func compare(t *testing.T, file string, lines []string) {
	t.Helper()
	if os.Getenv("CI") == "" && !*update {
		t.Skip("the listings are compared in CI; make listings writes them")
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for _, l := range kept {
		if _, there := slices.BinarySearch(lines, l); !there {
			t.Errorf("gone:  %s", l)
		}
	}
	for _, l := range lines {
		if !slices.Contains(kept, l) {
			t.Errorf("added: %s", l)
		}
	}
	if t.Failed() {
		t.Log("if that is meant, run make listings and say so in the changelog")
	}
}
