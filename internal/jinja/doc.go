// Package jinja renders Jinja2 templates as stock Jinja2 3.1 does, byte for byte:
// jinja2.Environment() with its default settings. Templates are compiled once
// into closures and rendered any number of times, also concurrently, straight to
// a writer and within limits of steps, bytes and depth.
//
// The golden cases in testdata have their expectations from Jinja2 itself;
// oracle.py regenerates and checks them.
//
// # What is there
//
// Statements: for (else, if, recursive, loop.*), if, set (also as a block, with
// filters, on a namespace), macro, call, filter, with, block (printed in place,
// scoped, required, and called through self),
// raw, autoescape, print; comments; white space control with - and +. Refused
// with an error when the template is compiled, or in a branch of an if when it is
// reached: include, import, from, extends (a template of an export stands alone);
// and what a stock environment does not
// have either: do, break, continue, trans.
//
// Filters, of a stock environment:
//
//	abs attr batch capitalize center count d default dictsort e escape
//	filesizeformat first float forceescape format groupby indent int items
//	join last length list lower map max min pprint reject rejectattr replace
//	reverse round safe select selectattr slice sort string striptags sum title
//	tojson trim truncate unique upper urlencode urlize wordcount wordwrap
//	xmlattr
//
// Refused: random, since an export must be the same every time. pprint does not
// split texts that are longer than a line; it says so in an error.
//
// Filters, added as Rossum has them: b64encode (bytes, or the UTF-8 of a text)
// and b64decode.
//
// Tests:
//
//	!= < <= == > >= boolean callable defined divisibleby eq equalto escaped
//	even false filter float ge greaterthan gt in integer iterable le lessthan
//	lower lt mapping ne none number odd sameas sequence string test true
//	undefined upper
//
// Globals: range, dict, namespace, cycler, joiner. Refused: lipsum, whose text
// is random.
//
// Methods, those of CPython 3.11:
//
//	str    capitalize casefold center count encode endswith expandtabs find
//	       format format_map index isalnum isalpha isascii isdecimal isdigit
//	       isidentifier islower isnumeric isprintable isspace istitle isupper
//	       join ljust lower lstrip maketrans partition removeprefix
//	       removesuffix replace rfind rindex rjust rpartition rsplit rstrip
//	       split splitlines startswith strip swapcase title translate upper
//	       zfill
//	list   append clear copy count extend index insert pop remove reverse sort
//	tuple  count index
//	dict   clear copy fromkeys get items keys pop popitem setdefault update
//	       values
//	int    bit_count bit_length conjugate
//	float  conjugate hex is_integer
//	bytes  decode hex
//
// Refused, since no export has a use for them: as_integer_ratio, from_bytes,
// to_bytes, real, imag, numerator and denominator of int; as_integer_ratio,
// fromhex, real and imag of float; all others of bytes, which are there to be
// encoded in base64. encode and decode know the codecs of text that Python has.
//
// Names with an underscore at the front are out of reach, as in Jinja2's sandbox;
// they are undefined, but for a value's class and the classes above it (x.__class__,
// x.__class__.__name__, x.__class__.__mro__), which can do nothing. The text of a function or generator, which in Python ends
// in an address, has none here.
package jinja
