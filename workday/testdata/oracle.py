"""Expectations of the cases, from Python's zeep. See cases/README.md.

    oracle.py make              writes what zeep does beside every case
    oracle.py check             fails if a case expects something else
    oracle.py body              JSON lines in, JSON lines out: the body that zeep makes of each mapping
    oracle.py body FILE.json    the same for one case
    oracle.py bench-input [N]   prints the mapping of an invoice with N lines (500)
    oracle.py bench N SECONDS   seconds of processor time that zeep needs for one such invoice

zeep reads the WSDL from its file and posts nothing: no mode uses the network.
"""
import base64
import json
import logging
import pathlib
import re
import sys
import time

import zeep
import zeep.exceptions
from lxml import etree
from zeep.wsdl.utils import etree_to_string
from zeep.wsse.username import UsernameToken

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "env",
    "http://www.w3.org/2003/05/soap-envelope": "env",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd": "wsse",
    "urn:com.workday/bsvc": "wd",
    XSI: "xsi",
}
PARSER = etree.XMLParser(huge_tree=True, resolve_entities=False)


class Recorder(zeep.Transport):
    """Reads files, and keeps what it is told to post."""

    def load(self, url):
        if "://" in str(url):
            raise RuntimeError(f"zeep wants to fetch {url}")
        return super().load(url)

    def post_xml(self, address, envelope, headers):
        self.posted = address, etree_to_string(envelope), headers

    def post(self, address, message, headers):
        raise RuntimeError("zeep wants to post")

    get = post


CLIENTS = {}


def client_of(wsdl):
    if wsdl not in CLIENTS:
        path = HERE / wsdl
        if not path.exists():  # the one that workdaytest serves
            path = HERE.parent / "workdaytest" / wsdl
        CLIENTS[wsdl] = zeep.Client(str(path), transport=Recorder(), settings=zeep.Settings(raw_response=True))
    return CLIENTS[wsdl]


def canonical(root):
    """Canonical XML in which every namespace has one prefix, declared at the root."""
    prefixes = {}

    def prefix(uri):
        if uri not in prefixes:
            others = sum(1 for p in prefixes.values() if p[0] == "n" and p[1:].isdigit())
            prefixes[uri] = PREFIXES.get(uri) or f"n{others + 1}"
        return prefixes[uri]

    for element in root.iter(etree.Element):
        for name in [element.tag, *sorted(element.attrib)]:
            if etree.QName(name).namespace:
                prefix(etree.QName(name).namespace)
        if f"{{{XSI}}}type" in element.attrib:
            head, colon, _ = element.get(f"{{{XSI}}}type").rpartition(":")
            if colon:
                prefix(element.nsmap[head])

    def copy(element, parent):
        nsmap = {p: uri for uri, p in prefixes.items()}
        new = etree.Element(element.tag, nsmap=nsmap) if parent is None else etree.SubElement(parent, element.tag)
        new.text = element.text
        for name, value in element.attrib.items():
            if name == f"{{{XSI}}}type" and ":" in value:
                head, _, local = value.rpartition(":")
                value = f"{prefix(element.nsmap[head])}:{local}"
            new.set(name, value)
        for child in element.iterchildren(etree.Element):
            copy(child, new).tail = child.tail
        return new

    return etree.tostring(copy(root, None), method="c14n").decode("utf-8")


def message_of(error):
    """An error as one line, without zeep's long signature and without addresses in memory."""
    text = str(error).split("\n")[0].split(". Signature:")[0]
    return f"{type(error).__name__}: " + re.sub(r"0x[0-9a-f]{6,}", "0x", text)


def with_bytes(value):
    if set(value) == {"$bytes"}:
        return base64.b64decode(value["$bytes"])
    return value


def parse(text):
    return json.loads(text, object_hook=with_bytes)


def send(case):
    """What zeep posts for a case: address, envelope, headers."""
    client = client_of(case.get("wsdl", "Resource_Management.wsdl"))
    user, tenant = case.get("user", "ISU_Rossum"), case.get("tenant", "acme_dpt1")
    client.wsse = UsernameToken(f"{user}@{tenant}", case.get("password", "not-a-secret"))
    client.service[case.get("operation", "Submit_Supplier_Invoice")](**case["mapping"])
    address, envelope, headers = client.transport.posted
    return address, etree.fromstring(envelope, PARSER), headers


def expectation(case):
    """The kind of file, its content, and the SOAPAction."""
    try:
        _, envelope, headers = send(case)
    except Exception as error:
        return ".error.txt", message_of(error) + "\n", None
    return ".xml", canonical(envelope) + "\n", headers.get("SOAPAction")


def difference(want, file, have):
    """One line that shows where two texts part."""
    if want is None or have is None:
        return f"zeep {zeep.__version__} makes {'no ' if want is None else ''}{file}, but it {'is' if have else 'is not'} there"
    at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b), min(len(want), len(have)))
    start = max(0, at - 40)
    return f"zeep {zeep.__version__} gives ...{want[start:at + 60]!r}, {file} has ...{have[start:at + 60]!r}"


