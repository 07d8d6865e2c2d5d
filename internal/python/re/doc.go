// Package re is Python's module re: the same patterns, the same matches, the same
// errors as CPython 3.11, bounded in time.
//
// Formulas, function hooks, the $regex of the Request Processor, text extraction and
// substitute all stand on it, since the people who wrote those patterns wrote Python.
// Go's regexp is another language ($ does not match before a final newline, \w knows
// ASCII only, there are no back references and no lookaround), and so is .NET's
// dialect.
//
// A pattern is compiled once and may be used by any number of goroutines. Texts are
// sequences of code points, and all positions count those. A lone surrogate, which
// Go's strings can hold only in its three-byte form, is one code point.
//
// Matching backtracks, as Python's does. It keeps its choices on a stack of its own,
// so that a long text cannot exhaust the goroutine's, and counts what it does: a
// search that takes too long ends with the meter's error.
//
// The behaviour follows the documentation of CPython's re and, where that is silent,
// what CPython 3.11 does; testdata/oracle.py compares both.
package re
