package rossum

import "sync/atomic"

// left are those nodes of a list that have not been removed. They are looked for when
// somebody reads the list, so that removing many rows does not go over all of them for each,
// and put into a new one: the old one may be under somebody's range loop.
type left struct{ nodes atomic.Pointer[[]*Node] }

// of returns those of a list. Goroutines that read at once find the same.
func (l *left) of(all []*Node) []*Node {
	if known := l.nodes.Load(); known != nil {
		return *known
	}
	kept := make([]*Node, 0, len(all))
	for _, n := range all {
		if !n.removed() {
			kept = append(kept, n)
		}
	}
	l.nodes.Store(&kept)
	return kept
}

// leave takes a node that was removed, with all below it, out of the lists of the tree.
func (c *Content) leave(n *Node) {
	if c.shrunk == nil {
		c.shrunk = make(map[*Node]*left)
	}
	if l := c.shrunk[n.parent]; l == nil || l.nodes.Load() != nil {
		n.parent.children = n.parent.Children()
		c.shrunk[n.parent] = &left{}
	}
	for m := range n.All() {
		c.nodes--
		index := c.bySchema[m.schemaID]
		if index.left == nil || index.left.nodes.Load() != nil {
			index.nodes, index.left = index.live(), &left{}
		}
	}
}
