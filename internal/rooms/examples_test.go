package rooms

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// entryPoints lists where a program begins with a package, as "room.Name". These are
//
//   - each exported function that is not a method, and
//   - each exported struct that no such function returns and that either is a step (it has
//     the method Run of pipeline.Step) or is worked with through its methods alone (it has
//     exported methods, no exported field, and is no error).
//
// A type that a function returns is shown with that function. All other types are what
// these take and give.
func entryPoints(room string, p *types.Package) []string {
	var all []string
	made := make(map[*types.TypeName]bool)
	for _, id := range p.Scope().Names() {
		f, isFunc := p.Scope().Lookup(id).(*types.Func)
		if !isFunc || !f.Exported() {
			continue
		}
		all = append(all, room+"."+id)
		for v := range f.Signature().Results().Variables() {
			if t := named(v.Type()); t != nil {
				made[t] = true
			}
		}
	}
	for _, id := range p.Scope().Names() {
		t, isType := p.Scope().Lookup(id).(*types.TypeName)
		if isType && t.Exported() && !t.IsAlias() && !made[t] && isEntry(t) {
			all = append(all, room+"."+id)
		}
	}
	return all
}

func named(t types.Type) *types.TypeName {
	if to, isPointer := t.(*types.Pointer); isPointer {
		t = to.Elem()
	}
	if n, isNamed := t.(*types.Named); isNamed {
		return n.Obj()
	}
	return nil
}

func isEntry(t *types.TypeName) bool {
	fields, isStruct := t.Type().Underlying().(*types.Struct)
	if !isStruct {
		return false
	}
	methods := types.NewMethodSet(types.NewPointer(t.Type()))
	has := func(name string) bool { return methods.Lookup(t.Pkg(), name) != nil }
	if has("Run") {
		return true
	}
	for f := range fields.Fields() {
		if f.Exported() {
			return false
		}
	}
	for i := range methods.Len() {
		if methods.At(i).Obj().Exported() {
			return !has("Error")
		}
	}
	return false
}

// example is a runnable Example with output, and the names it uses, as "package.Name".
type example struct {
	name string // without "Example"
	uses map[string]bool
}

// examples reads the runnable Examples of a package, which have an output.
func examples(room string) ([]example, error) {
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(room), "*_test.go"))
	if err != nil {
		return nil, err
	}
	var all []example
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, e := range doc.Examples(file) {
			if e.Output == "" {
				continue
			}
			uses := make(map[string]bool)
			ast.Inspect(e.Code, func(n ast.Node) bool {
				if s, is := n.(*ast.SelectorExpr); is {
					if of, is := s.X.(*ast.Ident); is {
						uses[of.Name+"."+s.Sel.Name] = true
					}
				}
				return true
			})
			all = append(all, example{e.Name, uses})
		}
	}
	return all, nil
}

// isNamed reports that go doc shows the Example with the name: it is called
// ExampleName, ExampleName_Method or ExampleName_suffix.
func (e example) isNamed(name string) bool {
	of, _, _ := strings.Cut(e.name, "_")
	return of == name
}

// shownBy are the entry points that an Example of their package shows under another name,
// which uses them: ExampleX is "X", and the package's own Example "".
var shownBy = map[string]string{
	"pipeline.InStep":                          "Faults",
	"pipeline.MemoryLedger":                    "WithJournal",
	"pipeline.NameOf":                          "Keyed",
	"pipeline.Named":                           "",
	"pipeline.New":                             "",
	"pipeline.NewJournal":                      "WithJournal",
	"pipeline.OneAtATime":                      "InTurn",
	"pipeline.RunKeyOf":                        "WithJournal",
	"pipeline.WithLimiter":                     "NewLimiter",
	"pipeline.WithRossum":                      "InRossum",
	"pipeline.WithSecrets":                     "ForHook",
	"pipeline.WithStore":                       "InRossum",
	"pipeline/hookserver.New":                  "Server",
	"pipeline/hookserver/shadow.ReadRecording": "Compare",
	"pipeline/pipelinetest.WithFiles":          "Steps",
	"pipeline/runpage.Headline":                "Page",
	"pipeline/send.ParsePrivateKey":            "PrivateKey_Assertion",
	"pipeline/settings.Index":                  "Faults",
	"pipeline/settings.Join":                   "Faults",
	"pipeline/settings.Nearest":                "Faults",
	"rossum.CheckSignatureHeader":              "VerifySignature",
	"rossum.ParsePayload":                      "",
	"rossum.Sign":                              "VerifySignature",
	"rossum/formula.Compile":                   "",
	"rossum/native.Write":                      "",
	"rossum/rossumtest.Date":                   "Call",
	"rossum/rossumtest.Document":               "Call",
	"rossum/rossumtest.Event":                  "Call",
	"rossum/rossumtest.Field":                  "Annotation",
	"rossum/rossumtest.FieldValue":             "Call",
	"rossum/rossumtest.From":                   "Call",
	"rossum/rossumtest.List":                   "Call",
	"rossum/rossumtest.NewServer":              "Server",
	"rossum/rossumtest.Number":                 "Call",
	"rossum/rossumtest.Offline":                "On",
	"rossum/rossumtest.Request":                "Call",
	"rossum/rossumtest.Row":                    "Annotation",
	"rossum/rossumtest.Secret":                 "Call",
	"rossum/rossumtest.Section":                "Call",
	"rossum/rossumtest.Set":                    "Call",
	"rossum/rossumtest.Settings":               "Call",
	"rossum/rossumtest.Sideload":               "Call",
	"rossum/rossumtest.Table":                  "Annotation",
	"rossum/rossumtest.WithoutContent":         "Call",
	"sftpexport.Step":                          "",
	"workday.NewClient":                        "Client_Call",
	"workday.Step":                             "",
	"workday/workdaytest.NewTenant":            "",
	"workday/workdaytest.ProcessingFault":      "",
	"workday/workdaytest.ValidationFault":      "SOAPFault",
}

