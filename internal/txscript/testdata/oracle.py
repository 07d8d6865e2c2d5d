"""Expectations of the golden formulas, from CPython.

    oracle.py regenerate    writes what Python does into every case
    oracle.py check         fails if a case expects something else
    oracle.py serve         runs {"code", "fields"} lines from standard input

A case is one file: the formula, a line "=== fields" with fields as JSON (may be
missing), then "=== output" and the repr of its value with the messages shown, or
"=== error" and the exception. Fields are {"name": [type, value]}, and a table is
{"name": [{...}, ...]}; "row" is the index of the row that the formula is of.
Small cases are lines of JSON in compact/*.jsonl: [code, "output" or "error", text].
"""
import ast
import datetime
import decimal
import json
import math
import pathlib
import re
import os
import sys
import time

os.environ["TZ"] = "UTC"  # as where formulas run
time.tzset()
NOW = datetime.datetime(2026, 11, 25, 13, 45, 30, 123456)


class Meta(type(datetime.date)):
    def __instancecheck__(cls, v):
        return isinstance(v, cls.__mro__[1])


class Date(datetime.date, metaclass=Meta):
    def __new__(cls, *args, **kwargs):
        return datetime.date(*args, **kwargs)

    @classmethod
    def today(cls):
        return datetime.date(NOW.year, NOW.month, NOW.day)

    fromisoformat = datetime.date.fromisoformat


class Datetime(datetime.datetime, metaclass=Meta):
    def __new__(cls, *args, **kwargs):
        return datetime.datetime(*args, **kwargs)

    strptime = datetime.datetime.strptime
    fromisoformat = datetime.datetime.fromisoformat

    @classmethod
    def now(cls, tz=None):
        if tz is not None:
            return NOW.replace(tzinfo=datetime.timezone.utc).astimezone(tz)
        return datetime.datetime(*NOW.timetuple()[:6], NOW.microsecond)

    today = now
    utcnow = now


def datetime_module():
    """The module and the class in one, as formulas are written either way."""
    both = type("module", (), {})()
    both.__dict__.update(
        datetime=Datetime, date=Date, timedelta=datetime.timedelta, timezone=datetime.timezone, time=datetime.time, UTC=datetime.timezone.utc,
        MINYEAR=1, MAXYEAR=9999, now=Datetime.now, today=Datetime.now,
        strptime=datetime.datetime.strptime, fromisoformat=datetime.datetime.fromisoformat)
    return both


class Empty:
    """The value of a number or date field without one."""
    def __bool__(self):
        return False

    def __str__(self):
        return "None"

    __repr__ = __str__

    def __eq__(self, other):
        return other is None or isinstance(other, Empty)

    def __hash__(self):
        return hash(None)


Empty.__name__ = "NoneType"
EMPTY = Empty()


def typed(kind, text):
    if kind == "number":
        return float(text) if text else EMPTY
    if kind == "date":
        return datetime.date.fromisoformat(text) if text else EMPTY
    return text


class Column(list):
    @property
    def all_values(self):
        return list(self)


class Fields:
    def __init__(self, spec, row=None, parent=None):
        self.__dict__.update(_spec=spec, _row=row, _parent=parent)

    def __getattr__(self, name):
        spec = self._spec
        if self._row is not None and name in self._row:
            return self._wrap(typed(*self._row[name]), name)
        if name in spec:
            v = spec[name]
            if v and isinstance(v[0], dict) or v == []:
                return [Fields({}, row=r) for r in v]
            return typed(*v)
        for v in spec.values():
            if v and isinstance(v, list) and isinstance(v[0], dict) and name in v[0]:
                return Column(typed(*r[name]) for r in v)
        raise AttributeError(f"Field '{name}' is not defined")

    def __repr__(self):
        return "<field object>"

    def _wrap(self, v, name):
        for table in self._spec.values():
            if isinstance(table, list) and table and isinstance(table[0], dict) and name in table[0]:
                return with_all(v, [typed(*r[name]) for r in table])
        return v


Fields.__name__ = "field"


def with_all(v, values):
    """A value that also answers .all_values."""
    if isinstance(v, Empty):
        made = Empty()
        made.all_values = values
        return made
    base = type(v)
    cls = type(base.__name__, (base,), {"all_values": values, "__reduce__": base.__reduce__})
    if base is datetime.date:
        made = cls(v.year, v.month, v.day)
    else:
        made = cls(v)
    return made


def plain(v):
    """The value without what the shim added, so that its repr is Python's own."""
    if isinstance(v, datetime.datetime):
        return v
    if isinstance(v, datetime.date):
        return datetime.date(v.year, v.month, v.day)
    if "all_values" in vars(type(v)):
        for base in (int, float, str):
            if isinstance(v, base):
                return base(v)
    if type(v) is Column:
        return list(v)
    if type(v) in (list, tuple):
        return type(v)(plain(x) for x in v)
    if type(v) is dict:
        return {plain(k): plain(x) for k, x in v.items()}
    return v


