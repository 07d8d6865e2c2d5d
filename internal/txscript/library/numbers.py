class _Kind:
    def __init__(self, name, of): self.__name__, self._of = name, of
    def __instancecheck__(self, v): return isinstance(v, self._of)


Number = Complex = Real = _Kind("Number", (int, float))
Integral = Rational = _Kind("Integral", int)
