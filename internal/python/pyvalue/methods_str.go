package pyvalue

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

var strMethodTable onuse.Value[map[string]method]

func strMethods() map[string]method { return strMethodTable.Get(makeStrMethods) }

func makeStrMethods() map[string]method {
	return map[string]method{
		"capitalize": mapText("capitalize", ucd.CapitalizeWithin), "casefold": mapText("casefold", ucd.CasefoldWithin),
		"lower": mapText("lower", ucd.LowerWithin), "upper": mapText("upper", ucd.UpperWithin),
		"title": mapText("title", ucd.TitleWithin), "swapcase": mapText("swapcase", ucd.SwapcaseWithin),
		"isalnum": testRunes("isalnum", ucd.IsAlnum), "isalpha": testRunes("isalpha", ucd.IsAlpha),
		"isdecimal": testRunes("isdecimal", ucd.IsDecimal), "isdigit": testRunes("isdigit", ucd.IsDigit), "isnumeric": testRunes("isnumeric", ucd.IsNumeric),
		"isspace": testRunes("isspace", ucd.IsSpace), "isascii": strTest("isascii", atOnce(isASCII[string])), "isidentifier": strTest("isidentifier", atOnce(syntax.IsIdentifier)),
		"islower": strTest("islower", isLower), "isupper": strTest("isupper", isUpper), "istitle": strTest("istitle", isTitle),
		"isprintable": strTest("isprintable", allRunes(ucd.IsPrintable)),
		"strip":       strip("strip", true, true), "lstrip": strip("lstrip", true, false), "rstrip": strip("rstrip", false, true),
		"center": strCenter, "ljust": justify("ljust", true), "rjust": justify("rjust", false), "zfill": zfill,
		"count": strCount, "find": find("find", false, false), "rfind": find("rfind", true, false), "index": find("index", false, true), "rindex": find("rindex", true, true),
		"startswith": affix("startswith", strings.HasPrefix), "endswith": affix("endswith", strings.HasSuffix),
		"removeprefix": trimAffix("removeprefix", strings.TrimPrefix), "removesuffix": trimAffix("removesuffix", strings.TrimSuffix),
		"split": split("split", false), "rsplit": split("rsplit", true), "splitlines": splitlines,
		"partition": partition("partition", false), "rpartition": partition("rpartition", true),
		"replace": strReplace, "join": strJoin, "expandtabs": expandtabs, "encode": strEncode,
		"format": strFormat, "format_map": strFormatMap, "translate": translate, "maketrans": maketrans,
	}
}

func mapText(name string, f func(string, longtext.Look) (string, error)) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "str."+name, 0, 0); err != nil {
			return Value{}, err
		}
		if err := m.Grow(int64(len(v.Text()))); err != nil {
			return Value{}, err
		}
		text, err := f(v.Text(), m.Look)
		if err == nil {
			err = m.Fits(int64(len(text))) // which may have three characters for one
		}
		return like(v, text), err
	}
}

// textTest says something about a text, which may be long.
type textTest func(s string, look longtext.Look) (bool, error)

func strTest(name string, f textTest) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "str."+name, 0, 0); err != nil {
			return Value{}, err
		}
		if err := m.Step(int64(len(v.Text())) / 64); err != nil {
			return Value{}, err
		}
		is, err := f(v.Text(), m.Look)
		return Bool(is), err
	}
}

// atOnce is a test that takes little time for any text.
func atOnce(f func(string) bool) textTest {
	return func(s string, _ longtext.Look) (bool, error) { return f(s), nil }
}

func allRunes(f func(rune) bool) textTest {
	return func(s string, look longtext.Look) (all bool, err error) {
		all = true
		err = longtext.Runes(s, look, func(r rune) bool {
			all = f(r)
			return all
		})
		return all, err
	}
}

func testRunes(name string, f func(rune) bool) method {
	all := allRunes(f)
	return strTest(name, func(s string, look longtext.Look) (bool, error) {
		is, err := all(s, look)
		return is && s != "", err
	})
}

