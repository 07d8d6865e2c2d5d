package jinja

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

func filterWordwrap(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_wordwrap", 1, "s", "width", "break_long_words", "wrapstring", "break_on_hyphens"); err != nil {
		return value{}, err
	}
	width, err := intArgument(c, 1, "width", 79)
	if err != nil {
		return value{}, err
	}
	separator := "\n"
	if v := argument(c, 3, "wrapstring", value{}); pyvalue.Truth(v) {
		separator = v.Text()
	}
	w := wrapper{width: width, breakLong: pyvalue.Truth(argument(c, 2, "break_long_words", pyvalue.Bool(true))), onHyphens: pyvalue.Truth(argument(c, 4, "break_on_hyphens", pyvalue.Bool(true))), meter: f.meter}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if !v.IsText() {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'splitlines'", pyvalue.TypeName(v))
	}
	if err := f.meter.Grow(int64(len(v.Text())) * (1 + int64(len(separator)))); err != nil {
		return value{}, err
	}
	var out []string
	for _, line := range pyvalue.SplitLines(v.Text(), false) {
		if width <= 0 {
			return value{}, pyvalue.Raise("ValueError", "invalid width %d (must be > 0)", width)
		}
		lines, err := w.wrap(line)
		if err != nil {
			return value{}, err
		}
		out = append(out, strings.Join(lines, separator))
	}
	return pyvalue.Str(strings.Join(out, separator)), nil
}

// wrapper is textwrap.TextWrapper as the filter uses it: white space is kept.
type wrapper struct {
	width     int
	breakLong bool
	onHyphens bool
	meter     *pyvalue.Meter
}

func (w wrapper) wrap(text string) ([]string, error) {
	chunks, err := w.chunks(text)
	if err != nil {
		return nil, err
	}
	slices.Reverse(chunks)
	var lines []string
	for len(chunks) > 0 {
		var line []string
		length, blank := 0, 0
		if len(lines) > 0 {
			next := chunks[len(chunks)-1]
			if blank = leadingSpace(next); blank == len(next) {
				chunks = chunks[:len(chunks)-1]
			}
		}
		for len(chunks) > 0 {
			next := chunks[len(chunks)-1]
			if head(next, w.width-length) < len(next) {
				break
			}
			line, length = append(line, next), length+utf8.RuneCountInString(next)
			chunks = chunks[:len(chunks)-1]
		}
		if len(chunks) > 0 && head(chunks[len(chunks)-1], w.width) < len(chunks[len(chunks)-1]) {
			line, chunks = w.longWord(line, chunks, length)
		}
		if len(line) > 0 && leadingSpace(line[len(line)-1]) == len(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
		if err := w.meter.Step(1 + int64(blank/bytesPerStep)); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// bytesPerStep is how much white space is looked through in one step.
const bytesPerStep = 256

// leadingSpace is the size of the white space that a text begins with.
func leadingSpace(text string) int {
	return len(text) - len(strings.TrimLeftFunc(text, ucd.IsSpace))
}

// head is the size of the first characters of a text, of which only those are looked at: a
// word of a million characters is cut as many times.
func head(text string, characters int) int {
	for i := range text {
		if characters == 0 {
			return i
		}
		characters--
	}
	return len(text)
}

func isTextwrapSpace(r rune) bool { return strings.ContainsRune("\t\n\x0b\x0c\r ", r) }

// longWord takes of a word that is longer than a line what has room in this one.
func (w wrapper) longWord(line, chunks []string, length int) ([]string, []string) {
	last := len(chunks) - 1
	word := chunks[last]
	switch {
	case w.breakLong:
		end := head(word, w.width-length) // 0 adds an empty piece, which keeps the white space before it
		if hyphen := strings.LastIndexByte(word[:end], '-'); w.onHyphens && hyphen > 0 && strings.Trim(word[:hyphen], "-") != "" {
			end = hyphen + 1
		}
		return append(line, word[:end]), append(chunks[:last], word[end:])
	case len(line) == 0:
		return append(line, word), chunks[:last]
	}
	return line, chunks
}

// chunks splits a text where a line may be broken: at white space, and behind
// hyphens within words. They are a value that is too large as others are.
func (w wrapper) chunks(text string) ([]string, error) {
	var chunks []string
	for text != "" {
		err := w.meter.Step(1)
		if err == nil {
			err = w.meter.Fits(int64(len(chunks)) * costOfChunk)
		}
		if err != nil {
			return nil, err
		}
		space := isTextwrapSpace(rune(text[0]))
		end := strings.IndexFunc(text, func(r rune) bool { return isTextwrapSpace(r) != space })
		if end < 0 {
			end = len(text)
		}
		if space || !w.onHyphens {
			chunks = append(chunks, text[:end])
		} else {
			chunks = append(chunks, hyphenated(text[:end])...)
		}
		text = text[end:]
	}
	return chunks, nil
}

// costOfChunk is what a chunk costs in bytes besides its text.
const costOfChunk = 16

// hyphenated splits behind hyphens between letters, and around dashes of two and
// more.
func hyphenated(word string) []string {
	all := []rune(word)
	var parts []string
	from := 0
	for i := 0; i < len(all); i++ {
		if all[i] != '-' {
			continue
		}
		run := i
		for run < len(all) && all[run] == '-' {
			run++
		}
		if run-i >= 2 {
			if i > from && run < len(all) && isWordPunct(all[i-1]) && isWord(all[run]) {
				parts = append(parts, string(all[from:i]), string(all[i:run]))
				from = run
			}
			i = run - 1
			continue
		}
		if i >= 2 && i+2 < len(all) && isLetter(all[i-1]) && (isLetter(all[i-2]) || i >= 3 && all[i-2] == '-' && isLetter(all[i-3])) &&
			isLetter(all[i+1]) && (isLetter(all[i+2]) || all[i+2] == '-' && i+3 < len(all) && isLetter(all[i+3])) {
			parts = append(parts, string(all[from:i+1]))
			from = i + 1
		}
	}
	if from < len(all) {
		parts = append(parts, string(all[from:]))
	}
	return parts
}

// isLetter is [^\W\d] of Python's re.
func isLetter(r rune) bool { return isWord(r) && !ucd.IsDecimal(r) }

// isWord is \w of Python's re.
func isWord(r rune) bool { return r == '_' || ucd.IsAlnum(r) }

func isWordPunct(r rune) bool { return isWord(r) || strings.ContainsRune(`!"'&.,?`, r) }
