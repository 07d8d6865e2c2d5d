package txscript

import (
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/runenames"
	"golang.org/x/text/width"
)

var normalForms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

// unicodeData are the functions of the module unicodedata; None for what a character
// does not have.
func unicodeData(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) < 2 || !c.Args[0].IsText() {
		return value{}, pyvalue.Raise("TypeError", "a function and its argument are required")
	}
	function, text := c.Args[0].Text(), c.Args[len(c.Args)-1]
	if !text.IsText() {
		return value{}, pyvalue.Raise("TypeError", "%s() argument 2 must be str, not %s", function, pyvalue.TypeName(text))
	}
	switch function {
	case "normalize":
		form, ok := normalForms[c.Args[1].Text()]
		if !ok {
			return value{}, pyvalue.Raise("ValueError", "invalid normalization form")
		}
		return normalized(r.meter, form, text.Text())
	case "lookup":
		if ch, ok := runeByName()[text.Text()]; ok {
			return pyvalue.Str(string(ch)), nil
		}
		return value{}, nil
	}
	ch, _ := utf8.DecodeRuneInString(text.Text())
	return characterData(function, ch)
}

// normalized returns a text in a normal form, which may be eighteen times as long. It is made
// in pieces, each of which is counted.
func normalized(m *pyvalue.Meter, form norm.Form, text string) (value, error) {
	const piece = 4 << 10
	var made []byte
	for text != "" {
		at := min(piece, len(text))
		for at < len(text) && !utf8.RuneStart(text[at]) {
			at++ // what belongs together is put together by AppendString
		}
		before := len(made)
		made = form.AppendString(made, text[:at])
		text = text[at:]
		if err := m.Grow(int64(len(made) - before)); err != nil {
			return value{}, err
		}
		if err := m.Fits(int64(len(made))); err != nil {
			return value{}, err
		}
		if err := m.Step(int64(len(made)-before+at) / 8); err != nil {
			return value{}, err
		}
	}
	return pyvalue.Str(string(made)), nil
}

func characterData(function string, ch rune) (value, error) {
	switch function {
	case "category":
		return pyvalue.Str(ucd.Category(ch)), nil
	case "combining":
		return pyvalue.Int(int64(norm.NFD.PropertiesString(string(ch)).CCC())), nil
	case "east_asian_width":
		return pyvalue.Str(eastAsianWidths[width.LookupRune(ch).Kind()]), nil
	case "bidirectional":
		p, _ := bidi.LookupRune(ch)
		return pyvalue.Str(bidiClasses[p.Class()]), nil
	case "name":
		if name := runenames.Name(ch); name != "" && name[0] != '<' {
			return pyvalue.Str(name), nil
		}
		return value{}, nil
	}
	return pyvalue.CharacterNumber(function, ch), nil
}

var eastAsianWidths = map[width.Kind]string{
	width.Neutral: "N", width.EastAsianAmbiguous: "A", width.EastAsianWide: "W", width.EastAsianNarrow: "Na", width.EastAsianFullwidth: "F", width.EastAsianHalfwidth: "H",
}

var bidiClasses = map[bidi.Class]string{
	bidi.L: "L", bidi.R: "R", bidi.EN: "EN", bidi.ES: "ES", bidi.ET: "ET", bidi.AN: "AN", bidi.CS: "CS", bidi.B: "B", bidi.S: "S", bidi.WS: "WS",
	bidi.ON: "ON", bidi.BN: "BN", bidi.NSM: "NSM", bidi.AL: "AL",
}

// runeByName are the characters by their names.
func runeByName() map[string]rune { return runeByNameOnUse.Get(makeRuneByName) }

var runeByNameOnUse onuse.Value[map[string]rune]

func makeRuneByName() map[string]rune {
	all := make(map[string]rune, 34000)
	for ch := rune(0); ch <= unicode.MaxRune; ch++ {
		if name := runenames.Name(ch); name != "" && name[0] != '<' {
			all[name] = ch
		}
	}
	return all
}
