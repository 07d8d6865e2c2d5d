class _Kind:
    def __init__(self, name, has): self.__name__, self._has = name, has
    def __instancecheck__(self, v): return self._has(v)
    def __getitem__(self, k): return self


def _by(*methods): return lambda v: all(hasattr(v, m) for m in methods)
def _hashable(v):
    try:
        hash(v)
    except TypeError:
        return False
    return True


Iterable = _Kind("Iterable", _by("__iter__"))
Iterator = _Kind("Iterator", _by("__iter__", "__next__"))
Generator = _Kind("Generator", _by("__iter__", "__next__", "send"))
Callable = _Kind("Callable", callable)
Sized = _Kind("Sized", _by("__len__"))
Container = _Kind("Container", _by("__contains__"))
Collection = _Kind("Collection", _by("__len__", "__iter__", "__contains__"))
Hashable = _Kind("Hashable", _hashable)
Mapping = MutableMapping = _Kind("Mapping", lambda v: isinstance(v, dict))
Sequence = _Kind("Sequence", lambda v: isinstance(v, (str, bytes, list, tuple, range)))
MutableSequence = _Kind("MutableSequence", lambda v: isinstance(v, list))
Set = _Kind("Set", lambda v: isinstance(v, (set, frozenset)))
MutableSet = _Kind("MutableSet", lambda v: isinstance(v, set))
