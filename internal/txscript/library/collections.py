OrderedDict = dict


def defaultdict(default_factory=None, *args, **named):
    return _lib_default(dict(*args, **named), default_factory)


class Counter:
    def __init__(self, iterable=(), **named):
        self._n = {}
        self.update(iterable, **named)

    def update(self, iterable=(), **named):
        if isinstance(iterable, (dict, Counter)):
            for k, n in iterable.items():
                self._n[k] = self._n.get(k, 0) + n
        else:
            for k in iterable:
                self._n[k] = self._n.get(k, 0) + 1
        for k, n in named.items():
            self._n[k] = self._n.get(k, 0) + n

    def most_common(self, n=None):
        return sorted(self._n.items(), key=lambda item: item[1], reverse=True)[:n]

    def elements(self):
        for k, n in self._n.items():
            for _ in range(n):
                yield k

    def total(self): return sum(self._n.values())
    def items(self): return self._n.items()
    def keys(self): return self._n.keys()
    def values(self): return self._n.values()
    def get(self, k, default=None): return self._n.get(k, default)
    def __getitem__(self, k): return self._n.get(k, 0)
    def __setitem__(self, k, n): self._n[k] = n
    def __contains__(self, k): return k in self._n
    def __iter__(self): return iter(self._n)
    def __len__(self): return len(self._n)

    def __eq__(self, other):
        return self._n == (other._n if isinstance(other, Counter) else other)

    def __add__(self, other):
        made = Counter(self)
        made.update(other)
        return made

    def __repr__(self):
        if not self._n:
            return "Counter()"
        return "Counter({" + ", ".join(f"{k!r}: {n!r}" for k, n in self.most_common()) + "})"


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


def namedtuple(typename, field_names, *, defaults=()):
    if isinstance(field_names, str):
        field_names = field_names.replace(",", " ").split()
    names = tuple(field_names)
    optional = dict(zip(names[len(names) - len(defaults):], defaults))

    class T:
        _fields = names

        def __init__(self, *args, **named):
            if len(args) > len(names):
                raise TypeError(f"{typename}.__new__() takes {len(names) + 1} positional arguments but {len(args) + 1} were given")
            given = {**optional, **dict(zip(names, args)), **named}
            missing = [n for n in names if n not in given]
            if missing:
                s = "s" if len(missing) > 1 else ""
                raise TypeError(f"{typename}.__new__() missing {len(missing)} required positional argument{s}: " + " and ".join(repr(n) for n in missing))
            for n in given:
                if n not in names:
                    raise TypeError(f"{typename}.__new__() got an unexpected keyword argument '{n}'")
                setattr(self, n, given[n])

        def _tuple(self): return tuple(getattr(self, n) for n in names)
        def _asdict(self): return {n: getattr(self, n) for n in names}
        def _replace(self, **named): return T(**{**self._asdict(), **named})
        def __iter__(self): return iter(self._tuple())
        def __len__(self): return len(names)
        def __getitem__(self, i): return self._tuple()[i]
        def __contains__(self, x): return x in self._tuple()
        def __eq__(self, other): return self._tuple() == (other._tuple() if hasattr(other, "_tuple") else other)
        def __lt__(self, other): return self._tuple() < (other._tuple() if hasattr(other, "_tuple") else other)
        def __hash__(self): return self._tuple()
        def __repr__(self): return typename + "(" + ", ".join(f"{n}={getattr(self, n)!r}" for n in names) + ")"

    return _lib_rename(T, typename)
