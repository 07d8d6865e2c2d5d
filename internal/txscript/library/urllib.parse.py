from collections import namedtuple


_always = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


def quote(string, safe="/", encoding="utf-8", errors="strict"):
    if isinstance(string, str):
        string = string.encode(encoding, errors)
    return _lib_quote(string, _always + safe)


def quote_plus(string, safe="", encoding="utf-8", errors="strict"):
    if isinstance(string, str) and " " not in string or isinstance(string, bytes) and b" " not in string:
        return quote(string, safe, encoding, errors)
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


class _Address:
    def _userinfo(self):
        info, at, _ = self.netloc.rpartition("@")
        name, colon, password = info.partition(":")
        return (name if at else None), (password if colon else None)

    @property
    def username(self): return self._userinfo()[0]

    @property
    def password(self): return self._userinfo()[1]

    @property
    def hostname(self):
        host = self.netloc.rpartition("@")[2]
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return host.lower() or None

    @property
    def port(self):
        tail = self.netloc.rpartition("@")[2].rpartition("]")[2]
        number = tail.rpartition(":")[2] if ":" in tail else ""
        if not number:
            return None
        if not (number.isdigit() and number.isascii()):
            raise ValueError(f"Port could not be cast to integer value as {number!r}")
        if int(number) > 65535:
            raise ValueError("Port out of range 0-65535")
        return int(number)

    def geturl(self): return urlunparse(self) if len(self) == 6 else urlunsplit(self)


class SplitResult(namedtuple("SplitResult", "scheme netloc path query fragment"), _Address):
    pass


class ParseResult(namedtuple("ParseResult", "scheme netloc path params query fragment"), _Address):
    pass


_PARAMS = ("", "ftp", "hdl", "prospero", "http", "https", "shttp", "rtsp", "rtspu", "sip", "sips", "mms", "sftp", "tel")
_NETLOC = ("", "ftp", "http", "gopher", "nntp", "telnet", "imap", "wais", "file", "mms", "https", "shttp", "snews", "prospero", "rtsp", "rtspu",
           "rsync", "svn", "svn+ssh", "sftp", "nfs", "git", "git+ssh", "ws", "wss")


def urlsplit(url, scheme="", allow_fragments=True):
    url = url.lstrip("".join(map(chr, range(33)))).replace("\t", "").replace("\r", "").replace("\n", "")
    netloc = query = fragment = ""
    head, colon, rest = url.partition(":")
    if colon and head and head[0].isalpha() and head[0].isascii() and all(c.isascii() and (c.isalnum() or c in "+-.") for c in head):
        scheme, url = head.lower(), rest
    if url.startswith("//"):
        end = min([i for i in (url.find(c, 2) for c in "/?#") if i >= 0], default=len(url))
        netloc, url = url[2:end], url[end:]
        if ("[" in netloc) != ("]" in netloc):
            raise ValueError("Invalid IPv6 URL")
    if allow_fragments and "#" in url:
        url, _, fragment = url.partition("#")
    if "?" in url:
        url, _, query = url.partition("?")
    return SplitResult(scheme, netloc, url, query, fragment)


def urlparse(url, scheme="", allow_fragments=True):
    scheme, netloc, path, query, fragment = urlsplit(url, scheme, allow_fragments)
    params, last = "", path.rpartition("/")[2]
    if scheme in _PARAMS and ";" in last:
        at = len(path) - len(last) + last.index(";")
        path, params = path[:at], path[at + 1:]
    return ParseResult(scheme, netloc, path, params, query, fragment)


def urlunsplit(parts):
    scheme, netloc, url, query, fragment = parts
    if netloc or scheme and scheme in _NETLOC and url[:2] != "//":
        url = "//" + netloc + ("/" + url if url and not url.startswith("/") else url)
    if scheme:
        url = scheme + ":" + url
    if query:
        url += "?" + query
    return url + ("#" + fragment if fragment else "")


def urlunparse(parts):
    scheme, netloc, url, params, query, fragment = parts
    return urlunsplit((scheme, netloc, f"{url};{params}" if params else url, query, fragment))


def urldefrag(url):
    p = urlparse(url)
    return _Defragged(urlunparse(p._replace(fragment="")), p.fragment)


_Defragged = namedtuple("DefragResult", "url fragment")


def urljoin(base, url, allow_fragments=True):
    if not base or not url:
        return url or base
    b = urlparse(base, "", allow_fragments)
    p = urlparse(url, b.scheme, allow_fragments)
    if p.scheme != b.scheme or p.scheme not in _NETLOC:
        return url
    if p.netloc:
        return urlunparse(p)
    if not p.path and not p.params:
        return urlunparse((p.scheme, b.netloc, b.path, b.params, p.query or b.query, p.fragment))
    segments = p.path.split("/")
    if not p.path.startswith("/"):
        before = b.path.split("/")
        if before[-1] != "":
            del before[-1]
        segments = before + segments
        segments[1:-1] = [s for s in segments[1:-1] if s]
    made = []
    for segment in segments:
        if segment == "..":
            if made:
                made.pop()
        elif segment != ".":
            made.append(segment)
    if segments[-1] in (".", ".."):
        made.append("")
    return urlunparse((p.scheme, b.netloc, "/".join(made) or "/", p.params, p.query, p.fragment))