def check_ours(path, case, kind, got):
    """What the case says of our library: is it consistent, and does zeep really do otherwise?"""
    ours, hand = case.get("ours"), path.with_name(path.stem + ".ours.xml")
    verdict = "differs" if ours else {".xml": "equal", ".error.txt": "error"}[kind]
    if case["verdict"] != verdict:
        yield f"the verdict is {case['verdict']!r}, zeep makes it {verdict!r}"
    if verdict == "error" and not case.get("names"):
        yield "nothing says what our error must name"
    if hand.exists() != bool(ours and ours.get("xml")):
        yield f"{hand.name} and the key ours don't agree"
    if not ours:
        return
    if bool(ours.get("xml")) == bool(ours.get("error")):
        yield "ours needs one of xml and error"
    if kind == ".error.txt" and ours.get("error"):
        yield "zeep refuses this too: no difference"
    if hand.exists():
        text = hand.read_text(encoding="utf-8")
        if text == got:
            yield "zeep sends what we send: no difference"
        if text != canonical(etree.fromstring(text.encode(), PARSER)) + "\n":
            yield f"{hand.name} is not canonical"


def run(mode):
    wrong, compared = 0, 0
    for path in sorted(CASES.glob("*.json")):
        case = parse(path.read_text(encoding="utf-8"))
        kind, got, action = expectation(case)
        wanted = {s: path.with_name(path.stem + s) for s in (".xml", ".error.txt")}
        if mode == "make":
            for suffix, file in wanted.items():
                if suffix == kind:
                    file.write_text(got, encoding="utf-8", newline="")
                else:
                    file.unlink(missing_ok=True)
        compared += 1
        differences = []
        for suffix, file in wanted.items():
            have = file.read_bytes().decode("utf-8") if file.exists() else None
            want = got if suffix == kind else None
            if have != want:
                differences.append(difference(want, file.name, have))
        if case.get("action", action) != action:
            differences.append(f"zeep sends SOAPAction {action!r}, the case expects {case['action']!r}")
        differences += check_ours(path, case, kind, got)
        for line in differences:
            print(f"{path.name}: {line}")
        wrong += bool(differences)
    names = {p.name for p in CASES.glob("*.json")}
    for file in sorted(CASES.iterdir()):
        if file.name != "README.md" and file.name.split(".")[0] + ".json" not in names:
            print(f"{file.name}: no case goes with it")
            wrong += 1
    print(f"{compared} cases compared with zeep {zeep.__version__}, {wrong} differ")
    return 1 if wrong else 0


def body(case):
    try:
        _, envelope, _ = send(case)
        return {"xml": canonical(next(e for e in envelope if etree.QName(e).localname == "Body"))}
    except Exception as error:
        return {"error": message_of(error)}


def bodies():
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(body(parse(line))), flush=True)


def reference(kind, value, **more):
    return {"ID": [{"type": kind, "_value_1": value, **more}]}


def invoice(lines):
    """A PO-backed invoice, all values text as a template gives them."""
    total = sum((100 + i) * (1 + i % 7) for i in range(lines))
    return {
        "Add_Only": True,
        "Supplier_Invoice_Data": {
            "Memo": "PO 4500012345, delivery March",
            "Submit": True,
            "Invoice_Date": "2026-03-31",
            "Company_Reference": reference("Organization_Reference_ID", "CO-100"),
            "Currency_Reference": reference("Currency_ID", "EUR"),
            "External_PO_Number": "4500012345",
            "Supplier_Reference": reference("Supplier_ID", "S-00042"),
            "Control_Amount_Total": f"{total}.00",
            "Suppliers_Invoice_Number": "INV-2026-0077",
            "Invoice_Line_Replacement_Data": [
                {
                    "Quantity": str(1 + i % 7),
                    "Unit_Cost": f"{100 + i}.00",
                    "Line_Order": str(10000001 + i),
                    "Extended_Amount": f"{(100 + i) * (1 + i % 7)}.00",
                    "Item_Description": f"Item {i + 1}: r\u00e9sum\u00e9 & <parts>",
                    "Purchase_Order_Line_Reference": reference(
                        "Line_Number", str(i + 1), parent_id="PO-4500012345", parent_type="Document_Number"
                    ),
                    "Worktags_Reference": [
                        reference("Cost_Center_Reference_ID", f"CC-{i % 20}"),
                        reference("Project_ID", f"PRJ-{i % 9}"),
                    ],
                }
                for i in range(lines)
            ],
            "Statutory_Invoice_Type_Reference": reference("Invoice_Type_ID", "STANDARD"),
        },
    }


def bench(lines, seconds):
    """Seconds from the mapping to the bytes of the message; the WSDL is read before."""
    client, mapping = client_of("Resource_Management.wsdl"), invoice(lines)

    def once():
        return etree_to_string(client.create_message(client.service, "Submit_Supplier_Invoice", **mapping))

    once()
    messages, start = 0, time.process_time()
    while messages == 0 or time.process_time() - start < seconds:
        once()
        messages += 1
    return (time.process_time() - start) / messages


def main(mode="check", *arguments):
    logging.disable(logging.CRITICAL)
    if mode in ("make", "check"):
        return run(mode)
    if mode == "body" and arguments:
        print(json.dumps(body(parse(pathlib.Path(arguments[0]).read_text(encoding="utf-8")))))
    elif mode == "body":
        bodies()
    elif mode == "bench-input":
        print(json.dumps(invoice(int(arguments[0]) if arguments else 500), ensure_ascii=False))
    elif mode == "bench":
        print(f"{bench(int(arguments[0]), float(arguments[1])):.6f}")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
