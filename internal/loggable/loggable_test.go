package loggable

import "testing"

func TestControlCharactersAndBrokenBytesAreReplaced(t *testing.T) {
	t.Parallel()
	const r = "\ufffd"
	for text, want := range map[string]string{
		"": "", "é 😀": "é 😀", "a\nb\t\x1b[1m": "a" + r + "b" + r + r + "[1m", "\x7f\u0085": r + r, "a\xffb\xc3": "a" + r + "b" + r,
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
