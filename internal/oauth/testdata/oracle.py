"""Expectations of the golden cases, from Python's oauthlib and PyJWT.

    oracle.py regenerate    writes oauthlib's signatures into signatures.json
    oracle.py check         fails if oauthlib or PyJWT disagree

signatures.json has requests with the OAuth 1.0a signature that oauthlib gives. The
body of a request is given as it is sent (body), as the fields of a form (form), or as
fields whose values are so many times some bytes (repeated).
assertions.json has JWTs that this package made (go test -update); PyJWT must take
them for what they say they are.
"""
import json
import pathlib
import re
import sys
import urllib.parse

import jwt
import oauthlib
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from oauthlib import oauth1

HERE = pathlib.Path(__file__).parent


def signature(case):
    client = oauth1.Client(
        case["consumer_key"], client_secret=case["consumer_secret"], resource_owner_key=case["token_key"],
        resource_owner_secret=case["token_secret"], realm=case["realm"] or None, signature_method=case["signature_method"],
        nonce=case["nonce"], timestamp=str(case["timestamp"]))
    body, headers = None, {}
    if case.get("body"):
        body = case["body"]
    elif case.get("repeated"):
        body = urllib.parse.urlencode([(r["name"], bytes.fromhex(r["hex"]) * r["times"] + r["end"].encode()) for r in case["repeated"]])
    elif case["form"]:
        body = urllib.parse.urlencode([tuple(p) for p in case["form"]])
    if body:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _, signed, _ = client.sign(case["url"], http_method=case["method"], body=body, headers=headers)
    return urllib.parse.unquote(re.search(r'oauth_signature="([^"]*)"', signed["Authorization"]).group(1))


def main(mode):
    wrong, path = 0, HERE / "signatures.json"
    cases = json.loads(path.read_text(encoding="utf-8"))
    for case in cases:
        got = signature(case)
        if got == case.get("signature"):
            continue
        if mode == "regenerate":
            case["signature"] = got
            continue
        wrong += 1
        print(f"{case['method']} {case['url']}: oauthlib gives {got!r}, the case expects {case.get('signature')!r}")
    if mode == "regenerate":
        path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    public = load_pem_private_key((HERE / "pkcs8.pem").read_bytes(), None).public_key()
    assertions = json.loads((HERE / "assertions.json").read_text(encoding="utf-8"))
    for case in assertions:
        try:
            claims = jwt.decode(case["token"], public, algorithms=[case["algorithm"]],
                                options={"verify_exp": False, "verify_aud": False, "verify_iat": False})
            header = jwt.get_unverified_header(case["token"])
            if claims == case["claims"] and header == {"alg": case["algorithm"], "kid": case["kid"], "typ": "JWT"}:
                continue
            problem = f"{header} {claims}"
        except jwt.PyJWTError as e:
            problem = repr(e)
        wrong += 1
        print(f"{case['algorithm']}: PyJWT says {problem}")
    print(f"{len(cases)} signatures compared with oauthlib {oauthlib.__version__}, "
          f"{len(assertions)} assertions with PyJWT {jwt.__version__}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
