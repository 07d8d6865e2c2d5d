// Package xpath is XPath 1.0 on the documents of package xmldoc, as libxml2 evaluates
// it: node-sets in document order, positions counted within each step, numbers
// written as libxml2 writes them.
//
// An expression is compiled once and may be used by any number of goroutines on any
// documents; every evaluation is counted by a meter, which can end it.
//
// The specification is https://www.w3.org/TR/1999/REC-xpath-19991116; testdata/oracle.py
// compares with lxml.
package xpath
