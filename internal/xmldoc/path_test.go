package xmldoc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
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

// A path may be a field's text.
func TestAPathIsBounded(t *testing.T) {
	t.Parallel()
	d, err := Parse(t.Context(), []byte("<a><b/></a>"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path string
		want error
	}{
		"parts":              {strings.Repeat("./", maxParts-1) + "b", nil},
		"too many parts":     {strings.Repeat("./", maxParts) + "b", ErrManyParts},
		"too many positions": {"b" + strings.Repeat("[1]", maxParts), ErrManyParts},
		"bytes":              {"./" + strings.Repeat("b", maxPath-2), nil},
		"too many bytes":     {"./" + strings.Repeat("b", maxPath-1), ErrLongPath},
		"a long name":        {strings.Repeat("b", 2*maxPath), nil},
	} {
		p, err := CompilePath(tt.path)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
			continue
		}
		if err == nil {
			if found, err := p.Find(d, d.RootElement(), nil); err != nil || len(found) > 1 {
				t.Errorf("%s: found %v, %v", name, found, err)
			}
		}
	}
	if _, err := Qualify(strings.Repeat("b/", maxPath), map[string]string{"": "u"}); !errors.Is(err, ErrLongPath) {
		t.Errorf("with namespaces: %v", err)
	}
	if _, err := CompilePath("/" + strings.Repeat("b", maxPath/2)); err == nil || len(err.Error()) > 400 {
		t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
	}
}
