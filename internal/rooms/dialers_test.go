package rooms

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialers are what makes connections without asking package egress, by import path. A literal
// of net/http's types does so where it does not have the field.
var dialers = map[string][]string{
	"net":                     {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
	"crypto/tls":              {"Dial", "DialWithDialer", "Dialer"},
	"net/http":                {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport"},
	"net/rpc":                 {"Dial", "DialHTTP", "DialHTTPPath"},
	"net/smtp":                {"Dial", "SendMail"},
	"golang.org/x/crypto/ssh": {"Dial"},
	"golang.org/x/net/proxy":  {"Dial", "FromEnvironment", "SOCKS5", "FromURL"},
}

var literals = map[string]string{"Transport": "DialContext", "Client": "Transport"}

// mayDial says which packages make connections of their own, and why.
var mayDial = map[string]string{
	"internal/egress net.Dialer":              "the one room that does, for all others",
	"internal/httpcall http.DefaultTransport": "of a program's own client without a transport: connections are judged before anything is written to them",
	"sftpexport/s3 http.Client literal":       "gets its transport right after",
}

// Every connection of the library is made by package egress, or is named here with a reason,
// so that no component can be led to an address that is not allowed.
func TestNobodyDialsPastTheEgressRules(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	looked, open := 0, make(map[string]bool)
	for allowed := range mayDial {
		open[allowed] = true
	}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipped(root, name)
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		looked++
		for _, found := range dialsIn(t, name, string(text)) {
			key := path.Dir(name) + " " + found
			if mayDial[key] == "" {
				t.Errorf("%s uses %s, which asks nobody where it may go: use egress.Dial, httpcall or send", name, found)
			}
			delete(open, key)
		}
		return nil
	})
	if err != nil || looked < 300 {
		t.Errorf("%d files were looked at: %v", looked, err)
	}
	for allowed := range open {
		t.Errorf("nobody uses %s any more: take it out of the list", allowed)
	}
}

// skipped passes over what is not a part of the library: programs, doubles for tests, measurements,
// and modules of their own, whose databases and servers the program names.
func skipped(root fs.FS, dir string) error {
	base := path.Base(dir)
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	ownModule := dir != "." && err == nil
	if ownModule || base == "testdata" || base == "examples" || base == "realtest" || base == "measure" ||
		dir != "." && strings.HasPrefix(base, ".") ||
		strings.HasSuffix(base, "test") {
		return fs.SkipDir
	}
	return nil
}

// dialsIn lists what makes connections in a file.
func dialsIn(t *testing.T, name, text string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := make(map[string]string) // paths by the names of a file
	for _, i := range file.Imports {
		from, _ := strconv.Unquote(i.Path.Value)
		short := path.Base(from)
		if i.Name != nil {
			short = i.Name.Name
		}
		imported[short] = from
	}
	of := func(e ast.Expr) (from, id string) {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return "", ""
		}
		if x, ok := s.X.(*ast.Ident); ok {
			return imported[x.Name], s.Sel.Name
		}
		return "", ""
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if from, id := of(n); slices.Contains(dialers[from], id) {
				found = append(found, path.Base(from)+"."+id)
			}
		case *ast.CompositeLit:
			from, id := of(n.Type)
			if field := literals[id]; from == "net/http" && field != "" && !hasField(n, field) {
				found = append(found, "http."+id+" literal")
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && len(n.Args) == 1 {
				if from, id := of(n.Args[0]); from == "net/http" && literals[id] != "" {
					found = append(found, "http."+id+" literal")
				}
			}
		}
		return true
	})
	return found
}

func hasField(literal *ast.CompositeLit, name string) bool {
	return slices.ContainsFunc(literal.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		key, ok := pair.Key.(*ast.Ident)
		return ok && key.Name == name
	})
}

func TestDialersAreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`import "net"; var c, _ = net.Dial("tcp", "x")`:                                     "net.Dial",
		`import n "net"; var d = &n.Dialer{}`:                                               "net.Dialer",
		`import "crypto/tls"; var d tls.Dialer`:                                             "tls.Dialer",
		`import "net/http"; var t = &http.Transport{MaxIdleConns: 1}`:                       "http.Transport literal",
		`import "net/http"; var t = new(http.Transport)`:                                    "http.Transport literal",
		`import "net/http"; var c = http.Client{}`:                                          "http.Client literal",
		`import "net/http"; var c = http.DefaultClient`:                                     "http.DefaultClient",
		`import "golang.org/x/crypto/ssh"; var c, _ = ssh.Dial("tcp", "x", nil)`:            "ssh.Dial",
		`import "net/http"; var t = &http.Transport{DialContext: f}`:                        "",
		`import "net/http"; var c = http.Client{Transport: t}; var l net.ListenConfig`:      "",
		`import "github.com/exportpipeline/exportpipeline/internal/egress"; var d = e.Dial`: "",
	} {
		if got := strings.Join(dialsIn(t, "x.go", "package x; "+text), ", "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
