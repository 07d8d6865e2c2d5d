// Package naming makes paths of the text of settings and of values from documents.
// What settings spell is used as it is. Values are made safe: they never leave their
// directory, hide a file, or have a character that the destination cannot hold.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a file or directory in bytes of UTF-8, which
// is what file systems hold. Longer ones that a value is part of are shortened, and
// end in a part of their hash, so that two that begin alike stay two.
const MaxName = 255

// maxText bounds the texts that a path is made of, in bytes. S3 allows paths of 1,024 bytes, and
// longer names are shortened here, but a text of this length is the content of a document.
const maxText = 64 << 10

// replacement stands for each character that a name must not have.
const replacement = '_'

// ErrNothingLeft means that no character of a value can be in a name.
var ErrNothingLeft = errors.New("the value has no character that a file name can have")

// Piece is a part of a rendered template: text of the settings, which is used as it
// is, or the value of a variable, which is made safe.
type Piece struct {
	Text     string
	Variable string // "" for text of the settings
}

// Namer makes paths of pieces.
type Namer struct {
	// Unix says that the destination holds every character but the slash. Otherwise
	// it may be Windows.
	Unix bool
	// Split says that a slash in a value separates directories.
	Split bool
	// Changed is called for each value that is not used as it is, with "" for a
	// variable if several make up a name; it may be nil.
	Changed func(variable, value, used string)
}

// Error says which variable is to blame, "" if no single one is.
type Error struct {
	Variable string
	Err      error
}

