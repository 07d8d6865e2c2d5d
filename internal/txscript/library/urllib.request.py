from io import BytesIO
from requests.structures import CaseInsensitiveDict
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit


class Request:
    def __init__(self, url, data=None, headers={}, origin_req_host=None, unverifiable=False, method=None):
        self.full_url, self.data, self.headers, self.method = url, data, {}, method
        for key, v in headers.items():
            self.add_header(key, v)

    @property
    def host(self): return urlsplit(self.full_url).netloc

    @property
    def type(self): return urlsplit(self.full_url).scheme

    @property
    def selector(self): return urlsplit(self.full_url)._replace(scheme="", netloc="", fragment="").geturl() or "/"

    def get_method(self): return self.method or ("POST" if self.data is not None else "GET")
    def get_full_url(self): return self.full_url
    def add_header(self, key, val): self.headers[key.capitalize()] = val
    def add_unredirected_header(self, key, val): self.add_header(key, val)
    def has_header(self, header_name): return header_name in self.headers
    def get_header(self, header_name, default=None): return self.headers.get(header_name, default)
    def remove_header(self, header_name): self.headers.pop(header_name, None)
    def header_items(self): return list(self.headers.items())


class _Message(CaseInsensitiveDict):
    def __getitem__(self, name): return self.get(name)
    def get(self, name, default=None): return super().__getitem__(name) if name in self else default
    def get_all(self, name, default=None): return [self[name]] if name in self else default
    def get_content_type(self): return (self.get("Content-Type") or "text/plain").split(";")[0].strip().lower()

    def get_content_charset(self, failobj=None):
        for part in (self.get("Content-Type") or "").split(";")[1:]:
            name, _, v = part.strip().partition("=")
            if name.lower() == "charset":
                return v.strip("'\" ").lower()
        return failobj


class _Response(BytesIO):
    def __init__(self, status, reason, url, headers, content):
        super().__init__(content)
        self.status = self.code = status
        self.reason = self.msg = reason
        self.url, self.headers = url, _Message(headers)

    def getcode(self): return self.status
    def geturl(self): return self.url
    def info(self): return self.headers
    def getheader(self, name, default=None): return self.headers.get(name, default)
    def getheaders(self): return self.headers.items()


def _body(data):
    if data is None or isinstance(data, bytes):
        return data
    if isinstance(data, str):
        raise TypeError("POST data should be bytes, an iterable of bytes, or a file object. It cannot be of type str.")
    return data.read() if hasattr(data, "read") else b"".join(data)


def urlopen(url, data=None, timeout=None, *, cafile=None, capath=None, cadefault=False, context=None):
    if context is not None or cafile or capath:
        raise NotImplementedError("a connection is always verified; a certificate authority of one's own is the program's to set")
    request = url if isinstance(url, Request) else Request(url, data)
    if data is not None:
        request.data = data
    if request.type not in ("http", "https"):
        raise URLError("unknown url type: %s" % request.type) if request.type else ValueError("unknown url type: %r" % request.full_url)
    body = _body(request.data)
    sent = {"Accept-Encoding": "identity"}
    if body is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    sent["User-Agent"] = "Python-urllib/3.12"
    for name, v in request.headers.items():
        sent[name.title()] = v if isinstance(v, bytes) else str(v)
    pairs = [(name, v if isinstance(v, bytes) else v.encode("latin-1")) for name, v in sent.items()]
    failed, reply = _lib_send(request.get_method(), request.full_url, pairs, body, timeout, True)
    if failed in ("Timeout", "ReadTimeout"):
        raise TimeoutError(reply)
    if failed:
        raise URLError(reply)
    response = _Response(*reply)
    if not 200 <= response.status < 300:
        raise HTTPError(response.url, response.status, response.reason, response.headers, response)
    return response
