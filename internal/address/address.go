// Package address puts URLs together from the text of the settings and from values
// that documents and formulas give. What a value says stays within its place: it is
// encoded for it, leads to no other part of the URL, and chooses no host that nobody
// has named.
package address

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Part is a part of a URL.
type Part struct {
	Text string
	// Value names the placeholder that Text comes from, such as @{vendor}; "" says
	// that it is the settings' own text.
	Value string
	// Path lets a "/" of a value stand, so that it can be several segments of a path.
	Path bool
	// Rest takes a value that begins with "/" right after the host as the rest of the
	// URL, with only illegal characters encoded.
	Rest bool
	// Raw takes a value as a part of the URL: only characters that no URL can have
	// are encoded. It still chooses no host.
	Raw bool
	// Strict refuses a value that has a character which would separate, instead of
	// encoding it.
	Strict bool

	all bool // its % are to be encoded, too
}

// HostError says that a value would choose the host of a call.
type HostError struct {
	Value string // the placeholder
	Host  string
}

func (e *HostError) Error() string {
	return fmt.Sprintf("the value of %s would send the call to host %q, which neither the settings, the auth request nor a formula's text names; "+
		"write the host there, or allow it in the program: pipeline.WithAllowedHosts(%q) (exportrun -allow-host)", e.Value, e.Host, e.Host)
}

// Join returns the URL of the parts. A value at its beginning is taken as a URL, with
// only illegal characters encoded; one in a path or query is encoded for its place.
// Where values choose the host, allowed decides about the finished URL.
func Join(parts []Part, allowed func(*url.URL) bool) (string, error) {
	if err := fits(parts); err != nil {
		return "", err
	}
	j := joining{}
	parts, err := quoted(trimmed(parts))
	if err != nil {
		return "", err
	}
	for i, p := range parts {
		if i := strings.IndexFunc(p.Text, func(c rune) bool { return c < ' ' || c == 0x7f }); i >= 0 {
			return "", fmt.Errorf("%shas the control character %q, which no URL can have", p.subject(), p.Text[i])
		}
		ends := i+1 == len(parts) || parts[i+1].Value == "" && strings.IndexAny(parts[i+1].Text, "/?#") == 0
		if err := j.add(p, ends); err != nil {
			return "", err
		}
	}
	address := j.finish()
	u, err := parse(address)
	if err != nil {
		return "", err
	}
	if value := j.chosenBy(u); value != "" {
		if u.User != nil {
			return "", fmt.Errorf("the value of %s puts a user or password before the host, which only the settings may", value)
		}
		if allowed == nil || !allowed(u) {
			return "", &HostError{value, u.Host}
		}
	}
	return address, nil
}

// maxLength bounds the parts of a URL before they are encoded, in bytes. Package httpcall has
// the same limit for the finished URL; here it is checked before anything is made of the parts.
const maxLength = 256 << 10

// fits refuses parts that are too long together, and names the longest.
func fits(parts []Part) error {
	size, longest := 0, 0
	for i, p := range parts {
		if size += len(p.Text); len(p.Text) > len(parts[longest].Text) {
			longest = i
		}
	}
	if size > maxLength {
		return fmt.Errorf("%smakes up %d of %d bytes; a URL may have %d KiB, and most servers take far fewer",
			parts[longest].subject(), len(parts[longest].Text), size, maxLength>>10)
	}
	return nil
}

func (p Part) subject() string {
	if p.Value == "" {
		return "it "
	}
	return "the value of " + p.Value + " "
}

