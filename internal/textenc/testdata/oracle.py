"""What Python's codecs do, for every codec that this package knows.

    oracle.py regenerate    writes codecs.json, samples.json, ../tables.zip and ../aliases.txt
    oracle.py check         fails if one of them differs from this Python

codecs.json: for each codec a digest of the bytes of every character that it can
encode, one by one, and how many these are. samples.json: texts and data, and what
the codec makes of them. tables.zip: the characters of the codecs that are tables,
as tables.go reads them. aliases.txt: the names of each codec.
"""
import encodings
import encodings.aliases
import hashlib
import importlib
import io
import itertools
import json
import pathlib
import pkgutil
import random
import stringprep
import sys
import unicodedata
import zipfile

HERE = pathlib.Path(__file__).parent
UNICODE = """utf_8 utf_8_sig utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be utf_7
ascii latin_1 unicode_escape raw_unicode_escape punycode idna""".split()
# What characters there are: all of the first plane, what has characters of the next two, and the last ones.
POINTS = [p for p in itertools.chain(range(0xD800), range(0xE000, 0x10000), range(0x1F000, 0x1F800), range(0x20000, 0x2FFFF), range(0x10FFF0, 0x110000))]
COMBINING = "\u309a\u0300\u0301\u02e5\u02e9\u0304\u030c"
ASCII_AGAIN = {"hz": b"~}", "iso2022_kr": b"\x0f"}


def tables():
    """The codecs that are tables of characters, and those of them with several bytes."""
    single, multi = [], []
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name in ("mbcs", "oem"):  # of Windows only
            continue
        codec = importlib.import_module("encodings." + module.name)
        if module.name != "iso8859_1" and hasattr(codec, "decoding_table"):
            single.append(module.name)
        if hasattr(codec, "codec"):
            multi.append(module.name)
    return single, multi


SINGLE, MULTI = tables()
STATEFUL = [c for c in MULTI if c.startswith("iso2022") or c == "hz"]


def encoded(text, codec):
    try:
        return text.encode(codec)
    except UnicodeError:
        return None


def decoded(data, codec):
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def describe(codec):
    digest, count = hashlib.sha256(), 0
    for char in map(chr, POINTS):
        data = encoded(char, codec)
        if data is not None:
            digest.update(b"%x:" % ord(char) + data + b";")
            count += 1
    return {"count": count, "digest": digest.hexdigest()}


# tables.zip

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def entries(codec):
    """Yields (code, text, flag): 0 both ways, 1 decoded only, 2 encoded only, 3 two characters."""
    to = {}
    for point in range(0x30000):
        if not 0xD800 <= point <= 0xDFFF and not (codec == "gb18030" and point > 0xFFFF):
            data = encoded(chr(point), codec)
            if data is not None and len(data) < 8 or codec in STATEFUL and data:  # EUC-KR spells some in 8 bytes
                to[chr(point)] = data
    if codec in ("big5hkscs", "euc_jis_2004", "euc_jisx0213", "shift_jis_2004", "shift_jisx0213", "iso2022_jp_3", "iso2022_jp_2004"):
        for base in [c for c in to if c > "\x7f"]:
            for mark in COMBINING:
                data = encoded(base + mark, codec)
                if data is not None and len(shifted(codec, data)[1]) == 2 and data != to[base]:
                    to[base + mark] = data
    if codec in STATEFUL:
        for text, data in to.items():
            shift, code = shifted(codec, data)
            yield shift, code, text, 3 if len(text) == 2 else 0
        return
    back = {}
    leads = [b for b in range(256) if decoded(bytes([b]), codec) is None]
    candidates = [bytes([b]) for b in range(256)]
    if codec in MULTI:
        candidates += [bytes(p) for p in itertools.product(leads, range(256))]
        if codec.startswith("euc_j"):
            candidates += [bytes([0x8F, a, b]) for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF)]
        if codec == "gb18030":
            candidates += [bytes(p) for p in itertools.product(range(0x81, 0x85), range(0x30, 0x3A), range(0x81, 0xFF), range(0x30, 0x3A))]
    for data in candidates:
        text = decoded(data, codec)
        if text is not None and len(text) in (1, 2) and (len(data) == 1 or len(text) == 1 or decoded(data[:1], codec) is None):
            back[data] = text
    for data, text in back.items():
        if len(text) == 2:
            yield b"", data, text, 3
        else:
            yield b"", data, text, 0 if to.get(text) == data else 1
    for text, data in to.items():
        if back.get(data) != text:
            assert len(text) == 1, (codec, text)
            yield b"", data, text, 2


def shifted(codec, data):
    """Splits what a stateful codec makes of a character: the shift, and the bytes."""
    again = ASCII_AGAIN.get(codec, b"\x1b(B")
    if data.endswith(again) and len(data) > len(again):
        data = data[: -len(again)]
    elif codec not in STATEFUL or data[:1] != b"\x1b" or len(data) == 1:
        return b"", data
    for shift in (b"~{", b"\x1b$)C\x0e", b"\x1b.A\x1bN", b"\x1b.F\x1bN"):
        if data.startswith(shift):
            return shift, data[len(shift):]
    assert data[:1] == b"\x1b", (codec, data)
    n = 4 if data[1:3] == b"$(" else 3
    return data[:n], data[n:]


