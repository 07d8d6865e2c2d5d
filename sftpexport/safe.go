package sftpexport

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
// is what file systems hold. Longer ones are shortened, and end in a part of
// their hash, so that two that begin alike stay two.
const MaxName = 255

// replacement stands for each character that a name must not have.
const replacement = '_'

var errNothingLeft = errors.New("the value has no character that a file name can have")

// safeValue makes a value fit to be a part of a name: never a separator, never a
// way up, nothing that a terminal or a file system of Windows would not take.
func safeValue(value string) (string, error) {
	var out strings.Builder
	kept := false
	for _, c := range value {
		switch {
		case unsafeRune(c):
			c = replacement
		case c != '.' && !unicode.IsSpace(c):
			kept = true
		}
		out.WriteRune(c)
	}
	if !kept {
		if strings.TrimSpace(value) == "" {
			return "", errors.New("the value is empty")
		}
		return "", fmt.Errorf("%w: %q", errNothingLeft, shorten(value, 40))
	}
	return out.String(), nil
}

// unsafeRune reports separators, control and formatting characters (those that
// turn the direction of writing among them), broken UTF-8, and what Windows
// refuses in names.
func unsafeRune(c rune) bool {
	switch c {
	case '/', '\\', '<', '>', ':', '"', '|', '?', '*', utf8.RuneError:
		return true
	}
	return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// safeName makes a whole name fit: no trailing dot or space, which Windows drops,
// none of its device names, and not too long. Spaces around it go.
func safeName(name string) (string, error) {
	name = strings.TrimRight(strings.TrimSpace(name), ". ")
	if name == "" {
		return "", errNothingLeft
	}
	stem, _, _ := strings.Cut(name, ".")
	if reserved[strings.ToUpper(strings.TrimRight(stem, " "))] {
		name = string(replacement) + name
	}
	return fit(name, MaxName), nil
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

// maxExtension is how long an extension can be that is kept when a name is cut.
const maxExtension = 16

// fit shortens a name to the number of bytes.
func fit(name string, most int) string {
	if len(name) <= most {
		return name
	}
	extension := path.Ext(name)
	if len(extension) > maxExtension {
		extension = ""
	}
	sum := sha256.Sum256([]byte(name))
	tail := "~" + hex.EncodeToString(sum[:4]) + extension
	return strings.TrimRight(shorten(name[:len(name)-len(extension)], most-len(tail)), ". ") + tail
}

// shorten cuts a text to the number of bytes, between two characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// numbered is the name with -n before its extension.
func numbered(name string, n int) string {
	extension := path.Ext(name)
	if extension == name {
		extension = ""
	}
	tail := fmt.Sprintf("-%d%s", n, extension)
	return fit(strings.TrimSuffix(name, extension), MaxName-len(tail)) + tail
}

// splitPath makes each segment of a rendered path safe. Segments of the template
// that are empty or "." go; ".." cannot come out of a value, and the template's
// own is refused.
func splitPath(rendered string) ([]string, error) {
	var segments []string
	for _, segment := range strings.Split(rendered, "/") {
		switch strings.TrimSpace(segment) {
		case "", ".":
			continue
		case "..":
			return nil, errors.New(`".." is not allowed in a path`)
		}
		safe, err := safeName(segment)
		if err != nil {
			return nil, err
		}
		segments = append(segments, safe)
	}
	return segments, nil
}
