package xmldoc

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

const order = `<?xml version="1.0"?><r xmlns:o="urn:o" xmlns="urn:d"><order><status>ok</status></order><o:id a="7">12</o:id><n>1</n><n>2</n><empty/><deep>
 <x>y</x></deep></r>`

func TestPathsFindTextsSeenFromTheRoot(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		".//status":            "ok",
		"order/status":         "ok",
		"/r/order/status":      "ok",
		".//{urn:d}status":     "ok",
		"{urn:o}id":            "12",
		"{*}id":                "12",
		"o:id/@a":              "7",
		".//n":                 "['1', '2']",
		".//missing":           "None",
		"empty":                "<empty></empty>",
		"deep":                 "<deep><x>y</x></deep>",
		"count(.//n)":          "2.0",
		"string(.//status)":    "ok",
		"n[.='{a}']":           "None",
		"boolean(order)":       "True",
		"order/status/text()":  "ok",
		".//{urn:d}order/{*}*": "ok",
	} {
		doc, err := Parse([]byte(order))
		if err != nil {
			t.Fatal(err)
		}
		p, err := CompilePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		v, err := p.Find(doc)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got, _ := pyvalue.String(nil, v)
		if strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(want), "") {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestWhatIsNoPathOrNoXMLIsAnError(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "//", "a[", "{urn:o"} {
		if _, err := CompilePath(path); err == nil {
			t.Errorf("%q is taken for a path", path)
		}
	}
	if _, err := Parse([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)); !errors.Is(err, ErrDoctype) {
		t.Errorf("got %v", err)
	}
	if _, err := Parse([]byte(strings.Repeat("<a>", 1001))); err == nil || !strings.Contains(err.Error(), "1000 levels") {
		t.Errorf("got %v", err)
	}
}

// Run with -race.
func TestAPathIsSharedByDocuments(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"//qty + 1", "//qty[. > //n]", "//n | //qty", "concat(//qty, '')", "count(//n[2]) + //qty"} {
		p, err := CompilePath(text)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for i := range 8 {
			doc, err := Parse(fmt.Appendf(nil, "<r><qty>%d</qty><n>1</n><n>2</n></r>", i))
			if err != nil {
				t.Fatal(err)
			}
			alone, err := p.Find(doc)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := pyvalue.String(nil, alone)
			wait.Go(func() {
				for range 50 {
					v, err := p.Find(doc)
					if got, _ := pyvalue.String(nil, v); err != nil || got != want {
						t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
						return
					}
				}
			})
		}
		wait.Wait()
	}
}

func FuzzPath(f *testing.F) {
	f.Add(".//a/b[@c='1']")
	f.Add("{urn:x}y")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := CompilePath(text)
		if err != nil {
			return
		}
		doc, err := Parse([]byte(order))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Find(doc)
	})
}
