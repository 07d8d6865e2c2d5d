package txscript

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	hexcode "encoding/hex"
	"errors"
	"hash"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// dataArg returns an argument that is bytes, or a text of ASCII where text is set.
func dataArg(c *pyvalue.Call, i int, text bool) ([]byte, error) {
	if i < len(c.Args) {
		switch v := c.Args[i]; {
		case v.Kind() == pyvalue.KindBytes:
			return v.Data(), nil
		case text && v.IsText():
			return []byte(v.Text()), nil
		default:
			return nil, pyvalue.Raise("TypeError", "a bytes-like object is required, not '%s'", pyvalue.TypeName(v))
		}
	}
	return nil, pyvalue.Raise("TypeError", "an argument is missing")
}

func encode64(e *base64.Encoding) func(*run, *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		data, err := dataArg(c, 0, false)
		if err != nil {
			return value{}, err
		}
		if err := r.meter.Grow(int64(e.EncodedLen(len(data)))); err != nil {
			return value{}, err
		}
		made := make([]byte, 0, e.EncodedLen(len(data)))
		const whole = longtext.Piece / 3 * 3 // encodes without padding
		for piece := range slices.Chunk(data, whole) {
			made = e.AppendEncode(made, piece)
			if err := r.meter.Look(len(piece)); err != nil {
				return value{}, err
			}
		}
		return pyvalue.Bytes(made), nil
	}
}

// decode64 passes over what is no character of the alphabet, as CPython does.
func decode64(e *base64.Encoding, last string) func(*run, *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		data, err := dataArg(c, 0, true)
		if err != nil {
			return value{}, err
		}
		if err := r.meter.Grow(2 * int64(len(data))); err != nil {
			return value{}, err
		}
		kept := make([]byte, 0, len(data))
		padding := 0
		for i, b := range data {
			if i%longtext.Piece == longtext.Piece-1 {
				if err := r.meter.Look(longtext.Piece); err != nil {
					return value{}, err
				}
			}
			switch {
			case b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == last[0] || b == last[1]:
				kept = append(kept, b)
			case b == '=':
				padding++
			}
		}
		if rest := len(kept) % 4; rest == 1 || rest > 1 && padding < 4-rest {
			e := newException("Error", pyvalue.Str("Incorrect padding"))
			if rest == 1 {
				e = newException("Error", pyvalue.Str("Invalid base64-encoded string: number of data characters ("+itoa(len(kept))+") cannot be 1 more than a multiple of 4"))
			}
			return value{}, &raisedError{e}
		}
		out := make([]byte, 0, len(kept)/4*3+3)
		for piece := range slices.Chunk(kept, longtext.Piece) { // of whole groups of four
			if out, err = e.WithPadding(base64.NoPadding).AppendDecode(out, piece); err != nil {
				return value{}, pyvalue.Raise("Error", "Incorrect padding")
			}
			if err := r.meter.Look(len(piece)); err != nil {
				return value{}, err
			}
		}
		return pyvalue.Bytes(out), nil
	}
}

func itoa(n int) string {
	text, _ := pyvalue.Repr(nil, pyvalue.Int(int64(n))) // of an int
	return text
}

func base64Module() value { return base64ModuleOnUse.Get(makeBase64Module) }

var base64ModuleOnUse onuse.Value[value]

func makeBase64Module() value {
	return newModule("base64", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"b64encode": encode64(base64.StdEncoding), "standard_b64encode": encode64(base64.StdEncoding), "urlsafe_b64encode": encode64(base64.URLEncoding),
		"b64decode": decode64(base64.StdEncoding, "+/"), "standard_b64decode": decode64(base64.StdEncoding, "+/"), "urlsafe_b64decode": decode64(base64.URLEncoding, "-_"),
		"b32encode": recode(func(data []byte) ([]byte, error) { return []byte(base32.StdEncoding.EncodeToString(data)), nil }),
		"b32decode": recode(func(data []byte) ([]byte, error) { return base32.StdEncoding.DecodeString(string(data)) }),
		"b16encode": recode(func(data []byte) ([]byte, error) { return []byte(strings.ToUpper(hexcode.EncodeToString(data))), nil }),
		"b16decode": recode(func(data []byte) ([]byte, error) {
			if strings.ToUpper(string(data)) != string(data) {
				return nil, errors.New("lower case")
			}
			return hexcode.DecodeString(string(data))
		}),
	}, nil)
}

