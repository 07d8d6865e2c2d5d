package jinja

import (
	"encoding/base64"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// The filters of this file are Rossum's additions to stock Jinja2.

// filterB64encode encodes bytes, or the UTF-8 of a text, in base64.
func filterB64encode(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	data := v.Data()
	if v.Kind() != pyvalue.KindBytes {
		text, err := pyvalue.String(f.meter, v)
		if err != nil {
			return value{}, err
		}
		data = []byte(text)
	}
	if err := f.meter.Grow(int64(base64.StdEncoding.EncodedLen(len(data)))); err != nil {
		return value{}, err
	}
	return pyvalue.Base64(data), nil
}

// printBase64 compiles the output of b64encode: the base64 of large bytes is written as it
// is made.
func (c *compiler) printBase64(n filterExpr) (exec, error) {
	operand, err := c.expr(n.operand)
	if err != nil {
		return nil, err
	}
	args, err := c.args(n.args)
	return func(f *frame) error {
		v, err := operand(f)
		if err != nil {
			return err
		}
		if f.capture == 0 && v.Kind() == pyvalue.KindBytes && len(v.Data()) >= flushAt {
			return f.writeBase64(v.Data())
		}
		if v, err = f.applyFilter(filterB64encode, args, v); err != nil {
			return err
		}
		return f.print(v)
	}, err
}

func (f *frame) writeBase64(data []byte) error {
	size := base64.StdEncoding.EncodedLen(len(data))
	if err := f.meter.Step(2); err != nil { // the filter and its output
		return err
	}
	if err := f.meter.Grow(int64(size)); err != nil {
		return err
	}
	if err := f.makeRoom(size); err != nil {
		return err
	}
	w := base64.NewEncoder(base64.StdEncoding, f.w)
	if _, err := w.Write(data); err != nil {
		return err
	}
	f.written += int64(size)
	return w.Close()
}

// filterB64decode decodes base64 into a text, or into bytes if it is none.
func filterB64decode(f *frame, c *pyvalue.Call) (value, error) {
	text, err := pyvalue.String(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if err := f.meter.Grow(int64(len(text))); err != nil {
		return value{}, err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return value{}, pyvalue.Raise("ValueError", "b64decode: %v", err)
	}
	decoded := strings.ToValidUTF8(string(data), "")
	if len(decoded) == len(data) {
		return pyvalue.Str(decoded), nil
	}
	return pyvalue.Bytes(data), nil
}
