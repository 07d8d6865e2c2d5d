package txscript

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

func jsonModule() value { return jsonModuleOnUse.Get(makeJSONModule) }

var jsonModuleOnUse onuse.Value[value]

func makeJSONModule() value {
	return newModule("json", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"loads": loads,
		"dumps": dumps,
		"load":  loadJSON,
		"dump":  dumpJSON,
	}, map[string]value{
		"JSONDecodeError": pyvalue.FromObject(excClasses["JSONDecodeError"]),
		"JSONEncoder":     pyvalue.FromObject(&libraryClass{"json.encoder", "JSONEncoder"}),
	})
}

// loadJSON is json.load: what a file has.
func loadJSON(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 1 {
		return value{}, pyvalue.Raise("TypeError", "load() takes 1 positional argument but %d were given", len(c.Args))
	}
	read, err := getAttr(c.Args[0], "read")
	if err != nil {
		return value{}, err
	}
	text, err := r.call(read, &pyvalue.Call{Meter: r.meter})
	if err != nil {
		return value{}, err
	}
	return loads(r, &pyvalue.Call{Args: []value{text}, Names: c.Names, Named: c.Named, Meter: r.meter})
}

// dumpJSON is json.dump, which writes to a file.
func dumpJSON(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 2 {
		return value{}, pyvalue.Raise("TypeError", "dump() takes 2 positional arguments but %d were given", len(c.Args))
	}
	write, err := getAttr(c.Args[1], "write")
	if err != nil {
		return value{}, err
	}
	text, err := dumps(r, &pyvalue.Call{Args: c.Args[:1], Names: c.Names, Named: c.Named, Meter: r.meter})
	if err != nil {
		return value{}, err
	}
	_, err = r.call(write, &pyvalue.Call{Args: []value{text}, Meter: r.meter})
	return value{}, err
}

// loads reads JSON. What its arguments ask to be made of numbers and dicts is made of
// them, from the inside out.
func loads(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) == 1 && c.Args[0].Kind() == pyvalue.KindBytes {
		text, err := pyvalue.CallMethod(r.meter, c.Args[0], "decode", &pyvalue.Call{Args: []value{pyvalue.Str(encodingOfJSON(c.Args[0].Data()))}, Meter: r.meter})
		if err != nil {
			return value{}, err
		}
		c.Args[0] = text
	}
	if len(c.Args) != 1 || !c.Args[0].IsText() {
		return value{}, pyvalue.Raise("TypeError", "the JSON object must be str, bytes or bytearray, not %s", pyvalue.TypeName(first(c.Args)))
	}
	hooks := make(map[string]value)
	strict := true
	for i, name := range c.Names {
		switch name {
		case "parse_float", "parse_int", "object_hook", "object_pairs_hook":
			if !c.Named[i].IsNone() {
				hooks[name] = c.Named[i]
			}
		case "strict":
			strict = pyvalue.Truth(c.Named[i])
		default:
			return value{}, pyvalue.Raise("TypeError", "JSONDecoder.__init__() got an unexpected keyword argument '%s'", name)
		}
	}
	text := c.Args[0].Text()
	if err := r.meter.Grow(int64(len(text)) * 4); err != nil {
		return value{}, err
	}
	if err := r.meter.Step(int64(len(text)) / 16); err != nil {
		return value{}, err
	}
	if strings.HasPrefix(text, "\ufeff") {
		return value{}, jsonFault(text)
	}
	if !strict {
		text = escapedControls(text)
	}
	v, err := pyvalue.FromReply(r.meter.Context(), []byte(text), len(hooks) > 0)
	if tooLarge := new(treelimit.Error); errors.As(err, &tooLarge) || r.meter.Context().Err() != nil {
		return value{}, err
	}
	if err != nil {
		return value{}, jsonFault(text)
	}
	if len(hooks) == 0 {
		return v, nil
	}
	return r.hooked(v, hooks)
}

// encodingOfJSON finds the encoding as json.detect_encoding does: by a byte order mark, or by
// where the first two characters, which are ASCII, have zeros.
func encodingOfJSON(data []byte) string {
	for _, mark := range []struct{ begins, codec string }{
		{"\xff\xfe\x00\x00", "utf-32"}, {"\x00\x00\xfe\xff", "utf-32"}, {"\xff\xfe", "utf-16"}, {"\xfe\xff", "utf-16"}, {"\xef\xbb\xbf", "utf-8-sig"},
	} {
		if bytes.HasPrefix(data, []byte(mark.begins)) {
			return mark.codec
		}
	}
	zero := func(i int) bool { return i < len(data) && data[i] == 0 }
	switch {
	case len(data) >= 4 && zero(0) && !zero(1), len(data) == 2 && zero(0):
		return "utf-16-be"
	case len(data) >= 4 && zero(0):
		return "utf-32-be"
	case len(data) >= 4 && zero(1) && zero(2) && zero(3):
		return "utf-32-le"
	case len(data) >= 4 && zero(1), len(data) == 2 && zero(1):
		return "utf-16-le"
	}
	return "utf-8"
}

