// Package pyvalue holds values as CPython has them: their text, arithmetic,
// comparison, methods and error messages. Templates, JMESPath and formulas are
// built on it, so that what they print is what Rossum's Python prints.
//
// A [Value] is 24 bytes, made like log/slog's: no string or number allocates
// when it becomes one. Lists and dicts are references, as in Python.
//
// What can grow or loop takes a [Meter], which ends it with [ErrLimit]; nil
// means no limit. Errors that Python would raise are [*Error] with Python's class.
//
// Text is UTF-8 but counts by code point; lone surrogates cannot be represented.
package pyvalue
