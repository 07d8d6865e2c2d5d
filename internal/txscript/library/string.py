import re

ascii_lowercase = "abcdefghijklmnopqrstuvwxyz"
ascii_uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ascii_letters = ascii_lowercase + ascii_uppercase
digits = "0123456789"
hexdigits = digits + "abcdef" + "ABCDEF"
octdigits = "01234567"
punctuation = r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""
whitespace = " \t\n\r\v\f"
printable = digits + ascii_letters + punctuation + whitespace


def capwords(s, sep=None):
    return (sep or " ").join(x.capitalize() for x in s.split(sep))


class Template:
    delimiter = "$"

    def __init__(self, template): self.template = template

    def _filled(self, given, safe):
        def put(m):
            name = m.group("named") or m.group("braced")
            if name is not None:
                return m.group() if safe and name not in given else str(given[name])
            if m.group("escaped") is not None:
                return "$"
            if safe:
                return m.group()
            lines = self.template[:m.start()].split("\n")
            raise ValueError(f"Invalid placeholder in string: line {len(lines)}, col {len(lines[-1]) + 1}")
        return re.sub(r"\$(?:(?P<escaped>\$)|(?P<named>(?a:[_a-zA-Z][_a-zA-Z0-9]*))|{(?P<braced>(?a:[_a-zA-Z][_a-zA-Z0-9]*))}|(?P<invalid>))", put, self.template)

    def substitute(self, mapping=None, /, **named): return self._filled({**(mapping or {}), **named}, False)
    def safe_substitute(self, mapping=None, /, **named): return self._filled({**(mapping or {}), **named}, True)
