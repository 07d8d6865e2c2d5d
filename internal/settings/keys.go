package settings

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Aliaser is implemented by settings that accept a second name for a key.
type Aliaser interface {
	// SettingsAliases returns old names with the names they stand for.
	SettingsAliases() map[string]string
}

// fieldsOf lists the keys of a struct type, those of embedded structs included.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := make(map[string][]int)
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && tag != "" && tag != "-" {
			fields[tag] = f.Index
		}
	}
	return fields
}

// Key is a key of settings with the field that it fills.
type Key struct {
	Name  string // of the field
	Type  reflect.Type
	Owner reflect.Type // the struct that has the field
}

// Keys lists the keys of a struct type, as [Decode] takes them.
func Keys(t reflect.Type) map[string]Key {
	keys := make(map[string]Key)
	for key, index := range fieldsOf(t) {
		field, owner := t.FieldByIndex(index), t
		for _, i := range index[:len(index)-1] {
			if owner = owner.Field(i).Type; owner.Kind() == reflect.Pointer {
				owner = owner.Elem()
			}
		}
		keys[key] = Key{field.Name, field.Type, owner}
	}
	return keys
}

// Aliases lists the old names of keys of a struct type with the keys that they stand for.
func Aliases(t reflect.Type) map[string]string {
	if a, ok := reflect.New(t).Interface().(Aliaser); ok {
		return a.SettingsAliases()
	}
	return nil
}

// suggestion names the known key that a wrong one most likely meant.
type suggestion struct {
	key    string
	fields map[string][]int // by the keys that are known
}

func (s suggestion) String() string {
	known := slices.Collect(maps.Keys(s.fields))
	if best := Nearest(s.key, known); best != "" {
		return " (did you mean " + best + "?)"
	}
	slices.Sort(known)
	return " (known keys: " + strings.Join(known, ", ") + ")"
}

// Nearest returns the word that is most like the given one, "" if none is near.
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, distance := "", len(word)/3+2
	for _, k := range known {
		if away := len(k) - len(word); away > distance || -away > distance {
			continue // known may come from a stranger, with words of any length
		}
		if d := editDistance(word, strings.ToLower(k)); d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	return best
}

// NearestFirst is [Nearest] in one list of words or, if one there is nearer, in another.
func NearestFirst(word string, known, others []string) string {
	first, second := Nearest(word, known), Nearest(word, others)
	word = strings.ToLower(word)
	if first == "" || second != "" && editDistance(word, strings.ToLower(second)) < editDistance(word, strings.ToLower(first)) {
		return second
	}
	return first
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
