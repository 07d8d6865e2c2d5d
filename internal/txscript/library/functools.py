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


def _opposite(less):
    return lambda self, other: NotImplemented if (v := less(self, other)) is NotImplemented else not v


def _strictly(at_most):
    return lambda self, other: NotImplemented if (v := at_most(self, other)) is NotImplemented else v and self != other


def _or_equal(less):
    return lambda self, other: NotImplemented if (v := less(self, other)) is NotImplemented else v or self == other


def _neither(at_most):
    return lambda self, other: NotImplemented if (v := at_most(self, other)) is NotImplemented else not v and self != other


def _not_or_equal(at_most):
    return lambda self, other: NotImplemented if (v := at_most(self, other)) is NotImplemented else not v or self == other


def total_ordering(cls):
    for root in ("__lt__", "__le__", "__gt__", "__ge__"):
        if hasattr(cls, root):
            break
    else:
        raise ValueError("must define at least one ordering operation: < > <= >=")
    own = getattr(cls, root)
    if root in ("__lt__", "__gt__"):
        made = {"__lt__": ("__ge__", "__gt__", "__le__"), "__gt__": ("__le__", "__lt__", "__ge__")}[root]
        made = dict(zip(made, (_opposite(own), _neither(own), _or_equal(own))))
    else:
        made = {"__le__": ("__gt__", "__lt__", "__ge__"), "__ge__": ("__lt__", "__gt__", "__le__")}[root]
        made = dict(zip(made, (_opposite(own), _strictly(own), _not_or_equal(own))))
    for name in made:
        if not hasattr(cls, name):
            setattr(cls, name, made[name])
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


class singledispatch:
    def __init__(self, func):
        self._kinds = {object: func}
        update_wrapper(self, func)

    def dispatch(self, cls):
        best = object
        for kind in self._kinds:
            if issubclass(cls, kind) and issubclass(kind, best):
                best = kind
        return self._kinds[best]

    def register(self, cls, func=None):
        if func is None:
            if not isinstance(cls, type):
                raise TypeError("Invalid first argument to `register()`: use it with a class, as in @f.register(int)")
            return lambda f: self.register(cls, f)
        self._kinds[cls] = func
        return func

    def __call__(self, *args, **named):
        if not args:
            raise TypeError(f"{self.__name__} requires at least 1 positional argument")
        return self.dispatch(type(args[0]))(*args, **named)


class cached_property:
    def __init__(self, func):
        self.func, self.attrname, self.__doc__ = func, None, func.__doc__

    def __set_name__(self, owner, name): self.attrname = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = instance.__dict__[self.attrname] = self.func(instance)
        return value
