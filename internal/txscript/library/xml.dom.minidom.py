from io import StringIO


class Node:
    ELEMENT_NODE, ATTRIBUTE_NODE, TEXT_NODE, CDATA_SECTION_NODE, PROCESSING_INSTRUCTION_NODE, COMMENT_NODE, DOCUMENT_NODE = 1, 2, 3, 4, 7, 8, 9
    parentNode = ownerDocument = namespaceURI = prefix = nodeValue = attributes = None

    def __init__(self): self.childNodes = []
    def __bool__(self): return True
    def hasChildNodes(self): return bool(self.childNodes)
    def normalize(self): pass
    def unlink(self): pass

    @property
    def firstChild(self): return self.childNodes[0] if self.childNodes else None

    @property
    def lastChild(self): return self.childNodes[-1] if self.childNodes else None

    def _beside(self, by):
        around = self.parentNode.childNodes if self.parentNode is not None else []
        at = next((i for i, n in enumerate(around) if n is self), -1) + by
        return around[at] if 0 <= at < len(around) and around else None

    @property
    def nextSibling(self): return self._beside(1)

    @property
    def previousSibling(self): return self._beside(-1)

    def appendChild(self, node): return self.insertBefore(node, None)

    def insertBefore(self, newChild, refChild):
        if newChild.parentNode is not None:
            newChild.parentNode.removeChild(newChild)
        at = len(self.childNodes) if refChild is None else self._place(refChild)
        self.childNodes.insert(at, newChild)
        newChild.parentNode = self
        return newChild

    def _place(self, child):
        for i, n in enumerate(self.childNodes):
            if n is child:
                return i
        raise ValueError("the node is not a child of this one")

    def removeChild(self, oldChild):
        del self.childNodes[self._place(oldChild)]
        oldChild.parentNode = None
        return oldChild

    def replaceChild(self, newChild, oldChild):
        self.insertBefore(newChild, oldChild)
        return self.removeChild(oldChild)

    def getElementsByTagName(self, name):
        return self._below(lambda e: name == "*" or e.tagName == name)

    def getElementsByTagNameNS(self, namespaceURI, localName):
        return self._below(lambda e: localName in ("*", e.localName) and namespaceURI in ("*", e.namespaceURI))

    def _below(self, fits):
        found = []
        for n in self.childNodes:
            if n.nodeType == 1:
                if fits(n):
                    found.append(n)
                found += n._below(fits)
        return found

    def toxml(self, encoding=None, standalone=None): return self.toprettyxml("", "", encoding, standalone)

    def toprettyxml(self, indent="\t", newl="\n", encoding=None, standalone=None):
        writer = StringIO()
        if self.nodeType == 9:
            self.writexml(writer, "", indent, newl, encoding, standalone)
        else:
            self.writexml(writer, "", indent, newl)
        text = writer.getvalue()
        return text if encoding is None else text.encode(encoding, "xmlcharrefreplace")


def _data(data): return data.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace(">", "&gt;") if data else ""


class Attr(Node):
    nodeType = 2

    def __init__(self, qName, namespaceURI=None, localName=None, prefix=None):
        super().__init__()
        self.name = self.nodeName = qName
        self.namespaceURI, self.prefix, self.localName = namespaceURI, prefix, localName or qName.split(":", 1)[-1]
        self.value = ""

    @property
    def nodeValue(self): return self.value


class NamedNodeMap:
    def __init__(self, attrs): self._attrs = attrs
    def __len__(self): return len(self._attrs)
    def __getitem__(self, name): return self._attrs[name]
    def __contains__(self, name): return name in self._attrs
    def __setitem__(self, name, value): self._attrs.setdefault(name, Attr(name)).value = value
    def item(self, index): return list(self._attrs.values())[index] if 0 <= index < len(self._attrs) else None
    def keys(self): return self._attrs.keys()
    def values(self): return list(self._attrs.values())
    def items(self): return [(k, a.value) for k, a in self._attrs.items()]
    def get(self, name, value=None): return self._attrs.get(name, value)
    def getNamedItem(self, name): return self._attrs.get(name)

    @property
    def length(self): return len(self._attrs)


