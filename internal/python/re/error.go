package re

import (
	"fmt"
	"strings"
)

// Error is what Python raises as re.error: a pattern or a replacement text that
// cannot be compiled.
type Error struct {
	Msg     string // without the position
	Pattern string
	Pos     int // in code points, -1 if the error has no position
}

// Error returns the text that str() of Python's exception has.
func (e *Error) Error() string {
	if e.Pos < 0 {
		return e.Msg
	}
	text := fmt.Sprintf("%s at position %d", e.Msg, e.Pos)
	if !strings.Contains(e.Pattern, "\n") {
		return text
	}
	before := decode(e.Pattern)
	before = before[:min(e.Pos, len(before))]
	line, column := 1, e.Pos+1
	for i, r := range before {
		if r == '\n' {
			line, column = line+1, e.Pos-i
		}
	}
	return fmt.Sprintf("%s (line %d, column %d)", text, line, column)
}

// GroupError is what Python raises as IndexError: a replacement text that names a
// group which the pattern lacks.
type GroupError struct{ Name string }

func (e *GroupError) Error() string { return "unknown group name " + quote(e.Name) }

// ValueError is what Python raises as ValueError or OverflowError.
type ValueError struct{ Type, Msg string }

func (e *ValueError) Error() string { return e.Msg }
