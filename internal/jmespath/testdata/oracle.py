"""Expectations of the golden cases, from Python's jmespath.

    oracle.py regenerate    writes what jmespath does into every case
    oracle.py check         fails if a case expects something else

A case is one file: the expression, a line "=== document", the document as JSON,
then "=== result" and the result as JSON, or "=== error".
"""
import json
import pathlib
import sys
import warnings

import jmespath

warnings.simplefilter("ignore")


def search(expression, document):
    try:
        result = jmespath.search(expression, json.loads(document))
        return "result", json.dumps(result, ensure_ascii=False)
    except Exception:
        return "error", ""


def split(text):
    expression, rest = text.split("\n=== document\n", 1)
    document, sep, want = rest.partition("\n=== result\n")
    if sep:
        return expression, document, "result", want
    document, _, want = rest.partition("\n=== error\n")
    return expression, document, "error", want


def main(mode):
    wrong, paths = 0, sorted((pathlib.Path(__file__).parent / "golden").glob("*/*.txt"))
    for path in paths:
        expression, document, kind, want = split(path.read_text(encoding="utf-8"))
        got = search(expression, document)
        if got == (kind, want):
            continue
        if mode == "regenerate":
            path.write_text(f"{expression}\n=== document\n{document}\n=== {got[0]}\n{got[1]}", encoding="utf-8")
            continue
        wrong += 1
        print(f"{path}: jmespath {jmespath.__version__} gives {got!r}, the case expects {(kind, want)!r}")
    print(f"{len(paths)} cases compared with jmespath {jmespath.__version__}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
