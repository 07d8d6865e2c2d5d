def defaultdict(default_factory=None, *args, **named):
    return _lib_default(_defaultdict(*args, **named), default_factory)


class _defaultdict(dict):
    @property
    def default_factory(self): return _lib_default(self)

    def __repr__(self): return f"defaultdict({_lib_default(self)!r}, {dict(self)!r})"
    def copy(self): return defaultdict(_lib_default(self), self)


class OrderedDict(dict):
    def move_to_end(self, key, last=True):
        value = self.pop(key)
        if last:
            self[key] = value
        else:
            rest = dict(self)
            self.clear()
            self[key] = value
            self.update(rest)

    def popitem(self, last=True):
        if not self:
            raise KeyError("dictionary is empty")
        key = list(self)[-1 if last else 0]
        return key, self.pop(key)

    def copy(self): return OrderedDict(self)
    def __repr__(self): return "OrderedDict(" + (repr(list(self.items())) if self else "") + ")"

    def __eq__(self, other):
        if isinstance(other, OrderedDict):
            return list(self.items()) == list(other.items())
        return dict(self) == other


class Counter(dict):
    def __init__(self, iterable=(), **named):
        self.update(iterable, **named)

    def __missing__(self, key): return 0

    def update(self, iterable=(), **named):
        self._count(1, iterable, named)

    def subtract(self, iterable=(), **named):
        self._count(-1, iterable, named)

    def _count(self, sign, iterable, named):
        if isinstance(iterable, dict):
            for k, n in iterable.items():
                self[k] = self.get(k, 0) + sign * n
        elif iterable is not None:
            for k in iterable:
                self[k] = self.get(k, 0) + sign
        for k, n in named.items():
            self[k] = self.get(k, 0) + sign * n

    def most_common(self, n=None):
        return sorted(self.items(), key=lambda item: item[1], reverse=True)[:n]

    def elements(self):
        for k, n in self.items():
            for _ in range(n):
                yield k

    def total(self): return sum(self.values())
    def copy(self): return Counter(self)

    def _kept(self, other, combine):
        made = Counter()
        for k in [*self, *(k for k in other if k not in self)]:
            n = combine(self[k], other[k])
            if n > 0:
                made[k] = n
        return made

    def __add__(self, other): return self._kept(other, lambda a, b: a + b)
    def __sub__(self, other): return self._kept(other, lambda a, b: a - b)
    def __and__(self, other): return self._kept(other, min)
    def __or__(self, other): return self._kept(other, max)
    def __pos__(self): return self._kept(Counter(), lambda a, b: a)
    def __neg__(self): return Counter()._kept(self, lambda a, b: a - b)

    def __repr__(self):
        if not self:
            return "Counter()"
        return "Counter({" + ", ".join(f"{k!r}: {n!r}" for k, n in self.most_common()) + "})"


class ChainMap:
    def __init__(self, *maps): self.maps = list(maps) or [{}]

    def _merged(self):
        made = {}
        for m in reversed(self.maps):
            made.update(m)
        return made

    def __getitem__(self, key):
        for m in self.maps:
            if key in m:
                return m[key]
        raise KeyError(key)

    def __setitem__(self, key, value): self.maps[0][key] = value
    def __contains__(self, key): return any(key in m for m in self.maps)
    def __iter__(self): return iter(self._merged())
    def __len__(self): return len(self._merged())
    def get(self, key, default=None): return self[key] if key in self else default
    def keys(self): return self._merged().keys()
    def values(self): return self._merged().values()
    def items(self): return self._merged().items()
    def new_child(self, m=None): return ChainMap({} if m is None else m, *self.maps)

    @property
    def parents(self): return ChainMap(*self.maps[1:])

    def __eq__(self, other): return self._merged() == (other._merged() if isinstance(other, ChainMap) else other)
    def __repr__(self): return "ChainMap(" + ", ".join(map(repr, self.maps)) + ")"


