// Package wsdl reads WSDL 1.1 documents and the XML schemas in them: which
// operations a service has, and of what elements, attributes and types their
// messages are made.
//
// A document is read once from end to end, which finds out whether it is well
// formed and where each declaration stands. A declaration is understood only when
// it is asked for: a service of Workday has thousands of types, and an operation
// needs a few hundred of them.
//
// What is known of XML Schema 1.0: elements (also by ref), all, sequence, choice,
// group, any, attribute, attributeGroup, anyAttribute, simple types by
// restriction, list and union with all facets, complexContent and simpleContent
// by extension and restriction, include and import. Not known are redefine,
// substitution groups, identity constraints and notations; documents that have
// them can be read, and what they say is left to the server.
//
// DOCTYPE is refused, so that no entity can grow; nesting, size and number of
// imports are bounded.
package wsdl
