package re

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// testCase is a line of testdata/cases.jsonl; see testdata/oracle.py.
type testCase struct {
	Pattern pyText  `json:"pattern"`
	Flags   Flags   `json:"flags,omitempty"`
	Text    pyText  `json:"text"`
	Repl    *pyText `json:"repl,omitempty"`
	Want    *result `json:"want,omitempty"`
}

type result struct {
	Error     string         `json:"error,omitempty"`
	Groups    int            `json:"groups"`
	Names     map[string]int `json:"names"`
	Search    spanList       `json:"search"`
	Match     spanList       `json:"match"`
	FullMatch spanList       `json:"fullmatch"`
	All       []spanList     `json:"all"`
	From1     spanList       `json:"from1"`
	Sub       pyText         `json:"sub,omitempty"`
	SubError  string         `json:"sub_error,omitempty"`
	Stuck     bool           `json:"stuck,omitempty"` // Python's own search did not end
}

// spanList is [from, to] of every group, then the last group; nil for no match.
type spanList []any

// pyText is a text that may hold lone surrogates, which Go's decoder replaces.
type pyText string

func (t *pyText) UnmarshalJSON(data []byte) error {
	var units []rune
	for i := 1; i < len(data)-1; i++ {
		var r rune
		if data[i] == '\\' && data[i+1] == 'u' {
			_, _ = fmt.Sscanf(string(data[i+2:i+6]), "%04x", &r)
			i += 5
		} else {
			end := i + 1
			if data[i] == '\\' {
				end = i + 2
			}
			var s string
			if err := json.Unmarshal([]byte(`"`+string(data[i:end])+`"`), &s); err != nil {
				return err
			}
			r, i = []rune(s)[0], end-1
		}
		if n := len(units); n > 0 && r >= 0xDC00 && r <= 0xDFFF && units[n-1] >= 0xD800 && units[n-1] < 0xDC00 {
			units[n-1] = (units[n-1]-0xD800)<<10 + r - 0xDC00 + 0x10000
			continue
		}
		units = append(units, r)
	}
	*t = pyText(encode(units))
	return nil
}

func (t pyText) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range decode(string(t)) {
		if r > 0xFFFF {
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	b.WriteByte('"')
	return []byte(b.String()), nil
}

func spansOf(m *Match, err error) spanList {
	if err != nil {
		return spanList{err.Error()}
	}
	if m == nil {
		return nil
	}
	var list spanList
	for i := range m.Pattern.Groups() + 1 {
		from, to := m.Span(i)
		list = append(list, []any{float64(from), float64(to)})
	}
	return append(list, float64(m.LastGroup()))
}

// ours is what this package makes of a case.
func ours(c *testCase) result {
	p, err := Compile(string(c.Pattern), c.Flags)
	if err != nil {
		return result{Error: err.Error()}
	}
	t := NewText(string(c.Text))
	n, meter := t.Len(), &countdown{left: 5_000_000}
	r := result{
		Groups: p.Groups(), Names: p.names, Search: spansOf(p.Search(meter, t, 0, n)), Match: spansOf(p.Match(meter, t, 0, n)),
		FullMatch: spansOf(p.FullMatch(meter, t, 0, n)), From1: spansOf(p.Search(meter, t, 1, max(0, n-1))), All: []spanList{},
	}
	var out strings.Builder
	var template *Template
	if c.Repl != nil {
		if template, err = p.Template(string(*c.Repl)); err != nil {
			r.SubError = err.Error()
		}
	}
	at := 0
	err = p.Each(meter, t, 0, n, func(m *Match) (bool, error) {
		r.All = append(r.All, spansOf(m, nil))
		if template != nil {
			from, to := m.Span(0)
			out.WriteString(t.Slice(at, from) + template.Expand(m))
			at = to
		}
		return true, nil
	})
	if err != nil {
		r.Error = err.Error()
	}
	if template != nil {
		r.Sub = pyText(out.String() + t.Slice(at, n))
	}
	return r
}

// difference tells how two results differ, "" if they do not.
func difference(got, want *result) string {
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); fmt.Sprint(a) != fmt.Sprint(b) {
			return fmt.Sprintf("%s: %v, Python has %v", g.Type().Field(i).Name, a, b)
		}
	}
	return ""
}

func TestPatternsMatchAsInPython(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got := ours(&c)
		if d := difference(&got, c.Want); d != "" {
			t.Errorf("line %d: %q, flags %d, on %q: %s", n, c.Pattern, c.Flags, c.Text, d)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
