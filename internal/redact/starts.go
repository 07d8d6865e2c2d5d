package redact

// starts has the first bytes of all forms of the secrets that a redactor knows, so that a
// text with none of them, as most are, is only looked at once, and nothing is made of it.
type starts []uint64 // a bit for each hash; nil for no forms

const startBits = 15

// hash is that of four bytes. They are [MinLength], the length of the shortest form.
func (starts) hash(four uint32) uint32 { return four * 2654435761 >> (32 - startBits) }

func (s *starts) add(form string) {
	if *s == nil {
		*s = make(starts, 1<<startBits/64)
	}
	h := s.hash(firstFour(form))
	(*s)[h/64] |= 1 << (h % 64)
}

func (s starts) has(four uint32) bool {
	h := s.hash(four)
	return s[h/64]&(1<<(h%64)) != 0
}

// mayBeIn reports whether a form may be in a text, as it is or broken into lines: what
// [squeeze] leaves out is passed over, too.
func (s starts) mayBeIn(text string) bool {
	if s == nil {
		return false
	}
	var four, squeezed uint32
	n, kept, skip := 0, 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		four = four<<8 | uint32(c)
		if n++; n >= MinLength && s.has(four) {
			return true
		}
		if skip == 0 && class[c]&gap != 0 {
			skip = breakAt(text, i)
		}
		if skip > 0 {
			skip--
			continue
		}
		squeezed = squeezed<<8 | uint32(c)
		if kept++; kept >= MinLength && squeezed != four && s.has(squeezed) {
			return true
		}
	}
	return false
}
