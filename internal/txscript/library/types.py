class SimpleNamespace:
    def __init__(self, **named):
        for name, v in named.items():
            setattr(self, name, v)

    def __eq__(self, other): return isinstance(other, SimpleNamespace) and vars(self) == vars(other)
    def __repr__(self): return "namespace(" + ", ".join(f"{n}={v!r}" for n, v in vars(self).items()) + ")"


NoneType = type(None)
FunctionType = LambdaType = type(lambda: None)


def MappingProxyType(mapping): return dict(mapping)
