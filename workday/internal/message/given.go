package message

import "github.com/exportpipeline/exportpipeline/internal/jsontemplate"

// given are the members of an object, and which of them have been used.
type given struct {
	object *jsontemplate.Object
	taken  []bool
	index  map[string]int // of a large object
}

// fewMembers is how many members are found faster by looking at each.
const fewMembers = 24

func newGiven(o *jsontemplate.Object) *given {
	g := &given{object: o, taken: make([]bool, len(o.Members))}
	if len(o.Members) > fewMembers {
		g.index = make(map[string]int, len(o.Members))
		for i, m := range o.Members {
			g.index[m.Key] = i
		}
	}
	return g
}

func (g *given) find(key string) int {
	if g.index != nil {
		if i, ok := g.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range g.object.Members {
		if g.object.Members[i].Key == key {
			return i
		}
	}
	return -1
}

// get returns the value of a key, nil if it is not given.
func (g *given) get(key string) jsontemplate.Value {
	if i := g.find(key); i >= 0 {
		return g.object.Members[i].Value
	}
	return nil
}

// take returns the value of a key, whether it is given, and marks it as used.
func (g *given) take(key string) (jsontemplate.Value, bool) {
	i := g.find(key)
	if i < 0 {
		return nil, false
	}
	g.taken[i] = true
	return g.object.Members[i].Value, true
}