func isLower(s string, look longtext.Look) (cased bool, err error) {
	return casedAs(s, look, func(r rune) bool { return !ucd.IsUpper(r) && !ucd.IsTitle(r) }, ucd.IsLower)
}

func isUpper(s string, look longtext.Look) (cased bool, err error) {
	return casedAs(s, look, func(r rune) bool { return !ucd.IsLower(r) && !ucd.IsTitle(r) }, ucd.IsUpper)
}

// casedAs reports whether all characters may be in a text, and one has the case.
func casedAs(s string, look longtext.Look, may, has func(rune) bool) (cased bool, err error) {
	all := true
	err = longtext.Runes(s, look, func(r rune) bool {
		all = may(r)
		cased = cased || all && has(r)
		return all
	})
	return all && cased, err
}

func isTitle(s string, look longtext.Look) (bool, error) {
	cased, previous, right := false, false, true
	err := longtext.Runes(s, look, func(r rune) bool {
		switch {
		case ucd.IsUpper(r) || ucd.IsTitle(r):
			right = !previous
			previous, cased = true, true
		case ucd.IsLower(r):
			right = previous
			cased = true
		default:
			previous = false
		}
		return right
	})
	return cased && right, err
}

// oneOf reports whether a character is one of a text, which may be long.
func oneOf(m *Meter, set string) (func(rune) bool, error) {
	const few = 16
	if len(set) <= few {
		return func(r rune) bool { return strings.ContainsRune(set, r) }, nil
	}
	is := make(map[rune]bool)
	err := longtext.Runes(set, m.Look, func(r rune) bool {
		is[r] = true
		return true
	})
	return func(r rune) bool { return is[r] }, err
}

func strip(name string, left, right bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, name, 0, 1); err != nil {
			return Value{}, err
		}
		drop := ucd.IsSpace
		if len(c.Args) == 1 && !c.Args[0].IsNone() {
			if !c.Args[0].IsText() {
				return Value{}, typeError("%s arg must be None or str", name)
			}
			var err error
			if drop, err = oneOf(m, c.Args[0].Text()); err != nil {
				return Value{}, err
			}
		}
		text := v.Text()
		if left {
			text = strings.TrimLeftFunc(text, drop)
		}
		if right {
			text = strings.TrimRightFunc(text, drop)
		}
		return like(v, text), nil
	}
}

// padArgs reads width and fill character.
func padArgs(m *Meter, v Value, c *Call, name string) (missing int, fill string, err error) {
	if err = positional(c, name, 1, 2); err != nil {
		return
	}
	width, err := argInt(c.Args[0])
	if err != nil {
		return
	}
	fill = " "
	if len(c.Args) == 2 {
		if !c.Args[1].IsText() {
			return 0, "", typeError("The fill character must be a unicode character, not %s", TypeName(c.Args[1]))
		}
		if fill = c.Args[1].Text(); utf8.RuneCountInString(fill) != 1 {
			return 0, "", typeError("The fill character must be exactly one character long")
		}
	}
	missing = max(0, max(0, width)-utf8.RuneCountInString(v.Text()))
	if err = m.GrowParts(int64(len(fill)), int64(missing)); err == nil && missing > math.MaxInt32 {
		err = Raise("MemoryError", "")
	}
	return
}

func strCenter(m *Meter, v Value, c *Call) (Value, error) {
	missing, fill, err := padArgs(m, v, c, "center")
	if err != nil {
		return Value{}, err
	}
	width := missing + utf8.RuneCountInString(v.Text())
	left := missing/2 + missing&width&1
	return like(v, strings.Repeat(fill, left)+v.Text()+strings.Repeat(fill, missing-left)), nil
}

func justify(name string, left bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		missing, fill, err := padArgs(m, v, c, name)
		if err != nil {
			return Value{}, err
		}
		if left {
			return like(v, v.Text()+strings.Repeat(fill, missing)), nil
		}
		return like(v, strings.Repeat(fill, missing)+v.Text()), nil
	}
}