class Element(Node):
    nodeType = 1

    def __init__(self, tagName, namespaceURI=None, prefix=None, localName=None):
        super().__init__()
        self.tagName = self.nodeName = tagName
        self.namespaceURI, self.prefix, self.localName = namespaceURI, prefix, tagName.split(":", 1)[-1]
        self._attrs = {}

    @property
    def attributes(self): return NamedNodeMap(self._attrs)

    def hasAttributes(self): return bool(self._attrs)
    def hasAttribute(self, name): return name in self._attrs
    def getAttribute(self, attname): return self._attrs[attname].value if attname in self._attrs else ""
    def getAttributeNode(self, attrname): return self._attrs.get(attrname)
    def setAttribute(self, attname, value): self._attrs.setdefault(attname, Attr(attname)).value = value

    def removeAttribute(self, name):
        if name not in self._attrs:
            raise ValueError("there is no attribute %r" % name)
        del self._attrs[name]

    def _named(self, namespaceURI, localName):
        return next((a for a in self._attrs.values() if (a.namespaceURI, a.localName) == (namespaceURI, localName)), None)

    def hasAttributeNS(self, namespaceURI, localName): return self._named(namespaceURI, localName) is not None

    def getAttributeNS(self, namespaceURI, localName):
        attr = self._named(namespaceURI, localName)
        return attr.value if attr else ""

    def setAttributeNS(self, namespaceURI, qualifiedName, value):
        prefix, _, local = qualifiedName.rpartition(":")
        attr = self._named(namespaceURI, local)
        if attr is None:
            attr = self._attrs[qualifiedName] = Attr(qualifiedName, namespaceURI, local, prefix or None)
        attr.value = value

    def cloneNode(self, deep):
        made = Element(self.tagName, self.namespaceURI, self.prefix)
        made.ownerDocument = self.ownerDocument
        for name, a in self._attrs.items():
            made._attrs[name] = Attr(name, a.namespaceURI, a.localName, a.prefix)
            made._attrs[name].value = a.value
        for n in self.childNodes if deep else []:
            made.appendChild(n.cloneNode(True))
        return made

    def writexml(self, writer, indent="", addindent="", newl=""):
        writer.write(indent + "<" + self.tagName + "".join(' %s="%s"' % (name, _data(a.value)) for name, a in self._attrs.items()))
        if not self.childNodes:
            writer.write("/>" + newl)
            return
        writer.write(">")
        if len(self.childNodes) == 1 and self.childNodes[0].nodeType in (3, 4):
            self.childNodes[0].writexml(writer, "", "", "")
        else:
            writer.write(newl)
            for n in self.childNodes:
                n.writexml(writer, indent + addindent, addindent, newl)
            writer.write(indent)
        writer.write("</%s>%s" % (self.tagName, newl))


class CharacterData(Node):
    childNodes = ()

    def __init__(self, data=""): self.data = data
    def __len__(self): return len(self.data)
    def appendData(self, arg): self.data += arg

    @property
    def length(self): return len(self.data)

    @property
    def nodeValue(self): return self.data

    @nodeValue.setter
    def nodeValue(self, v): self.data = v

    def appendChild(self, node): raise ValueError(self.nodeName + " nodes cannot have children")

    def cloneNode(self, deep):
        made = type(self)(self.data)
        made.ownerDocument = self.ownerDocument
        return made


class Text(CharacterData):
    nodeType, nodeName = 3, "#text"

    @property
    def wholeText(self): return self.data

    def writexml(self, writer, indent="", addindent="", newl=""): writer.write(_data(indent + self.data + newl))


class CDATASection(Text):
    nodeType, nodeName = 4, "#cdata-section"

    def writexml(self, writer, indent="", addindent="", newl=""):
        if "]]>" in self.data:
            raise ValueError("']]>' not allowed in a CDATA section")
        writer.write("<![CDATA[%s]]>" % self.data)


