package xpath

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

type testCase struct {
	Document string `json:"document"`
	Data     []byte `json:"data,omitempty"` // instead of a text
	Path     string `json:"path"`
	Want     result `json:"want"`
}

type result struct {
	Text  string `json:"text"`
	Error bool   `json:"error,omitempty"`
}

func evaluate(t *testing.T, document, path string, meter Meter) (result, error) {
	t.Helper()
	return evaluateData(t, []byte(document), path, meter)
}

func evaluateData(t *testing.T, document []byte, path string, meter Meter) (result, error) {
	t.Helper()
	e, err := Compile(path)
	if err != nil {
		return result{Error: true}, err
	}
	d, err := xmldoc.Parse(t.Context(), document)
	if err != nil {
		return result{Error: true}, err
	}
	text, err := e.Text(d, d.RootElement(), meter)
	if err != nil {
		return result{Error: true}, err
	}
	return result{Text: text}, nil
}

func TestExpressionsGiveWhatLibxml2Gives(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if c.Data == nil {
			c.Data = []byte(c.Document)
		}
		if got, err := evaluateData(t, c.Data, c.Path, nil); got != c.Want {
			t.Errorf("line %d: %q in %.300s:\n got %q, %v\nwant %q, error %v", n, c.Path, c.Data, got.Text, err, c.Want.Text, c.Want.Error)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
