// Package syntax reads the small parts of Python's source that its languages share:
// escapes of string literals, identifiers, and names of characters. It knows nothing of
// values.
package syntax
