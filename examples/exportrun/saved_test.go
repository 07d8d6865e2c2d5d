package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryReferenceKeyHasAFileOfItsOwnInTheFolder(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, key := range []string{
		"invoice", "a/b", `a\b`, "a_b", "a%2Fb", ".", "..", "../x", "", "%2E", ".hidden", "C:x", "ü", "a b",
		strings.Repeat("x", 300), strings.Repeat("x", 299) + "y",
	} {
		name := fileName(key)
		if other, ok := seen[name]; ok {
			t.Errorf("keys %q and %q have the file %q", other, key, name)
		}
		seen[name] = key
		if filepath.Base(name) != name || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, `/\:`) {
			t.Errorf("key %q: %q is not the name of a file in the folder", key, name)
		}
	}
	if got := fileName("invoice"); got != "invoice" {
		t.Errorf("a plain key becomes %q", got)
	}
}
