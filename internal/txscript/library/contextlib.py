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


class ExitStack:
    def __init__(self): self._exits = []
    def __enter__(self): return self

    def enter_context(self, manager):
        entered = manager.__enter__()
        self._exits.append(manager.__exit__)
        return entered

    def push(self, exit):
        self._exits.append(exit.__exit__ if hasattr(exit, "__exit__") else exit)
        return exit

    def callback(self, callback, /, *args, **named):
        self._exits.append(lambda *error: callback(*args, **named) and False)
        return callback

    def pop_all(self):
        other = ExitStack()
        other._exits, self._exits = self._exits, []
        return other

    def close(self): self.__exit__(None, None, None)

    def __exit__(self, kind, error, trace):
        raised = error
        while self._exits:
            try:
                if self._exits.pop()(type(raised) if raised is not None else None, raised, None):
                    raised = None
            except BaseException as e:
                raised = e
        if raised is not None and raised is not error:
            raise raised
        return error is not None and raised is None
