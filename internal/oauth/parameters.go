package oauth

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// parameter is what is signed of a query, a form, or the protocol itself.
type parameter struct {
	name, value []byte   // decoded; of a long value its beginning
	long        *stretch // where a long value is in the form; nil for one that is held
}

// parameters are all of a request.
type parameters struct {
	list []parameter
	form Body
	sum  uint64 // of the form
}

// addQuery adds the parameters of a query.
func (p *parameters) addQuery(query string) error {
	list, err := readForm(strings.NewReader(query), len(query))
	if errors.Is(err, errEscape) {
		return errors.New("the query of the address has a broken %-escape")
	}
	p.list = append(p.list, list...)
	return err
}

// addForm adds the fields of a form. Values of more than held bytes are read again.
func (p *parameters) addForm(ctx context.Context, form Body, held int) error {
	if form == nil {
		return nil
	}
	p.form = form
	c := p.cursor(ctx)
	defer c.close()
	if err := c.seek(0); err != nil {
		return err
	}
	list, err := readForm(c, held)
	if err != nil {
		return formError(err)
	}
	p.list, p.sum = append(p.list, list...), c.sum.Sum64()
	return nil
}

func formError(err error) error {
	if errors.Is(err, errEscape) || errors.Is(err, errFields) {
		return fmt.Errorf("the form has %w", err)
	}
	return err
}

func (p *parameters) cursor(ctx context.Context) *cursor {
	c := &cursor{ctx: ctx, form: p.form}
	c.sum.SetSeed(seed)
	return c
}

// sort sorts the parameters by their escaped names and values (RFC 5849, 3.4.1.3.2).
func (p *parameters) sort(ctx context.Context) error {
	var fault error
	slices.SortStableFunc(p.list, func(a, b parameter) int {
		if c := compare(a.name, b.name); c != 0 || fault != nil {
			return c
		}
		if a.long == nil && b.long == nil {
			return compare(a.value, b.value)
		}
		held := min(len(a.value), len(b.value))
		if c := compare(a.value[:held], b.value[:held]); c != 0 {
			return c
		}
		if a.long != nil && b.long != nil && a.long.is(b.long) {
			return 0
		}
		c, err := p.compareLong(ctx, a, b)
		fault = err
		return c
	})
	return fault
}

// compareLong compares two values that begin alike.
func (p *parameters) compareLong(ctx context.Context, a, b parameter) (int, error) {
	var in [2]*bufio.Reader
	for i, one := range []parameter{a, b} {
		c := p.cursor(ctx)
		defer c.close()
		r, err := c.value(one)
		if err != nil {
			return 0, err
		}
		in[i] = bufio.NewReader(r)
	}
	for {
		x, errX := in[0].ReadByte()
		y, errY := in[1].ReadByte()
		switch {
		case errX == nil && errY == nil && x == y:
		case errX == nil && errY == nil:
			return compare([]byte{x}, []byte{y}), nil
		case errX != nil && !errors.Is(errX, io.EOF):
			return 0, formError(errX)
		case errY != nil && !errors.Is(errY, io.EOF):
			return 0, formError(errY)
		case errX == nil:
			return 1, nil
		case errY == nil:
			return -1, nil
		default:
			return 0, nil
		}
	}
}

// write writes the parameters, in their order, as the last part of what is signed, in which
// they are escaped twice. Long values are read from the form again.
func (p *parameters) write(ctx context.Context, to io.Writer) error {
	if err := p.sort(ctx); err != nil {
		return err
	}
	c := p.cursor(ctx)
	defer c.close()
	twice := &percentWriter{to: &percentWriter{to: to}}
	for i, one := range p.list {
		if i > 0 {
			_, _ = io.WriteString(to, "%26") // a hash never fails
		}
		_, _ = twice.Write(one.name)
		_, _ = io.WriteString(to, "%3D")
		value, err := c.value(one)
		if err == nil {
			_, err = io.Copy(onlyWriter{twice}, value)
		}
		if err != nil {
			return formError(err)
		}
	}
	return c.unchanged(p.sum)
}

// onlyWriter hides what else a writer can do.
type onlyWriter struct{ io.Writer }

// value returns the decoded value of a parameter.
func (c *cursor) value(p parameter) (io.Reader, error) {
	if p.long == nil {
		return bytes.NewReader(p.value), nil
	}
	return c.read(p.long)
}
