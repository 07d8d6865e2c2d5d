package message

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// given are the members of an object, and which of them have been used.
type given struct {
	members []member
	index   map[string]int // of a large object
}

type member struct {
	key   string
	value pyvalue.Value
	taken bool
}

// fewMembers is how many members are found faster by looking at each.
const fewMembers = 24

func newGiven(o *pyvalue.Dict) *given {
	g := &given{members: make([]member, 0, o.Len())}
	for key, v := range o.All() {
		g.members = append(g.members, member{key: key.Text(), value: v})
	}
	if len(g.members) > fewMembers {
		g.index = make(map[string]int, len(g.members))
		for i := range g.members {
			g.index[g.members[i].key] = i
		}
	}
	return g
}

func (g *given) find(key string) *member {
	if g.index != nil {
		if i, ok := g.index[key]; ok {
			return &g.members[i]
		}
		return nil
	}
	for i := range g.members {
		if g.members[i].key == key {
			return &g.members[i]
		}
	}
	return nil
}

// get returns the value of a key, None if it is not given.
func (g *given) get(key string) pyvalue.Value {
	if m := g.find(key); m != nil {
		return m.value
	}
	return pyvalue.None()
}

// take returns the value of a key, whether it is given, and marks it as used.
func (g *given) take(key string) (pyvalue.Value, bool) {
	m := g.find(key)
	if m == nil {
		return pyvalue.None(), false
	}
	m.taken = true
	return m.value, true
}

// left are the keys that nothing has used.
func (g *given) left() (keys []string) {
	for i := range g.members {
		if !g.members[i].taken {
			keys = append(keys, g.members[i].key)
		}
	}
	return keys
}
