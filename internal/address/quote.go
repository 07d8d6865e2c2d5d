package address

import (
	"fmt"
	"strconv"
	"strings"
)

// kept are the characters besides letters and digits that path, query and fragment
// keep.
const kept = "-._~!#$&'()*+,/:;=?@"

// quote escapes what no URL can have after its host, as Python's requests does: escapes
// stay, but for those of letters, digits and -._~, which need none. Where one % of a
// path, query or fragment begins no escape, none does.
func quote(text string) string {
	rest, fragment, hasFragment := strings.Cut(text, "#")
	path, query, hasQuery := strings.Cut(rest, "?")
	out := quotePart(path)
	if hasQuery {
		out += "?" + quotePart(query)
	}
	if hasFragment {
		out += "#" + quotePart(fragment)
	}
	return out
}

func quotePart(text string) string {
	escaped := hasOnlyEscapes(text)
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '%' && escaped:
			value, _ := strconv.ParseUint(text[i+1:i+3], 16, 8) // isEscape has seen it
			if isUnreserved(byte(value)) {
				out.WriteByte(byte(value))
			} else {
				fmt.Fprintf(&out, "%%%02X", value)
			}
			i += 2
		case c == '%' && isEscape(text[i:]):
			out.WriteString("%25" + strings.ToUpper(text[i+1:i+3]))
			i += 2
		case isUnreserved(c), strings.IndexByte(kept, c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// Characters besides letters, digits and -._~ that a value keeps, since they separate
// nothing there.
const (
	keptInPath  = "!$&'()*,:=@"
	keptInQuery = "!$'()*,/:?@"
)

// isEscaped reports whether a value is escaped already: it has nothing that would need it.
func isEscaped(value string) bool {
	escaped := strings.Contains(value, "%") && hasOnlyEscapes(value)
	for i := range len(value) {
		escaped = escaped && (value[i] == '%' || isUnreserved(value[i]) || strings.IndexByte(kept, value[i]) >= 0)
	}
	return escaped
}

// encode encodes a value for a segment of a path, or for a name or value of a query. One
// that is escaped already keeps its escapes.
func encode(value, keep string, escaped bool) string {
	var out strings.Builder
	for i := range len(value) {
		c := value[i]
		if isUnreserved(c) || c == '%' && escaped || strings.IndexByte(keep, c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

func hasOnlyEscapes(text string) bool {
	for i := range len(text) {
		if text[i] == '%' && !isEscape(text[i:]) {
			return false
		}
	}
	return true
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isEscape(text string) bool {
	isHex := func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
	return len(text) > 2 && isHex(text[1]) && isHex(text[2])
}