// escapedControls writes the control characters within texts of JSON as JSON wants them,
// which strict=False asks for.
func escapedControls(text string) string {
	var out strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c < ' ':
			fmt.Fprintf(&out, "\\u%04x", c)
			continue
		case quoted && c == '\\' && i+1 < len(text):
			out.WriteByte(c)
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// hooked gives numbers and dicts to the functions that loads was given for them.
func (r *run) hooked(v value, hooks map[string]value) (value, error) {
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	call := func(name string, v value) (value, error) {
		return r.call(hooks[name], &pyvalue.Call{Args: []value{v}, Meter: r.meter})
	}
	if text, ok := v.Spelling(); ok {
		hook := "parse_int"
		if strings.ContainsAny(text, ".eE") {
			hook = "parse_float"
		}
		if _, ok := hooks[hook]; ok {
			return call(hook, pyvalue.Str(text))
		}
		return pyvalue.Pos(v)
	}
	switch v.Kind() {
	case pyvalue.KindList:
		for i, item := range v.List().Items {
			made, err := r.hooked(item, hooks)
			if err != nil {
				return value{}, err
			}
			v.List().Items[i] = made
		}
	case pyvalue.KindDict:
		var pairs []value
		for key, item := range v.Dict().All() {
			made, err := r.hooked(item, hooks)
			if err != nil {
				return value{}, err
			}
			v.Dict().SetStr(key.Text(), made)
			pairs = append(pairs, pyvalue.NewTuple(key, made))
		}
		if _, ok := hooks["object_pairs_hook"]; ok {
			return call("object_pairs_hook", pyvalue.NewList(pairs...))
		}
		if _, ok := hooks["object_hook"]; ok {
			return call("object_hook", v)
		}
	}
	return v, nil
}

func dumps(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 1 {
		return value{}, pyvalue.Raise("TypeError", "dumps() takes 1 positional argument but %d were given", len(c.Args))
	}
	if made, ok, err := r.encoded(c); ok {
		return made, err
	}
	var j pyvalue.JSON
	var otherwise value
	for i, name := range c.Names {
		v := c.Named[i]
		switch name {
		case "ensure_ascii":
			j.Unicode = !pyvalue.Truth(v)
		case "sort_keys":
			j.SortKeys = pyvalue.Truth(v)
		case "indent":
			if n, ok := v.Int64(); ok {
				j.Newlines, j.Indent = true, strings.Repeat(" ", int(max(0, min(n, 100))))
			} else if v.IsText() {
				j.Newlines, j.Indent = true, v.Text()
			}
		case "separators":
			items, _ := v.Items()
			if len(items) != 2 {
				return value{}, pyvalue.Raise("ValueError", "separators must be two texts")
			}
			j.ItemSeparator, j.KeySeparator = items[0].Text(), items[1].Text()
		case "allow_nan":
			j.Finite = !pyvalue.Truth(v)
		case "skipkeys":
			j.SkipKeys = pyvalue.Truth(v)
		case "check_circular": // a circle is found all the same
		case "cls": // None
		case "default":
			otherwise = v
		default:
			return value{}, pyvalue.Raise("TypeError", "JSONEncoder.__init__() got an unexpected keyword argument '%s'", name)
		}
	}
	v := c.Args[0]
	if !otherwise.IsNone() {
		var err error
		if v, err = r.replaced(v, otherwise, 0); err != nil {
			return value{}, err
		}
	}
	out, err := j.Append(r.meter, nil, v)
	return pyvalue.Str(string(out)), err
}

// encoded lets the encoder that cls names write the value; ok is false if there is none.
func (r *run) encoded(c *pyvalue.Call) (made value, ok bool, err error) {
	at := slices.Index(c.Names, "cls")
	if at < 0 || c.Named[at].IsNone() {
		return value{}, false, nil
	}
	settings := &pyvalue.Call{Meter: r.meter}
	settings.Names = slices.Delete(slices.Clone(c.Names), at, at+1)
	settings.Named = slices.Delete(slices.Clone(c.Named), at, at+1)
	encoder, err := r.call(c.Named[at], settings)
	if err != nil {
		return value{}, true, err
	}
	encode, err := getAttr(encoder, "encode")
	if err != nil {
		return value{}, true, err
	}
	made, err = r.call(encode, &pyvalue.Call{Args: c.Args, Meter: r.meter})
	return made, true, err
}

// replaced puts what default returns in the place of each value that JSON cannot
// hold.
func (r *run) replaced(v, otherwise value, depth int) (value, error) {
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	if depth > maxNesting {
		return value{}, pyvalue.Raise("ValueError", "Circular reference detected")
	}
	switch v.Kind() {
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		made := make([]value, len(items))
		for i, item := range items {
			var err error
			if made[i], err = r.replaced(item, otherwise, depth+1); err != nil {
				return value{}, err
			}
		}
		return pyvalue.NewList(made...), nil
	case pyvalue.KindDict:
		made := pyvalue.NewDictSize(v.Dict().Len())
		for key, item := range v.Dict().All() {
			item, err := r.replaced(item, otherwise, depth+1)
			if err != nil {
				return value{}, err
			}
			if err := made.SetWithin(r.meter, key, item); err != nil {
				return value{}, err
			}
		}
		return made.Value(), nil
	case pyvalue.KindObject, pyvalue.KindSet, pyvalue.KindBytes:
		made, err := r.call(otherwise, &pyvalue.Call{Args: []value{v}, Meter: r.meter})
		if err != nil {
			return value{}, err
		}
		return r.replaced(made, otherwise, depth+1)
	}
	return v, nil
}
