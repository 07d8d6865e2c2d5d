_always = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


def quote(string, safe="/", encoding="utf-8", errors="strict"):
    if isinstance(string, str):
        string = string.encode(encoding, errors)
    keep = _always + safe
    return "".join(chr(b) if chr(b) in keep else f"%{b:02X}" for b in string)


def quote_plus(string, safe="", encoding="utf-8", errors="strict"):
    return quote(string, safe + " ", encoding, errors).replace(" ", "+")


def unquote(string, encoding="utf-8", errors="replace"):
    out, waiting, i = [], [], 0

    def flush():
        if waiting:
            out.append(bytes(waiting).decode(encoding, errors))
            waiting.clear()

    while i < len(string):
        pair = string[i + 1:i + 3]
        if string[i] == "%" and len(pair) == 2 and all(c in "0123456789abcdefABCDEF" for c in pair):
            waiting.append(int(pair, 16))
            i += 3
        else:
            flush()
            out.append(string[i])
            i += 1
    flush()
    return "".join(out)


def unquote_plus(string, encoding="utf-8", errors="replace"):
    return unquote(string.replace("+", " "), encoding, errors)


def urlencode(query, doseq=False, safe="", encoding="utf-8", errors="strict", quote_via=quote_plus):
    pairs = query.items() if isinstance(query, dict) else query
    out = []
    for k, v in pairs:
        k = quote_via(k if isinstance(k, bytes) else str(k), safe)
        several = v if doseq and isinstance(v, (list, tuple)) else [v]
        for x in several:
            out.append(k + "=" + quote_via(x if isinstance(x, bytes) else str(x), safe))
    return "&".join(out)


def parse_qsl(qs, keep_blank_values=False):
    pairs = []
    for part in qs.split("&"):
        if not part:
            continue
        k, eq, v = part.partition("=")
        if v or keep_blank_values:
            pairs.append((unquote_plus(k), unquote_plus(v)))
    return pairs


def parse_qs(qs, keep_blank_values=False):
    found = {}
    for k, v in parse_qsl(qs, keep_blank_values):
        found.setdefault(k, []).append(v)
    return found


class SplitResult:
    def __init__(self, scheme, netloc, path, query, fragment):
        self.scheme, self.netloc, self.path, self.query, self.fragment = scheme, netloc, path, query, fragment

    @property
    def hostname(self):
        host = self.netloc.rpartition("@")[2]
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return host.lower() or None

    @property
    def port(self):
        tail = self.netloc.rpartition("@")[2].rpartition("]")[2]
        number = tail.rpartition(":")[2] if ":" in tail else ""
        return int(number) if number else None

    def _parts(self): return (self.scheme, self.netloc, self.path, self.query, self.fragment)
    def __iter__(self): return iter(self._parts())
    def __getitem__(self, i): return self._parts()[i]
    def __len__(self): return len(self._parts())
    def __eq__(self, other): return tuple(self) == tuple(other)

    def geturl(self):
        url = self.path
        if self.netloc:
            url = "//" + self.netloc + ("/" + url if url and not url.startswith("/") else url)
        if self.scheme:
            url = self.scheme + ":" + url
        if self.query:
            url += "?" + self.query
        return url + ("#" + self.fragment if self.fragment else "")


def urlsplit(url, scheme="", allow_fragments=True):
    netloc = query = fragment = ""
    head, colon, rest = url.partition(":")
    if colon and head and head[0].isalpha() and head[0].isascii() and all(c.isascii() and (c.isalnum() or c in "+-.") for c in head):
        scheme, url = head.lower(), rest
    if url.startswith("//"):
        end = min([i for i in (url.find(c, 2) for c in "/?#") if i >= 0], default=len(url))
        netloc, url = url[2:end], url[end:]
    if allow_fragments and "#" in url:
        url, _, fragment = url.partition("#")
    if "?" in url:
        url, _, query = url.partition("?")
    return SplitResult(scheme, netloc, url, query, fragment)


def urlparse(url, scheme="", allow_fragments=True):
    return urlsplit(url, scheme, allow_fragments)
