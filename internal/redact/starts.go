package redact

// starts has the first bytes of all forms of the secrets that a redactor knows, so that a
// text with none of them, as most are, is only looked at once, and nothing is made of it.
type starts []uint64 // a bit for each hash; nil for no forms

const startBits = 15

// hash is that of four bytes. They are [MinLength], the length of the shortest form.
func (starts) hash(four uint32) uint32 { return four * 2654435761 >> (32 - startBits) }

func startsOf(lists ...map[string]bool) starts {
	s := make(starts, 1<<startBits/64)
	for _, list := range lists {
		for form := range list {
			h := s.hash(uint32(form[0])<<24 | uint32(form[1])<<16 | uint32(form[2])<<8 | uint32(form[3]))
			s[h/64] |= 1 << (h % 64)
		}
	}
	return s
}

func (s starts) has(four uint32) bool {
	h := s.hash(four)
	return s[h/64]&(1<<(h%64)) != 0
}

// mayBeIn reports whether a form may be in a text, as it is or broken into lines: what
// [squeeze] leaves out is passed over, too.
func (s starts) mayBeIn(text string) bool {
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
