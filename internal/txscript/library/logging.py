CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET = 50, 40, 30, 20, 10, 0


def _nothing(*args, **named):
    pass


class Logger:
    def __init__(self, name="root"): self.name = name
    setLevel = addHandler = log = debug = info = warning = warn = error = exception = critical = staticmethod(_nothing)

    def isEnabledFor(self, level): return False


_loggers = {}


def getLogger(name=None):
    name = name or "root"
    if name not in _loggers:
        _loggers[name] = Logger(name)
    return _loggers[name]


basicConfig = log = debug = info = warning = error = exception = critical = _nothing


def getLevelName(level):
    names = {CRITICAL: "CRITICAL", ERROR: "ERROR", WARNING: "WARNING", INFO: "INFO", DEBUG: "DEBUG", NOTSET: "NOTSET"}
    return names.get(level) or {name: n for n, name in names.items()}.get(level, f"Level {level}")


class Handler:
    def __init__(self, *args, **named): pass
    setLevel = setFormatter = addFilter = handle = emit = flush = close = staticmethod(_nothing)


class StreamHandler(Handler):
    pass


class NullHandler(Handler):
    pass


class Formatter:
    def __init__(self, *args, **named): pass
