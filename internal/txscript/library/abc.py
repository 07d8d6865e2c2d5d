class ABC:
    pass


def abstractmethod(f):
    return _lib_abstract(f)


class ABCMeta:
    pass
