package settings

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Locate returns line and column of a place in a JSON text: of the key of a member, of
// the value of a list's element. Where the text has less than the place, that is where
// something is missing, it is what comes nearest. Both are 0 for a text that is not
// JSON up to there.
func Locate(data []byte, place string) (line, col int) {
	l := &locator{data: data, json: json.NewDecoder(bytes.NewReader(data))}
	l.json.UseNumber()
	l.found = l.begin()
	if l.found >= int64(len(data)) || !l.value(place, 0) {
		return 0, 0
	}
	return position(data, l.found)
}

// locator walks down to a place.
type locator struct {
	data  []byte
	json  *json.Decoder
	found int64 // where the deepest part of the place begins that there is
}

// begin returns where the next key or value begins.
func (l *locator) begin() int64 {
	i := l.json.InputOffset()
	for i < int64(len(l.data)) && strings.IndexByte(" \t\r\n,:", l.data[i]) >= 0 {
		i++
	}
	return i
}

// value looks for the rest of a place in the next value. False means that the text is
// not JSON.
func (l *locator) value(rest string, depth int) bool {
	if rest == "" || depth > maxDepth {
		return true
	}
	t, err := l.json.Token()
	if err != nil {
		return false
	}
	switch {
	case t == json.Delim('{') && rest[0] != '[':
		return l.member(strings.TrimPrefix(rest, "."), depth)
	case t == json.Delim('[') && rest[0] == '[':
		number, below, _ := strings.Cut(rest[1:], "]")
		index, err := strconv.Atoi(number)
		return err != nil || l.element(index, below, depth)
	}
	return true
}

// member looks in an object for the key that the place begins with. A key may have
// dots and brackets itself, so that the longest one that fits counts.
func (l *locator) member(rest string, depth int) bool {
	best, from, to := "", int64(-1), int64(0)
	for l.json.More() {
		at := l.begin()
		t, err := l.json.Token()
		if err != nil {
			return false
		}
		key, _ := t.(string)
		start := l.begin()
		var skipped json.RawMessage
		if err := l.json.Decode(&skipped); err != nil {
			return false
		}
		if below, ok := strings.CutPrefix(rest, key); ok && (below == "" || below[0] == '.' || below[0] == '[') && (from < 0 || len(key) > len(best)) {
			best, from, to = key, start, start+int64(len(skipped))
			l.found = at
		}
	}
	if from < 0 {
		return true
	}
	return l.within(from, to, rest[len(best):], depth)
}

// element looks in a list.
func (l *locator) element(index int, below string, depth int) bool {
	for i := 0; l.json.More(); i++ {
		start := l.begin()
		var skipped json.RawMessage
		if err := l.json.Decode(&skipped); err != nil {
			return false
		}
		if i == index {
			l.found = start
			return l.within(start, start+int64(len(skipped)), below, depth)
		}
	}
	return true
}

// within goes on in a part of the text.
func (l *locator) within(from, to int64, rest string, depth int) bool {
	inner := &locator{data: l.data[from:to], json: json.NewDecoder(bytes.NewReader(l.data[from:to]))}
	ok := inner.value(rest, depth+1)
	if inner.found > 0 {
		l.found = from + inner.found
	}
	return ok
}
