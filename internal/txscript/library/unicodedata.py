unidata_version = "14.0.0"
_missing = ["missing"]


def normalize(form, unistr): return _lib_unicode("normalize", form, unistr)
def is_normalized(form, unistr): return normalize(form, unistr) == unistr


def _of(function, chr):
    if not isinstance(chr, str) or len(chr) != 1:
        raise TypeError(f"{function}() argument must be a unicode character, not {type(chr).__name__}")
    return _lib_unicode(function, chr)


def _or(function, chr, default, message):
    found = _of(function, chr)
    if found is None:
        if default is _missing:
            raise ValueError(message)
        return default
    return found


def category(chr): return _of("category", chr)
def combining(chr): return _of("combining", chr)
def east_asian_width(chr): return _of("east_asian_width", chr)
def bidirectional(chr): return _of("bidirectional", chr)
def name(chr, default=_missing): return _or("name", chr, default, "no such name")
def numeric(chr, default=_missing): return _or("numeric", chr, default, "not a numeric character")
def decimal(chr, default=_missing): return _or("decimal", chr, default, "not a decimal")
def digit(chr, default=_missing): return _or("digit", chr, default, "not a digit")


def lookup(name):
    found = _lib_unicode("lookup", name)
    if found is None:
        raise KeyError(f"undefined character name '{name}'")
    return found
