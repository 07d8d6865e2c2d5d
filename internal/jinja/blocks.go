package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// blockCode is a compiled block. It has a frame of its own.
type blockCode struct {
	name string
	fn   *function
	body exec
}

// compileBlock compiles a block that sees the variables of a scope.
func (c *compiler) compileBlock(b block, around *scope) (*blockCode, error) {
	inner := around.newFunction()
	inner.isBlock = true
	inner.analyse(b.body)
	code := &blockCode{name: b.name, fn: inner.fn}
	err := c.in(inner, func() (err error) { code.body, err = c.body(b.body); return err })
	return code, err
}

// run prints the block. Its text is compiled without autoescape, wherever it stands.
func (code *blockCode) run(f, around *frame) error {
	saved := f.escape
	f.escape = false
	defer func() { f.escape = saved }()
	return code.body(f.newFrame(code.fn.size, around))
}

// block compiles a block, which is printed where it stands. It sees the variables of
// the template's top level and its own, and those around it if it is scoped.
func (c *compiler) block(b block) (exec, error) {
	code, err := c.compileBlock(b, c.root)
	if err != nil {
		return nil, err
	}
	c.t.blocks[b.name] = code
	if b.required {
		return func(*frame) error {
			return pyvalue.Raise("TemplateRuntimeError", "Required block %s not found", quote(b.name))
		}, nil
	}
	if !b.scoped {
		return func(f *frame) error { return code.run(f, f.top()) }, nil
	}
	if code, err = c.compileBlock(b, c.scope); err != nil {
		return nil, err
	}
	return func(f *frame) error { return code.run(f, f) }, nil
}

// top is the frame of the template's body.
func (f *frame) top() *frame {
	for f.parent != nil {
		f = f.parent
	}
	return f
}

// selfObject is what templates know as self: their blocks.
type selfObject struct{ blocks map[string]*blockCode }

func (*selfObject) PyType() string        { return "TemplateReference" }
func (*selfObject) PyRepr() string        { return "<TemplateReference None>" }
func (*selfObject) qualifiedName() string { return "jinja2.runtime.TemplateReference" }

// PyAttr returns a block.
func (s *selfObject) PyAttr(name string) (value, bool) {
	code, ok := s.blocks[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(&blockObject{code}), true
}

// blockObject is a block that can be called.
type blockObject struct{ code *blockCode }

func (*blockObject) PyType() string        { return "BlockReference" }
func (*blockObject) PyRepr() string        { return "<jinja2.runtime.BlockReference object>" }
func (*blockObject) qualifiedName() string { return "jinja2.runtime.BlockReference" }

func (b *blockObject) callIn(f *frame, c *pyvalue.Call) (value, error) {
	if n := len(c.Args) + len(c.Names); n > 0 {
		return value{}, pyvalue.Raise("TypeError", "BlockReference.__call__() takes 1 positional argument but %d were given", n+1)
	}
	if err := f.enter(); err != nil {
		return value{}, err
	}
	defer f.leave()
	text, err := f.captured(func(f *frame) error { return b.code.run(f, f.top()) })
	return f.markup(text), err
}

// loading compiles a statement that loads another template, which is an error only
// where it may never be reached, and then when it is.
func (c *compiler) loading(l loading) (exec, error) {
	if c.branches == 0 {
		return nil, c.fail(notLoaded, l.tag)
	}
	return func(*frame) error { return pyvalue.Raise("TypeError", notLoaded, l.tag) }, nil
}

const notLoaded = "'%s' is not supported: a template of an export stands alone, there is nothing to load from"
