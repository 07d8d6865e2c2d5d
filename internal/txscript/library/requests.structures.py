class CaseInsensitiveDict:
    def __init__(self, given=()):
        self._kept = {}
        for name, v in given.items() if hasattr(given, "items") else given:
            before = self._kept.get(name.lower())
            self._kept[name.lower()] = (name, v if before is None or hasattr(given, "items") else before[1] + ", " + v)

    def __getitem__(self, name): return self._kept[name.lower()][1]
    def __setitem__(self, name, v): self._kept[name.lower()] = (name, v)
    def __delitem__(self, name): del self._kept[name.lower()]
    def __contains__(self, name): return isinstance(name, str) and name.lower() in self._kept
    def __iter__(self): return iter(self.keys())
    def __len__(self): return len(self._kept)
    def __eq__(self, other): return {k.lower(): v for k, v in self.items()} == {k.lower(): v for k, v in other.items()}
    def __repr__(self): return repr(dict(self.items()))
    def get(self, name, default=None): return self[name] if name in self else default
    def keys(self): return [name for name, _ in self._kept.values()]
    def values(self): return [v for _, v in self._kept.values()]
    def items(self): return list(self._kept.values())

    def pop(self, name, *default):
        if name not in self and default:
            return default[0]
        v = self[name]
        del self[name]
        return v

    def setdefault(self, name, v): return self._kept.setdefault(name.lower(), (name, v))[1]

    def update(self, given=(), **named):
        for name, v in [*(given.items() if hasattr(given, "items") else given), *named.items()]:
            self[name] = v
