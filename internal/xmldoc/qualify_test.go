package xmldoc

import (
	"testing"
)

func TestPrefixesOfAPathBecomeNamespaces(t *testing.T) {
	t.Parallel()
	spaces := map[string]string{"a": "urn:a", "": "urn:d"}
	for path, want := range map[string]string{
		"a:b":               "{urn:a}b",
		"b":                 "{urn:d}b",
		".//a:b[@c='a:x']":  ".//{urn:a}b[@c='a:x']",
		"{urn:x}b/a:c[a:d]": "{urn:x}b/{urn:a}c[{urn:a}d]",
		"*/..":              "*/..",
	} {
		if got, err := Qualify(path, spaces); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
		}
	}
	if got, err := Qualify("z:b", spaces); err == nil {
		t.Errorf("an unknown prefix gives %s", got)
	}
}