func zfill(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "str.zfill", 1, 1); err != nil {
		return Value{}, err
	}
	missing, _, err := padArgs(m, v, c, "zfill")
	if err != nil {
		return Value{}, err
	}
	text := v.Text()
	sign := ""
	if text != "" && (text[0] == '+' || text[0] == '-') && missing > 0 {
		sign, text = text[:1], text[1:]
	}
	return like(v, sign+strings.Repeat("0", missing)+text), nil
}

// window applies the start and end arguments of count, find and their kind. It
// returns the text between them and the code point that it begins at.
func window(text string, args []Value) (string, int, bool, error) {
	n := utf8.RuneCountInString(text)
	bounds := []Value{{}, {}}
	copy(bounds, args)
	from, to, _, err := sliceBounds(n, bounds[0], bounds[1], Value{})
	if err != nil {
		return "", 0, false, err
	}
	if len(args) > 0 && !args[0].IsNone() {
		if i, ok := args[0].Int64(); ok && i > int64(n) {
			return "", 0, false, nil
		}
	}
	if from > to {
		return "", 0, false, nil
	}
	begin := offset(text, from)
	return text[begin : begin+offset(text[begin:], to-from)], from, true, nil
}

func strCount(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "count", 1, 3); err != nil {
		return Value{}, err
	}
	if !c.Args[0].IsText() {
		return Value{}, typeError("must be str, not %s", TypeName(c.Args[0]))
	}
	text, _, inside, err := window(v.Text(), c.Args[1:])
	if err != nil || !inside {
		return Int(0), err
	}
	n, err := longtext.Count(text, c.Args[0].Text(), m.Look)
	return Int(int64(n)), err
}

func find(name string, last, must bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, name, 1, 3); err != nil {
			return Value{}, err
		}
		if !c.Args[0].IsText() {
			return Value{}, typeError("must be str, not %s", TypeName(c.Args[0]))
		}
		text, from, inside, err := window(v.Text(), c.Args[1:])
		if err != nil {
			return Value{}, err
		}
		at := -1
		if inside && last {
			at, err = longtext.LastIndex(text, c.Args[0].Text(), m.Look)
		} else if inside {
			at, err = longtext.Index(text, c.Args[0].Text(), m.Look)
		}
		if err != nil {
			return Value{}, err
		}
		if at < 0 {
			if must {
				return Value{}, valueError("substring not found")
			}
			return Int(-1), nil
		}
		return Int(int64(from + utf8.RuneCountInString(text[:at]))), nil
	}
}

func affix(name string, has func(text, part string) bool) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, name, 1, 3); err != nil {
			return Value{}, err
		}
		candidates := []Value{c.Args[0]}
		if c.Args[0].Kind() == KindTuple {
			candidates, _ = c.Args[0].Items()
		} else if !c.Args[0].IsText() {
			return Value{}, typeError("%s first arg must be str or a tuple of str, not %s", name, TypeName(c.Args[0]))
		}
		text, _, inside, err := window(v.Text(), c.Args[1:])
		if err != nil {
			return Value{}, err
		}
		for _, part := range candidates {
			if err := m.Step(1); err != nil {
				return Value{}, err
			}
			if !part.IsText() {
				return Value{}, typeError("tuple for %s must only contain str, not %s", name, TypeName(part))
			}
			if inside && has(text, part.Text()) {
				return Bool(true), nil
			}
		}
		return Bool(false), nil
	}
}

func trimAffix(name string, trim func(text, part string) string) method {
	return func(_ *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "str."+name, 1, 1); err != nil {
			return Value{}, err
		}
		if !c.Args[0].IsText() {
			return Value{}, typeError("%s() argument must be str, not %s", name, TypeName(c.Args[0]))
		}
		return like(v, trim(v.Text(), c.Args[0].Text())), nil
	}
}
