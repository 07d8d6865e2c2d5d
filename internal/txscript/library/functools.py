_missing = ["missing"]


def reduce(function, iterable, initial=_missing):
    total, begun = initial, initial is not _missing
    for x in iterable:
        total, begun = (function(total, x) if begun else x), True
    if not begun:
        raise TypeError("reduce() of empty iterable with no initial value")
    return total


class partial:
    def __init__(self, func, *args, **keywords):
        self.func, self.args, self.keywords = func, args, keywords

    def __call__(self, *args, **keywords):
        return self.func(*self.args, *args, **{**self.keywords, **keywords})


def update_wrapper(wrapper, wrapped, *args, **named):
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if hasattr(wrapped, name):
            setattr(wrapper, name, getattr(wrapped, name))
    wrapper.__wrapped__ = wrapped
    return wrapper


def wraps(wrapped, *args, **named):
    return lambda f: update_wrapper(f, wrapped)


def total_ordering(cls):
    if not hasattr(cls, "__gt__"):
        cls.__gt__ = lambda self, other: not (self < other or self == other)
    if not hasattr(cls, "__le__"):
        cls.__le__ = lambda self, other: self < other or self == other
    if not hasattr(cls, "__ge__"):
        cls.__ge__ = lambda self, other: not self < other
    return cls


def lru_cache(maxsize=128, typed=False):
    size = 128 if callable(maxsize) else maxsize

    def decorate(f):
        kept = {}
        hits = misses = 0

        def cached(*args, **named):
            nonlocal hits, misses
            key = (args, tuple(named.items()))
            if key in kept:
                hits += 1
                kept[key] = v = kept.pop(key)  # the last one is the one used last
                return v
            misses += 1
            v = f(*args, **named)
            if size != 0:
                if size is not None and len(kept) >= size:
                    del kept[next(iter(kept))]
                kept[key] = v
            return v

        def cache_clear():
            nonlocal hits, misses
            kept.clear()
            hits = misses = 0
        cached.cache_info = lambda: _CacheInfo(hits, misses, size, len(kept))
        cached.cache_clear = cache_clear
        return update_wrapper(cached, f)
    return decorate(maxsize) if callable(maxsize) else decorate


_CacheInfo = _lib_namedtuple("CacheInfo", ("hits", "misses", "maxsize", "currsize"), {})


def cache(f):
    return lru_cache(None)(f)


def cmp_to_key(compare):
    class K:
        def __init__(self, obj):
            self.obj = obj

        def __lt__(self, other):
            return compare(self.obj, other.obj) < 0

        def __eq__(self, other):
            return compare(self.obj, other.obj) == 0
    return K
