"""Expectations of the golden expressions, from lxml (libxml2).

    oracle.py regenerate    writes what lxml gives into cases.jsonl
    oracle.py check         fails if a case expects something else
    oracle.py serve         answers cases from standard input, one JSON object a line

A case is {"document", "path"}, or {"data", "path"} with the document's bytes in base64; its result is {"text"}, what string() makes of the
expression, or {"error": true}.
"""
import base64
import json
import pathlib
import sys

from lxml import etree

CASES = pathlib.Path(__file__).with_name("cases.jsonl")


def result(case):
    try:
        data = base64.b64decode(case["data"]) if "data" in case else case["document"].encode()
        tree = etree.ElementTree(etree.fromstring(data, etree.XMLParser(remove_blank_text=False)))
        spaces = {}
        for e in tree.iter(etree.Element):
            for prefix, space in e.nsmap.items():
                if prefix:
                    spaces.setdefault(prefix, space)
        # Evaluated by itself first: within string() some errors would not show.
        tree.xpath(case["path"], namespaces=spaces or None)
        return {"text": tree.xpath("string(" + case["path"] + ")", namespaces=spaces or None)}
    except (etree.XMLSyntaxError, etree.XPathError, ValueError):
        return {"error": True}


def main(mode):
    if mode == "serve":
        for line in sys.stdin:
            print(json.dumps(result(json.loads(line))), flush=True)
        return
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines() if line]
    if mode == "regenerate":
        CASES.write_text("".join(json.dumps({**c, "want": result(c)}) + "\n" for c in cases), encoding="utf-8")
    elif mode == "check":
        wrong = [c for c in cases if result(c) != c["want"]]
        for c in wrong:
            print("differs:", c, result(c))
        print(len(cases), "expressions,", len(wrong), "differ")
        sys.exit(bool(wrong))
    else:
        sys.exit(__doc__)


main(sys.argv[1] if len(sys.argv) > 1 else "")