// withoutExample are the entry points that no Example shows, each with the reason.
var withoutExample = map[string]string{
	"pipeline.WithAllowedHosts":            "an address has to come from a field; the Example of steps/requestprocessor shows it",
	"pipeline.WithMeter":                   "what it does shows in an OpenTelemetry SDK only, which no package here requires",
	"pipeline.WithOneHookOfSeveral":        "it is for programs that serve each hook of a chain by itself, such as hookserver, which sets it",
	"pipeline.WithProbe":                   "it acts after a crash only, which an Example cannot have",
	"pipeline.WithSignedCalls":             "it is for servers that check signatures themselves; hookserver sets it",
	"pipeline.WithStopIfSent":              "it acts after a crash only, which an Example cannot have",
	"pipeline.WithTracer":                  "what it does shows in an OpenTelemetry SDK only, which no package here requires",
	"pipeline/pipelinetest.CheckLedger":    "it kills processes of the program that calls it, which an Example must not",
	"pipeline/pipelinetest.Compile":        "it takes a testing.TB, which Examples do not have",
	"pipeline/pipelinetest.LedgerProcess":  "it belongs into TestMain, and does not return there",
	"pipeline/pipelinetest.Run":            "it takes a testing.TB, which Examples do not have",
	"pipeline/pipelinetest.TestLedger":     "it takes a *testing.T, which Examples do not have",
	"pipeline/pipelinetest.TestStep":       "it takes a *testing.T, which Examples do not have; CheckStep has one",
	"rossum.Node":                          "a program reaches it through Content; the package's Example and ExampleParseContent do",
	"rossum.Remote":                        "a program gets it from Client.DocumentContent, and reads it as a pipeline.Content",
	"sftpexport/sftptest.CheckDestination": "it wants a destination of one's own, whose dozen methods are too long for an Example",
	"sftpexport/sftptest.TestDestination":  "it takes a *testing.T, which Examples do not have",
}

func TestEveryEntryPointHasARunnableExample(t *testing.T) {
	t.Parallel()
	all, err := published()
	if err != nil {
		t.Fatal(err)
	}
	var entries, under, elsewhere int
	open := maps.Clone(withoutExample)
	other := maps.Clone(shownBy)
	for _, room := range slices.Sorted(maps.Keys(all)) {
		shown, err := examples(room)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entryPoints(room, all[room]) {
			entries++
			name := entry[len(room)+1:]
			used := path.Base(room) + "." + name
			by, listed := other[entry]
			delete(other, entry)
			_, excused := open[entry]
			delete(open, entry)
			own := slices.ContainsFunc(shown, func(e example) bool { return e.isNamed(name) })
			switch {
			case own && (listed || excused):
				t.Errorf("%s has an Example of its own; take it out of the lists", entry)
			case own:
				under++
			case listed:
				elsewhere++
				if !slices.ContainsFunc(shown, func(e example) bool { return e.name == by && e.uses[used] }) {
					t.Errorf("Example%s of %s with an output does not use %s", by, room, used)
				}
			case !excused:
				t.Errorf("%s has no Example with an output", entry)
			}
		}
	}
	for entry := range open {
		t.Errorf("withoutExample has %s, which is not an entry point", entry)
	}
	for entry := range other {
		t.Errorf("shownBy has %s, which is not an entry point", entry)
	}
	t.Logf("%d entry points: %d with an Example of their own, %d within another, %d without", entries, under, elsewhere, len(withoutExample))
	if entries < 150 {
		t.Errorf("only %d entry points were found", entries)
	}
}
