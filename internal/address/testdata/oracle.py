"""Expectations of the cases in urls.json, from Python's requests, which Rossum's
extensions send with, and from urllib.parse.quote for values within a URL.

    oracle.py regenerate    writes the expectations into every case
    oracle.py check         fails if a case expects something else

A case is a URL as settings or a field give it, whole; or a template in which {} stands
for a value within a path segment or a query value. What an API gets is compared, so
that want is the path and the query as a server reads them.
"""
import json
import pathlib
import sys
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import requests

PATH = pathlib.Path(__file__).parent / "urls.json"


def want(case):
    if "url" in case:
        return requests.Request("GET", case["url"]).prepare().url
    url = requests.Request("GET", case["template"].replace("{}", quote(case["value"], safe=""))).prepare().url
    parts = urlsplit(url)
    return {"path": unquote(parts.path), "query": [list(p) for p in parse_qsl(parts.query, keep_blank_values=True)]}


def main(mode):
    cases, wrong = json.loads(PATH.read_text(encoding="utf-8")), 0
    for case in cases:
        expected = want(case)
        if mode == "regenerate":
            case["want"] = expected
        elif expected != case.get("want"):
            wrong += 1
            print(f"{case}: Python gives {expected!r}")
    if mode == "regenerate":
        PATH.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases compared with requests {requests.__version__}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
