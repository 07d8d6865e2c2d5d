"""Expectations of the golden paths, from Python's xml.etree.ElementTree.

    oracle.py regenerate    writes what ElementTree finds into paths.jsonl
    oracle.py check         fails if a case expects something else

A case is {"document", "path"}; its result is a list of texts, one for each element
found: its own text, or the element as XML if it has none. "error" is true where
ElementTree raises an exception.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET

CASES = pathlib.Path(__file__).with_name("paths.jsonl")


def result(case):
    try:
        root = ET.fromstring(case["document"])
        return {"found": [e.text if e.text else ET.tostring(e, encoding="unicode") for e in root.findall(case["path"])]}
    except Exception:
        return {"error": True}


def main(mode):
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines() if line]
    if mode == "regenerate":
        CASES.write_text("".join(json.dumps({**c, "want": result(c)}) + "\n" for c in cases), encoding="utf-8")
    elif mode == "check":
        wrong = [c for c in cases if result(c) != c["want"]]
        for c in wrong:
            print("differs:", c, result(c))
        print(len(cases), "paths,", len(wrong), "differ")
        sys.exit(bool(wrong))
    else:
        sys.exit(__doc__)


main(sys.argv[1] if len(sys.argv) > 1 else "")
