"""Expectations of the cases in sent.json, from Python's requests, which Rossum's
engine sends with.

    oracle.py regenerate    writes what requests sends into every case
    oracle.py check         fails if a case expects something else

A case is what the settings give requests: url and params, or data, or files (then
data are the fields beside them); want is the address, or the body with its boundary
called BOUNDARY.
"""
import json
import pathlib
import sys

import requests

PATH = pathlib.Path(__file__).parent / "sent.json"


def sends(case):
    files = case.get("files")
    if files is not None:
        files = {k: tuple(v) if isinstance(v, list) else v for k, v in files.items()}
    prepared = requests.Request("POST", case.get("url", "https://erp.example/"), params=case.get("params"),
                                data=case.get("data"), files=files, json=case.get("json")).prepare()
    if "url" in case:
        return prepared.url
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    kind = prepared.headers.get("Content-Type", "")
    if "boundary=" in kind:
        boundary = kind.split("boundary=", 1)[1]
        kind, body = "multipart/form-data", body.replace(boundary.encode(), b"BOUNDARY")
    return kind + "\n" + body.decode("utf-8")


def main(mode):
    cases, wrong = json.loads(PATH.read_text(encoding="utf-8")), 0
    for case in cases:
        got = sends(case)
        if got == case.get("want"):
            continue
        if mode == "regenerate":
            case["want"] = got
            continue
        wrong += 1
        print(f"{case}: requests sends {got!r}")
    if mode == "regenerate":
        PATH.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases compared with requests {requests.__version__}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
