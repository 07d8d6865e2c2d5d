package address

import (
	"strings"
	"testing"
)

// A value as long as a document is refused before anything is made of it, whatever its
// encoding would make of it; one as long as a filter may be is taken.
func TestAValueAsLongAsADocumentMakesNoURL(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"https://erp.example/a/<x>/b", "https://erp.example/a?q=<x>", "https://erp.example<x>", "<x>"} {
		for _, fill := range []string{"a", "ž", "\"<", "../", "%41"} {
			long := strings.Repeat(fill, 4<<20/len(fill))
			_, err := Join(parts(template, map[string]string{"x": long}), Known{"https://erp.example"}.Allows)
			const says = " bytes; a URL may have 256 KiB, and most servers take far fewer"
			if err == nil || !strings.Contains(err.Error(), says) || len(err.Error()) > 200 {
				t.Errorf("%s with %q: the error is %.300v", template, fill, err)
			}
		}
	}
	filter := strings.Repeat("ž", 30<<10)
	if got, err := Join(parts("https://erp.example/a?q=<x>", map[string]string{"x": filter}), nil); err != nil || len(got) < 6*len(filter)/2 {
		t.Errorf("a filter of %d bytes: %d bytes, %v", len(filter), len(got), err)
	}
}
