"""What the export formats look like when Python writes them.

    oracle.py regenerate    writes export.csv, .xml and .json of every golden case
    oracle.py check         fails if one of them is something else
    oracle.py csv           reads {"fields", "dialect"} lines, answers CSV lines as JSON
    oracle.py xlsx FILE     prints the rows of a worksheet as JSON

The rules of what is exported are those of the package's documentation; how it is
written is left to the csv module, to XMLGenerator and to json, which are what the
platform writes its exports with.
"""
import csv
import io
import json
import pathlib
import sys
from xml.sax.saxutils import XMLGenerator

GOLDEN = pathlib.Path(__file__).parent / "golden"
QUOTING = {
    "quote_minimal": csv.QUOTE_MINIMAL, "quote_none": csv.QUOTE_NONE,
    "quote_all": csv.QUOTE_ALL, "quote_non_numeric": csv.QUOTE_NONNUMERIC,
}


def text(node):
    content = node.get("content") or {}
    return content.get("normalized_value") or content.get("value") or ""


def below(field):
    children = field.get("children") or []
    return children if isinstance(children, list) else [children]


def walk(fields):
    for field in fields:
        yield field
        yield from walk(below(field))


def can_export(field):
    return field.get("can_export") is not False


def datapoints(fields):
    for field in fields:
        if field["category"] == "datapoint":
            if can_export(field):
                yield field["id"]
        elif field["category"] != "multivalue" or can_export(field):
            yield from datapoints(below(field))


class Export:
    def __init__(self, payload):
        self.payload = payload
        self.annotation = payload["annotation"]
        self.document = payload.get("document") or {}
        self.schema = payload["schemas"][0]
        self.fields = {}
        for field in walk(self.schema["content"]):
            self.fields.setdefault(field["id"], field)

    def exported(self, node):
        field = self.fields.get(node["schema_id"])
        return field is not None and (can_export(field) or field["category"] in ("section", "tuple"))

    def modifier(self):
        url = self.annotation.get("modifier")
        if not url:
            return None
        found = {"url": url}
        for user in self.payload.get("modifiers") or []:
            if user["url"] == url:
                found["username"] = user["username"]
        return found

    def meta(self, name):
        a = self.annotation
        values = {
            "meta_arrived_at": a.get("arrived_at"), "meta_file": self.document.get("content"),
            "meta_file_name": self.document.get("original_file_name"), "meta_status": a.get("status"), "meta_url": a.get("url"),
            "meta_automated": a.get("automated"), "meta_modified_at": a.get("modified_at"), "meta_assigned_at": a.get("assigned_at"),
        }
        return values[name]

    # tables

    def lines(self, columns):
        header, tables = {}, {}

        def visit(node, table):
            if node["category"] == "datapoint" and table is None:
                header.setdefault(node["schema_id"], text(node))
            if node["category"] == "multivalue":
                for i, row in enumerate(node.get("children") or []):
                    cells = row["children"] if row["category"] == "tuple" else [row]
                    for cell in cells:
                        tables.setdefault(cell["schema_id"], {})[i] = text(cell)
                return
            for child in node.get("children") or []:
                visit(child, table)

        for section in self.annotation["content"]:
            visit(section, None)
        count = max([1] + [max(tables[c]) + 1 for c in columns if c in tables])
        for i in range(count):
            yield [
                self.meta(c) if c.startswith("meta_") else tables[c].get(i, "") if c in tables else header.get(c, "")
                for c in columns
            ]

    def csv(self, options):
        columns = options.get("columns") or list(datapoints(self.schema["content"]))
        columns = options.get("prepend_columns", []) + columns + options.get("append_columns", [])
        out = io.StringIO(newline="")
        writer = csv.writer(out, **dialect(options))
        writer.writerow([c if c.startswith("meta_") else self.fields[c].get("label") or c for c in columns])
        writer.writerows(self.lines(columns))
        return out.getvalue()

    # JSON

    def nodes(self, nodes):
        for node in nodes:
            if not self.exported(node):
                continue
            out = {"category": node["category"], "schema_id": node["schema_id"]}
            if node["category"] == "datapoint":
                out["value"] = text(node)
                out["type"] = self.fields[node["schema_id"]]["type"]
                out["rir_confidence"] = (node.get("content") or {}).get("rir_confidence")
            else:
                out["children"] = list(self.nodes(node.get("children") or []))
            yield out

    def object(self):
        a = self.annotation
        return {
            "url": a["url"], "status": a["status"], "arrived_at": a.get("arrived_at"), "exported_at": a.get("exported_at"),
            "document": {"url": self.document["url"], "file_name": self.document["original_file_name"], "file": self.document["content"]},
            "modifier": self.modifier(), "schema": {"url": a["schema"]}, "metadata": a.get("metadata") or {},
            "content": list(self.nodes(a["content"])), "automated": a.get("automated"),
            "modified_at": a.get("modified_at"), "assigned_at": a.get("assigned_at"),
        }

    def json(self):
        export = {"pagination": {"total": 1, "total_pages": 1, "next": None, "previous": None}, "results": [self.object()]}
        written = json.dumps(export, ensure_ascii=False, separators=(",", ":"))
        return written.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")  # as the platform's framework does

    # XML

    def xml(self):
        out = io.StringIO(newline="")
        x = XMLGenerator(out, "utf-8")
        x.startDocument()

        def element(name, value="", **attributes):
            x.startElement(name, attributes)
            if callable(value):
                value()
            else:
                x.characters(scalar(value))
            x.endElement(name)

        def scalar(value):
            if value is None:
                return ""
            return json.dumps(value) if isinstance(value, (bool, int, float)) else value

        def metadata(value):
            if isinstance(value, dict):
                for key, item in value.items():
                    element("item", lambda: metadata(item), key=key)
            elif isinstance(value, list):
                for item in value:
                    element("item", lambda: metadata(item))
            else:
                x.characters(scalar(value))

        def content(nodes):
            for node in nodes:
                attributes = {"schema_id": node["schema_id"]}
                if node["category"] == "datapoint":
                    attributes = {"schema_id": node["schema_id"], "type": node["type"]}
                    if node["rir_confidence"] is not None:
                        attributes = {"rir_confidence": repr(node["rir_confidence"]), **attributes}
                    element(node["category"], node["value"], **attributes)
                else:
                    element(node["category"], lambda: content(node["children"]), **attributes)

        o = self.object()

        def annotation():
            for key in ("status", "arrived_at", "exported_at"):
                if o[key] or key != "exported_at":
                    element(key, o[key])
            element("document", lambda: (element("file_name", o["document"]["file_name"]), element("file", o["document"]["file"])), url=o["document"]["url"])
            who = o["modifier"]
            if who is None:
                element("modifier")
            else:
                element("modifier", lambda: element("username", who["username"]) if "username" in who else None, url=who["url"])
            element("schema", url=o["schema"]["url"])
            element("metadata", lambda: metadata(o["metadata"]))
            element("content", lambda: content(o["content"]))
            element("automated", o["automated"])
            for key in ("modified_at", "assigned_at"):
                if o[key]:
                    element(key, o[key])

        def pagination():
            for key, value in (("next", ""), ("previous", ""), ("total", 1), ("total_pages", 1)):
                element(key, value)

        element("export", lambda: (element("results", lambda: element("annotation", annotation, url=o["url"])), element("pagination", pagination)))
        return out.getvalue()


