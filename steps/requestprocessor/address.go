package requestprocessor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
)

// checkAddress says what keeps an address from being called.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("this is not a URL that begins with http:// or https:// and has a host; if it is made of a field, the field may be empty")
	}
	for _, segment := range strings.Split(u.Path, "/") {
		if segment == ".." || segment == "." {
			return errors.New("its path has dots as a segment, which lead elsewhere")
		}
	}
	return nil
}

// address fills a URL in. The text of a field must not change its structure; see
// checkPart.
func (q *request) address(ctx context.Context, s *reqproc.Scope, params *reqproc.Template) (string, error) {
	err := q.url.Values(ctx, s, func(before string, p *reqproc.Path, text string) error {
		if err := checkPart(strings.TrimSpace(before), text, p.Root() != "property" && p.Root() != "payload"); err != nil {
			return fmt.Errorf("{%s}: %w", p, err)
		}
		return nil
	})
	if err != nil {
		return "", fail(q.place+".url", err)
	}
	text, err := q.url.FillText(ctx, s)
	if err != nil {
		return "", fail(q.place+".url", err)
	}
	address := requote(strings.TrimSpace(text))
	if err := checkAddress(address); err != nil {
		return "", fail(q.place+".url", err)
	}
	if params == nil {
		return address, nil
	}
	v, err := params.Fill(ctx, s)
	if err != nil {
		return "", fail(q.place+".params", err)
	}
	if v.IsNone() {
		return address, nil
	}
	pairs, err := formPairs(ctx, v)
	if err != nil {
		return "", fail(q.place+".params", err)
	}
	return withQuery(address, urlencode(pairs)), nil
}

// checkPart says why a value must not stand behind a part of an address. What a
// document says must lead to no other host, and not change what the rest means;
// what settings and APIs say is their own affair.
func checkPart(before, text string, isField bool) error {
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return errors.New("its value has a line break or another control character, which no URL can have")
	}
	_, rest, begun := strings.Cut(before, "://")
	if !begun || !isField {
		return nil
	}
	stops := ""
	switch {
	case strings.Contains(rest, "?"):
		stops = "&#"
	case strings.Contains(rest, "/"):
		stops = "?#"
	case rest == "":
		stops = "@?#\\"
	case text != "" && text[0] != '/' && strings.Trim(text, hostLetters) != "":
		return errors.New("its value stands in the name of the host, where only letters, digits and - may be")
	}
	if i := strings.IndexAny(text, stops); i >= 0 {
		return fmt.Errorf("its value has %q, which would change what the URL means; put the value into params, or percent-encode it in the field", text[i:i+1])
	}
	return nil
}

const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// withQuery adds parameters to those that an address has.
func withQuery(address, query string) string {
	address, fragment, _ := strings.Cut(address, "#")
	separator := "?"
	switch {
	case query == "":
		separator = ""
	case strings.HasSuffix(address, "?"), strings.HasSuffix(address, "&"):
		separator = ""
	case strings.Contains(address, "?"):
		separator = "&"
	}
	if fragment != "" {
		fragment = "#" + fragment
	}
	return address + separator + query + fragment
}

// kept are the characters besides letters and digits that path, query and fragment
// keep.
const kept = "-._~!#$&'()*+,/:;=?@"

// requote escapes what no URL can have behind its host, as Python's requests does:
// escapes stay, but for those of letters, digits and -._~, which need none. Where one
// % begins no escape, none does.
func requote(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	at := strings.IndexAny(rest, "/?#")
	if at < 0 {
		return address + "/"
	}
	host, rest := rest[:at], rest[at:]
	if rest[0] != '/' {
		rest = "/" + rest
	}
	escaped := true
	for i := range len(rest) {
		escaped = escaped && (rest[i] != '%' || isEscape(rest[i:]))
	}
	var out strings.Builder
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		switch {
		case c == '%' && escaped:
			value, _ := strconv.ParseUint(rest[i+1:i+3], 16, 8) // isEscape has seen it
			if isUnreserved(byte(value)) {
				out.WriteByte(byte(value))
			} else {
				fmt.Fprintf(&out, "%%%02X", value)
			}
			i += 2
		case c == '%' && isEscape(rest[i:]):
			out.WriteString("%25" + strings.ToUpper(rest[i+1:i+3]))
			i += 2
		case isUnreserved(c), strings.IndexByte(kept, c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return scheme + "://" + host + out.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isEscape(text string) bool {
	isHex := func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
	return len(text) > 2 && isHex(text[1]) && isHex(text[2])
}

// formPairs lists the fields of an object, or of a list of pairs: a list repeats a
// field, null leaves it out.
func formPairs(ctx context.Context, v pyvalue.Value) ([][2]string, error) {
	var all [][2]string
	add := func(name string, v pyvalue.Value) error {
		items, many := v.Items()
		if !many {
			items = []pyvalue.Value{v}
		}
		for _, item := range items {
			if item.IsNone() {
				continue
			}
			if item.Dict() != nil || item.List() != nil {
				return fmt.Errorf("%s: %s cannot stand in a form; a form has texts, or lists of texts", name, reqproc.Describe(item))
			}
			data, err := reqproc.Content(ctx, item)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, [2]string{name, string(data)})
		}
		return nil
	}
	if d := v.Dict(); d != nil {
		for k, item := range d.All() {
			if err := add(k.Text(), item); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	items, ok := v.Items()
	if !ok {
		return nil, fmt.Errorf("it is %s, expected an object", reqproc.Describe(v))
	}
	for i, item := range items {
		pair, _ := item.Items()
		if len(pair) != 2 || !pair[0].IsText() {
			return nil, fmt.Errorf("[%d] is no pair of a name and a value", i)
		}
		if err := add(pair[0].Text(), pair[1]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func urlencode(pairs [][2]string) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = url.QueryEscape(p[0]) + "=" + url.QueryEscape(p[1])
	}
	return strings.Join(parts, "&")
}
