// Package longtext works on texts of any length, piece by piece, so that a run whose
// context has ended does not go on to the end of a text: a stranger's reply may be a
// single text of 60 MB.
//
// What it returns is what package strings returns for the whole text.
package longtext

import (
	"strings"
	"unicode/utf8"
)

// Piece is how many bytes are gone over without a look, about.
const Piece = 1 << 20

// Look is called when so many bytes have been gone over. Its error ends the work, and is
// returned. Nobody calls it for a text that is shorter than [Piece].
type Look func(bytes int) error

// Pieces calls f with the pieces of a text, none of which ends within a character, and look
// between them. An error of either ends it.
func Pieces(text string, look Look, f func(piece string) error) error {
	for len(text) > Piece {
		n := Piece
		for back := 0; back < utf8.UTFMax-1 && !utf8.RuneStart(text[n]); back++ {
			n--
		}
		if err := f(text[:n]); err != nil {
			return err
		}
		if err := look(n); err != nil {
			return err
		}
		text = text[n:]
	}
	return f(text)
}

// Runes calls f with the characters of a text until it returns false.
func Runes(text string, look Look, f func(r rune) bool) error {
	more := true
	return Pieces(text, func(n int) error {
		if !more {
			return nil
		}
		return look(n)
	}, func(piece string) error {
		for _, r := range piece {
			if !more {
				return nil
			}
			more = f(r)
		}
		return nil
	})
}

// RuneCount returns the number of characters.
func RuneCount(text string, look Look) (n int, err error) {
	err = Pieces(text, look, func(piece string) error {
		n += utf8.RuneCountInString(piece)
		return nil
	})
	return n, err
}

// Index returns where a part is first, -1 if it is not there.
func Index(text, part string, look Look) (int, error) {
	step := max(Piece, len(part))
	for from := 0; ; from += step {
		end := from + step + len(part) - 1
		if end >= len(text) || part == "" {
			return after(from, strings.Index(text[from:], part)), nil
		}
		if i := strings.Index(text[from:end], part); i >= 0 {
			return from + i, nil
		}
		if err := look(step); err != nil {
			return -1, err
		}
	}
}

// LastIndex returns where a part is last, -1 if it is not there.
func LastIndex(text, part string, look Look) (int, error) {
	step := max(Piece, len(part))
	for end := len(text); ; end -= step {
		from := end - step - len(part) + 1
		if from <= 0 || part == "" {
			return strings.LastIndex(text[:end], part), nil
		}
		if i := strings.LastIndex(text[from:end], part); i >= 0 {
			return from + i, nil
		}
		if err := look(step); err != nil {
			return -1, err
		}
	}
}

// after is an index in a text that begins at from, -1 for none.
func after(from, i int) int {
	if i < 0 {
		return -1
	}
	return from + i
}

// Each calls f with where a part is, from left to right; none overlaps another one. The part
// must not be empty.
func Each(text, part string, look Look, f func(at int) bool) error {
	looked := 0
	for at := 0; at+len(part) <= len(text); {
		if at-looked >= Piece {
			if err := look(at - looked); err != nil {
				return err
			}
			looked = at
		}
		window := text[at:min(len(text), at+max(Piece, len(part))+len(part)-1)]
		last := 0 // where the latest match in the window ends
		for i := 0; i >= 0; {
			if i = strings.Index(window[last:], part); i < 0 {
				break
			}
			if !f(at + last + i) {
				return nil
			}
			last += i + len(part)
		}
		at += max(last, len(window)-len(part)+1)
	}
	return nil
}

// Count returns how often a part is in a text, as [strings.Count] does.
func Count(text, part string, look Look) (n int, err error) {
	switch len(part) {
	case 0:
		n, err = RuneCount(text, look)
		return n + 1, err
	case 1:
		err = Pieces(text, look, func(piece string) error {
			n += strings.Count(piece, part)
			return nil
		})
		return n, err
	}
	err = Each(text, part, look, func(int) bool { n++; return true })
	return n, err
}

// Replace replaces the first n parts of a text, or all of them if n is negative, as
// [strings.Replace] does. It asks may for the length of the result before it is made.
func Replace(text, part, by string, n int, look Look, may func(bytes int64) error) (string, error) {
	there, err := Count(text, part, look)
	if n < 0 || n > there {
		n = there
	}
	if err != nil || n == 0 || part == by {
		return text, err
	}
	size := int64(len(text)) + int64(n)*int64(len(by)-len(part))
	if err := may(size); err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(int(size))
	if part == "" {
		err := betweenRunes(&b, text, by, n, look)
		return b.String(), err
	}
	from := 0
	err = Each(text, part, look, func(at int) bool {
		b.WriteString(text[from:at])
		b.WriteString(by)
		from = at + len(part)
		n--
		return n > 0
	})
	b.WriteString(text[from:])
	return b.String(), err
}

// betweenRunes puts a text before each of the first n characters; the end counts as one.
func betweenRunes(b *strings.Builder, text, put string, n int, look Look) error {
	err := Pieces(text, look, func(piece string) error {
		from := 0
		for at := range piece {
			if n == 0 {
				break
			}
			b.WriteString(piece[from:at])
			b.WriteString(put)
			from = at
			n--
		}
		b.WriteString(piece[from:])
		return nil
	})
	if n > 0 {
		b.WriteString(put)
	}
	return err
}
