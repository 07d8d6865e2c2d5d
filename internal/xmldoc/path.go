package xmldoc

import (
	"fmt"
	"strings"

	"github.com/antchfx/xmlquery"
	"github.com/antchfx/xpath"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// Path is a compiled XPath as the Request Processor has it: seen from the root
// element, with {namespace}name as Python's ElementTree writes it. It may be used
// by several goroutines.
type Path struct {
	text  string
	xpath string
}

// CompilePath compiles a path.
func CompilePath(text string) (*Path, error) {
	p := &Path{text, fromClark(text)}
	if _, err := compile(p.xpath); err != nil {
		return nil, fmt.Errorf("XPath %q: %w", text, err)
	}
	return p, nil
}

// compile keeps a panic of the library, on a text that is no path, an error.
func compile(text string) (expr *xpath.Expr, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	return xpath.Compile(text)
}

// fromClark rewrites {namespace}name outside of quotes as a test of XPath.
func fromClark(text string) string {
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 || strings.ContainsAny(text[i:i+end], `"'`) {
				break
			}
			space, rest := text[i+1:i+end], text[i+end+1:]
			name := rest[:len(rest)-len(strings.TrimLeft(rest, nameBytes))]
			out.WriteByte('*')
			if name != "" {
				fmt.Fprintf(&out, "[local-name()='%s']", name)
			} else if strings.HasPrefix(rest, "*") {
				i++
			}
			if space != "*" {
				fmt.Fprintf(&out, "[namespace-uri()='%s']", space)
			}
			i += end + len(name)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

// Find returns what the path finds: None for nothing, a text for one element, a
// list of texts for more. An element without a text of its own counts as its XML.
func (p *Path) Find(doc *xmlquery.Node) (found pyvalue.Value, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("XPath %q: %v", p.text, v)
		}
	}()
	// Evaluating an expression changes it, so that each evaluation needs its own.
	expr, err := compile(p.xpath)
	if err != nil {
		return found, fmt.Errorf("XPath %q: %w", p.text, err)
	}
	nav := xmlquery.CreateXPathNavigator(doc)
	for more := nav.MoveToChild(); more && nav.NodeType() != xpath.ElementNode; {
		more = nav.MoveToNext()
	}
	switch v := expr.Evaluate(nav).(type) {
	case *xpath.NodeIterator:
		var texts []pyvalue.Value
		for v.MoveNext() {
			texts = append(texts, pyvalue.Str(textOf(v.Current())))
		}
		switch len(texts) {
		case 0:
			return pyvalue.None(), nil
		case 1:
			return texts[0], nil
		}
		return pyvalue.NewList(texts...), nil
	case string:
		return pyvalue.Str(v), nil
	case bool:
		return pyvalue.Bool(v), nil
	case float64:
		return pyvalue.Float(v), nil
	default:
		return found, fmt.Errorf("XPath %q gives a %T", p.text, v)
	}
}

// textOf is the text of an element before its first child element, as
// ElementTree's text is, or the element as XML if there is none.
func textOf(nav xpath.NodeNavigator) string {
	n, ok := nav.(*xmlquery.NodeNavigator)
	if !ok || nav.NodeType() != xpath.ElementNode {
		return nav.Value()
	}
	var text strings.Builder
	for child := n.Current().FirstChild; child != nil && child.Type != xmlquery.ElementNode; child = child.NextSibling {
		if child.Type == xmlquery.TextNode || child.Type == xmlquery.CharDataNode {
			text.WriteString(child.Data)
		}
	}
	if strings.TrimSpace(text.String()) == "" {
		return n.Current().OutputXML(true)
	}
	return text.String()
}
