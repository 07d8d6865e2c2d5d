package charset

import (
	_ "embed" // the names
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// nameList has, line by line, a registry (IANA's, or that of the WHATWG), a table of ours,
// and the names by which the registry knows it; those with an underscore are left out,
// since it has become a hyphen. The registries of golang.org/x/text, which a test compares
// it with, bring their tables into every program that imports them.
//
//go:embed names.txt
var nameList string

var registries onuse.Value[map[string]map[string]string]

// readRegistries returns the tables by registry and name.
func readRegistries() map[string]map[string]string {
	all := map[string]map[string]string{"iana": {}, "html": {}}
	for line := range strings.Lines(nameList) {
		words := strings.Fields(line)
		for _, name := range words[2:] {
			all[words[0]][name] = words[1]
		}
	}
	return all
}

// table returns the table of a name of ours, nil for "".
func table(name string) encoding.Encoding {
	switch name {
	case "ascii":
		return ascii{charmap.ISO8859_1}
	case "utf-8":
		return unicode.UTF8
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf-16be-bom":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "big5":
		return traditionalchinese.Big5
	case "gbk":
		return simplifiedchinese.GBK
	case "gb18030":
		return simplifiedchinese.GB18030
	case "hz":
		return simplifiedchinese.HZGB2312
	case "euc-kr":
		return korean.EUCKR
	case "euc-jp":
		return japanese.EUCJP
	case "iso-2022-jp":
		return japanese.ISO2022JP
	case "shift-jis":
		return japanese.ShiftJIS
	case "iso-8859-6e":
		return charmap.ISO8859_6E
	case "iso-8859-6i":
		return charmap.ISO8859_6I
	case "iso-8859-8e":
		return charmap.ISO8859_8E
	case "iso-8859-8i":
		return charmap.ISO8859_8I
	}
	if c := singles.Get(singleBytes)[name]; c != nil {
		return c
	}
	return nil
}

var singles onuse.Value[map[string]*charmap.Charmap]

// singleBytes returns the tables of charsets whose characters are a byte each.
func singleBytes() map[string]*charmap.Charmap {
	return map[string]*charmap.Charmap{
		"cp037": charmap.CodePage037, "cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp855": charmap.CodePage855,
		"cp858": charmap.CodePage858, "cp860": charmap.CodePage860, "cp862": charmap.CodePage862, "cp863": charmap.CodePage863, "cp865": charmap.CodePage865,
		"cp866": charmap.CodePage866, "cp1047": charmap.CodePage1047, "cp1140": charmap.CodePage1140,
		"iso-8859-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-3": charmap.ISO8859_3, "iso-8859-4": charmap.ISO8859_4, "iso-8859-5": charmap.ISO8859_5,
		"iso-8859-6": charmap.ISO8859_6, "iso-8859-7": charmap.ISO8859_7, "iso-8859-8": charmap.ISO8859_8, "iso-8859-9": charmap.ISO8859_9, "iso-8859-10": charmap.ISO8859_10,
		"iso-8859-13": charmap.ISO8859_13, "iso-8859-14": charmap.ISO8859_14, "iso-8859-15": charmap.ISO8859_15, "iso-8859-16": charmap.ISO8859_16,
		"koi8-r": charmap.KOI8R, "koi8-u": charmap.KOI8U, "macintosh": charmap.Macintosh, "macintosh-cyrillic": charmap.MacintoshCyrillic,
		"windows-874": charmap.Windows874, "windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
		"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1255": charmap.Windows1255, "windows-1256": charmap.Windows1256,
		"windows-1257": charmap.Windows1257, "windows-1258": charmap.Windows1258, "x-user-defined": charmap.XUserDefined,
	}
}

// ascii decodes what is not ASCII as U+FFFD.
type ascii struct{ encoding.Encoding }

// NewDecoder implements [encoding.Encoding].
func (ascii) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: transform.Chain(charmap.ISO8859_1.NewDecoder(), runes.Map(func(r rune) rune {
		if r > 0x7f {
			return '\ufffd'
		}
		return r
	}))}
}

// further are names of Python's codecs that neither registry has.
func further(name string) encoding.Encoding {
	switch name {
	case "latin9", "l9":
		return charmap.ISO8859_15
	case "latin10", "l10":
		return charmap.ISO8859_16
	case "macroman", "mac-roman":
		return charmap.Macintosh
	case "mac-cyrillic", "maccyrillic":
		return charmap.MacintoshCyrillic
	case "cp858", "858", "ibm858":
		return charmap.CodePage858
	case "cp932", "932", "ms932", "mskanji", "ms-kanji", "s-jis":
		return japanese.ShiftJIS
	}
	return nil
}
