package wsdl

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// Operation is an operation of a service, as SOAP 1.1 and document/literal.
type Operation struct {
	Name    string
	Action  string // the SOAPAction
	Address string // where calls go, "" if the document does not say
	// Inputs are the elements in the body, nearly always one, and Headers those that
	// a caller may put into the header.
	Inputs, Headers []Part
	Output          *Element // of the answer; nil if there is none
}

// Part is an element of a message.
type Part struct {
	Name    string // of the part
	Element *Element
}

// Operations lists the names of all operations, in their order.
func (d *Document) Operations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.operationsLocked()
}

func (d *Document) operationsLocked() []string {
	var names []string
	for _, key := range d.order {
		if key.kind != "portType" {
			continue
		}
		n, _, err := d.lookup(key.kind, key.name)
		if err != nil {
			continue // Parse has read it
		}
		for _, op := range n.all(xml.Name{Space: nsWSDL, Local: "operation"}) {
			if name := op.attr("name"); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Operation returns the operation with the name.
func (d *Document) Operation(name string) (*Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op := d.operations[name]; op != nil {
		return op, nil
	}
	op, err := d.findOperation(name)
	if err != nil {
		return nil, err
	}
	d.operations[name] = op
	return op, nil
}

// ErrNoOperation means that a service has no operation of the name.
var ErrNoOperation = fmt.Errorf("no such operation")

// findOperation goes from ports to bindings to operations, and takes the first
// that speaks SOAP 1.1.
func (d *Document) findOperation(name string) (*Operation, error) {
	var style error
	for _, key := range d.order {
		if key.kind != "service" {
			continue
		}
		service, _, err := d.lookup(key.kind, key.name)
		if err != nil {
			return nil, err
		}
		for _, port := range service.all(xml.Name{Space: nsWSDL, Local: "port"}) {
			op, err := d.bound(name, port)
			if op != nil || err != nil && style == nil {
				if err == nil {
					return op, nil
				}
				style = err
			}
		}
	}
	if style != nil {
		return nil, style
	}
	if slices.Contains(d.operationsLocked(), name) {
		return nil, fmt.Errorf("operation %s is not bound to SOAP 1.1, the only version that is spoken here", name)
	}
	return nil, fmt.Errorf("%w: %s", ErrNoOperation, name)
}

// bound returns the operation of a port, nil if the port has none of the name or
// does not speak SOAP 1.1.
func (d *Document) bound(name string, port *node) (*Operation, error) {
	bindingName, err := port.qname("binding")
	if err != nil {
		return nil, err
	}
	binding, _, err := d.lookup("binding", bindingName)
	if err != nil {
		return nil, err
	}
	soap := binding.all(xml.Name{Space: nsSOAP11, Local: "binding"})
	if len(soap) == 0 {
		return nil, nil
	}
	for _, n := range binding.all(xml.Name{Space: nsWSDL, Local: "operation"}) {
		if n.attr("name") != name {
			continue
		}
		op := &Operation{Name: name}
		style := soap[0].attr("style")
		for _, s := range n.all(xml.Name{Space: nsSOAP11, Local: "operation"}) {
			op.Action = s.attr("soapAction")
			if own := s.attr("style"); own != "" {
				style = own
			}
		}
		if style == "rpc" {
			return nil, fmt.Errorf("operation %s is of the style rpc; only document/literal is known", name)
		}
		for _, a := range port.all(xml.Name{Space: nsSOAP11, Local: "address"}) {
			op.Address = strings.TrimSpace(a.attr("location"))
		}
		return op, d.messages(op, binding, n)
	}
	return nil, nil
}

// messages finds the elements that an operation's messages are made of.
func (d *Document) messages(op *Operation, binding, bound *node) error {
	portTypeName, err := binding.qname("type")
	if err != nil {
		return err
	}
	portType, _, err := d.lookup("portType", portTypeName)
	if err != nil {
		return err
	}
	for _, n := range portType.all(xml.Name{Space: nsWSDL, Local: "operation"}) {
		if n.attr("name") != op.Name {
			continue
		}
		if op.Inputs, err = d.body(n, bound, "input"); err != nil {
			return fmt.Errorf("operation %s: %w", op.Name, err)
		}
		if op.Headers, err = d.headers(bound); err != nil {
			return fmt.Errorf("operation %s: %w", op.Name, err)
		}
		outputs, err := d.body(n, bound, "output")
		if err != nil {
			return fmt.Errorf("operation %s: %w", op.Name, err)
		}
		if len(outputs) > 0 {
			op.Output = outputs[0].Element
		}
		if len(op.Inputs) == 0 {
			return fmt.Errorf("operation %s has no input", op.Name)
		}
		return nil
	}
	return fmt.Errorf("operation %s is bound, but not declared", op.Name)
}

// body returns the elements of the message's body.
func (d *Document) body(operation, bound *node, direction string) ([]Part, error) {
	sides := operation.all(xml.Name{Space: nsWSDL, Local: direction})
	if len(sides) == 0 {
		return nil, nil
	}
	name, parts, err := d.messageParts(sides[0])
	if err != nil {
		return nil, err
	}
	var found []Part
	wanted, headers := boundParts(bound, direction, name)
	for _, part := range parts {
		partName := part.attr("name")
		if wanted != nil && !slices.Contains(wanted, partName) || slices.Contains(headers, partName) {
			continue
		}
		made, err := d.part(part)
		if err != nil {
			return nil, err
		}
		found = append(found, made)
	}
	return found, nil
}

// messageParts returns the name of the message that n refers to, and its parts.
func (d *Document) messageParts(n *node) (xml.Name, []*node, error) {
	name, err := n.qname("message")
	if err != nil {
		return name, nil, err
	}
	message, _, err := d.lookup("message", name)
	if err != nil {
		return name, nil, err
	}
	return name, message.all(xml.Name{Space: nsWSDL, Local: "part"}), nil
}

// part reads a wsdl:part. One with a type instead of an element is an element of
// the part's own name.
func (d *Document) part(n *node) (Part, error) {
	p := Part{Name: n.attr("name")}
	name, err := n.qname("element")
	if err != nil {
		return p, err
	}
	if name.Local != "" {
		p.Element, err = d.element(name)
		return p, err
	}
	p.Element = &Element{Name: xml.Name{Local: p.Name}, Min: 1, Max: 1, doc: d}
	if p.Element.typeName, err = n.qname("type"); err == nil && p.Element.typeName.Local == "" {
		err = fmt.Errorf("part %s has neither element nor type", p.Name)
	}
	return p, err
}

// headers returns the parts that the binding puts into the header.
func (d *Document) headers(bound *node) ([]Part, error) {
	var found []Part
	for _, side := range bound.all(xml.Name{Space: nsWSDL, Local: "input"}) {
		for _, h := range side.all(xml.Name{Space: nsSOAP11, Local: "header"}) {
			_, parts, err := d.messageParts(h)
			if err != nil {
				return nil, err
			}
			for _, part := range parts {
				if part.attr("name") != h.attr("part") {
					continue
				}
				made, err := d.part(part)
				if err != nil {
					return nil, err
				}
				found = append(found, made)
			}
		}
	}
	return found, nil
}

// boundParts returns the parts that the binding puts into the body (nil if it does
// not say), and those that it puts into the header.
func boundParts(bound *node, direction string, message xml.Name) (body, headers []string) {
	for _, side := range bound.all(xml.Name{Space: nsWSDL, Local: direction}) {
		for _, b := range side.all(xml.Name{Space: nsSOAP11, Local: "body"}) {
			if parts, ok := b.lookup("parts"); ok {
				body = append([]string{}, strings.Fields(parts)...)
			}
		}
		for _, h := range side.all(xml.Name{Space: nsSOAP11, Local: "header"}) {
			if of, err := h.qname("message"); err == nil && of == message {
				headers = append(headers, h.attr("part"))
			}
		}
	}
	return body, headers
}
