import re
from datetime import datetime, timedelta

TOLERANCE = 0.01
UNITS = {"pcs": "PCE", "piece": "PCE", "kg": "KGM", "hour": "HUR", "h": "HUR"}


class Rejected(Exception):
    pass


def walk(nodes, schema_id):
    for node in nodes:
        if node["schema_id"] == schema_id:
            yield node
        elif node.get("children"):
            yield from walk(node["children"], schema_id)


def text(node):
    content = node.get("content") or {}
    return content.get("normalized_value") or content.get("value") or ""


def number(node):
    try:
        return float(text(node).replace(" ", ""))
    except ValueError:
        return 0.0


def clean(code):
    code = re.sub(r"[^A-Z0-9-]", "", code.upper())
    if not code:
        raise Rejected("the line has no code")
    return code


def check_row(row, position, messages):
    cells = {cell["schema_id"]: cell for cell in row["children"]}
    expected = round(number(cells["item_quantity"]) * number(cells["item_price"]), 2)
    if abs(expected - number(cells["item_amount"])) > TOLERANCE:
        messages.append({"type": "warning", "content": f"line {position}: {expected:.2f} expected", "id": cells["item_amount"]["id"]})
    try:
        code = clean(text(cells["item_code"]))
    except Rejected as e:
        messages.append({"type": "error", "content": f"line {position}: {e}", "id": cells["item_code"]["id"]})
        code = "UNKNOWN"
    unit = UNITS.get(text(cells["item_unit"]).lower().strip(), "ZZZ")
    return expected, f"{code}/{unit}"


def rossum_hook_request_handler(payload):
    content, messages, groups = payload["annotation"]["content"], [], {}
    for table in walk(content, "line_items"):
        for position, row in enumerate(table["children"], 1):
            amount, key = check_row(row, position, messages)
            groups.setdefault(key, []).append(amount)
    issued = datetime.strptime(text(next(walk(content, "date_issue"))), "%Y-%m-%d")
    due = (issued + timedelta(days=30)).strftime("%d.%m.%Y")
    ordered = sorted(groups.items(), key=lambda item: (-sum(item[1]), item[0]))
    summary = "; ".join(f"{key}={sum(amounts):,.2f} ({len(amounts)})" for key, amounts in ordered[:5])
    messages.append({"type": "info", "content": f"due {due}: {summary}"})
    total = number(next(walk(content, "amount_total")))
    if abs(total - sum(sum(a) for a in groups.values())) > TOLERANCE:
        messages.append({"type": "error", "content": "the lines do not add up"})
    return {"messages": messages, "operations": []}
