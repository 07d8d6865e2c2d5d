"""Runs formulas.json over a table, as the platform's formulas run in CPython.

    bench.py ROWS    computes all formulas for each line that it reads, and prints the
                     milliseconds

Every formula is compiled once. The fields are the cheapest objects that behave as
a formula expects: this is the least that CPython needs, without a platform.
"""
import ast
import datetime
import json
import pathlib
import re
import sys
import time

sys.setrecursionlimit(10000)
HEADER = {"document_id": "INV-2026-0042", "order_id": "PO1-77", "currency": "eur", "amount_total": 1210.5, "rate": None,
          "date_issue": datetime.date(2026, 11, 20), "reply": '{"id": "ERP-7"}'}


class Number(float):
    __slots__ = ("all_values",)


class Text(str):
    pass


class Row:
    pass


class Field:
    pass


def is_empty(v):
    return v is None or v == ""


def default_to(v, default):
    if isinstance(v, list):
        return [default if is_empty(x) else x for x in v]
    return default if is_empty(v) else v


def substitute(pattern, repl, v):
    return re.sub(pattern, repl, v)


class Last(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        return node

    def visit_Expr(self, node):
        return ast.copy_location(ast.Assign([ast.Name("__last__", ast.Store())], node.value), node)


def table(n):
    rows = []
    for i in range(n):
        row = Row()
        row.item_code, row.item_description = f"C{i % 7}", f"Item  number {i}"
        row.item_quantity, row.item_price = float(i % 5), 2.5 * (i % 11)
        row.item_amount = row.item_quantity * row.item_price
        rows.append(row)
    return rows


def main(n):
    formulas = json.loads((pathlib.Path(__file__).parent / "formulas.json").read_text())
    compiled = [(f, compile(ast.fix_missing_locations(Last().visit(ast.parse(f["code"]))), f["id"], "exec")) for f in formulas]
    rows = table(n)
    columns = {name: [getattr(r, name) for r in rows] for name in vars(rows[0])}
    names = {"is_empty": is_empty, "is_set": lambda v: not is_empty(v), "default_to": default_to, "substitute": substitute, "re": re, "json": json,
             "timedelta": datetime.timedelta}

    def wrap(name, v):
        made = Text(v) if isinstance(v, str) else Number(v)
        made.all_values = columns[name]
        return made

    def field(row):
        f = Field()
        f.__dict__.update(HEADER)
        f.line_items = rows
        for name in columns:
            if row is None:
                c = Field()
                c.all_values = columns[name]
                f.__dict__[name] = c
            else:
                f.__dict__[name] = wrap(name, getattr(row, name))
        return f

    for _ in sys.stdin:
        started = time.perf_counter()
        header, per_row = field(None), [field(r) for r in rows]
        for f, code in compiled:
            for scope in per_row if f["row"] else [header]:
                exec(code, {**names, "field": scope})
        print((time.perf_counter() - started) * 1000, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
