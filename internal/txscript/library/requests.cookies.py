import time
from urllib.parse import urlsplit


class Cookie:
    def __init__(self, name, value, domain="", path="/", secure=False, specified=False):
        self.name, self.value, self.domain, self.path, self.secure, self.domain_specified = name, value, domain, path, secure, specified

    def __repr__(self): return f"<Cookie {self.name}={self.value} for {self.domain}{self.path}>"


class CookieConflictError(RuntimeError):
    pass


def _host(url):
    host = (urlsplit(url).hostname or "").lower()
    return host if "." in host else host + ".local"


def _path(url): return urlsplit(url).path or "/"


def _named(text):
    name, equals, v = text.strip().partition("=")
    return name.strip(), v.strip() if equals else None


def _is_past(date):
    date = date.strip('"')
    for form in ("%a, %d %b %Y %H:%M:%S", "%a, %d-%b-%Y %H:%M:%S", "%a, %d-%b-%y %H:%M:%S"):
        try:
            return time.strptime(date.removesuffix(" GMT").removesuffix(" UTC"), form) <= time.gmtime()
        except ValueError:
            pass
    return False


class RequestsCookieJar:
    def __init__(self): self._kept = {}

    def set_cookie(self, cookie): self._kept.setdefault(cookie.domain, {}).setdefault(cookie.path, {})[cookie.name] = cookie

    def set(self, name, value, domain="", path="/", secure=False, **others):
        if value is None:
            self._remove(lambda c: c.name == name and domain in ("", c.domain) and path in ("/", c.path))
            return None
        cookie = Cookie(name, value, domain, path, secure, bool(domain))
        self.set_cookie(cookie)
        return cookie

    def _remove(self, which):
        for c in [c for c in self if which(c)]:
            del self._kept[c.domain][c.path][c.name]

    def update(self, other):
        if isinstance(other, RequestsCookieJar):
            for c in other:
                self.set_cookie(c)
        else:
            for name, v in other.items() if hasattr(other, "items") else other:
                self[name] = v

    def _found(self, name, domain, path):
        found = [c for c in self if c.name == name and domain in (None, c.domain) and path in (None, c.path)]
        if len(found) > 1:
            raise CookieConflictError(f"There are multiple cookies with name, {name!r}")
        return found

    def get(self, name, default=None, domain=None, path=None):
        found = self._found(name, domain, path)
        return found[0].value if found else default

    def __getitem__(self, name):
        found = self._found(name, None, None)
        if not found:
            raise KeyError(f"name={name!r}, domain=None, path=None")
        return found[0].value

    def clear(self, domain=None, path=None, name=None):
        self._remove(lambda c: domain in (None, c.domain) and path in (None, c.path) and name in (None, c.name))

    def copy(self):
        jar = RequestsCookieJar()
        jar.update(self)
        return jar

    def get_dict(self, domain=None, path=None):
        return {c.name: c.value for c in self if domain in (None, c.domain) and path in (None, c.path)}

    def __setitem__(self, name, v): self.set(name, v)
    def __delitem__(self, name): self._remove(lambda c: c.name == name)
    def __contains__(self, name): return any(c.name == name for c in self)
    def __iter__(self): return iter([c for paths in self._kept.values() for names in paths.values() for c in names.values()])
    def __len__(self): return len(list(iter(self)))
    def keys(self): return [c.name for c in self]
    def values(self): return [c.value for c in self]
    def items(self): return [(c.name, c.value) for c in self]
    def iterkeys(self): return iter(self.keys())
    def itervalues(self): return iter(self.values())
    def iteritems(self): return iter(self.items())
    def list_domains(self): return list(dict.fromkeys(c.domain for c in self))
    def list_paths(self): return list(dict.fromkeys(c.path for c in self))
    def __repr__(self): return f"<RequestsCookieJar[{', '.join(repr(c) for c in self)}]>"

    # What follows is for the module requests.

    def _take(self, url, headers):
        for name, text in headers:
            if name.lower() == "set-cookie":
                self._take_one(url, text)

    def _take_one(self, url, text):
        pair, *attributes = text.split(";")
        name, v = _named(pair)
        if not name:
            return
        said = {}
        for key, given in map(_named, attributes):
            said.setdefault(key.lower(), given)  # the first one counts
        if any(given is None for key, given in said.items() if key in ("domain", "path", "max-age")):
            return
        host, path = _host(url), _path(url)
        domain, specified = host, "domain" in said
        if specified:
            domain = "." + said["domain"].lower().removeprefix(".")
            if not ("." + host).endswith(domain) or "." not in domain[1:] and not host.endswith(".local"):
                return
        kept = said.get("path") or path[:path.rfind("/")] or "/"
        cookie, gone = Cookie(name, v, domain, kept, "secure" in said, specified), _is_past(said.get("expires") or "")
        if "max-age" in said:
            try:
                gone = int(said["max-age"]) <= 0
            except ValueError:
                return
        if gone:
            self._remove(lambda c: (c.domain, c.path, c.name) == (cookie.domain, cookie.path, cookie.name))
        else:
            self.set_cookie(cookie)

    def _header(self, url):
        host, path = _host(url), _path(url)
        sent = sorted([c for c in self if _belongs(c, url, host, path)], key=lambda c: -len(c.path))
        return "; ".join(c.name if c.value is None else f"{c.name}={c.value}" for c in sent)


def _belongs(c, url, host, path):
    if c.secure and not url.lower().startswith("https:"):
        return False
    if path != c.path and not (path.startswith(c.path) and (c.path.endswith("/") or path[len(c.path)] == "/")):
        return False
    if c.domain_specified:
        return ("." + host).endswith(c.domain if c.domain.startswith(".") else "." + c.domain)
    return c.domain in ("", host)


def cookiejar_from_dict(cookie_dict, cookiejar=None, overwrite=True):
    jar = RequestsCookieJar() if cookiejar is None else cookiejar
    for name, v in (cookie_dict or {}).items():
        if overwrite or name not in jar:
            jar.set(name, v)
    return jar


def dict_from_cookiejar(cj): return {c.name: c.value for c in cj}
