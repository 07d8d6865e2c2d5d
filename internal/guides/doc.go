// Package guides holds the tests that keep README and guides true: their Go code is code
// that is compiled, their links lead somewhere, and their command lines have flags that
// exist.
package guides
