package shadow

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Difference is where two texts differ, of a hosted chain and of the chain here.
type Difference struct {
	// Hosted and Here are the sizes in bytes, -1 for what one of them has not.
	Hosted, Here int
	// Offset is the first byte that differs, and Line the line that it is in, from 1.
	Offset, Line int
	// HostedText and HereText are what stands there, a few dozen bytes without secrets.
	// Both are empty where only a secret differs, and for what cannot be shown.
	HostedText, HereText string
	// Diff is a unified diff of the lines, without secrets; "" for what cannot be shown.
	Diff string
}

// String says the place, and what stands there.
func (d Difference) String() string {
	place := fmt.Sprintf("byte %d, line %d", d.Offset, d.Line)
	if d.HostedText == "" && d.HereText == "" {
		return fmt.Sprintf("%s, in what is not shown (%d and %d bytes)", place, d.Hosted, d.Here)
	}
	return fmt.Sprintf("%s: hosted %q, here %q (%d and %d bytes)", place, d.HostedText, d.HereText, d.Hosted, d.Here)
}

const (
	excerpt  = 40      // how many bytes of a difference are shown
	maxShown = 1 << 20 // how many bytes a text may have to be shown at all
)

// difference finds the first byte in which two texts differ. clean cuts out secrets; it
// gets the texts whole, since the half of a secret cannot be recognised.
func difference(hosted, here []byte, clean func([]byte) (string, bool)) (d Difference, differs bool) {
	if bytes.Equal(hosted, here) {
		return d, false
	}
	at := common(hosted, here)
	d = Difference{Hosted: len(hosted), Here: len(here), Offset: at, Line: bytes.Count(here[:at], []byte("\n")) + 1}
	hostedText, ok := clean(hosted)
	hereText, also := clean(here)
	if ok && also {
		d.HostedText, d.HereText = excerpts(hostedText, hereText)
		d.Diff = unified(hostedText, hereText)
	}
	return d, true
}

// common is how many bytes two texts have in common at their beginnings.
func common[T ~string | ~[]byte](a, b T) int {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at
}

// excerpts cuts out what two texts have where they differ.
func excerpts(hosted, here string) (string, string) {
	if hosted == here {
		return "", ""
	}
	at := common(hosted, here)
	for at > 0 && !(utf8.RuneStart(byteAt(hosted, at)) && utf8.RuneStart(byteAt(here, at))) {
		at-- // to the beginning of a character
	}
	cut := func(text string) string { return strings.ToValidUTF8(text[at:min(len(text), at+excerpt)], "") }
	return cut(hosted), cut(here)
}

func byteAt(text string, at int) byte {
	if at < len(text) {
		return text[at]
	}
	return 0
}

// Bounds of a diff that people read.
const (
	around   = 2         // lines that are shown before and after a change
	maxLines = 40        // of the diff
	maxWidth = 200       // of a line, in bytes
	maxTable = 4_000_000 // cells of the table of common lines
)

// unified returns a unified diff of two texts, "" if they are equal.
func unified(hosted, here string) string {
	if hosted == here {
		return ""
	}
	a, b := lines(hosted), lines(here)
	var out []string
	for _, h := range hunks(script(a, b)) {
		out = append(out, h...)
	}
	if len(out) > maxLines {
		out = append(out[:maxLines], fmt.Sprintf("(%d further lines)", len(out)-maxLines))
	}
	for i, line := range out {
		if len(line) > maxWidth {
			out[i] = strings.ToValidUTF8(line[:maxWidth], "") + "…"
		}
	}
	return strings.Join(out, "\n") + "\n"
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// edit is a line of a diff: ' ' for both, '-' for hosted, '+' for here.
type edit struct {
	kind byte
	text string
}

// script is how the lines a become the lines b, by their longest common subsequence.
func script(a, b []string) (all []edit) {
	begin := 0
	for begin < len(a) && begin < len(b) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < len(a)-begin && end < len(b)-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	for _, line := range a[:begin] {
		all = append(all, edit{' ', line})
	}
	all = append(all, middle(a[begin:len(a)-end], b[begin:len(b)-end])...)
	for _, line := range a[len(a)-end:] {
		all = append(all, edit{' ', line})
	}
	return all
}

func middle(a, b []string) (all []edit) {
	longest := table(a, b)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j] && longest != nil:
			all = append(all, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || longest == nil || longest[i+1][j] >= longest[i][j+1]):
			all = append(all, edit{'-', a[i]})
			i++
		default:
			all = append(all, edit{'+', b[j]})
			j++
		}
	}
	return all
}

// table has the lengths of the longest common subsequences of the rests of a and b; nil if
// it would be too large, which makes one block of all lines.
func table(a, b []string) [][]int32 {
	if len(a)*len(b) > maxTable {
		return nil
	}
	longest := make([][]int32, len(a)+1)
	for i := range longest {
		longest[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	return longest
}

// hunks are the changes with some lines around them, each below its place.
func hunks(all []edit) (out [][]string) {
	for at := 0; at < len(all); {
		if all[at].kind == ' ' {
			at++
			continue
		}
		from, to := max(0, at-around), at
		for next := at; next < len(all) && next <= to+2*around; next++ {
			if all[next].kind != ' ' {
				to = next
			}
		}
		at = min(len(all), to+1+around)
		out = append(out, hunk(all, from, at))
	}
	return out
}

func hunk(all []edit, from, to int) []string {
	count := func(part []edit, without byte) (n int) {
		for _, e := range part {
			if e.kind != without {
				n++
			}
		}
		return n
	}
	shown := []string{fmt.Sprintf("@@ -%d,%d +%d,%d @@",
		count(all[:from], '+')+1, count(all[from:to], '+'), count(all[:from], '-')+1, count(all[from:to], '-'))}
	for _, e := range all[from:to] {
		shown = append(shown, string(e.kind)+e.text)
	}
	return shown
}
