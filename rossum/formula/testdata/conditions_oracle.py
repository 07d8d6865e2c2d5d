"""Expectations of conditions.jsonl, from CPython.

    conditions_oracle.py regenerate    writes what Python does into every line
    conditions_oracle.py check         fails if a line expects something else

A line is {"condition", "value"} or {"condition", "error"}: the truth of what eval
gives for the condition, or the class of what it raises. The fields are those that
TestConditionsDoWhatCPythonDoes has.
"""
import datetime
import json
import math
import pathlib
import re
import sys
import types
import warnings

warnings.simplefilter("ignore")


def row(code, qty, price):
    return types.SimpleNamespace(code=code, qty=qty, price=price)


field = types.SimpleNamespace(
    status="201", other="404", message="Created", empty="", vendor="Müller GmbH", code="00123", amount=999.5, negative=-7.0, nothing=None,
    issued=datetime.date(2026, 11, 20), items=[row("A", 2.0, 1.5), row("B", 10.0, 0.1)])


def is_empty(v):
    return v is None or v == ""


def default_to(v, default):
    if isinstance(v, list):
        return [default if is_empty(x) else x for x in v]
    return default if is_empty(v) else v


names = {
    "field": field, "r": types.SimpleNamespace(field=field), "re": re, "math": math, "json": json, "is_empty": is_empty, "is_set": lambda v: not is_empty(v),
    "default_to": default_to, "substitute": lambda p, to, v: "" if is_empty(v) else re.sub(p, to, v if isinstance(v, str) else str(v)),
}


def expect(condition):
    try:
        return {"value": bool(eval(condition, dict(names)))}
    except Exception as e:
        return {"error": type(e).__name__}


def main(mode):
    path = pathlib.Path(__file__).parent / "conditions.jsonl"
    lines, differ = [], 0
    for line in path.read_text().splitlines():
        case = json.loads(line)
        now = {"condition": case["condition"], **expect(case["condition"])}
        if now != case:
            differ += 1
            if mode != "regenerate":
                print(f"{case}: Python has {now}")
        lines.append(json.dumps(now, ensure_ascii=False))
    if mode == "regenerate":
        path.write_text("\n".join(lines) + "\n")
        differ = 0
    print(f"{len(lines)} conditions compared with Python {sys.version.split()[0]}, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