def table(codec):
    sections = {}
    for shift, data, text, flag in entries(codec):
        sections.setdefault(shift, []).append((int.from_bytes(data, "big"), text, flag))
    out = bytearray(varint(len(sections)))
    for shift, rows in sorted(sections.items()):
        rows.sort()
        out += varint(len(shift)) + shift + varint(len(rows))
        code = point = 0
        for c, text, flag in rows:
            step = ord(text[0]) - point
            out += varint(c - code << 2 | flag) + varint(step << 1 if step >= 0 else -step * 2 - 1)
            if flag == 3:
                out += varint(ord(text[1]))
            code, point = c, ord(text[0])
    return bytes(out)


def nameprep():
    """What idna needs of stringprep (RFC 3491)."""
    mapped, sets = {}, {"prohibited": [], "right": [], "left": [], "unassigned": []}
    s = stringprep
    for point in range(0x110000):
        c = chr(point)
        if s.in_table_b1(c):
            mapped[point] = ""
        elif s.map_table_b2(c) != c:
            mapped[point] = s.map_table_b2(c)
        elif not s.in_table_a1(c) and unicodedata.ucd_3_2_0.normalize("NFKC", c) != unicodedata.normalize("NFKC", c):
            mapped[point] = unicodedata.ucd_3_2_0.normalize("NFKC", c)  # Unicode has corrected these since
        tests = {
            "prohibited": any(f(c) for f in (s.in_table_c12, s.in_table_c22, s.in_table_c3, s.in_table_c4, s.in_table_c5,
                                             s.in_table_c6, s.in_table_c7, s.in_table_c8, s.in_table_c9)),
            "right": s.in_table_d1(c), "left": s.in_table_d2(c),
            "unassigned": s.in_table_a1(c),  # in Unicode 3.2: its normal form leaves them alone
        }
        for name, ranges in sets.items():
            if not tests[name]:
                continue
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return json.dumps({"mapped": mapped, **sets}, sort_keys=True).encode()


def members():
    yield "nameprep.json", nameprep()
    for codec in SINGLE + MULTI:
        yield codec, table(codec)


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, data in members():
            z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def aliases():
    known = {c: c for c in UNICODE + SINGLE + MULTI}
    for alias, codec in encodings.aliases.aliases.items():
        if codec in known:
            known[alias.lower()] = codec
    return "".join(f"{alias} {codec}\n" for alias, codec in sorted(known.items()))


# samples.json

def texts(codec, r):
    repertoire = [c for c in map(chr, POINTS) if encoded(c, codec) is not None]
    marks = [c for c in COMBINING if c in repertoire]
    yield ""
    yield "AB 12"
    for _ in range(4):
        text = ""
        for _ in range(r.randrange(1, 14)):
            kind = r.randrange(5)
            text += r.choice("ab+-~\\/ \n.&") if kind < 2 else r.choice(marks) if kind == 2 and marks else r.choice(repertoire)
        yield text
        yield text + r.choice("\u4e2d\U0001f600\u20ac\u00e9\uac00")
    if "\u304b" in repertoire and marks:
        yield "\u304b\u309aa\u304b\u304b\u309a\u00e6\u0300\u02e5\u02e9\u02e9\u02e5"


def outcome(act):
    try:
        got = act()
    except UnicodeError as e:
        return {"error": str(e)}
    return {"got": got.hex() if isinstance(got, bytes) else got}


def whole(value):
    """Tells whether a text has no surrogates, which this package's texts cannot have."""
    return value is None or not any(0xD800 <= ord(c) <= 0xDFFF for c in value)


def samples():
    out = {}
    for codec in UNICODE + ["cp1252", "koi8_u", "cp500"] + MULTI:
        r = random.Random(codec)
        encode, decode = [], []
        for text in texts(codec, r):
            encode.append({"text": text, **outcome(lambda: text.encode(codec))})
            if codec not in ("idna",) and not ("error" in encode[-1] and codec == "punycode"):
                encode.append({"text": text, "errors": "replace", **outcome(lambda: text.encode(codec, "replace"))})
        for sample in encode[:]:
            if "got" in sample and "errors" not in sample:
                decode.append({"data": sample["got"], **outcome(lambda: bytes.fromhex(sample["got"]).decode(codec))})
        out[codec] = {"encode": encode, "decode": [d for d in decode if whole(d.get("got"))]}
    return out


def dump(value):
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def main(mode):
    made = {
        HERE / "codecs.json": dump({codec: describe(codec) for codec in UNICODE + SINGLE + MULTI}),
        HERE / "samples.json": ("{" + ",\n".join(f"{json.dumps(c)}: {json.dumps(s)}" for c, s in samples().items()) + "}\n").encode(),
        HERE.parent / "aliases.txt": aliases().encode(),
    }
    zipped = HERE.parent / "tables.zip"
    if mode == "regenerate":
        for path, data in made.items():
            path.write_bytes(data)
        zipped.write_bytes(archive())
        return 0
    wrong = [path.name for path, data in made.items() if path.read_bytes() != data]
    with zipfile.ZipFile(zipped) as z:
        if {name: z.read(name) for name in z.namelist()} != dict(members()):
            wrong.append(zipped.name)
    for name in wrong:
        print(f"{name} differs from this Python")
    if not wrong:
        print(f"{len(UNICODE + SINGLE + MULTI)} codecs are as Python {sys.version.split()[0]} has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
