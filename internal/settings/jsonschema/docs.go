package jsonschema

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Docs are the doc comments of this module's types.
type Docs struct {
	root     string // folder of the module
	packages map[string]map[string]*comments
}

// comments are those of a struct type.
type comments struct {
	own    string
	fields map[string]string
}

// module is the path of this module.
const module = "github.com/exportpipeline/exportpipeline"

// NewDocs reads doc comments from the folder of this module.
func NewDocs(root string) *Docs {
	return &Docs{root: root, packages: make(map[string]map[string]*comments)}
}

// Load reads the packages of types. It is needed before their schemas are made.
func (d *Docs) Load(types ...reflect.Type) error {
	for _, t := range types {
		path := t.PkgPath()
		if d.packages[path] != nil {
			continue
		}
		files, err := filepath.Glob(filepath.Join(d.root, strings.TrimPrefix(path, module), "*.go"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no source of %s: %w", path, err)
		}
		found := make(map[string]*comments)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			collect(parsed, found)
		}
		d.packages[path] = found
	}
	return nil
}

// collect notes the comments of a file's struct types.
func collect(file *ast.File, found map[string]*comments) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			named := spec.(*ast.TypeSpec)
			structure, ok := named.Type.(*ast.StructType)
			if !ok {
				continue
			}
			c := &comments{own: group.Doc.Text(), fields: make(map[string]string)}
			for _, field := range structure.Fields.List {
				text := field.Doc.Text()
				if text == "" {
					text = field.Comment.Text()
				}
				for _, name := range field.Names {
					c.fields[name.Name] = text
				}
			}
			found[named.Name.Name] = c
		}
	}
}

func (d *Docs) of(t reflect.Type) *comments {
	if c := d.packages[t.PkgPath()][t.Name()]; c != nil {
		return c
	}
	return &comments{}
}

// ofType is the first paragraph about a type.
func (d *Docs) ofType(t reflect.Type) string {
	first, _, _ := strings.Cut(d.of(t).own, "\n\n")
	return prose(first, settings.Keys(t))
}

// field is what the source says of a field.
func (d *Docs) field(k settings.Key, keys map[string]settings.Key) string {
	return prose(d.of(k.Owner).fields[k.Name], keys)
}

var (
	link       = regexp.MustCompile(`\[(?:\w+\.)*(\w+)\]`)
	identifier = regexp.MustCompile(`\b[A-Z]\w*\b-?`) // Content-Type has no name of a field
	goNil      = regexp.MustCompile(`\bnil\b`)
)

// prose is a comment for people who do not see the Go: with keys in the place of the names
// of fields.
func prose(comment string, keys map[string]settings.Key) string {
	text := strings.Join(strings.Fields(comment), " ")
	text = link.ReplaceAllString(text, "$1")
	text = goNil.ReplaceAllString(text, "not given")
	text = strings.ReplaceAll(text, "(ours)", "(An addition of exportpipeline.)")
	return identifier.ReplaceAllStringFunc(text, func(name string) string {
		for key, k := range keys {
			if k.Name == name {
				return key
			}
		}
		return name
	})
}