def importer(name, globals=None, locals=None, fromlist=(), level=0):
    if name == "datetime":
        return datetime_module()
    return __import__(name, globals, locals, fromlist, level)


def is_empty(v):
    return v is None or isinstance(v, Empty) or isinstance(v, str) and v == ""


def default_to(v, default):
    if isinstance(v, list):
        return [default if is_empty(x) else x for x in v]
    return default if is_empty(v) else v


def substitute(pattern, repl, v):
    return "" if is_empty(v) else re.sub(pattern, repl, v if isinstance(v, str) else str(v))


class Last(ast.NodeTransformer):
    """Keeps the value of every expression statement outside of functions."""
    def visit_FunctionDef(self, node):
        return node

    visit_Lambda = visit_ClassDef = visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Expr(self, node):
        return ast.copy_location(ast.Assign([ast.Name("__last__", ast.Store())], node.value), node)


def run(code, spec):
    """Returns (kind, text): output, or error and the exception."""
    shown = []
    row = None
    decimal.setcontext(decimal.Context())
    spec = dict(spec or {})
    at = spec.pop("row", None)
    if at is not None:
        row = next(v for v in spec.values() if isinstance(v, list) and v and isinstance(v[0], dict))[at]

    def show(kind):
        return lambda content, field=None: shown.append(f"{kind}: {content}")

    import builtins
    names = {
        "__builtins__": {**vars(builtins), "__import__": importer}, "__name__": "formula", "field": Fields(spec, row), "is_empty": is_empty, "is_set": lambda v: not is_empty(v), "default_to": default_to,
        "substitute": substitute, "re": re, "math": math, "json": json, "datetime": datetime_module(), "date": Date, "timedelta": datetime.timedelta,
        "show_error": show("error"), "show_warning": show("warning"), "show_info": show("info"), "automation_blocker": show("blocker"),
        "print": lambda *a, **k: None,
    }
    try:
        tree = ast.fix_missing_locations(Last().visit(ast.parse(code)))
        exec(compile(tree, "formula", "exec"), names)
        text = repr(plain(names.get("__last__")))
        return "output", "\n".join([text] + shown)
    except SyntaxError:
        return "error", "SyntaxError"
    except RecursionError:
        return "error", "RecursionError: maximum recursion depth exceeded"
    except Exception as e:
        return "error", f"{type(e).__name__}: {e}" if str(e) else type(e).__name__


def split(text):
    code, sep, rest = text.partition("\n=== fields\n")
    fields = "{}"
    if not sep:
        for mark in ("\n=== output\n", "\n=== error\n"):
            if mark in text:
                code, _, expected = text.partition(mark)
                return code, fields, mark.strip("\n= "), expected
        return text, fields, "output", ""
    for mark in ("\n=== output\n", "\n=== error\n"):
        if mark in rest:
            fields, _, expected = rest.partition(mark)
            return code, fields, mark.strip("\n= "), expected
    return code, rest, "output", ""


def main(mode):
    if mode == "serve":
        for line in sys.stdin:
            asked = json.loads(line)
            kind, text = run(asked["code"], asked.get("fields"))
            print(json.dumps([kind, text]), flush=True)
        return 0
    count = differ = 0
    for path in sorted((pathlib.Path(__file__).parent / "golden").glob("*.txt")):
        code, fields, kind, expected = split(path.read_text())
        now = run(code, json.loads(fields))
        count += 1
        if mode == "regenerate":
            shown = "" if fields.strip() == "{}" else f"\n=== fields\n{fields.strip()}"
            path.write_text(f"{code}{shown}\n=== {now[0]}\n{now[1]}")
        elif now != (kind, expected):
            differ += 1
            print(f"{path.name}: expects {kind} {expected!r}, Python has {now}")
    for path in sorted((pathlib.Path(__file__).parent / "compact").glob("*.jsonl")):
        lines = path.read_text().splitlines()
        cases = [json.loads(line) for line in lines]
        now = [[code, *run(code, {})] for code, _, _ in cases]
        count += len(cases)
        if mode == "regenerate":
            path.write_text("".join(
                (line if old == new else json.dumps(new, ensure_ascii=False)) + "\n" for line, old, new in zip(lines, cases, now)
            ))
            continue
        for case, new in zip(cases, now):
            if case != new:
                differ += 1
                print(f"{path.name}: {case[0]!r} expects {case[1:]!r}, Python has {new[1:]!r}")
    print(f"{count} formulas compared with Python {sys.version.split()[0]}, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