// recode is a function from bytes to bytes that may refuse some.
func recode(f func(data []byte) ([]byte, error)) func(*run, *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		data, err := dataArg(c, 0, false)
		if err != nil {
			return value{}, err
		}
		if err := r.meter.Grow(2 * int64(len(data))); err != nil {
			return value{}, err
		}
		out, err := f(data)
		if err != nil {
			return value{}, &raisedError{newException("Error", pyvalue.Str("Incorrect padding or digit"))}
		}
		return pyvalue.Bytes(out), nil
	}
}

// digest is a hash object.
type digest struct {
	name string
	h    hash.Hash
}

// PyType implements [pyvalue.Object].
func (*digest) PyType() string { return "HASH" }

// PyAttr returns digest, hexdigest, update and name.
func (d *digest) PyAttr(name string) (value, bool) {
	switch name {
	case "name":
		return pyvalue.Str(d.name), true
	case "digest_size":
		return pyvalue.Int(int64(d.h.Size())), true
	case "block_size":
		return pyvalue.Int(int64(d.h.BlockSize())), true
	case "digest", "hexdigest", "update":
	default:
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		switch name {
		case "digest":
			return pyvalue.Bytes(d.h.Sum(nil)), nil
		case "hexdigest":
			return pyvalue.Str(hexcode.EncodeToString(d.h.Sum(nil))), nil
		}
		return value{}, d.update(r, c)
	}}), true
}

func (d *digest) update(r *run, c *pyvalue.Call) error {
	if len(c.Args) == 1 && c.Args[0].IsText() {
		return pyvalue.Raise("TypeError", "Strings must be encoded before hashing")
	}
	data, err := dataArg(c, 0, false)
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(data, longtext.Piece) {
		if err := r.meter.Step(int64(len(piece)) / 16); err != nil {
			return err
		}
		d.h.Write(piece)
	}
	return nil
}

func hashlibModule() value { return hashlibModuleOnUse.Get(makeHashlibModule) }

var hashlibModuleOnUse onuse.Value[value]

func makeHashlibModule() value {
	functions := make(map[string]func(*run, *pyvalue.Call) (value, error))
	for name, make := range map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
		"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
		"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() }} {
		functions[name] = func(r *run, c *pyvalue.Call) (value, error) {
			d := &digest{name, make()}
			if len(c.Args) == 0 {
				return pyvalue.FromObject(d), nil
			}
			return pyvalue.FromObject(d), d.update(r, c)
		}
	}
	functions["new"] = func(r *run, c *pyvalue.Call) (value, error) {
		name, ok := c.Arg(0, "name")
		if !ok || !name.IsText() {
			return value{}, pyvalue.Raise("TypeError", "new() missing required argument 'name' (pos 1)")
		}
		make := functions[strings.ReplaceAll(strings.ToLower(name.Text()), "-", "_")]
		if make == nil {
			make = functions[strings.ReplaceAll(strings.ToLower(name.Text()), "-", "")]
		}
		if make == nil || name.Text() == "new" {
			return value{}, pyvalue.Raise("ValueError", "unsupported hash type %s", name.Text())
		}
		return make(r, &pyvalue.Call{Args: c.Args[min(1, len(c.Args)):], Meter: c.Meter})
	}
	return newModule("hashlib", functions, nil)
}

func tracebackModule() value { return tracebackModuleOnUse.Get(makeTracebackModule) }

var tracebackModuleOnUse onuse.Value[value]

func makeTracebackModule() value {
	return newModule("traceback", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"format_exception_only": func(_ *run, c *pyvalue.Call) (value, error) {
			if len(c.Args) == 0 || len(c.Args) > 2 {
				return value{}, c.Exactly("format_exception_only", 2)
			}
			e, ok := c.Args[len(c.Args)-1].Object().(*exception)
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "format_exception_only() needs an exception, not %s", pyvalue.TypeName(c.Args[len(c.Args)-1]))
			}
			return pyvalue.NewList(pyvalue.Str((&raisedError{e}).Error() + "\n")), nil
		},
		"print_exc": func(*run, *pyvalue.Call) (value, error) { return value{}, nil }, // there is nobody to read it
		"format_exc": func(r *run, _ *pyvalue.Call) (value, error) {
			if r.handled == nil {
				return pyvalue.Str("NoneType: None\n"), nil
			}
			return pyvalue.Str("Traceback (most recent call last):\n" + (&raisedError{r.handled}).Error() + "\n"), nil
		},
	}, nil)
}
