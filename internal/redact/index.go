package redact

import (
	"slices"
	"strings"
	"sync"
)

// index finds forms of secrets in texts, in a time that grows with the text alone, whatever
// the forms have in common with one another and with the text.
type index struct {
	fresh []string // forms that are in none of the tries yet

	mu    sync.Mutex // searches may build
	tries []*trie    // each more than twice as large as the next
}

func firstFour(text string) uint32 {
	return uint32(text[0])<<24 | uint32(text[1])<<16 | uint32(text[2])<<8 | uint32(text[3])
}

// add adds a form of at least [MinLength] bytes. It must not be called during a search.
func (x *index) add(text string) { x.fresh = append(x.fresh, text) }

// built returns the tries with all forms. Those that were added since are put into one with
// the smaller ones of those before, so that forms which come one by one do not have all of
// the others built again each time.
func (x *index) built() []*trie {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.fresh) == 0 {
		return x.tries
	}
	made := newTrie(x.fresh)
	x.fresh = nil
	kept := slices.Clone(x.tries) // a search may go over them
	for len(kept) > 0 && len(kept[len(kept)-1].labels) <= 2*len(made.labels) {
		made = newTrie(append(made.forms, kept[len(kept)-1].forms...))
		kept = kept[:len(kept)-1]
	}
	x.tries = append(kept, made)
	return x.tries
}

// search is one search of an index in a text.
type search struct {
	text   string
	ends   []int  // where somebody may have cut off the rest of a form, in their order
	hidden []span // in their order; a form within one of them is passed over
}

// find returns the parts of a text that are forms, or beginnings of at least [minCut] bytes
// of forms before one of the ends. They are in their order and do not overlap. Places whose
// four bytes are not in s are passed over.
func (x *index) find(s starts, in *search) (found []span) {
	for i, t := range x.built() {
		if part := t.find(s, *in); i == 0 {
			found = part
		} else {
			found = merged(found, part)
		}
	}
	return found
}

// find does so for the forms of one trie. It goes over the text once: at each byte it knows
// the longest beginning of a form that ends there.
func (t *trie) find(s starts, in search) (found []span) {
	var four uint32
	node := none
	for i := range len(in.text) {
		if four = four<<8 | uint32(in.text[i]); i < MinLength-1 {
			continue
		}
		if node != none {
			node = t.next(node, in.text[i])
		}
		if node == none {
			if !s.has(four) {
				continue
			}
			if node = t.head(four); node == none {
				continue
			}
		}
		if length := t.whole(node); length > 0 && !in.isHidden(span{i + 1 - length, i + 1}) {
			found = appendEnding(found, span{i + 1 - length, i + 1})
		}
		if in.isEnd(i+1) && t.isCut(node) {
			found = appendEnding(found, span{i + 1 - t.depth(node), i + 1})
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

// appendEnding appends a span that does not end before the last, with those that it
// overlaps.
func appendEnding(list []span, s span) []span {
	for last := len(list) - 1; last >= 0 && s.from < list[last].to; last-- {
		s.from = min(s.from, list[last].from)
		list = list[:last]
	}
	return append(list, s)
}

// isEnd is asked for one place after the other.
func (in *search) isEnd(at int) bool {
	for len(in.ends) > 0 && in.ends[0] < at {
		in.ends = in.ends[1:]
	}
	return len(in.ends) > 0 && in.ends[0] == at
}

// isHidden is asked for spans in the order of their ends.
func (in *search) isHidden(s span) bool {
	for len(in.hidden) > 0 && in.hidden[0].to < s.to {
		in.hidden = in.hidden[1:]
	}
	return len(in.hidden) > 0 && in.hidden[0].from <= s.from && s.to <= in.hidden[0].to
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
