"""Expectations of the golden cases, from real Jinja2.

    oracle.py regenerate    writes what Jinja2 does into every case
    oracle.py check         fails if a case expects something else
    oracle.py serve         renders {"template", "vars"} lines from standard input

A case is one file: the template, a line "=== vars", the variables as JSON, then
"=== output" and the bytes, or "=== error" and the exception's class.
Small cases are lines of JSON in compact/*.jsonl: [template, variables, "output" or
"error", text].
"""
import base64
import json
import pathlib
import sys
import warnings

import jinja2
import jinja2.exceptions

warnings.simplefilter("ignore")  # of Python code that odd templates become
ENVIRONMENT = jinja2.Environment()


def b64encode(value):
    if isinstance(value, jinja2.Undefined):
        value._fail_with_undefined_error()
    if not isinstance(value, bytes):
        value = str(value).encode("utf-8")
    return base64.b64encode(value).decode("ascii")


ENVIRONMENT.filters["b64encode"] = b64encode
ENVIRONMENT.filters["b64decode"] = lambda s: base64.b64decode(s).decode("utf-8")


def render(template, variables):
    """Returns (kind, text): output, or error and the exception's class."""
    try:
        return "output", ENVIRONMENT.from_string(template).render(variables)
    except Exception as e:
        return "error", type(e).__name__


def split(text):
    template, rest = text.split("\n=== vars\n", 1)
    variables, sep, expected = rest.partition("\n=== output\n")
    kind = "output"
    if not sep:
        variables, sep, expected = rest.partition("\n=== error\n")
        kind = "error"
    return template, variables, kind, expected


def golden():
    return sorted((pathlib.Path(__file__).parent / "golden").glob("*/*.txt"))


def read(path):
    return path.read_bytes().decode("utf-8")


def main(mode):
    if mode == "serve":
        for line in sys.stdin:
            case = json.loads(line)
            kind, text = render(case["template"], case["vars"])
            print(json.dumps({"kind": kind, "text": text}), flush=True)
        return 0
    wrong = 0
    for path in golden():
        template, variables, kind, expected = split(read(path))
        got = render(template, json.loads(variables))
        if got == (kind, expected):
            continue
        if mode == "regenerate":
            path.write_bytes(f"{template}\n=== vars\n{variables}\n=== {got[0]}\n{got[1]}".encode("utf-8"))
            continue
        wrong += 1
        print(f"{path}: Jinja2 {jinja2.__version__} gives {got!r}, the case expects {(kind, expected)!r}")
    small = 0
    for path in sorted((pathlib.Path(__file__).parent / "compact").glob("*.jsonl")):
        cases = [json.loads(line) for line in read(path).split("\n") if line]
        now = [[template, variables, *render(template, variables)] for template, variables, _, _ in json.loads(json.dumps(cases))]
        small += len(cases)
        if mode == "regenerate":
            path.write_bytes("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in now).encode("utf-8"))
            continue
        for case, new in zip(cases, now):
            if case[2:] != new[2:]:
                wrong += 1
                print(f"{path.name}: {case[0]!r} expects {case[2:]!r}, Jinja2 gives {new[2:]!r}")
    print(f"{len(golden()) + small} cases compared with Jinja2 {jinja2.__version__}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
