"""Expectations of the golden cases, from Python's zeep.

    oracle.py regenerate     writes what zeep sends, or its error, beside every case
    oracle.py check          fails if an expectation is something else
    oracle.py bodies         reads a case as JSON from each line of standard input,
                             and writes {"xml": …} or {"error": …} for it
    oracle.py bench N        prints the seconds that zeep takes for one message with
                             N invoice lines, made from the mapping bench.json

A case is cases/NAME.json: the mapping after templating, and where they are not the
usual ones, "wsdl" and "operation". NAME.xml is the request in canonical XML,
NAME.error.txt zeep's error. "names" lists what our error must name; "ours" the
same for a mapping that zeep sends in a way which we refuse, on purpose; where
"ours_xml" is true we send NAME.ours.xml instead of what zeep does.
"""
import base64
import copy
import json
import logging
import pathlib
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import zeep
from lxml import etree
from zeep.wsse.username import UsernameToken

HERE = pathlib.Path(__file__).parent
clients = {}


def client(name):
    if name not in clients:
        places = (HERE / "wsdl", HERE.parent / "workdaytest")
        clients[name] = zeep.Client(next(str(p / f"{name}.wsdl") for p in places if (p / f"{name}.wsdl").exists()))
    return clients[name]


def with_bytes(value):
    if isinstance(value, list):
        return [with_bytes(v) for v in value]
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {k: with_bytes(v) for k, v in value.items()}
    return value


def envelope(case):
    c = client(case.get("wsdl", "Resource_Management"))
    operation = case.get("operation", "Submit_Supplier_Invoice")
    user, password = case.get("user", "ISU_Rossum"), case.get("password", "not-a-secret")
    c.wsse = UsernameToken(f"{user}@acme_dpt1", password)
    return c.create_message(c.service, operation, **with_bytes(copy.deepcopy(case["mapping"])))


def send(case):
    """Returns the request as canonical XML, or the error."""
    try:
        message = envelope(case)
    except Exception as error:
        text = str(error).split("Signature:")[0].strip().rstrip(".").splitlines()
        return None, f"{type(error).__name__}: {text[0] if text else ''}"
    header = message.find("{*}Header/{*}Security/{*}UsernameToken")
    for child in list(header):
        if etree.QName(child).localname not in ("Username", "Password"):
            header.remove(child)
    return etree.tostring(message, method="c14n2").decode(), None


def golden(mode):
    wrong, paths = 0, sorted((HERE / "cases").glob("*.json"))
    for path in paths:
        case = json.loads(path.read_text(encoding="utf-8"))
        xml, error = send(case)
        for suffix, got in ((".xml", xml), (".error.txt", error)):
            kept = path.with_suffix(suffix)
            if mode == "regenerate":
                if got is None:
                    kept.unlink(missing_ok=True)
                else:
                    kept.write_text(got + "\n", encoding="utf-8")
                continue
            want = kept.read_text(encoding="utf-8").rstrip("\n") if kept.exists() else None
            if not same(want, got):
                wrong += 1
                print(f"{kept.name}: zeep {zeep.__version__} gives\n{got}\nand the case expects\n{want}")
    print(f"{len(paths)} cases compared with zeep {zeep.__version__}, {wrong} differ")
    return 1 if wrong else 0


def same(a, b):
    if a == b or a is None or b is None or not a.startswith("<"):
        return a == b
    return shape(etree.fromstring(a)) == shape(etree.fromstring(b))


def shape(e):
    return e.tag, sorted(e.attrib.items()), e.text or "", e.tail or "", [shape(c) for c in e]


def bodies():
    for line in sys.stdin:
        xml, error = send(json.loads(line))
        print(json.dumps({"xml": xml, "error": error}), flush=True)


def bench(lines):
    case = {"mapping": json.loads((HERE / "bench.json").read_text(encoding="utf-8"))}
    data = case["mapping"]["Supplier_Invoice_Data"]
    data["Invoice_Line_Replacement_Data"] *= lines
    etree.tostring(envelope(case))  # reads the schema
    begun, runs = time.perf_counter(), 0
    while time.perf_counter() - begun < 2:
        etree.tostring(envelope(case))
        runs += 1
    print((time.perf_counter() - begun) / runs)


if __name__ == "__main__":
    if sys.argv[1] == "bodies":
        bodies()
    elif sys.argv[1] == "bench":
        bench(int(sys.argv[2]))
    else:
        sys.exit(golden(sys.argv[1]))
