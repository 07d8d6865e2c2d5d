package workday

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// TestGeneratedMappings makes mappings up, by the schema, for all operations of all
// WSDLs, and compares what we send with what zeep sends. WORKDAY_DIFF_SECONDS says for
// how long, WORKDAY_DIFF_SEED with which seed.
func TestGeneratedMappings(t *testing.T) {
	t.Parallel()
	zeep := oracle.Need(t, "zeep").Start("testdata/oracle.py", "body")
	duration := oracle.Duration(t, "WORKDAY_DIFF_SECONDS", time.Second)
	seed := oracle.Seed(t, "WORKDAY_DIFF_SEED")
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	all := generatedOperations(t)
	count := 0
	for deadline := time.Now().Add(duration); time.Now().Before(deadline) || count < 3*len(all); count++ {
		one := all[count%len(all)]
		typ, err := one.Inputs[0].Element.Type()
		if err != nil {
			t.Fatal(err)
		}
		mapping, err := json.Marshal(g.object(t, typ, 0))
		if err != nil {
			t.Fatal(err)
		}
		var want struct{ XML, Error string }
		zeep.Ask(map[string]any{"wsdl": one.wsdl, "operation": one.Name, "mapping": json.RawMessage(mapping)}, &want)
		where := fmt.Sprintf("seed %d, %s of %s: %s", seed, one.Name, one.wsdl, mapping)
		got := generatedBody(t, one.Operation, mapping)
		if want.Error != "" {
			t.Fatalf("%s: zeep refuses it: %s", where, want.Error)
		}
		if g, w := canonical(t, got), canonical(t, want.XML); g != w {
			t.Fatalf("%s\n%s", where, firstDifference(g, w))
		}
	}
	t.Logf("seed %d: %d mappings of %d operations compared with zeep, 0 differ", seed, count, len(all))
}

// operationOf is an operation with the WSDL that declares it.
type operationOf struct {
	*wsdl.Operation
	wsdl string
}

func generatedOperations(t *testing.T) []operationOf {
	t.Helper()
	files, err := filepath.Glob("testdata/wsdl/*.wsdl")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	names := []string{"Resource_Management.wsdl"}
	for _, file := range files {
		names = append(names, strings.TrimPrefix(filepath.ToSlash(file), "testdata/"))
	}
	var all []operationOf
	for _, name := range names {
		switch {
		case strings.Contains(name, "_12_"):
			continue // zeep takes the first port, also one of SOAP 1.2
		case name == "wsdl/Types.wsdl":
			continue // zeep checks no facets, and spoils lists and gYear: these are cases
		}
		doc := document(t, name)
		for _, operation := range doc.Operations() {
			op, err := doc.Operation(operation)
			if err != nil { // such as one that is bound to SOAP 1.2 alone
				continue
			}
			typ, err := op.Inputs[0].Element.Type()
			if err != nil {
				t.Fatal(err)
			}
			// A mapping cannot give an element that the schema leaves open.
			if len(op.Inputs) == 1 && typ.Complex && !needsAny(typ.Content) {
				all = append(all, operationOf{op, name})
			}
		}
	}
	return all
}

