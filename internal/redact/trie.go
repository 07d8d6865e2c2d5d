package redact

import (
	"cmp"
	"slices"
)

// trie is the automaton of Aho and Corasick for some forms, in nine bytes for each byte that
// a form does not share with the beginning of another. Its nodes are beginnings of forms of
// four bytes and more: what is shorter is told by the four bytes before a place. A node is
// next to the first of those that are a byte longer.
type trie struct {
	forms  []string // sorted, each once
	labels []byte   // the last byte of each node
	depths []uint32 // its length, and marks
	fails  []int32  // the longest end of it that is a node, too

	heads    map[uint32]int32 // the nodes of four bytes
	branches map[branch]int32 // nodes that are a byte longer than one, but for the first
	wholes   map[int32]int    // the length of the longest form that ends there
	chains   []chain          // while it is built
}

// branch is a node with a byte that comes after it.
type branch struct {
	node  int32
	label byte
}

// Marks of nodes, beside their length.
const (
	longer   uint32 = 1 << 31 // there is a node that is a byte longer
	branched uint32 = 1 << 30 // there are several
	ending   uint32 = 1 << 29 // a form ends there
	lengths         = ending - 1
)

// none is no node.
const none int32 = -1

// chain are the nodes that a form has and those before it in the order have not.
type chain struct {
	form   string
	first  int32 // node
	shared int   // bytes that it shares with the form before
	parent int32 // of the first node
}

// newTrie makes one of at least one form; it may change the list.
func newTrie(forms []string) *trie {
	slices.Sort(forms)
	forms = slices.Compact(forms)
	t := &trie{forms: forms, heads: make(map[uint32]int32), branches: make(map[branch]int32), wholes: make(map[int32]int, len(forms))}
	t.addNodes()
	t.fails = make([]int32, len(t.labels))
	t.eachByLength(t.link)
	t.chains = nil
	return t
}

// addNodes makes the nodes of all forms, which are in their order.
func (t *trie) addNodes() {
	size, before := 0, ""
	t.chains = make([]chain, len(t.forms))
	for i, form := range t.forms {
		c := chain{form: form, shared: sharedBytes(before, form)}
		size += len(form) - max(c.shared, MinLength-1)
		t.chains[i], before = c, form
	}
	t.labels, t.depths = make([]byte, 0, size), make([]uint32, 0, size)
	var path []int32 // the nodes of the form before, from that of four bytes on
	for i := range t.chains {
		c := &t.chains[i]
		c.first, c.parent = int32(len(t.labels)), none
		path = path[:max(0, c.shared-MinLength+1)]
		if len(path) > 0 {
			c.parent = path[len(path)-1]
		}
		for length := len(path) + MinLength; length <= len(c.form); length++ {
			path = append(path, t.addNode(path, c.form[:length]))
		}
		t.depths[path[len(path)-1]] |= ending
	}
}

// addNode adds a node after those that it is longer than.
func (t *trie) addNode(path []int32, text string) int32 {
	node, label := int32(len(t.labels)), text[len(text)-1]
	t.labels, t.depths = append(t.labels, label), append(t.depths, uint32(len(text)))
	if len(path) == 0 {
		t.heads[firstFour(text)] = node
		return node
	}
	switch parent := path[len(path)-1]; {
	case t.depths[parent]&longer == 0:
		t.depths[parent] |= longer // it is next to it
	default:
		t.depths[parent] |= branched
		t.branches[branch{parent, label}] = node
	}
	return node
}

// eachByLength calls f with the nodes, the shorter ones first.
func (t *trie) eachByLength(f func(c *chain, node int32, length int)) {
	slices.SortFunc(t.chains, func(a, b chain) int { return cmp.Compare(a.shared, b.shared) })
	var open []int // chains with nodes of the length
	for length, begun := MinLength, 0; begun < len(t.chains) || len(open) > 0; length++ {
		for ; begun < len(t.chains) && max(t.chains[begun].shared+1, MinLength) == length; begun++ {
			open = append(open, begun)
		}
		still := open[:0]
		for _, i := range open {
			if c := &t.chains[i]; length <= len(c.form) {
				f(c, c.first+int32(length-max(c.shared+1, MinLength)), length)
				still = append(still, i)
			}
		}
		open = still
	}
}

// link finds which shorter node a node ends with, and which form. That of all nodes that
// are shorter is known.
func (t *trie) link(c *chain, node int32, length int) {
	fail := none
	if length > MinLength {
		parent := node - 1
		if node == c.first {
			parent = c.parent
		}
		if fail = t.fails[parent]; fail != none {
			fail = t.next(fail, c.form[length-1])
		}
		if fail == none {
			fail = t.head(firstFour(c.form[length-MinLength:]))
		}
	}
	t.fails[node] = fail
	switch {
	case t.depths[node]&ending != 0:
		t.wholes[node] = length
	case fail != none && t.depths[fail]&ending != 0:
		t.depths[node] |= ending
		t.wholes[node] = t.wholes[fail]
	}
}

// next returns the longest node that the text of a node and the byte after it end with.
func (t *trie) next(node int32, c byte) int32 {
	for ; node != none; node = t.fails[node] {
		switch depth := t.depths[node]; {
		case depth&longer == 0:
		case t.labels[node+1] == c:
			return node + 1
		case depth&branched != 0:
			if longer, ok := t.branches[branch{node, c}]; ok {
				return longer
			}
		}
	}
	return none
}

func (t *trie) head(four uint32) int32 {
	if node, ok := t.heads[four]; ok {
		return node
	}
	return none
}

func (t *trie) depth(node int32) int { return int(t.depths[node] & lengths) }

// whole returns the length of the longest form that a node ends with, 0 for none.
func (t *trie) whole(node int32) int {
	if t.depths[node]&ending == 0 {
		return 0
	}
	return t.wholes[node]
}

// isCut reports whether a node is the beginning of a form that is known although its rest
// is missing.
func (t *trie) isCut(node int32) bool {
	length := t.depth(node)
	return length > minCut || length == minCut && t.depths[node]&longer != 0
}

func sharedBytes(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
