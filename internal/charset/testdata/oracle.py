"""Expectations of the golden texts, from Python's requests.

    oracle.py regenerate    writes what requests does into cases.jsonl
    oracle.py check         fails if a case expects something else

A case is {"content_type", "body"}, each byte of the body being the character of that
number; its result is "text", what response.text is.
"""
import json
import pathlib
import sys

import requests

CASES = pathlib.Path(__file__).with_name("cases.jsonl")


def text(case):
    reply = requests.Response()
    reply._content = case["body"].encode("latin-1")
    reply.encoding = requests.utils.get_encoding_from_headers({"content-type": case["content_type"]})
    return reply.text


def main(mode):
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines() if line]
    if mode == "regenerate":
        CASES.write_text("".join(json.dumps({**c, "text": text(c)}) + "\n" for c in cases), encoding="utf-8")
    elif mode == "check":
        wrong = [c for c in cases if text(c) != c["text"]]
        for c in wrong:
            print("differs:", c, repr(text(c)))
        print(len(cases), "texts,", len(wrong), "differ")
        sys.exit(bool(wrong))
    else:
        sys.exit(__doc__)


main(sys.argv[1] if len(sys.argv) > 1 else "")
