import base64
import hashlib
import json as _json
from requests.structures import CaseInsensitiveDict
from types import SimpleNamespace
from urllib.parse import urlencode

JSONDecodeError = _json.JSONDecodeError


class RequestException(OSError):
    def __init__(self, *args, response=None, request=None):
        super().__init__(*args)
        self.response, self.request = response, request


class HTTPError(RequestException):
    pass


class ConnectionError(RequestException):
    pass


class Timeout(RequestException):
    pass


class ConnectTimeout(ConnectionError, Timeout):
    pass


class ReadTimeout(Timeout):
    pass


class TooManyRedirects(RequestException):
    pass


class InvalidURL(RequestException, ValueError):
    pass


exceptions = SimpleNamespace(
    RequestException=RequestException, HTTPError=HTTPError, ConnectionError=ConnectionError, Timeout=Timeout, ConnectTimeout=ConnectTimeout,
    ReadTimeout=ReadTimeout, TooManyRedirects=TooManyRedirects, InvalidURL=InvalidURL, JSONDecodeError=JSONDecodeError)


class Response:
    def __init__(self, status, reason, url, headers, content):
        self.status_code, self.reason, self.url, self.content = status, reason, url, content
        self.headers, self.history, self.encoding = CaseInsensitiveDict(headers), [], None
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
    def text(self):
        try:
            return self.content.decode(self.encoding or "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self, **options): return _json.loads(self.content, **options)

    def raise_for_status(self):
        kind = "Client" if 400 <= self.status_code < 500 else "Server" if 500 <= self.status_code < 600 else ""
        if kind:
            raise HTTPError(f"{self.status_code} {kind} Error: {self.reason} for url: {self.url}", response=self)

    def iter_lines(self): return iter(self.text.splitlines())
    def close(self): pass
    def __bool__(self): return self.ok
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def __repr__(self): return f"<Response [{self.status_code}]>"


def _bytes(v): return v if isinstance(v, bytes) else str(v).encode("utf-8")


def _pairs(data):
    for name, v in data.items() if hasattr(data, "items") else data:
        for one in v if isinstance(v, (list, tuple)) else [v]:
            if one is not None:
                yield name, one


def _multipart(data, files):
    parts = []
    for name, v in _pairs(data or {}):
        parts.append((f'form-data; name="{name}"', None, _bytes(v)))
    for name, given in files.items() if hasattr(files, "items") else files:
        filename, kind = name, None
        if isinstance(given, (tuple, list)):
            filename, given, kind = given[0], given[1], given[2] if len(given) > 2 else None
        if hasattr(given, "read"):
            given = given.read()
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        parts.append((disposition, kind, _bytes(given)))
    # The same content has the same boundary, also when the run goes on after a crash.
    seen = hashlib.sha256()
    for disposition, kind, content in parts:
        seen.update(disposition.encode("utf-8"))
        seen.update(content)
    boundary = seen.hexdigest()[:32]
    body = []
    for disposition, kind, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
        body += [head.encode("utf-8"), b"\r\n", content, b"\r\n"]
    return [*body, f"--{boundary}--\r\n".encode("ascii")], "multipart/form-data; boundary=" + boundary


def _encoded(data, json, files):
    if files:
        return _multipart(data, files)
    if data:
        if isinstance(data, (str, bytes)):
            return _bytes(data), None
        if hasattr(data, "read"):
            return _bytes(data.read()), None
        return urlencode(list(_pairs(data))).encode("ascii"), "application/x-www-form-urlencoded"
    if json is not None:
        return _json.dumps(json, allow_nan=False).encode("utf-8"), "application/json"
    return None, None


class Session:
    def __init__(self): self.headers, self.auth, self.params, self.cookies, self.verify = CaseInsensitiveDict(), None, {}, {}, True

    def request(self, method, url, params=None, data=None, headers=None, cookies=None, files=None, auth=None, timeout=None, allow_redirects=True,
                proxies=None, hooks=None, stream=None, verify=None, cert=None, json=None):
        for name, v in (("proxies", proxies), ("cert", cert), ("hooks", hooks)):
            if v:
                raise NotImplementedError(f"the argument {name} of requests is the program's to set, not the code's")
        if verify is False or self.verify is False:
            raise NotImplementedError("verify=False: a connection is always verified; a certificate authority of one's own is the program's to set")
        sent = CaseInsensitiveDict({"Accept": "*/*"})
        sent.update(self.headers)
        for name, v in (headers or {}).items():
            if v is None:
                sent.pop(name, None)
            else:
                sent[name] = v
        query = params if isinstance(params, str) else urlencode([*_pairs(self.params), *_pairs(params or {})])
        if query:
            address, hash, fragment = url.partition("#")
            url = address + ("&" if "?" in address else "?") + query + hash + fragment
        body, kind = _encoded(data, json, files)
        if kind and "Content-Type" not in sent:
            sent["Content-Type"] = kind
        auth = auth or self.auth
        if callable(auth):
            raise NotImplementedError("an auth object: give a tuple of user and password, or the header Authorization")
        if auth:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode("latin-1")).decode("ascii")
        given = {**self.cookies, **(cookies or {})}
        if given:
            sent["Cookie"] = "; ".join(f"{name}={v}" for name, v in given.items())
        if isinstance(timeout, (tuple, list)):
            timeout = timeout[-1]
        pairs = [(name, v.decode("latin-1") if isinstance(v, bytes) else str(v)) for name, v in sent.items()]
        failed, reply = _lib_send(method.upper(), url, pairs, body, timeout, allow_redirects)
        if failed:
            raise getattr(exceptions, failed)(reply)
        return Response(*reply)

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


codes = SimpleNamespace(ok=200, created=201, accepted=202, no_content=204, bad_request=400, unauthorized=401, forbidden=403, not_found=404,
                        conflict=409, unprocessable_entity=422, too_many_requests=429, internal_server_error=500, service_unavailable=503)
