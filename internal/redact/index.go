package redact

import (
	"slices"
	"strings"
	"sync"
)

// index finds forms of secrets in texts, in a time that grows with the text, also where a
// form overlaps itself. Only forms that begin with the same four bytes make it longer.
type index struct {
	forms []form
	heads map[uint32]int // the last of forms with these first four bytes
}

// form is one shape of a secret.
type form struct {
	text   string
	next   int // of those with the same first bytes, -1 for none
	repeat *repeats
}

// repeats says for each place of a text how many bytes from there on are the same as those
// it begins with. It is made when it is needed first.
type repeats struct {
	once   sync.Once
	length []int32
}

func firstFour(text string) uint32 {
	return uint32(text[0])<<24 | uint32(text[1])<<16 | uint32(text[2])<<8 | uint32(text[3])
}

// add adds a form of at least [MinLength] bytes, unless it has it.
func (x *index) add(text string) {
	if x.heads == nil {
		x.heads = make(map[uint32]int)
	}
	first := firstFour(text)
	head, ok := x.heads[first]
	if !ok {
		head = -1
	}
	for k := head; k >= 0; k = x.forms[k].next {
		if x.forms[k].text == text {
			return
		}
	}
	f := form{text: text, next: head}
	if len(text) > short {
		f.repeat = &repeats{}
	}
	x.heads[first] = len(x.forms)
	x.forms = append(x.forms, f)
}

// short is the length of forms in bytes that are compared anew at each place. Of longer
// ones it is remembered how far they were compared.
const short = 64

// search is one search of an index in a text.
type search struct {
	text   string
	ends   []int  // where somebody may have cut off the rest of a form, in their order
	hidden []span // in their order; a form within one of them is passed over
	far    map[int]span
}

// find returns the parts of a text that are forms, or beginnings of at least [minCut] bytes
// of forms before one of the ends. They are in their order and do not overlap. Places whose
// four bytes are not in s are passed over.
func (x *index) find(s starts, in *search) (found []span) {
	if len(x.forms) == 0 {
		return nil
	}
	var four uint32
	for i := range len(in.text) {
		if four = four<<8 | uint32(in.text[i]); i < MinLength-1 || !s.has(four) {
			continue
		}
		k, ok := x.heads[four]
		if !ok {
			continue
		}
		for at := i - (MinLength - 1); k >= 0; k = x.forms[k].next {
			if to := in.end(at, k, &x.forms[k]); to > at {
				found = appendSpan(found, span{at, to})
			}
		}
	}
	return found
}

// appendSpan appends a span that does not begin before the last, or makes that one longer.
func appendSpan(list []span, s span) []span {
	if last := len(list) - 1; last >= 0 && s.from < list[last].to {
		list[last].to = max(list[last].to, s.to)
		return list
	}
	return append(list, s)
}

// end returns the end of the form that begins at a place, or of what was left of it, 0 if
// there is none.
func (in *search) end(at, number int, f *form) int {
	rest := in.text[at:]
	if len(f.text) <= minCut {
		if strings.HasPrefix(rest, f.text) && !in.isHidden(span{at, at + len(f.text)}) {
			return at + len(f.text)
		}
		return 0
	}
	if len(rest) < minCut || rest[:minCut] != f.text[:minCut] {
		return 0
	}
	same := in.same(at, number, f)
	if same == len(f.text) {
		if in.isHidden(span{at, at + same}) {
			return 0
		}
		return at + same
	}
	k, ok := slices.BinarySearch(in.ends, at+same)
	if !ok {
		k--
	}
	if k >= 0 && in.ends[k] >= at+minCut {
		return in.ends[k]
	}
	return 0
}

// same returns how many bytes from a place on are those of a form, of which [minCut] are.
func (in *search) same(at, number int, f *form) int {
	n := minCut
	far := in.far[number] // the part that was found to be the same and reaches farthest
	if far.to > at {
		if n = int(f.repeats()[at-far.from]); n < far.to-at {
			return n
		}
		n = far.to - at
	}
	for n < len(f.text) && at+n < len(in.text) && in.text[at+n] == f.text[n] {
		n++
	}
	if n > short && at+n > far.to {
		if in.far == nil {
			in.far = make(map[int]span)
		}
		in.far[number] = span{at, at + n}
	}
	return n
}

func (in *search) isHidden(s span) bool {
	for len(in.hidden) > 0 && in.hidden[0].to <= s.from { // places come in their order
		in.hidden = in.hidden[1:]
	}
	return len(in.hidden) > 0 && in.hidden[0].from <= s.from && s.to <= in.hidden[0].to
}

// repeats returns how many bytes from each place of the form on are its first ones.
func (f *form) repeats() []int32 {
	f.repeat.once.Do(func() {
		same := make([]int32, len(f.text))
		same[0] = int32(len(f.text))
		for i, from, to := 1, 0, 0; i < len(f.text); i++ {
			n := 0
			if i < to {
				n = min(to-i, int(same[i-from]))
			}
			for i+n < len(f.text) && f.text[i+n] == f.text[n] {
				n++
			}
			if same[i] = int32(n); i+n > to {
				from, to = i, i+n
			}
		}
		f.repeat.length = same
	})
	return f.repeat.length
}

// places returns where a mark is in a text, without those that overlap one before.
func places(text, mark string) (all []int) {
	for i := 0; ; {
		at := strings.Index(text[i:], mark)
		if at < 0 {
			return all
		}
		all = append(all, i+at)
		i += at + len(mark)
	}
}