// trimmed takes blanks off both ends of the whole.
func trimmed(parts []Part) []Part {
	var all []Part
	for _, p := range parts {
		if len(all) == 0 {
			p.Text = strings.TrimLeft(p.Text, " \t\r\n")
		}
		if p.Text != "" {
			all = append(all, p)
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Text = strings.TrimRight(all[i].Text, " \t\r\n"); all[i].Text != "" {
			break
		}
		all = all[:i]
	}
	return all
}

// joining is a URL in the making.
type joining struct {
	out   strings.Builder
	place place
	// start is where the authority begins; lastValue is the end of the last value in
	// it, or before it, and by is that value's placeholder. scheme says that a value
	// has a part in what stands before it.
	start, lastValue int
	by               string
	scheme           bool
}

type place int

const (
	inScheme place = iota
	inHost
	inPath
	inQuery
	inFragment
)

// add adds a part; ends says that the authority can end with it.
func (j *joining) add(p Part, ends bool) error {
	if p.Value != "" && j.place == inHost && strings.ContainsAny(p.Text, `/?#\`) {
		if !ends || p.Text[0] != '/' || j.out.Len() == j.start {
			return fmt.Errorf("the value of %s contains %q, which would end the host name that it is part of", p.Value, p.Text)
		}
		if !p.Rest && !p.Raw {
			j.place = inPath
			p.Path = true
		}
	}
	switch {
	case p.Value == "", p.Raw, p.Rest && j.place == inHost, j.place == inScheme:
		j.text(p)
	case j.place == inHost:
		if bad := strings.Trim(p.Text, hostLetters+".:"); bad != "" {
			return fmt.Errorf("the value of %s is part of the host name and contains %q; only letters, digits, - and . are allowed there", p.Value, bad[:1])
		}
		j.out.WriteString(p.Text)
		j.lastValue, j.by = j.out.Len(), p.Value
	default:
		keep, separators := keptInQuery, "&#"
		if j.place == inPath {
			if keep, separators = keptInPath, "?#"; p.Path {
				keep += "/"
			}
		}
		if i := strings.IndexAny(p.Text, separators); p.Strict && i >= 0 {
			return fmt.Errorf("the value of %s has %q, which would change what the URL means; put the value into params, or percent-encode it in the field", p.Value, p.Text[i:i+1])
		}
		j.out.WriteString(encode(p.Text, keep, !p.all && isEscaped(p.Text)))
	}
	return nil
}

const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// text adds text that is a part of the URL itself.
func (j *joining) text(p Part) {
	text := p.Text
	if j.place == inScheme {
		before := j.out.String()
		_, _, whole := strings.Cut(before+text, "://")
		if !whole {
			j.out.WriteString(text)
			j.chosen(p)
			return
		}
		at := strings.Index(before+text, "://") + len("://") - len(before)
		j.out.WriteString(text[:at])
		j.chosen(p)
		text, j.place, j.start = text[at:], inHost, len(before)+at
	}
	if j.place == inHost {
		end := strings.IndexAny(text, `/?#\`)
		if end < 0 {
			end = len(text)
		}
		j.out.WriteString(text[:end])
		if end > 0 {
			j.chosen(p)
		}
		if text = text[end:]; text == "" {
			return
		}
		if j.place = inPath; text[0] != '/' {
			j.out.WriteByte('/')
		}
	}
	j.out.WriteString(quote(text))
	if i := strings.IndexByte(text, '#'); i >= 0 || j.place == inFragment {
		j.place = inFragment
	} else if strings.IndexByte(text, '?') >= 0 {
		j.place = inQuery
	}
}

// chosen notes that a value has a part in the scheme or the authority.
func (j *joining) chosen(p Part) {
	if p.Value != "" {
		j.lastValue, j.by, j.scheme = j.out.Len(), p.Value, j.scheme || j.place == inScheme
	}
}

// finish returns the URL without a query or fragment that is empty, as requests sends it.
func (j *joining) finish() string {
	if j.place == inHost {
		return j.out.String() + "/"
	}
	rest, fragment, _ := strings.Cut(j.out.String(), "#")
	if at := strings.IndexByte(rest, '?'); at >= 0 && at == len(rest)-1 {
		rest = rest[:len(rest)-1]
	}
	if fragment != "" {
		rest += "#" + fragment
	}
	return rest
}

// chosenBy returns the placeholder that has chosen the host, "" if none has: when what
// follows the value is the beginning of a name with at least two labels, as in
// https://@{tenant}.erp.example, it only says whose.
func (j *joining) chosenBy(u *url.URL) string {
	if j.by == "" {
		return ""
	}
	if j.scheme {
		return j.by
	}
	authority, _, _ := strings.Cut(j.out.String()[j.start:], "/")
	rest := authority[min(len(authority), j.lastValue-j.start):]
	if _, host, ok := strings.Cut(rest, "@"); ok && host != "" {
		return ""
	}
	value := authority[:len(authority)-len(rest)]
	rest, _, _ = strings.Cut(rest, ":")
	_, err := netip.ParseAddr(u.Hostname())
	if strings.HasPrefix(rest, ".") && strings.Count(strings.Trim(rest, "."), ".") > 0 && err != nil && value != "" && strings.Trim(value[strings.LastIndexByte(value, '@')+1:], hostLetters) == "" {
		return ""
	}
	return j.by
}

var errNotURL = errors.New("this is not a URL that begins with http:// or https:// and has a host; if it is made of a field, the field may be empty")

// Check says what keeps a finished URL from being called.
func Check(address string) error {
	_, err := parse(address)
	return err
}

// parse parses a finished URL that may be called.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), ".") {
		return nil, errNotURL
	}
	for segment := range strings.FieldsFuncSeq(plain(u.EscapedPath()), func(c rune) bool { return c == '/' || c == '\\' }) {
		// Servers take parameters off (..;x), and some what follows a NUL or a query,
		// before they look for dots.
		name := segment
		if i := strings.IndexAny(name, ";?#\x00"); i >= 0 {
			name = name[:i]
		}
		if name = strings.TrimFunc(name, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }); name == ".." || name == "." {
			return nil, fmt.Errorf("its path has the segment %q, which leads elsewhere", segment)
		}
	}
	return u, nil
}

// maxEscaped is how many layers of escapes are looked through.
const maxEscaped = 8

// plain takes all escapes off a path, also those of escapes, and the dots and slashes
// that some servers read in overlong UTF-8.
func plain(path string) string {
	for range maxEscaped {
		decoded := unescape(path)
		if decoded == path {
			break
		}
		path = decoded
	}
	if strings.IndexByte(path, 0xc0) < 0 && strings.IndexByte(path, 0xc1) < 0 {
		return path
	}
	return overlong.Replace(path)
}

var overlong = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", `\`)

// unescape takes one layer of escapes off; a % that begins none stays.
func unescape(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && isEscape(path[i:]) {
			value, _ := strconv.ParseUint(path[i+1:i+3], 16, 8) // isEscape has seen it
			out.WriteByte(byte(value))
			i += 2
			continue
		}
		out.WriteByte(path[i])
	}
	return out.String()
}
