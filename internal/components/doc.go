// Package components holds the tests that every component must pass alike: none shows a
// secret, reaches an address that the program does not allow, or fails without a word on
// what it has made. They are here and not with package pipeline, since a program gets the
// modules that the tests of its packages need into its go.sum.
package components
