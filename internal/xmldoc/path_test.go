package xmldoc

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

func TestPathsFindWhatElementTreeFinds(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/paths.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var c struct {
			Document, Path string
			Want           struct {
				Found []string
				Error bool
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got, err := find(t, c.Document, c.Path)
		if (err != nil) != c.Want.Error || !slices.Equal(got, c.Want.Found) {
			t.Errorf("line %d: %q in %s:\n got %q, %v\nwant %q, error %v", n, c.Path, c.Document, got, err, c.Want.Found, c.Want.Error)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, document, path string) (texts []string, err error) {
	t.Helper()
	d, err := ParseText(t.Context(), document)
	if err != nil {
		return nil, err
	}
	p, err := CompilePath(path)
	if err != nil {
		return nil, err
	}
	found, err := p.Find(d, d.RootElement(), nil)
	for _, n := range found {
		text := d.TextOf(n)
		if text == "" {
			text = d.String(n)
		}
		texts = append(texts, text)
	}
	return texts, err
}

func TestLastOfManyElementsIsFoundInOnePass(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	d, err := ParseText(t.Context(), "<rows>"+strings.Repeat("<row>a</row>", rows)+"<row>z</row></rows>")
	if err != nil {
		t.Fatal(err)
	}
	p, err := CompilePath("./row[last()]")
	if err != nil {
		t.Fatal(err)
	}
	m := &steps{left: 10 * rows}
	found, err := p.Find(d, d.RootElement(), m)
	if err != nil || len(found) != 1 || d.Value(found[0]) != "z" {
		t.Errorf("found %d, %v", len(found), err)
	}
}

type steps struct{ left int64 }

func (*steps) Grow(int64) error { return nil }

func (s *steps) Step(n int64) error {
	if s.left -= n; s.left < 0 {
		return errors.New("too many steps")
	}
	return nil
}

func TestFaultsOfPathsCanBeShown(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"a function": "[\x00HHt()+1]", "a function alone": "[\x00t()]", "a prefix": "./\x01:a", "an absolute path": "/\x03", "a bracket": "[\x04",
	} {
		_, err := CompilePath(path)
		if err == nil {
			t.Errorf("%s: %q is taken", name, path)
			continue
		}
		fuzzing.CheckMessage(t, err.Error())
	}
}
