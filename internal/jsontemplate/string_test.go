package jsontemplate

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestATextIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	t.Parallel()
	texts := []string{"", "plain ~", "ü", "\u2028", "\xff", "<a>&", "a\"b"}
	for c := range 256 {
		texts = append(texts, "x"+string([]byte{byte(c)})+"y")
	}
	for _, text := range texts {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(text); err != nil {
			t.Fatal(err)
		}
		if got := string(AppendText(nil, text)) + "\n"; got != want.String() {
			t.Errorf("%q: got %s want %s", text, got, want.String())
		}
	}
}
