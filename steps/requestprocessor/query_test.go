package requestprocessor

import "testing"

// The expected addresses are those of Python's requests 2.28: Request("GET", url, params=…).prepare().url.
func TestParametersAreAddedAsRequestsDoes(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"http://h/x":      {"http://h/x", "http://h/x?k=v"},
		"http://h/x?":     {"http://h/x", "http://h/x?k=v"},
		"http://h/x??":    {"http://h/x??", "http://h/x??&k=v"},
		"http://h/x?a=b":  {"http://h/x?a=b", "http://h/x?a=b&k=v"},
		"http://h/x?a=b?": {"http://h/x?a=b?", "http://h/x?a=b?&k=v"},
		"http://h/x?a=b&": {"http://h/x?a=b&", "http://h/x?a=b&&k=v"},
		"http://h/x?#f":   {"http://h/x#f", "http://h/x?k=v#f"},
		"http://h/x#f?":   {"http://h/x#f?", "http://h/x?k=v#f?"},
		"http://h/x?a#":   {"http://h/x?a", "http://h/x?a&k=v"},
	} {
		if got := [2]string{withQuery(address, ""), withQuery(address, "k=v")}; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
