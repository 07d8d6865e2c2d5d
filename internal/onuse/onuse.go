// Package onuse makes tables at their first use.
//
// A variable of a package that is made by a call, or by [sync.OnceValue], is made, or
// referred to, when the program starts, and so is everything that it refers to: the linker
// cannot leave it out, however little of the package a program uses. A [Value] is nothing
// until a function asks for it, and what makes it is linked with that function alone.
package onuse

import "sync"

// Value is made once, by the first [Value.Get]. The zero value is ready, and safe for
// concurrent use.
type Value[T any] struct {
	once sync.Once
	made T
}

// Get returns what f made at the first call. All calls give the same f, whose panic is
// not repeated: it must not panic.
func (v *Value[T]) Get(f func() T) T {
	v.once.Do(func() { v.made = f() })
	return v.made
}
