package txscript

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// translate turns Python's syntax into that of regexp2, which is .NET's. All
// groups become plain ones, since .NET would number named ones last.
func translate(source string) (string, map[string]int, error) {
	var out strings.Builder
	names := make(map[string]int)
	group := 0
	inClass := false
	for i := 0; i < len(source); i++ {
		c := source[i]
		rest := source[i:]
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			switch {
			case source[i] == 'Z' && !inClass:
				out.WriteString(`\z`)
			case source[i] == 'd' && inClass, source[i] == 'w' && inClass:
				out.WriteString(`\` + source[i:i+1])
			case source[i] == 'h', source[i] == 'y', source[i] == 'R', source[i] == 'G', source[i] == 'z', source[i] == 'p', source[i] == 'P', source[i] == 'k', source[i] == 'K', source[i] == 'e' || source[i] == 'c':
				return "", nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf(`bad escape \%c at position %d`, source[i], i-1)}
			default:
				out.WriteString(source[i-1 : i+1])
			}
		case inClass:
			inClass = c != ']'
			if c == '[' {
				out.WriteByte('\\')
			}
			out.WriteByte(c)
		case c == '[':
			if text, end := negatedClass(rest); end > 0 {
				out.WriteString(text)
				i += end - 1
				continue
			}
			inClass = true
			out.WriteByte(c)
			if i+1 < len(source) && source[i+1] == '^' {
				i++
				out.WriteByte('^')
			}
			if i+1 < len(source) && source[i+1] == ']' {
				i++
				out.WriteString(`\]`)
			}
		case strings.HasPrefix(rest, "(?P<"):
			end := strings.IndexByte(rest, '>')
			if end < 0 {
				return "", nil, &pyvalue.Error{Type: "error", Msg: "missing >, unterminated name at position " + strconv.Itoa(i+4)}
			}
			group++
			names[rest[4:end]] = group
			out.WriteByte('(')
			i += end
		case strings.HasPrefix(rest, "(?P="):
			end := strings.IndexByte(rest, ')')
			n, ok := names[rest[4:max(4, end)]]
			if end < 0 || !ok {
				return "", nil, &pyvalue.Error{Type: "error", Msg: fmt.Sprintf("unknown group name at position %d", i+4)}
			}
			fmt.Fprintf(&out, `(?:\%d)`, n)
			i += end
		case c == '(' && !strings.HasPrefix(rest, "(?"):
			group++
			out.WriteByte(c)
		case c == '{' && strings.HasPrefix(rest, "{,"):
			out.WriteString("{0")
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), names, nil
}

// negatedClass rewrites a class that has \W, \D or \S in it, which regexp2 does
// not join with the rest of a class as Python does. It returns the text and the
// length of the class, 0 if it is none of this kind.
func negatedClass(source string) (text string, end int) {
	i, not := 1, false
	if strings.HasPrefix(source, "[^") {
		i, not = 2, true
	}
	var rest strings.Builder
	var escapes []byte
	for first := true; i < len(source); first = false {
		c := source[i]
		switch {
		case c == ']' && !first:
			if escapes == nil {
				return "", 0
			}
			return joinClass(not, escapes, rest.String()), i + 1
		case c == '\\' && i+1 < len(source):
			if strings.IndexByte("WDS", source[i+1]) >= 0 {
				escapes = append(escapes, source[i+1])
			} else {
				rest.WriteString(source[i : i+2])
			}
			i += 2
			continue
		case c == '[' || c == ']':
			rest.WriteByte('\\')
		}
		rest.WriteByte(c)
		i++
	}
	return "", 0
}

func joinClass(not bool, escapes []byte, rest string) string {
	var out strings.Builder
	out.WriteString("(?:")
	if not {
		for _, e := range escapes {
			out.WriteString(`(?=\` + string(unicode.ToLower(rune(e))) + `)`)
		}
		if rest == "" {
			rest = `[\s\S]`
		} else {
			rest = "[^" + rest + "]"
		}
		out.WriteString(rest)
	} else {
		for _, e := range escapes {
			out.WriteString(`\` + string(rune(e)) + "|")
		}
		if rest == "" {
			rest = `(?!)`
		} else {
			rest = "[" + rest + "]"
		}
		out.WriteString(rest)
	}
	out.WriteString(")")
	return out.String()
}
