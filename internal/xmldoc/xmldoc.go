// Package xmldoc reads XML that strangers sent, and finds elements in it.
//
// antchfx/xmlquery is the parser, and antchfx/xpath the language: they are alive,
// small, and reach for no network. What could blow up is refused before they see
// it: a DOCTYPE, entities, and nesting beyond a thousand levels.
package xmldoc

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/antchfx/xmlquery"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 1000

// ErrDoctype means that a document declares types or entities.
var ErrDoctype = errors.New("it has a DOCTYPE, which is refused")

// Parse reads a document. It keeps nothing of data.
func Parse(data []byte) (*xmlquery.Node, error) {
	if bytes.Contains(data, []byte("<!DOCTYPE")) || bytes.Contains(data, []byte("<!ENTITY")) {
		return nil, ErrDoctype
	}
	for i, depth := 0, 0; i+1 < len(data); i++ {
		switch {
		case data[i] == '<' && data[i+1] == '/':
			depth--
		case data[i] == '<' && data[i+1] != '!' && data[i+1] != '?':
			depth++
		case data[i] == '/' && data[i+1] == '>':
			depth--
		}
		if depth > maxDepth {
			return nil, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
		}
	}
	return xmlquery.Parse(bytes.NewReader(data))
}