func generatedBody(t *testing.T, op *wsdl.Operation, mapping []byte) string {
	t.Helper()
	template, err := jsontemplate.Compile(mapping, jsontemplate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := template.Render(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Encode(t.Context(), op.Inputs, op.Headers, withBytes(t, v))
	if err != nil {
		t.Fatalf("%v in %s", err, mapping)
	}
	before := message.Text([]byte(`<e:Body xmlns:e="` + nsEnvelope + `"` + m.Namespaces + `>`))
	text := readBody(t, message.Join(before, m.Body, message.Text([]byte(`</e:Body>`))))
	tree, err := message.ParseTree(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// Left out as zeep does, {} may leave nothing of a choice.
	if problems := message.Validate(op.Inputs[0].Element, tree.FirstChild()); len(problems) > 0 && !bytes.Contains(mapping, []byte("{}")) {
		t.Fatalf("%v in %s", problems, text)
	}
	return text
}

// generator makes values that a schema allows.
type generator struct{ *rand.Rand }

func (g *generator) object(t *testing.T, typ *wsdl.Type, depth int) map[string]any {
	o := make(map[string]any)
	for _, a := range typ.Attributes {
		if a.Required || g.IntN(3) == 0 {
			o[a.Key] = g.text(a.Type)
		}
		if _, there := o[a.Key]; there && a.Fixed != nil {
			o[a.Key] = *a.Fixed
		}
	}
	if typ.Simple != nil {
		o["_value_1"] = g.text(typ.Simple)
	}
	if typ.Content != nil {
		g.fill(t, o, typ.Content, depth)
	}
	return o
}

func (g *generator) fill(t *testing.T, o map[string]any, p *wsdl.Particle, depth int) {
	switch {
	case p.Kind == wsdl.Any:
		return
	case p.Kind != wsdl.Single && p.Repeated():
		o[p.Key] = g.turns(t, p, depth)
		return
	case p.Kind == wsdl.Choice:
		g.fill(t, o, p.Children[g.IntN(len(p.Children))], depth)
		return
	case p.Kind != wsdl.Single:
		for _, c := range p.Children {
			g.fill(t, o, c, depth)
		}
		return
	case p.Min == 0 && (g.IntN(4) != 0 || depth > 5):
		return
	}
	typ, err := p.Element.Type()
	if err != nil {
		t.Fatal(err)
	}
	one := func() any {
		switch {
		case p.Element.Fixed != nil:
			return *p.Element.Fixed
		case typ.Any:
			return "x"
		}
		if typ.Complex {
			return g.object(t, typ, depth+1)
		}
		v := g.text(typ.Simple)
		switch v { // what is false or 0 and alone in a choice is another matter: see the package's comment
		case false:
			return true
		case 0, json.Number("0.0"):
			return 1
		}
		return v
	}
	if !p.Repeated() {
		o[p.Key] = one()
		return
	}
	most := p.Min + 3
	if p.Max != wsdl.Unbounded {
		most = p.Max
	}
	list := make([]any, p.Min+g.IntN(1+most-p.Min))
	for i := range list {
		list[i] = one()
	}
	o[p.Key] = list
}

func needsAny(p *wsdl.Particle) bool {
	return p != nil && (p.Kind == wsdl.Any && p.Min > 0 || slices.ContainsFunc(p.Children, needsAny))
}

// turns makes the turns of a content model that is repeated.
func (g *generator) turns(t *testing.T, p *wsdl.Particle, depth int) []any {
	most := p.Min + 3
	if p.Max != wsdl.Unbounded {
		most = p.Max
	}
	list := make([]any, max(p.Min, 1)+g.IntN(1+most-max(p.Min, 1)))
	for i := range list {
		turn := make(map[string]any)
		once := *p
		once.Min, once.Max, once.Key = 1, 1, ""
		g.fill(t, turn, &once, depth)
		list[i] = turn
	}
	return list
}

// text makes a value of a simple type: any that fits its built-in type, or where its
// facets allow few, one of those that the WSDLs know.
func (g *generator) text(s *wsdl.Simple) any {
	v := g.any(s)
	if _, isBytes := v.(map[string]any); isBytes || s.Check(fmt.Sprint(v)) == nil {
		return v
	}
	known := []any{"x", "7", "home", "work", "small", "large", "P1D", "00FF", "en", "12:00:00Z", "2026", "2026-03", "--03", "--03-31", "---31", "AB-12", "EUR", "true"}
	g.Shuffle(len(known), func(i, k int) { known[i], known[k] = known[k], known[i] })
	for _, v := range known {
		if s.Check(v.(string)) == nil {
			return v
		}
	}
	return v // the case says what there is no value for
}

func (g *generator) any(s *wsdl.Simple) any {
	switch s.Base {
	case "boolean":
		return []any{true, false, "true", "1", "0", 1, 0}[g.IntN(7)]
	case "decimal":
		return []any{g.IntN(1000), json.Number("7"), fmt.Sprintf("%d.0", g.IntN(100)), strconv.Itoa(g.IntN(1_000_000)), json.Number(strconv.Itoa(g.IntN(99)) + ".0")}[g.IntN(5)]
	case "date":
		return time.Date(2000+g.IntN(50), time.Month(1+g.IntN(12)), 1+g.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	case "dateTime":
		return "2026-03-31T12:00:00Z"
	case "int", "integer", "long", "short", "positiveInteger", "nonNegativeInteger", "unsignedInt", "unsignedShort", "byte", "unsignedByte", "unsignedLong":
		return []any{1 + g.IntN(100), strconv.Itoa(1 + g.IntN(100))}[g.IntN(2)]
	case "base64Binary":
		return map[string]any{"$bytes": "AAEC"}
	}
	if s.IsText() {
		letters := []rune("aZ0 <>&\"'é中😀\t]-_")
		var b bytes.Buffer
		b.WriteByte('x') // an empty text is another matter, in a choice
		for range g.IntN(12) {
			b.WriteRune(letters[g.IntN(len(letters))])
		}
		return strings.TrimSpace(b.String())
	}
	return "x"
}
