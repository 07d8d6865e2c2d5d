package pyvalue

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestALongTextIsUnescapedInPiecesThatAreWhole(t *testing.T) {
	t.Parallel()
	const piece = 256 << 10
	for _, one := range []string{`\u0041`, `\ud83d\ude00`, `\ud83d`, `\n`, `\\`, `\"`, `\u00e9x`, `é\t`, "\xff\\t", `\ud83d\t`} {
		for _, before := range []string{``, `a`, `ab`, `abc`, `abcd`, `abcde`} {
			escaped := before + strings.Repeat(one, piece/len(one)+10)
			var want string
			if err := json.Unmarshal([]byte(`"`+escaped+`"`), &want); err != nil {
				t.Fatal(err)
			}
			got, err := FromReply(t.Context(), []byte(`"`+escaped+`"`), false)
			if err != nil || got.Text() != want {
				t.Errorf("%d of %q after %q: %v, or another text", piece, one, before, err)
			}
		}
	}
	escaped := strings.Repeat(`\u0041`, piece)
	if n := pieceLength(escaped, piece); n < piece || n > piece+10 {
		t.Errorf("a piece of escapes has %d bytes, want about %d", n, piece)
	}
}
