package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Bytes is a text in UTF-16.
func utf16Bytes(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// spelt writes each character, or each byte, of a text by a verb.
func spelt[T byte | rune](verb string, all []T) string {
	var out strings.Builder
	for _, c := range all {
		fmt.Fprintf(&out, verb, c)
	}
	return out.String()
}

func TestASecretIsFoundAsOlderSystemsWriteIt(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"S3cret-Pass/word+42", "pässwörd-ünd-gehëim", "abcd1234efgh"} {
		r := New(secret)
		little, big := utf16Bytes(secret, binary.LittleEndian), utf16Bytes(secret, binary.BigEndian)
		for name, text := range map[string]string{
			"UTF-16, little-endian": little, "UTF-16, big-endian": big, "UTF-16 in %q": fmt.Sprintf("%q", little),
			"UTF-16 of which only UTF-8 is left": strings.ToValidUTF8(little, ""),
			"UTF-16 in base64":                   base64.StdEncoding.EncodeToString([]byte(little)),
			"UTF-16 in hexadecimal digits":       hex.EncodeToString([]byte(big)),
			"entities without semicolons":        spelt("&#%d", []rune(secret)),
			"entities in hexadecimal digits":     spelt("&#x%X;", []rune(secret)),
			"JavaScript's escape":                spelt("%%u%04X", []rune(secret)),
			"octal escapes":                      spelt(`\%03o`, []byte(secret)),
			"zero-width spaces":                  strings.Join(strings.Split(secret, ""), "\u200b"),
			"a soft hyphen":                      secret[:5] + "\u00ad" + secret[5:],
			"a NUL":                              secret[:6] + "\x00" + secret[6:],
		} {
			if got := r.String("the key " + text + " is wrong"); !strings.Contains(got, Placeholder) || !strings.HasPrefix(got, "the key") {
				t.Errorf("%s, %s: %q", secret, name, got)
			}
		}
	}
}
