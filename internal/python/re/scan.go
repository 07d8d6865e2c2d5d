package re

import "strings"

// scanner reads a pattern or a replacement text in units: a character, or a
// backslash with the character after it.
type scanner struct {
	source string
	runes  []rune
	at     int    // of the next unit
	next   string // "" at the end
	budget Budget // nil without an end
}

// step counts n characters that are looked at again.
func (s *scanner) step(n int) error {
	if s.budget == nil {
		return nil
	}
	return s.budget.Step(int64(n))
}

func newScanner(source string) (*scanner, error) {
	s := &scanner{source: source, runes: decode(source)}
	// Python finds a lone backslash when it gets there, which is always before the
	// pattern is accepted.
	return s, s.load()
}

// load looks at the unit at s.at.
func (s *scanner) load() error {
	switch {
	case s.at >= len(s.runes):
		s.next = ""
	case s.runes[s.at] != '\\':
		s.next = encode(s.runes[s.at : s.at+1])
	case s.at+1 == len(s.runes):
		s.next = ""
		return &Error{Msg: "bad escape (end of pattern)", Pattern: s.source, Pos: s.at}
	default:
		s.next = encode(s.runes[s.at : s.at+2])
	}
	return nil
}

// take returns the next unit and goes on to the one after it.
func (s *scanner) take() (string, error) {
	unit := s.next
	if err := spend(s.budget, 1); err != nil {
		return "", err
	}
	s.at += len(decode(unit))
	return unit, s.load()
}

// accept takes the next unit if it is the one given.
func (s *scanner) accept(unit string) (bool, error) {
	if s.next != unit {
		return false, nil
	}
	_, err := s.take()
	return true, err
}

func (s *scanner) seek(at int) error {
	s.at = at
	return s.load()
}

// fault is an error that lies back units before the next one.
func (s *scanner) fault(msg string, back int) error {
	return &Error{Msg: msg, Pattern: s.source, Pos: s.at - back}
}

// while takes up to n units that are among the given characters.
func (s *scanner) while(n int, among string) (string, error) {
	from := s.at
	for ; n > 0 && s.next != "" && strings.Contains(among, s.next); n-- {
		if _, err := s.take(); err != nil {
			return "", err
		}
	}
	return encode(s.runes[from:s.at]), nil
}

// until takes what comes before a terminator, and the terminator.
func (s *scanner) until(terminator, what string) (string, error) {
	from := s.at
	for {
		unit, before := s.next, s.at
		if _, err := s.take(); err != nil {
			return "", err
		}
		switch {
		case unit == "" && before == from:
			return "", s.fault("missing "+what, 0)
		case unit == "":
			return "", s.fault("missing "+terminator+", unterminated name", before-from)
		case unit == terminator && before == from:
			return "", s.fault("missing "+what, 1)
		case unit == terminator:
			return encode(s.runes[from:before]), nil
		}
	}
}

// length counts code points.
func length(s string) int { return len(decode(s)) }

func first(s string) rune {
	if s == "" {
		return -1
	}
	return decode(s)[0]
}
