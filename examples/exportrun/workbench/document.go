package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// edit is what a person has made of a hook: its settings, and the code of a function that
// is in the hook's own file. nil leaves a part as it is in the file.
type edit struct {
	Settings *string `json:"settings"`
	Code     *string `json:"code"`
}

// document is the file of a hook. Editing replaces the values that are edited and leaves
// every other byte of it alone.
type document struct {
	hook *rossum.Hook
	text []byte
}

// settings are the settings as the file has them, without the indentation that all of
// their lines have in common with their key.
func (d *document) settings() string {
	value, indent := d.value("settings")
	if !value.IsObject() {
		return "{}"
	}
	return strings.ReplaceAll(strings.ReplaceAll(value.Raw, "\r\n", "\n"), "\n"+indent, "\n")
}

// code is the code of a function; editable is false if it is in a file of its own.
func (d *document) code() (code string, editable bool) {
	return d.hook.Config.Code, d.hook.CodeFile == "" && gjson.GetBytes(d.text, "config.code").Exists()
}

// value finds a top-level value of the file, and the indentation of its key's line.
func (d *document) value(key string) (found gjson.Result, indent string) {
	gjson.ParseBytes(d.text).ForEach(func(name, value gjson.Result) bool {
		if name.Str == key { // the last one counts, as for every reader of JSON
			found = value
		}
		return true
	})
	if !found.Exists() {
		return found, ""
	}
	before := d.text[:found.Index]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	indent = string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
	if !strings.Contains(found.Raw, "\n") || outdented(found.Raw, indent) {
		indent = ""
	}
	return found, indent
}

// outdented reports whether a line of a value, but the first, lacks an indentation.
func outdented(raw, indent string) bool {
	for i, line := range strings.Split(raw, "\n") {
		if i > 0 && !strings.HasPrefix(line, indent) {
			return true
		}
	}
	return false
}

// with returns the file with an edit. What is not a JSON object is refused, since the file
// would not be a hook any more.
func (d *document) with(e edit) ([]byte, error) {
	text := bytes.Clone(d.text)
	if e.Code != nil {
		if _, editable := d.code(); !editable {
			return nil, errors.New("the code of this hook is not in the hook's file")
		}
		value := gjson.GetBytes(text, "config.code")
		text = slices.Replace(text, value.Index, value.Index+len(value.Raw), quoted(*e.Code)...)
	}
	if e.Settings == nil {
		return text, nil
	}
	if err := isObject(*e.Settings); err != nil {
		return nil, err
	}
	now := &document{d.hook, text}
	if *e.Settings == now.settings() {
		return text, nil
	}
	value, indent := now.value("settings")
	settings := *e.Settings
	if indent != "" {
		settings = strings.ReplaceAll(settings, "\n", "\n"+indent)
	}
	if bytes.Contains(text, []byte("\r\n")) {
		settings = strings.ReplaceAll(settings, "\n", "\r\n")
	}
	if !value.Exists() {
		return withMember(text, `"settings": `+settings)
	}
	return slices.Replace(text, value.Index, value.Index+len(value.Raw), []byte(settings)...), nil
}

// withMember adds a member at the end of an object.
func withMember(text []byte, member string) ([]byte, error) {
	end := bytes.LastIndexByte(text, '}')
	if end < 0 {
		return nil, errors.New("the file is not a JSON object")
	}
	last := len(bytes.TrimRight(text[:end], " \t\r\n"))
	separator := ","
	if text[last-1] == '{' {
		separator = ""
	}
	between := "\n  "
	if last == end && bytes.Count(text, []byte("\n")) == 0 {
		between = " "
	}
	return slices.Insert(text, last, []byte(separator+between+member)...), nil
}

// isObject says what is wrong with a text that is not a JSON object.
func isObject(text string) error {
	var keys map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &keys)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line := 1 + strings.Count(text[:min(int(syntax.Offset), len(text))], "\n")
		return fmt.Errorf("the settings are not valid JSON: line %d: %w", line, err)
	case err != nil || keys == nil:
		return errors.New("the settings are not a JSON object")
	}
	return nil
}

// quoted is a text as JSON has it, with all its characters as they are where JSON lets
// them.
func quoted(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text can always be written
	return bytes.TrimSpace(b.Bytes())
}

// edited is the hook with an edit, as it would be read from its file.
func (d *document) edited(e edit) (*rossum.Hook, error) {
	text, err := d.with(e)
	if err != nil {
		return nil, err
	}
	h, err := rossum.ParseHook(text)
	if err != nil {
		return nil, err
	}
	h.File, h.CodeFile = d.hook.File, d.hook.CodeFile
	if h.CodeFile != "" {
		h.Config.Code = d.hook.Config.Code
	}
	return h, nil
}
