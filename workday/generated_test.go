package workday

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// TestGeneratedMappings makes mappings up, by the schema, and compares what we send
// with what zeep sends. WORKDAY_DIFF_SECONDS says for how long, WORKDAY_DIFF_SEED
// with which seed.
func TestGeneratedMappings(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	duration := time.Second
	if n, err := strconv.Atoi(os.Getenv("WORKDAY_DIFF_SECONDS")); err == nil {
		duration = time.Duration(n) * time.Second
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("WORKDAY_DIFF_SEED"), 10, 64); err == nil {
		seed = n
	}
	zeep := exec.Command(interpreter, "-W", "ignore", "testdata/oracle.py", "body")
	in, err := zeep.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := zeep.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := zeep.Start(); err != nil {
		t.Fatal(err)
	}
	replies := bufio.NewReaderSize(out, 1<<20)
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	op, err := document(t, "Resource_Management.wsdl").Operation("Submit_Supplier_Invoice")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for deadline := time.Now().Add(duration); time.Now().Before(deadline) || count < 20; count++ {
		typ, err := op.Inputs[0].Element.Type()
		if err != nil {
			t.Fatal(err)
		}
		mapping, err := json.Marshal(g.object(t, typ, 0))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(in, "{\"mapping\": %s}\n", mapping)
		line, err := replies.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var want struct{ XML, Error string }
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		got := generatedBody(t, op, mapping)
		if want.Error != "" {
			t.Fatalf("seed %d: zeep refuses %s: %s", seed, mapping, want.Error)
		}
		if g, w := canonical(t, got), canonical(t, want.XML); g != w {
			t.Fatalf("seed %d: %s\n%s", seed, mapping, firstDifference(g, w))
		}
	}
	in.Close()
	if err := zeep.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("seed %d: %d mappings compared with zeep, 0 differ", seed, count)
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
	m, err := message.Encode(op.Inputs, op.Headers, withBytes(t, v))
	if err != nil {
		t.Fatalf("%v in %s", err, mapping)
	}
	before := message.Text([]byte(`<e:Body xmlns:e="` + nsEnvelope + `"` + m.Namespaces + `>`))
	text := readBody(t, message.Join(before, m.Body, message.Text([]byte(`</e:Body>`))))
	tree, err := message.ParseTree([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if problems := message.Validate(op.Inputs[0].Element, tree.Children[0]); len(problems) > 0 {
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
		if typ.Complex {
			return g.object(t, typ, depth+1)
		}
		v := g.text(typ.Simple)
		switch v { // what is false and alone in a choice is another matter
		case false:
			return true
		case 0:
			return 1
		}
		return v
	}
	if !p.Repeated() {
		o[p.Key] = one()
		return
	}
	list := make([]any, g.IntN(4))
	for i := range list {
		list[i] = one()
	}
	o[p.Key] = list
}

func (g *generator) text(s *wsdl.Simple) any {
	switch s.Base {
	case "boolean":
		return []any{true, false, "true", "1", "0", 1, 0}[g.IntN(7)]
	case "decimal":
		return []any{g.IntN(1000), json.Number("7"), fmt.Sprintf("%d.0", g.IntN(100)), strconv.Itoa(g.IntN(1_000_000)), json.Number(strconv.Itoa(g.IntN(99)) + ".0")}[g.IntN(5)]
	case "date":
		return time.Date(2000+g.IntN(50), time.Month(1+g.IntN(12)), 1+g.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	case "dateTime":
		return "2026-03-31T12:00:00Z"
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
