import json as _json


class RequestException(OSError):
    def __init__(self, *args, response=None, request=None):
        super().__init__(*args)
        self.response, self.request = response, request


class InvalidJSONError(RequestException): pass


class JSONDecodeError(InvalidJSONError, _json.JSONDecodeError):
    def __init__(self, msg, doc, pos, **others):
        self.msg, self.doc, self.pos = msg, doc, pos
        self.lineno, self.colno = doc.count("\n", 0, pos) + 1, pos - doc.rfind("\n", 0, pos)
        super().__init__(f"{msg}: line {self.lineno} column {self.colno} (char {pos})", **others)


class HTTPError(RequestException): pass
class ConnectionError(RequestException): pass
class ProxyError(ConnectionError): pass
class SSLError(ConnectionError): pass
class Timeout(RequestException): pass
class ConnectTimeout(ConnectionError, Timeout): pass
class ReadTimeout(Timeout): pass
class URLRequired(RequestException): pass
class TooManyRedirects(RequestException): pass
class MissingSchema(RequestException, ValueError): pass
class InvalidSchema(RequestException, ValueError): pass
class InvalidURL(RequestException, ValueError): pass
class InvalidHeader(RequestException, ValueError): pass
class InvalidProxyURL(InvalidURL): pass
class ChunkedEncodingError(RequestException): pass
class ContentDecodingError(RequestException): pass
class StreamConsumedError(RequestException, TypeError): pass
class RetryError(RequestException): pass
class UnrewindableBodyError(RequestException): pass
class RequestsWarning(Warning): pass
class RequestsDependencyWarning(RequestsWarning): pass
