import re

VERSION = "1.3.0"
Element, SubElement, ParseError = _lib_element, _lib_subelement, _lib_parse_error
_prefixes = {
    "http://www.w3.org/XML/1998/namespace": "xml", "http://www.w3.org/1999/xhtml": "html", "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://schemas.xmlsoap.org/wsdl/": "wsdl", "http://www.w3.org/2001/XMLSchema": "xs", "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://purl.org/dc/elements/1.1/": "dc"}


def fromstring(text, parser=None): return _lib_from_xml(text)
def iselement(element): return hasattr(element, "tag")
def dump(elem): pass  # there is nobody to read it


XML = fromstring


def XMLID(text, parser=None):
    tree = fromstring(text)
    return tree, {e.get("id"): e for e in tree.iter() if e.get("id")}


def fromstringlist(sequence, parser=None):
    parts = list(sequence)
    return fromstring((b"" if parts and isinstance(parts[0], bytes) else "").join(parts))


def Comment(text=None):
    element = Element(Comment)
    element.text = text
    return element


def ProcessingInstruction(target, text=None):
    element = Element(ProcessingInstruction)
    element.text = target + " " + text if text else target
    return element


PI = ProcessingInstruction


class QName:
    def __init__(self, text_or_uri, tag=None): self.text = "{%s}%s" % (text_or_uri, tag) if tag else text_or_uri
    def __str__(self): return self.text
    def __repr__(self): return "<QName %r>" % (self.text,)
    def __hash__(self): return hash(self.text)
    def __eq__(self, other): return self.text == (other.text if isinstance(other, QName) else other)
    def __lt__(self, other): return self.text < (other.text if isinstance(other, QName) else other)
    def __le__(self, other): return self.text <= (other.text if isinstance(other, QName) else other)
    def __gt__(self, other): return self.text > (other.text if isinstance(other, QName) else other)
    def __ge__(self, other): return self.text >= (other.text if isinstance(other, QName) else other)


def register_namespace(prefix, uri):
    if re.match(r"ns\d+$", prefix):
        raise ValueError("Prefix format reserved for internal use")
    for k, v in list(_prefixes.items()):
        if k == uri or v == prefix:
            del _prefixes[k]
    _prefixes[uri] = prefix


class ElementTree:
    def __init__(self, element=None, file=None):
        self._root = element
        if file:
            self.parse(file)

    def getroot(self): return self._root
    def _setroot(self, element): self._root = element

    def parse(self, source, parser=None):
        if not hasattr(source, "read"):
            raise FileNotFoundError(2, "No such file or directory", source)
        self._root = fromstring(source.read())
        return self._root

    def iter(self, tag=None): return self._root.iter(tag)
    def find(self, path, namespaces=None): return self._root.find(_relative(path), namespaces)
    def findtext(self, path, default=None, namespaces=None): return self._root.findtext(_relative(path), default, namespaces)
    def findall(self, path, namespaces=None): return self._root.findall(_relative(path), namespaces)
    def iterfind(self, path, namespaces=None): return self._root.iterfind(_relative(path), namespaces)

    def write(self, file_or_filename, encoding=None, xml_declaration=None, default_namespace=None, method=None, *, short_empty_elements=True):
        method = method or "xml"
        if method not in ("xml", "html", "text"):
            raise ValueError("unknown method %r" % method)
        encoding = encoding or "us-ascii"
        if not hasattr(file_or_filename, "write"):
            raise OSError(30, "Read-only file system", file_or_filename)
        as_text = encoding.lower() == "unicode"
        declared = (getattr(file_or_filename, "encoding", None) or "utf-8") if as_text else encoding
        declares = xml_declaration or xml_declaration is None and not as_text and declared.lower() not in ("utf-8", "us-ascii")
        text = "<?xml version='1.0' encoding='%s'?>\n" % declared if declares and method == "xml" else ""
        text += _lib_write_xml(self._root, method, default_namespace, short_empty_elements, _prefixes, Comment, ProcessingInstruction)
        file_or_filename.write(text if as_text else text.encode(encoding, "xmlcharrefreplace") if text else b"")


def _relative(path): return "." + path if path[:1] == "/" else path


class _Written:
    def write(self, data): self.data = data


def tostring(element, encoding=None, method=None, *, xml_declaration=None, default_namespace=None, short_empty_elements=True):
    if encoding and encoding != "unicode" and encoding.lower() == "unicode":
        raise TypeError("a bytes-like object is required, not 'str'")
    to = _Written()
    ElementTree(element).write(to, encoding, xml_declaration, default_namespace, method, short_empty_elements=short_empty_elements)
    return to.data


def tostringlist(element, encoding=None, method=None, *, xml_declaration=None, default_namespace=None, short_empty_elements=True):
    return [tostring(element, encoding, method, xml_declaration=xml_declaration, default_namespace=default_namespace,
                     short_empty_elements=short_empty_elements)]


def parse(source, parser=None):
    tree = ElementTree()
    tree.parse(source)
    return tree


def indent(tree, space="  ", level=0): _lib_indent_xml(tree.getroot() if isinstance(tree, ElementTree) else tree, space, level)
