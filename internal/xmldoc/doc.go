// Package xmldoc reads XML that strangers sent, and finds elements in it as Python's
// xml.etree.ElementTree does. Package xpath evaluates XPath on the same documents.
//
// A document is one array of small nodes in document order and one text, so that it
// costs a few times its bytes, and the text of an element is a piece of that text.
//
// The tokens come from encoding/xml. What could blow up is refused or bounded:
// external entities are never fetched, entities of a DOCTYPE are replaced only if
// they are plain text, and nesting ends at a thousand levels.
package xmldoc
