package txscript

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	hexcode "encoding/hex"
	"hash"
	"math/big"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// uuidValue is a UUID.
type uuidValue [16]byte

func uuidModule() value { return uuidModuleOnUse.Get(makeUUIDModule) }

var uuidModuleOnUse onuse.Value[value]

func makeUUIDModule() value {
	spaces := make(map[string]value)
	for name, text := range map[string]string{
		"NAMESPACE_DNS": "6ba7b8109dad11d180b400c04fd430c8", "NAMESPACE_URL": "6ba7b8119dad11d180b400c04fd430c8",
		"NAMESPACE_OID": "6ba7b8129dad11d180b400c04fd430c8", "NAMESPACE_X500": "6ba7b8149dad11d180b400c04fd430c8",
	} {
		u := new(uuidValue)
		_, _ = hexcode.Decode(u[:], []byte(text)) // it is written above
		spaces[name] = pyvalue.FromObject(u)
	}
	spaces["UUID"] = pyvalue.FromObject(uuidClass)
	return newModule("uuid", map[string]func(*run, *pyvalue.Call) (value, error){
		"uuid3": namedUUID("uuid3", 3, md5.New), "uuid5": namedUUID("uuid5", 5, sha1.New),
		"uuid4": func(r *run, c *pyvalue.Call) (value, error) {
			u := new(uuidValue)
			if r.host.NewID != nil {
				sum := sha256.Sum256([]byte(r.host.NewID()))
				copy(u[:], sum[:])
			} else {
				_, _ = rand.Read(u[:]) // it never fails
			}
			return u.versioned(4), c.Exactly("uuid4", 0)
		},
	}, spaces)
}

var uuidClass = &class{builtin: builtin{"UUID", newUUID}, has: func(v value) bool { _, ok := v.Object().(*uuidValue); return ok }}

func (u *uuidValue) versioned(n byte) value {
	u[6], u[8] = u[6]&0x0f|n<<4, u[8]&0x3f|0x80
	return pyvalue.FromObject(u)
}

// namedUUID makes UUIDs of a namespace and a name.
func namedUUID(name string, version byte, make func() hash.Hash) func(*run, *pyvalue.Call) (value, error) {
	return func(r *run, c *pyvalue.Call) (value, error) {
		if err := c.Check(name, 2, "namespace", "name"); err != nil {
			return value{}, err
		}
		v, _ := c.Arg(0, "namespace")
		space, ok := v.Object().(*uuidValue)
		if !ok {
			return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'bytes'", pyvalue.TypeName(v))
		}
		v, _ = c.Arg(1, "name")
		data := v.Data()
		if v.IsText() {
			data = []byte(v.Text())
		} else if v.Kind() != pyvalue.KindBytes {
			return value{}, pyvalue.Raise("TypeError", "encoding without a string argument")
		}
		if err := r.meter.Step(int64(len(data)) / 16); err != nil {
			return value{}, err
		}
		h := make()
		h.Write(space[:])
		h.Write(data)
		u := new(uuidValue)
		copy(u[:], h.Sum(nil))
		return u.versioned(version), nil
	}
}

func newUUID(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("UUID", 0, "hex", "bytes", "bytes_le", "fields", "int", "version"); err != nil || len(c.Args)+len(c.Names) == 0 {
		return value{}, pyvalue.Raise("TypeError", "one of the hex, bytes, bytes_le, fields, or int arguments must be given")
	}
	u := new(uuidValue)
	if v, ok := c.Arg(4, "int"); ok {
		i := v.BigInt()
		if i == nil || i.Sign() < 0 || i.BitLen() > 128 {
			return value{}, pyvalue.Raise("ValueError", "int is out of range (need a 128-bit value)")
		}
		i.FillBytes(u[:])
		return pyvalue.FromObject(u), nil
	}
	if v, ok := c.Arg(1, "bytes"); ok {
		if len(v.Data()) != 16 {
			return value{}, pyvalue.Raise("ValueError", "bytes is not a 16-char string")
		}
		copy(u[:], v.Data())
		return pyvalue.FromObject(u), nil
	}
	v, _ := c.Arg(0, "hex")
	if !v.IsText() {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'replace'", pyvalue.TypeName(v))
	}
	text := strings.NewReplacer("urn:", "", "uuid:", "").Replace(v.Text())
	text = strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	if len([]rune(text)) != 32 {
		return value{}, pyvalue.Raise("ValueError", "badly formed hexadecimal UUID string")
	}
	if _, err := hexcode.Decode(u[:], []byte(text)); err != nil {
		quoted, _ := pyvalue.Repr(nil, pyvalue.Str(text)) // without a meter a text can be printed
		return value{}, pyvalue.Raise("ValueError", "invalid literal for int() with base 16: %s", quoted)
	}
	return pyvalue.FromObject(u), nil
}

// PyType implements [pyvalue.Object].
func (*uuidValue) PyType() string { return "UUID" }

// PyStr prints it with hyphens.
func (u *uuidValue) PyStr() string {
	h := hexcode.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// PyRepr prints what makes it.
func (u *uuidValue) PyRepr() string { return "UUID('" + u.PyStr() + "')" }

// PyEqual compares UUIDs.
func (u *uuidValue) PyEqual(other value) bool {
	o, ok := other.Object().(*uuidValue)
	return ok && *o == *u
}

// PyCompare orders them.
func (u *uuidValue) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*uuidValue)
	if !ok {
		return 0, false
	}
	return strings.Compare(string(u[:]), string(o[:])), true
}

// PyHash makes it a key.
func (u *uuidValue) PyHash() (string, error) { return "uuid " + string(u[:]), nil }

// PyInt is int().
func (u *uuidValue) PyInt() (value, error) { return pyvalue.BigInt(new(big.Int).SetBytes(u[:])), nil }

// PyAttr returns its other spellings.
func (u *uuidValue) PyAttr(name string) (value, bool) {
	switch name {
	case "hex":
		return pyvalue.Str(hexcode.EncodeToString(u[:])), true
	case "bytes":
		return pyvalue.Bytes(append([]byte(nil), u[:]...)), true
	case "int":
		v, _ := u.PyInt() // it never fails
		return v, true
	case "urn":
		return pyvalue.Str("urn:uuid:" + u.PyStr()), true
	case "version":
		if u[8]&0xc0 != 0x80 {
			return pyvalue.None(), true
		}
		return pyvalue.Int(int64(u[6] >> 4)), true
	}
	return value{}, false
}