func (e *Error) Error() string {
	if e.Variable == "" {
		return e.Err.Error()
	}
	return "{" + e.Variable + "}: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// run is a part of a segment.
type run struct {
	text  string
	value bool
}

// Segments makes the parts of a path. Slashes of the settings separate them, and so
// do those in values of a directory. Empty parts and "." go. What is checked is what
// is returned: nothing is trimmed or replaced after the checks.
func (n *Namer) Segments(pieces []Piece) ([]string, error) {
	parts := [][]run{nil}
	add := func(r run) { parts[len(parts)-1] = append(parts[len(parts)-1], r) }
	size := 0
	for _, p := range pieces {
		if size += len(p.Text); size > maxText {
			return nil, &Error{p.Variable, fmt.Errorf("with this value it is made of %d bytes; the texts of a path may have %d KiB", size, maxText>>10)}
		}
		if p.Variable == "" {
			for i, text := range strings.Split(p.Text, "/") {
				if i > 0 {
					parts = append(parts, nil)
				}
				add(run{text, false})
			}
			continue
		}
		values, err := n.values(p)
		if err != nil {
			return nil, &Error{p.Variable, err}
		}
		for i, value := range values {
			if i > 0 {
				parts = append(parts, nil)
			}
			if value != "" {
				add(run{value, true})
			}
		}
	}
	var segments []string
	for _, runs := range parts {
		segment, err := n.segment(runs)
		if err != nil {
			return nil, &Error{Err: err}
		}
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	return segments, nil
}

// values makes a value safe. There are several where it separates directories; an
// empty one among them begins or ends a directory.
func (n *Namer) values(p Piece) (values []string, err error) {
	list := []string{p.Text}
	if n.Split {
		list = strings.Split(p.Text, "/")
	}
	kept := false
	for i, text := range list {
		text = strings.TrimSpace(text)
		switch {
		case len(list) > 1 && (text == "" || text == ".") && i > 0 && i < len(list)-1:
			continue // as in a//b
		case len(list) > 1 && (text == "" || text == "."):
			values = append(values, "")
			continue
		case n.Split && text == "..":
			return nil, fmt.Errorf(`%q: ".." is not allowed in a path`, Excerpt(p.Text, 40))
		}
		value, ok := n.safe(text)
		if !ok && text != "" {
			return nil, fmt.Errorf("%w: %q", ErrNothingLeft, Excerpt(p.Text, 40))
		}
		kept = kept || ok
		values = append(values, value)
	}
	if !kept {
		return nil, errors.New("the value is empty")
	}
	if used := strings.Join(values, "/"); used != p.Text && n.Changed != nil {
		n.Changed(p.Variable, p.Text, used)
	}
	return values, nil
}

// safe replaces what a name must not have. It reports false if nothing else is left.
func (n *Namer) safe(value string) (string, bool) {
	var out strings.Builder
	kept := false
	for _, c := range value {
		switch {
		case unsafeRune(c) || !n.Unix && strings.ContainsRune(refusedByWindows, c):
			c = replacement
		case c != '.' && !unicode.IsSpace(c):
			kept = true
		}
		out.WriteRune(c)
	}
	return out.String(), kept
}

// refusedByWindows are characters that names have elsewhere.
const refusedByWindows = `<>:"|?*`

// unsafeRune reports separators, control and formatting characters (those that
// turn the direction of writing among them), and broken UTF-8.
func unsafeRune(c rune) bool {
	switch c {
	case '/', '\\', utf8.RuneError:
		return true
	}
	return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// segment joins the runs of one part of a path. A part that the settings spell is
// left as it is. A value must not hide it, nor end it in a dot or make it the name of
// a device where the system may be Windows, nor make it too long.
func (n *Namer) segment(runs []run) (string, error) {
	var whole strings.Builder
	first, last := -1, 0 // bytes of values
	for _, r := range runs {
		if r.value && first < 0 {
			first = whole.Len()
		}
		whole.WriteString(r.text)
		if r.value {
			last = whole.Len()
		}
	}
	name := whole.String()
	if first < 0 {
		if name == "." {
			return "", nil
		}
		if name == ".." {
			return "", errors.New(`".." is not allowed in a path`)
		}
		return name, nil
	}
	if first == 0 && name[0] == '.' {
		name = string(replacement) + name[1:]
	}
	if !n.Unix {
		if last == len(name) {
			name = strings.TrimRight(name, ". ")
		}
		stem, _, _ := strings.Cut(name, ".")
		if first < len(stem) && reserved[strings.ToUpper(strings.TrimRight(stem, " "))] {
			name = string(replacement) + name
		}
	}
	name = fit(name, MaxName)
	switch {
	case strings.Trim(name, ". ") == "":
		return "", ErrNothingLeft
	case name[0] == '.' && first == 0, strings.Contains(name, "/"):
		return "", fmt.Errorf("%q is not a safe name", name)
	}
	if whole := whole.String(); name != whole && n.Changed != nil {
		n.Changed("", whole, name)
	}
	return name, nil
}

// reserved are the device names of Windows, which no file can have there,
// whatever its extension. The superscript digits count as digits.
var reserved = func() map[string]bool {
	names := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true, "CLOCK$": true, "CONIN$": true, "CONOUT$": true}
	for _, digit := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "¹", "²", "³"} {
		names["COM"+digit], names["LPT"+digit] = true, true
	}
	return names
}()

// MaxExtension is how long an extension can be that is kept when a name is cut.
const MaxExtension = 16

// fit shortens a name to the number of bytes.
func fit(name string, most int) string {
	if len(name) <= most {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > MaxExtension {
		extension = ""
	}
	sum := sha256.Sum256([]byte(name))
	tail := "~" + hex.EncodeToString(sum[:4]) + extension
	return strings.TrimRight(Shorten(name[:len(name)-len(extension)], most-len(tail)), ". ") + tail
}

// Shorten cuts a text to the number of bytes, between two characters.
func Shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Excerpt is the beginning of a text for a message, of at most so many bytes, with an ellipsis
// where it was cut: what cuts secrets out of messages looks for their beginnings before one.
func Excerpt(text string, most int) string {
	if cut := Shorten(text, most); len(cut) < len(text) {
		return cut + "…"
	}
	return text
}

// Numbered is the name with -n before its extension.
func Numbered(name string, n int) string {
	extension := path.Ext(name)
	if extension == name {
		extension = ""
	}
	tail := fmt.Sprintf("-%d%s", n, extension)
	return fit(strings.TrimSuffix(name, extension), MaxName-len(tail)) + tail
}

// MaxNumber ends the search for a free name.
const MaxNumber = 99999

// Join is the path of a name in a directory.
func Join(directory, name string) string {
	switch directory {
	case "":
		return name
	case "/":
		return "/" + name
	}
	return directory + "/" + name
}

// Probe is a hidden file that shows whether files can be deleted. Where they cannot,
// it stays: one in each directory.
const Probe = ".exportpipeline-probe"
