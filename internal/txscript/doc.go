// Package txscript runs the language of Rossum's formula fields and of the function
// hooks that are written like them: a subset of Python. A program is compiled to
// closures once, and then runs on the values of package pyvalue, within budgets of
// steps and memory, without files, network or anything else of the world.
//
// What there is: assignments of every kind, if, for and while with else, break and
// continue, def with defaults, *args, **kwargs, closures and decorators, lambda,
// global and nonlocal, yield and yield from, class with inheritance, properties and
// the special methods of operators, match, with, try with except, else and finally, raise,
// assert, del, comprehensions and generator expressions, f-strings, slices, chained
// comparison, :=, bytes, eval of a text. The builtins and the methods of text, bytes,
// list, tuple, dict and set; Rossum's is_empty, is_set, default_to, substitute,
// show_error, show_warning, show_info and automation_blocker. The modules that [Modules]
// lists: logging and warnings write nothing, io is in memory, os.path has what works on
// texts, time does not wait, uuid makes versions 3, 4 and 5, xml.etree.ElementTree reads and
// writes texts and what io has, no files; those in the folder library are written in the
// language itself.
//
// Refused when the program is compiled, with name and line: async, except*, the operator
// @, complex numbers, metaclasses, other modules, and the builtins that reach out of a program (exec, compile, open,
// input, globals, locals). Code that needs one of them is rewritten, or becomes a step
// in Go.
//
// A program that runs for every row of a table keeps, in a [Memo], what is the same
// in all of them: expressions and the statements at its beginning that read nothing
// of the row, an index of a column that a loop looks a value up in, and what a walk over
// a table gives for the values of the row's fields that it reads, so that it is made once
// for a code that many rows have. That is seen only in the time that it takes.
//
// The value of a formula is that of the last expression statement that was executed
// outside of functions, wherever it stands (Rossum's knowledge base, "Formula
// fields"). An empty number or date field is a value of its own: it prints as None,
// is false and equals None, but is not None. An empty text field is "".
//
// Where it differs from CPython, on purpose: a Decimal is raised to whole powers only,
// has no logarithms, and its context has prec and rounding; set, frozenset and dict views know the
// commonest methods; a bare datetime is the module and the class at once, since
// formulas are written either way; print writes nothing; the machine's time zone is
// UTC; deque is a class that behaves alike; a text holds no half of a surrogate pair; hash of
// a text is the same in every run.
//
// Everything else is compared with CPython: golden formulas in testdata/golden,
// whose expectations oracle.py makes, and generated programs (TestGeneratedPrograms).
//
// Regular expressions are those of package re, whose steps count as the run's.
package txscript