def dialect(options):
    chosen = {"delimiter": options.get("delimiter", ","), "quotechar": options.get("quote_char", '"')}
    chosen["quoting"] = QUOTING[options.get("quoting", "quote_minimal")]
    chosen["escapechar"] = options.get("escape_char")
    return chosen


def expectations(case):
    export = Export(json.loads((case / "payload.json").read_text()))
    options = json.loads((case / "options.json").read_text()) if (case / "options.json").exists() else {}
    return {"export.csv": export.csv(options), "export.xml": export.xml(), "export.json": export.json()}


def serve_csv():
    for line in sys.stdin:
        asked = json.loads(line)
        out = io.StringIO(newline="")
        try:
            csv.writer(out, **dialect(asked["dialect"])).writerow(asked["fields"])
            answer = {"line": out.getvalue()}
        except (csv.Error, TypeError, ValueError) as e:
            answer = {"error": str(e)}
        print(json.dumps(answer), flush=True)


def print_xlsx(path):
    import openpyxl
    from openpyxl.utils.escape import unescape  # which openpyxl leaves to its caller
    sheet = openpyxl.load_workbook(path).active
    json.dump([[unescape(cell.value or "") for cell in row] for row in sheet.iter_rows()], sys.stdout)


def main(mode, *rest):
    if mode == "csv":
        return serve_csv()
    if mode == "xlsx":
        return print_xlsx(*rest)
    differ = count = 0
    for case in sorted(GOLDEN.iterdir()):
        for name, expected in expectations(case).items():
            count += 1
            path = case / name
            if mode == "regenerate":
                path.write_bytes(expected.encode())
            elif not path.exists() or path.read_bytes() != expected.encode():
                differ += 1
                print(f"{case.name}/{name} differs from what Python writes")
    print(f"{count} exports compared with Python {sys.version.split()[0]}, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["check"])))
