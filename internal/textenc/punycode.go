package textenc

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// ErrLabel is an error of idna, in Python's words.
type ErrLabel string

func (e ErrLabel) Error() string { return string(e) }

// Punycode's parameters (RFC 3492, 5).
const (
	punyBase, punyMin, punyMax          = 36, 1, 26
	punySkew, punyDamp, punyBias, punyN = 38, 700, 72, 128
	punyDigits                          = "abcdefghijklmnopqrstuvwxyz0123456789"
)

func punyAdapt(delta int64, count int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / int64(count)
	k := 0
	for ; delta > (punyBase-punyMin)*punyMax/2; k += punyBase {
		delta /= punyBase - punyMin
	}
	return k + int((punyBase-punyMin+1)*delta/(delta+punySkew))
}

func punyThreshold(k, bias int) int { return min(max(k-bias, punyMin), punyMax) }

func encodePunycode(text string) ([]byte, error) {
	var out []byte
	all := []rune(text)
	for _, r := range all {
		if r < punyN {
			out = append(out, byte(r))
		}
	}
	done := len(out)
	if done > 0 {
		out = append(out, '-')
	}
	n, delta, bias, basic := rune(punyN), int64(0), punyBias, done
	for done < len(all) {
		next := rune(utf8.MaxRune)
		for _, r := range all {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int64(next-n) * int64(done+1)
		n = next
		for _, r := range all {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := punyBase; ; k += punyBase {
				t := int64(punyThreshold(k, bias))
				if q < t {
					break
				}
				out = append(out, punyDigits[t+(q-t)%(punyBase-t)])
				q = (q - t) / (punyBase - t)
			}
			out = append(out, punyDigits[q])
			bias = punyAdapt(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return out, nil
}

// decodePunycode returns the text, and the place of a fault, or -1.
func decodePunycode(data string) (string, int) {
	base, digits := "", data
	if at := strings.LastIndexByte(data, '-'); at >= 0 {
		base, digits = data[:at], data[at+1:]
	}
	out := []rune(base)
	n, at, bias, first := punyN, int64(0), punyBias, true
	for i := 0; i < len(digits); {
		before, w := at, int64(1)
		for k := punyBase; ; k += punyBase {
			if i == len(digits) {
				return "", i
			}
			digit := strings.IndexByte(punyDigits, digits[i]|0x20*(digits[i]>>6&1))
			if digit < 0 {
				return "", i
			}
			i++
			at += int64(digit) * w
			t := punyThreshold(k, bias)
			if digit < t {
				break
			}
			if w *= int64(punyBase - t); w > 1<<40 || at > 1<<40 {
				return "", i
			}
		}
		bias = punyAdapt(at-before, len(out)+1, first)
		first = false
		here := int64(len(out) + 1)
		if n += int(min(at/here, utf8.MaxRune+1)); n > utf8.MaxRune || n >= 0xd800 && n < 0xe000 {
			return "", i
		}
		at %= here
		out = slices.Insert(out, int(at), rune(n))
		at++
	}
	return string(out), -1
}

// prepared is what nameprep needs (RFC 3491), as Python's stringprep has it.
type prepared struct {
	Mapped                  map[string]string
	Prohibited, Right, Left [][2]rune
	Unassigned              [][2]rune // in Unicode 3.2
	mapped                  map[rune]string
}

var preparedTable onuse.Value[preparedOrFault]

type preparedOrFault struct {
	*prepared
	err error
}

func nameprepTables() (*prepared, error) {
	known := preparedTable.Get(func() (p preparedOrFault) {
		p.prepared, p.err = readNameprep()
		return p
	})
	return known.prepared, known.err
}

func readNameprep() (*prepared, error) {
	data, err := member("nameprep.json")
	if err != nil {
		return nil, err
	}
	p := &prepared{mapped: make(map[rune]string)}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, err
	}
	for point, text := range p.Mapped {
		n, err := strconv.Atoi(point)
		if err != nil {
			return nil, err
		}
		p.mapped[rune(n)] = text
	}
	return p, nil
}

func within(ranges [][2]rune) func(r rune) bool {
	return func(r rune) bool {
		return slices.ContainsFunc(ranges, func(one [2]rune) bool { return one[0] <= r && r <= one[1] })
	}
}

// normal is NFKC of Unicode 3.2, which leaves alone what it does not know.
func (p *prepared) normal(text string) string {
	unknown := within(p.Unassigned)
	var out strings.Builder
	for text != "" {
		at := strings.IndexFunc(text, unknown)
		if at < 0 {
			at = len(text)
		}
		out.WriteString(norm.NFKC.String(text[:at]))
		_, n := utf8.DecodeRuneInString(text[at:])
		out.WriteString(text[at : at+n])
		text = text[at+n:]
	}
	return out.String()
}

func nameprep(label string) (string, error) {
	p, err := nameprepTables()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range label {
		if text, ok := p.mapped[r]; ok {
			b.WriteString(text)
		} else {
			b.WriteRune(r)
		}
	}
	label = p.normal(b.String())
	if at := strings.IndexFunc(label, within(p.Prohibited)); at >= 0 {
		r, _ := utf8.DecodeRuneInString(label[at:])
		return "", ErrLabel("Invalid character " + strconv.QuoteRune(r))
	}
	if strings.ContainsFunc(label, within(p.Right)) {
		first, _ := utf8.DecodeRuneInString(label)
		last, _ := utf8.DecodeLastRuneInString(label)
		switch right := within(p.Right); {
		case strings.ContainsFunc(label, within(p.Left)):
			return "", ErrLabel("Violation of BIDI requirement 2")
		case !right(first) || !right(last):
			return "", ErrLabel("Violation of BIDI requirement 3")
		}
	}
	return label, nil
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f })
}

const acePrefix = "xn--"

func toASCII(label string) (string, error) {
	if !isASCII(label) {
		var err error
		if label, err = nameprep(label); err != nil {
			return "", err
		}
		if !isASCII(label) {
			if strings.HasPrefix(label, acePrefix) {
				return "", ErrLabel("Label starts with ACE prefix")
			}
			coded, _ := encodePunycode(label)
			label = acePrefix + string(coded)
		}
	}
	if label == "" || len(label) > 63 {
		return "", ErrLabel("label empty or too long")
	}
	return label, nil
}

// dots are what separates labels (RFC 3490, 3.1).
var dots = regexp.MustCompile("[.\u3002\uff0e\uff61]")

// encodeIDNA writes a host's name as Python's idna codec does (IDNA 2003).
func encodeIDNA(text string) ([]byte, error) {
	if isASCII(text) {
		labels := strings.Split(text, ".")
		for i, label := range labels {
			if i < len(labels)-1 && (label == "" || len(label) > 63) {
				return nil, ErrLabel("label empty or too long")
			}
		}
		if len(labels[len(labels)-1]) > 63 {
			return nil, ErrLabel("label too long")
		}
		return []byte(text), nil
	}
	labels := dots.Split(text, -1)
	end := ""
	if labels[len(labels)-1] == "" {
		labels, end = labels[:len(labels)-1], "."
	}
	for i, label := range labels {
		var err error
		if labels[i], err = toASCII(label); err != nil {
			return nil, err
		}
	}
	return []byte(strings.Join(labels, ".") + end), nil
}

// decodeIDNA reads a host's name.
func decodeIDNA(data string) (string, error) {
	if !isASCII(data) {
		return "", errors.New("the name has bytes that are not ASCII")
	}
	labels := strings.Split(data, ".")
	for i, label := range labels {
		if coded, ok := strings.CutPrefix(strings.ToLower(label), acePrefix); ok {
			text, fault := decodePunycode(coded)
			again, err := toASCII(text)
			if fault >= 0 || err != nil || !strings.EqualFold(again, label) {
				return "", ErrLabel("IDNA does not round-trip")
			}
			labels[i] = text
		}
	}
	return strings.Join(labels, "."), nil
}
