"""Expectations of the golden cases, from CPython's re.

    oracle.py regenerate    writes what Python does into cases.jsonl
    oracle.py check         fails if a case expects something else
    oracle.py serve         answers cases from standard input, one JSON object a line

A case is {"pattern", "flags", "text"} and, if there is one, {"repl"}; its result is
{"error"} or what search, match, fullmatch, finditer, split and sub give. Spans count
code points.
"""
import json
import pathlib
import re
import signal
import sys
import warnings

warnings.simplefilter("ignore")
CASES = pathlib.Path(__file__).with_name("cases.jsonl")


def spans(m):
    return None if m is None else [list(m.span(i)) for i in range(m.re.groups + 1)] + [m.lastindex or 0]


def result(case):
    try:
        p = re.compile(case["pattern"], case.get("flags", 0))
    except re.error as e:
        return {"error": str(e)}
    except (ValueError, OverflowError, RecursionError) as e:
        return {"error": str(e)}
    text = case["text"]
    out = {
        "groups": p.groups,
        "names": dict(p.groupindex),
        "search": spans(p.search(text)),
        "match": spans(p.match(text)),
        "fullmatch": spans(p.fullmatch(text)),
        "all": [spans(m) for m in p.finditer(text)],
        "from1": spans(p.search(text, 1, max(0, len(text) - 1))),
    }
    if "repl" in case:
        try:
            out["sub"] = p.sub(case["repl"], text)
        except (re.error, IndexError) as e:
            out["sub_error"] = str(e)
    return out


class Stuck(Exception):
    pass


def stop(*_):
    raise Stuck


def bounded(case):
    """The result, or {"stuck"}: some versions of CPython loop on odd patterns."""
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        return result(case)
    except Stuck:
        return {"stuck": True}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def classes():
    """What the categories hold, and lower case, of all characters."""
    out = {}
    for name, p in (("d", r"\d"), ("s", r"\s"), ("w", r"\w")):
        p = re.compile(p)
        out[name] = [i for i in range(0x110000) if not 0xD800 <= i < 0xE000 and p.match(chr(i))]
    return out


def read():
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines() if line]


def line(case):
    return json.dumps(case, ensure_ascii=True) + "\n"


def main(mode):
    if mode == "regenerate":
        CASES.write_text("".join(line({**c, "want": result(c)}) for c in read()), encoding="utf-8")
    elif mode == "check":
        wrong = [c for c in read() if json.loads(json.dumps(result(c))) != c["want"]]
        for c in wrong:
            print("differs:", line(c), line(result(c)))
        print(len(read()), "cases,", len(wrong), "differ")
        sys.exit(bool(wrong))
    elif mode == "serve":
        for text in sys.stdin:
            case = json.loads(text)
            sys.stdout.write(line(classes() if case.get("classes") else bounded(case)))
            sys.stdout.flush()
    else:
        sys.exit(__doc__)


main(sys.argv[1] if len(sys.argv) > 1 else "")
