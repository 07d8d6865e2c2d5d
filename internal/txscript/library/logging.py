CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET = 50, 40, 30, 20, 10, 0


def _nothing(*args, **named):
    pass


class Logger:
    name = "root"
    setLevel = addHandler = log = debug = info = warning = warn = error = exception = critical = staticmethod(_nothing)

    def isEnabledFor(self, level): return False


_root = Logger()


def getLogger(name=None): return _root


basicConfig = log = debug = info = warning = error = exception = critical = _nothing