class Comment(CharacterData):
    nodeType, nodeName = 8, "#comment"

    def writexml(self, writer, indent="", addindent="", newl=""):
        if "--" in self.data:
            raise ValueError("'--' is not allowed in a comment node")
        writer.write("%s<!--%s-->%s" % (indent, self.data, newl))


class ProcessingInstruction(CharacterData):
    nodeType = 7

    def __init__(self, target, data):
        super().__init__(data)
        self.target = self.nodeName = target

    def cloneNode(self, deep): return ProcessingInstruction(self.target, self.data)
    def writexml(self, writer, indent="", addindent="", newl=""): writer.write("%s<?%s %s?>%s" % (indent, self.target, self.data, newl))


class Document(Node):
    nodeType, nodeName = 9, "#document"

    @property
    def documentElement(self): return next((n for n in self.childNodes if n.nodeType == 1), None)

    def appendChild(self, node):
        if node.nodeType == 1 and self.documentElement is not None and node is not self.documentElement:
            raise ValueError("two document elements disallowed")
        return super().appendChild(node)

    def _owned(self, node):
        node.ownerDocument = self
        return node

    def createElement(self, tagName): return self._owned(Element(tagName))

    def createElementNS(self, namespaceURI, qualifiedName):
        return self._owned(Element(qualifiedName, namespaceURI, qualifiedName.rpartition(":")[0] or None))

    def createTextNode(self, data):
        if not isinstance(data, str):
            raise TypeError("node contents must be a string")
        return self._owned(Text(data))

    def createCDATASection(self, data):
        if not isinstance(data, str):
            raise TypeError("node contents must be a string")
        return self._owned(CDATASection(data))

    def createComment(self, data): return self._owned(Comment(data))
    def createProcessingInstruction(self, target, data): return self._owned(ProcessingInstruction(target, data))
    def createAttribute(self, qName): return self._owned(Attr(qName))
    def importNode(self, node, deep): return self._owned(node.cloneNode(deep))

    def writexml(self, writer, indent="", addindent="", newl="", encoding=None, standalone=None):
        said = ['encoding="%s"' % encoding] if encoding else []
        if standalone is not None:
            said.append('standalone="%s"' % ("yes" if standalone else "no"))
        writer.write('<?xml version="1.0" %s?>%s' % (" ".join(said), newl))
        for n in self.childNodes:
            n.writexml(writer, indent, addindent, newl)


def _read(doc, around, nodes):
    for kind, name, space, attrs, inner in nodes:
        if kind == "element":
            node = Element(name, space, name.rpartition(":")[0] or None)
            for attr, attr_space, v in attrs:
                node._attrs[attr] = Attr(attr, attr_space, None, attr.rpartition(":")[0] or None)
                node._attrs[attr].value = v
            _read(doc, node, inner)
        else:
            node = Text(name) if kind == "text" else Comment(name) if kind == "comment" else ProcessingInstruction(name, space)
        node.ownerDocument, node.parentNode = doc, around
        around.childNodes.append(node)


def parseString(string, parser=None):
    doc = Document()
    _read(doc, doc, _lib_xml_nodes(string))
    return doc


def parse(file, parser=None, bufsize=None):
    if not hasattr(file, "read"):
        raise FileNotFoundError(2, "No such file or directory", file)
    return parseString(file.read())


class DOMImplementation:
    def hasFeature(self, feature, version): return True
    def createDocumentType(self, qualifiedName, publicId, systemId): raise NotImplementedError("document types")

    def createDocument(self, namespaceURI, qualifiedName, doctype):
        if doctype is not None:
            raise NotImplementedError("document types")
        doc = Document()
        if qualifiedName:
            doc.appendChild(doc.createElementNS(namespaceURI, qualifiedName))
        return doc


def getDOMImplementation(features=None): return DOMImplementation()
