import functools


class _Manager:
    def __init__(self, generator): self._generator = generator
    def __enter__(self): return next(self._generator)

    def __exit__(self, kind, error, trace):
        if kind is not None:
            try:
                self._generator.throw(error)
            except StopIteration:
                return True
            except BaseException as e:
                if e is error:
                    return False
                raise
            raise RuntimeError("generator didn't stop after throw()")
        for _ in self._generator:
            raise RuntimeError("generator didn't stop")
        return False


def contextmanager(func):
    @functools.wraps(func)
    def helper(*args, **named): return _Manager(func(*args, **named))
    return helper


class suppress:
    def __init__(self, *exceptions): self._exceptions = exceptions
    def __enter__(self): pass
    def __exit__(self, kind, error, trace): return error is not None and isinstance(error, self._exceptions)


class nullcontext:
    def __init__(self, enter_result=None): self.enter_result = enter_result
    def __enter__(self): return self.enter_result
    def __exit__(self, *args): pass


class closing:
    def __init__(self, thing): self.thing = thing
    def __enter__(self): return self.thing
    def __exit__(self, *args): self.thing.close()


AbstractContextManager = object
