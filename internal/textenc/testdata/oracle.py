"""What Python's codecs do, for every codec that this package knows.

    oracle.py regenerate    writes codecs.json
    oracle.py check         fails if codecs.json differs from this Python

For each codec: a digest of the bytes of every character that it can encode, one
by one, and how many these are; and the bytes of a short text.
"""
import hashlib
import json
import pathlib
import sys

CODECS = """utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be ascii latin-1
iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-7 iso8859-9 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16
iso8859-6 iso8859-8 cp874 cp1256 cp860 cp862 cp863 cp865 cp037
cp1250 cp1251 cp1252 cp1253 cp1254 cp1257 cp1258 cp437 cp850 cp852 cp855 cp858 cp866 koi8-r koi8-u mac-roman""".split()
PATH = pathlib.Path(__file__).parent / "codecs.json"


def describe(codec):
    digest, count = hashlib.sha256(), 0
    for point in range(0x110000):
        if 0xD800 <= point <= 0xDFFF:
            continue
        try:
            data = chr(point).encode(codec)
        except UnicodeEncodeError:
            continue
        digest.update(b"%x:" % point + data + b";")
        count += 1
    return {"count": count, "digest": digest.hexdigest()}


def main(mode):
    now = {codec: describe(codec) for codec in CODECS}
    text = json.dumps(now, indent=1, sort_keys=True) + "\n"
    if mode == "regenerate":
        PATH.write_text(text)
        return 0
    if PATH.read_text() != text:
        print("codecs.json differs from this Python")
        return 1
    print(f"{len(now)} codecs are as Python {sys.version.split()[0]} has them")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
