import datetime
import hashlib
import json as _json
import os
import re
import urllib3
import requests.adapters as adapters
import requests.auth as _auth
import requests.cookies as cookiejar
import requests.exceptions as exceptions
from requests.exceptions import (
    ConnectionError, ConnectTimeout, HTTPError, InvalidURL, JSONDecodeError, ReadTimeout, RequestException, Timeout, TooManyRedirects, URLRequired)
from requests.structures import CaseInsensitiveDict
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit



class PreparedRequest:
    def __init__(self, method, url, headers, body): self.method, self.url, self.headers, self._body = method, url, headers, body

    @property
    def body(self): return b"".join(self._body) if isinstance(self._body, list) else self._body  # a form's parts are joined if they are asked for

    @body.setter
    def body(self, v): self._body = v

    @property
    def path_url(self): return urlsplit(self.url)._replace(scheme="", netloc="", fragment="").geturl() or "/"


class Response:
    def __init__(self, status, reason, url, headers, content, request=None):
        self.status_code, self.reason, self.url, self.content, self.request = status, reason, url, content, request
        self.elapsed = datetime.timedelta(0)  # the code's clock stands still
        self.headers, self.history, self.encoding = CaseInsensitiveDict(headers), [], None
        self.cookies = cookiejar.RequestsCookieJar()
        self.cookies._take(url, headers)
        kind = self.headers.get("Content-Type", "")
        for part in kind.split(";")[1:]:
            name, _, v = part.strip().partition("=")
            if name.lower() == "charset":
                self.encoding = v.strip("'\" ")
        if self.encoding is None and "text" in kind:
            self.encoding = "ISO-8859-1"
        elif self.encoding is None and "application/json" in kind:
            self.encoding = "utf-8"

    @property
    def ok(self): return self.status_code < 400

    @property
    def apparent_encoding(self): return "utf-8"

    @property
    def is_redirect(self): return "location" in self.headers and self.status_code in (301, 302, 303, 307, 308)

    @property
    def is_permanent_redirect(self): return "location" in self.headers and self.status_code in (301, 308)

    @property
    def links(self):
        found = {}
        header = self.headers.get("link", "").strip(" '\"")
        for one in re.split(", *<", header) if header else []:
            url, _, params = one.partition(";")
            link = {"url": url.strip("<> '\"")}
            for param in params.split(";"):
                key, equals, v = param.partition("=")
                if not equals:
                    break
                link[key.strip(" '\"")] = v.strip(" '\"")
            found[link.get("rel") or link.get("url")] = link
        return found

    @property
    def text(self):
        try:
            return self.content.decode(self.encoding or "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self, **options):
        try:
            if self.encoding is None:
                try:
                    return _json.loads(self.content, **options)
                except UnicodeDecodeError:
                    pass
            return _json.loads(self.text, **options)
        except _json.JSONDecodeError as e:
            raise JSONDecodeError(e.msg, e.doc, e.pos)

    def raise_for_status(self):
        kind = "Client" if 400 <= self.status_code < 500 else "Server" if 500 <= self.status_code < 600 else ""
        if kind:
            raise HTTPError(f"{self.status_code} {kind} Error: {self.reason} for url: {self.url}", response=self)

    def _decoded(self, decode): return self.text if decode and self.encoding else self.content
    def iter_lines(self, chunk_size=512, decode_unicode=False, delimiter=None):
        given = self._decoded(decode_unicode)
        return iter(given.splitlines() if delimiter is None else given.split(delimiter))

    def iter_content(self, chunk_size=1, decode_unicode=False):
        given = self._decoded(decode_unicode)
        return iter([given[i:i + chunk_size] for i in range(0, len(given), chunk_size)] if chunk_size else [given])

    def close(self): pass
    def __bool__(self): return self.ok
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def __repr__(self): return f"<Response [{self.status_code}]>"


def _bytes(v): return v if isinstance(v, bytes) else str(v).encode("utf-8")


def _several(v): return v if hasattr(v, "__iter__") and not isinstance(v, (str, bytes)) else [v]


def _pairs(data):
    for name, v in data.items() if hasattr(data, "items") else data:
        for one in _several(v):
            if one is not None:
                yield name, one


def _merged(given, session):
    if given is None:
        return session
    if session is None or not (hasattr(given, "items") and hasattr(session, "items")):
        return given
    return {name: v for name, v in {**dict(session.items()), **dict(given.items())}.items() if v is not None}


def _quoted(name, v):
    for c, escaped in (("\\", "\\\\"), ('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        v = v.replace(c, escaped)
    return f'; {name}="{v}"'


def _multipart(data, files):
    if isinstance(data, (str, bytes)):
        raise ValueError("Data must not be a string.")
    parts = []
    for name, v in _pairs(data or {}):
        parts.append(("form-data" + _quoted("name", name.decode("utf-8") if isinstance(name, bytes) else name), {}, _bytes(v)))
    for name, given in files.items() if hasattr(files, "items") else files:
        filename, kind, headers = None, None, {}
        if isinstance(given, (tuple, list)):
            filename, given, kind, headers = [*given, None, {}][:4] if len(given) < 4 else given
        else:
            called = getattr(given, "name", None)
            filename = os.path.basename(called) if isinstance(called, str) and called[:1] != "<" and called[-1:] != ">" and called else name
        if hasattr(given, "read"):
            given = given.read()
        if given is None:
            continue
        disposition = "form-data" + _quoted("name", name) + (_quoted("filename", filename) if filename is not None else "")
        parts.append((disposition, {**({"Content-Type": kind} if kind else {}), **{n: v for n, v in (headers or {}).items() if v}}, _bytes(given)))
    # The same content has the same boundary, also when the run goes on after a crash.
    seen = hashlib.sha256()
    for disposition, headers, content in parts:
        seen.update(disposition.encode("utf-8"))
        seen.update(content)
    boundary = seen.hexdigest()[:32]
    body = []
    for disposition, headers, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n" + "".join(f"{name}: {v}\r\n" for name, v in headers.items())
        body += [head.encode("utf-8"), b"\r\n", content, b"\r\n"]
    return [*body, f"--{boundary}--\r\n".encode("ascii")], "multipart/form-data; boundary=" + boundary


def _encoded(data, json, files):
    if files:
        return _multipart(data, files)
    if data:
        if isinstance(data, (str, bytes)):
            return data, None
        if hasattr(data, "read"):
            return _bytes(data.read()), None
        return urlencode(list(_pairs(data))), "application/x-www-form-urlencoded"
    if json is not None:
        return _json.dumps(json, allow_nan=False).encode("utf-8"), "application/json"
    return None, None


_HEADER = {
    str: (re.compile(r"^[^:\s][^:\r\n]*$"), re.compile(r"^\S[^\r\n]*$|^$")), bytes: (re.compile(rb"^[^:\s][^:\r\n]*$"), re.compile(rb"^\S[^\r\n]*$|^$"))}


def _checked(name, v):
    for i, part in enumerate((name, v)):
        if type(part) not in _HEADER:
            raise exceptions.InvalidHeader(f"Header part ({part!r}) from {{{name!r}: {v!r}}} must be of type str or bytes, not {type(part)}")
        if not _HEADER[type(part)][i].match(part):
            raise exceptions.InvalidHeader(
                f"Invalid leading whitespace, reserved character(s), or returncharacter(s) in header {('name', 'value')[i]}: {part!r}")
    return name.decode("ascii") if isinstance(name, bytes) else name, v if isinstance(v, bytes) else v.encode("latin-1")


def _jar(*several):
    jar = cookiejar.RequestsCookieJar()
    for given in several:
        jar.update(given or {})
    return jar


class Session:
    def __init__(self):
        self.headers, self.auth, self.params, self.cookies, self.verify = CaseInsensitiveDict(), None, {}, cookiejar.RequestsCookieJar(), True
        self.proxies, self.cert, self.hooks, self.stream, self.trust_env, self.max_redirects = {}, None, {"response": []}, False, True, 30
        self.adapters = {"https://": adapters.HTTPAdapter(), "http://": adapters.HTTPAdapter()}

    def mount(self, prefix, adapter):
        if hasattr(adapter, "send"):
            raise NotImplementedError("an adapter with a method send of its own: give each call its timeout and headers instead")
        self.adapters[prefix] = adapter

    def get_adapter(self, url):
        fit = [prefix for prefix in self.adapters if url.lower().startswith(prefix.lower())]
        if not fit:
            raise exceptions.InvalidSchema(f"No connection adapters were found for {url!r}")
        return self.adapters[max(fit, key=len)]

    def _answer(self, method, url, *rest):
        retries = self.get_adapter(url).max_retries
        while True:
            failed, reply = _lib_send(method, url, *rest)
            if failed:
                if failed not in ("ConnectionError", "ConnectTimeout", "ReadTimeout"):
                    raise getattr(exceptions, failed)(reply)
                reads = failed == "ReadTimeout"
                if reads and (retries.read is False or retries.allowed_methods and method not in retries.allowed_methods):
                    raise ReadTimeout(reply)
                retries = retries._less("read" if reads else "connect")
                if retries is None:
                    raise getattr(exceptions, "ConnectionError" if reads else failed)(reply)
                retries._wait(None)
                continue
            status, after = reply[0], CaseInsensitiveDict(reply[3]).get("Retry-After")
            if not retries.is_retry(method, status, after is not None):
                return reply
            left = retries._less("status")
            if left is None and retries.raise_on_status:
                parts = urlsplit(reply[2])
                secured = parts.scheme == "https"
                pool = f"HTTP{'S' * secured}ConnectionPool(host={parts.hostname!r}, port={parts.port or (443 if secured else 80)})"
                path = parts._replace(scheme="", netloc="", fragment="").geturl()
                raise exceptions.RetryError(f"{pool}: Max retries exceeded with url: {path} (Caused by ResponseError('too many {status} error responses'))")
            if left is None:
                return reply
            retries = left
            retries._wait(after)

    def request(self, method, url, params=None, data=None, headers=None, cookies=None, files=None, auth=None, timeout=None, allow_redirects=True,
                proxies=None, hooks=None, stream=None, verify=None, cert=None, json=None):
        for name, v in (("proxies", proxies or self.proxies), ("cert", cert or self.cert), ("hooks", hooks or self.hooks.get("response"))):
            if v:
                raise NotImplementedError(f"the argument {name} of requests is the program's to set, not the code's")
        if self.max_redirects != 30:
            raise NotImplementedError("max_redirects of a session: how many redirects are followed is the program's to set")
        verify = self.verify if verify is None else verify
        if verify is not True:
            raise NotImplementedError(f"verify={verify!r}: a connection is always verified; a certificate authority of one's own is the program's to set")
        sent = CaseInsensitiveDict({"Accept": "*/*"})
        sent.update(self.headers)
        for name, v in (headers or {}).items():
            if v is None:
                sent.pop(name, None)
            else:
                sent[name] = v
        query = _merged({} if params is None else params, self.params)
        if isinstance(query, bytes):
            query = query.decode("ascii")
        elif not isinstance(query, str):
            query = urlencode(list(_pairs(query)))
        if query:
            address, hash, fragment = url.partition("#")
            url = address + ("&" if "?" in address else "?") + query + hash + fragment
        body, kind = _encoded(data, json, files)
        if kind and "Content-Type" not in sent:
            sent["Content-Type"] = kind
        auth = auth or self.auth
        jar = _jar(self.cookies, cookies)
        if len(jar) and "Cookie" not in sent and (cookie := jar._header(url)):
            sent["Cookie"] = cookie
        prepared = PreparedRequest(method.upper(), url, sent, body)
        if auth:
            prepared = (_auth.HTTPBasicAuth(*auth) if isinstance(auth, tuple) and len(auth) == 2 else auth)(prepared)
        if prepared._body is None and prepared.method not in ("GET", "HEAD"):
            prepared.headers.setdefault("Content-Length", "0")
        body = prepared._body.encode("utf-8") if isinstance(prepared._body, str) else prepared._body
        if isinstance(timeout, (tuple, list)):
            timeout = timeout[-1]
        pairs = [_checked(name, v) for name, v in prepared.headers.items()]
        reply = self._answer(prepared.method, prepared.url, pairs, body, timeout, allow_redirects)
        if not isinstance(self.cookies, cookiejar.RequestsCookieJar):
            self.cookies = _jar(self.cookies)
        self.cookies._take(reply[2], reply[3])
        return Response(*reply, prepared)

    def get(self, url, **options): return self.request("GET", url, **options)
    def head(self, url, **options): return self.request("HEAD", url, **{"allow_redirects": False, **options})
    def options(self, url, **options): return self.request("OPTIONS", url, **options)
    def post(self, url, data=None, json=None, **options): return self.request("POST", url, data=data, json=json, **options)
    def put(self, url, data=None, **options): return self.request("PUT", url, data=data, **options)
    def patch(self, url, data=None, **options): return self.request("PATCH", url, data=data, **options)
    def delete(self, url, **options): return self.request("DELETE", url, **options)
    def close(self): pass
    def __enter__(self): return self
    def __exit__(self, *args): pass


def session(): return Session()
def request(method, url, **options): return Session().request(method, url, **options)
def get(url, params=None, **options): return Session().get(url, params=params, **options)
def head(url, **options): return Session().head(url, **options)
def options(url, **options): return Session().options(url, **options)
def post(url, data=None, json=None, **options): return Session().post(url, data=data, json=json, **options)
def put(url, data=None, **options): return Session().put(url, data=data, **options)
def patch(url, data=None, **options): return Session().patch(url, data=data, **options)
def delete(url, **options): return Session().delete(url, **options)


auth = _auth
cookies = cookiejar
packages = SimpleNamespace(urllib3=urllib3)
utils = SimpleNamespace(dict_from_cookiejar=cookiejar.dict_from_cookiejar, cookiejar_from_dict=cookiejar.cookiejar_from_dict)
codes = SimpleNamespace(ok=200, created=201, accepted=202, no_content=204, bad_request=400, unauthorized=401, forbidden=403, not_found=404,
                        conflict=409, unprocessable_entity=422, too_many_requests=429, internal_server_error=500, service_unavailable=503)
