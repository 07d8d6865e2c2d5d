package redact

import "strings"

// minNamed is the length in bytes from which a value is hidden for its name.
const minNamed = 8

// maxName is the longest name that is looked at, in bytes.
const maxName = 60

// namedSpans finds values that are credentials by their names, although nobody knows them: those
// of a reply that gives tokens or a signed address. It reads parameters of an address or a form
// (?sig=…), members of JSON ("refresh_token": "…") and elements of XML (<Password>…</Password>);
// [layers] takes the escapes off before.
func namedSpans(text string) (found []span) {
	for i := strings.IndexAny(text, "=:>"); i >= 0 && i < len(text); {
		from, to := 0, 0
		switch text[i] {
		case '=':
			from, to = parameterAt(text, i)
		case ':':
			from, to = memberAt(text, i)
		case '>':
			from, to = elementAt(text, i)
		}
		if to-from >= minNamed {
			found = append(found, span{from, to})
			i = to
		} else {
			i++
		}
		next := strings.IndexAny(text[i:], "=:>")
		if next < 0 {
			break
		}
		i += next
	}
	return found
}

// nameBefore returns where the name begins that ends at a place.
func nameBefore(text string, end int) (from int) {
	for from = end; from > 0 && end-from <= maxName && isNameByte(text[from-1]); {
		from--
	}
	return from
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// leastNamed returns from which length in bytes the values of a name are secrets in any text, 0
// if they are not. A key or a code is too often none; a code of an address is one if it is long.
func leastNamed(name string) int {
	switch {
	case name == "" || strings.EqualFold(name, "key"):
		return 0
	case strings.EqualFold(name, "code"):
		return 2 * minNamed
	case identifies(name):
		return minNamed
	}
	return 0
}

// parameterAt returns where the value of a parameter is whose "=" is at i, or nothing.
func parameterAt(text string, i int) (from, to int) {
	begin := nameBefore(text, i)
	if begin == i || begin == 0 || strings.IndexByte("?&;#", text[begin-1]) < 0 {
		return 0, 0
	}
	least := leastNamed(text[begin:i])
	if least == 0 || strings.HasPrefix(text[i+1:], Placeholder) {
		return 0, 0
	}
	to = i + 1
	for to < len(text) && strings.IndexByte("&;# \t\r\n\"'<>\\)", text[to]) < 0 {
		to++
	}
	if to-(i+1) < least {
		return 0, 0
	}
	return i + 1, to
}

// memberAt does so for a text of JSON whose name's ":" is at i.
func memberAt(text string, i int) (from, to int) {
	end := i
	for end > 0 && text[end-1] == ' ' {
		end--
	}
	if end == 0 || text[end-1] != '"' {
		return 0, 0
	}
	begin := nameBefore(text, end-1)
	if begin == 0 || text[begin-1] != '"' {
		return 0, 0
	}
	from = i + 1
	for from < len(text) && strings.IndexByte(" \t\r\n", text[from]) >= 0 {
		from++
	}
	if from == len(text) || text[from] != '"' {
		return 0, 0
	}
	from++
	least := leastNamed(text[begin : end-1])
	if least == 0 || strings.HasPrefix(text[from:], Placeholder) {
		return 0, 0
	}
	for to = from; to < len(text) && text[to] != '"'; to++ {
		if text[to] == '\\' {
			to++
		}
	}
	if to = min(to, len(text)); to-from < least {
		return 0, 0
	}
	return from, to
}

// maxTag is the longest tag whose element is looked at, in bytes.
const maxTag = 300

// elementAt does so for the text of an element whose tag ends at i.
func elementAt(text string, i int) (from, to int) {
	begin := strings.LastIndexByte(text[max(0, i-maxTag):i], '<')
	if begin < 0 {
		return 0, 0
	}
	tag := text[max(0, i-maxTag)+begin+1 : i]
	if tag == "" || tag[0] == '/' || tag[0] == '!' || tag[0] == '?' || tag[len(tag)-1] == '/' {
		return 0, 0
	}
	name, _, _ := strings.Cut(tag, " ")
	if _, local, ok := strings.Cut(name, ":"); ok {
		name = local
	}
	least := leastNamed(name)
	if least == 0 {
		return 0, 0
	}
	end := strings.IndexByte(text[i+1:], '<')
	if end < 0 {
		end = len(text) - i - 1
	}
	value := strings.TrimSpace(text[i+1 : i+1+end])
	if len(value) < least || strings.HasPrefix(value, Placeholder) {
		return 0, 0
	}
	from = i + 1 + strings.Index(text[i+1:], value)
	return from, from + len(value)
}