class deque:
    def __init__(self, iterable=(), maxlen=None):
        self._items, self.maxlen = list(iterable), maxlen
        self._cut(True)

    def _cut(self, left):
        while self.maxlen is not None and len(self._items) > self.maxlen:
            self._items.pop(0 if left else -1)

    def append(self, x):
        self._items.append(x)
        self._cut(True)

    def appendleft(self, x):
        self._items.insert(0, x)
        self._cut(False)

    def extend(self, it):
        for x in it:
            self.append(x)

    def extendleft(self, it):
        for x in it:
            self.appendleft(x)

    def rotate(self, n=1):
        if self._items:
            n %= len(self._items)
            self._items[:] = self._items[-n:] + self._items[:-n] if n else self._items

    def remove(self, x): self._items.remove(x)
    def count(self, x): return self._items.count(x)
    def index(self, x, *args): return self._items.index(x, *args)
    def insert(self, i, x): self._items.insert(i, x)
    def reverse(self): self._items.reverse()
    def copy(self): return deque(self._items, self.maxlen)
    def __setitem__(self, i, x): self._items[i] = x

    def pop(self):
        if not self._items:
            raise IndexError("pop from an empty deque")
        return self._items.pop()

    def popleft(self):
        if not self._items:
            raise IndexError("pop from an empty deque")
        return self._items.pop(0)

    def clear(self): self._items.clear()
    def __iter__(self): return iter(self._items)
    def __len__(self): return len(self._items)
    def __getitem__(self, i): return self._items[i]
    def __contains__(self, x): return x in self._items
    def __eq__(self, other): return isinstance(other, deque) and self._items == other._items

    def __repr__(self):
        return f"deque({self._items!r})" if self.maxlen is None else f"deque({self._items!r}, maxlen={self.maxlen})"


_KEYWORDS = ("False None True and as assert async await break class continue def del elif else except finally for from global if import in is "
             "lambda nonlocal not or pass raise return try while with yield").split()


def namedtuple(typename, field_names, *, rename=False, defaults=(), module=None):
    if isinstance(field_names, str):
        field_names = field_names.replace(",", " ").split()
    names = list(map(str, field_names))
    if rename:
        for i, n in enumerate(names):
            if not n.isidentifier() or n in _KEYWORDS or n.startswith("_") or n in names[:i]:
                names[i] = f"_{i}"
    for n in [typename] + names:
        if not n.isidentifier():
            raise ValueError(f"Type names and field names must be valid identifiers: {n!r}")
        if n in _KEYWORDS:
            raise ValueError(f"Type names and field names cannot be a keyword: {n!r}")
    for i, n in enumerate(names):
        if n.startswith("_") and not rename:
            raise ValueError(f"Field names cannot start with an underscore: {n!r}")
        if n in names[:i]:
            raise ValueError(f"Encountered duplicate field name: {n!r}")
    defaults = tuple(defaults or ())
    if len(defaults) > len(names):
        raise TypeError("Got more default values than field names")
    return _lib_namedtuple(typename, names, dict(zip(names[len(names) - len(defaults):], defaults)))


class UserDict:
    def __init__(self, dict=None, /, **named):
        self.data = {}
        if dict is not None:
            self.update(dict)
        if named:
            self.update(named)

    def __getitem__(self, key):
        if key in self.data:
            return self.data[key]
        if hasattr(self.__class__, "__missing__"):
            return self.__class__.__missing__(self, key)
        raise KeyError(key)

    def __setitem__(self, key, value): self.data[key] = value
    def __delitem__(self, key): del self.data[key]
    def __iter__(self): return iter(self.data)
    def __len__(self): return len(self.data)
    def __contains__(self, key): return key in self.data
    def __repr__(self): return repr(self.data)
    def __eq__(self, other): return self.data == (other.data if isinstance(other, UserDict) else other)
    def keys(self): return self.data.keys()
    def values(self): return self.data.values()
    def items(self): return self.data.items()
    def clear(self): self.data.clear()

    def copy(self):
        made = self.__class__()
        made.data = self.data.copy()
        return made

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key, *default):
        if key not in self.data and default:
            return default[0]
        value = self[key]
        del self.data[key]
        return value

    def update(self, other=(), /, **named):
        for key, value in (dict(other) | named).items():
            self[key] = value
