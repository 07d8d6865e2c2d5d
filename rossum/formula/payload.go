package formula

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// payloadDict is the hook call as a dict, with the settings and secrets that the run
// may have set since the payload was read. It is as it was when it was first looked at,
// whatever is changed later; what is in it is made when that is looked at, since most
// programs look at little of a large document.
type payloadDict struct {
	p       *rossum.Payload
	secrets bool // it has them
	changes bool // the program may change the content
	made    value
	members map[string]value // that were asked for
	content *pyvalue.List    // the sections, once they were asked for
	lists   [][]nodeDict     // of nodes that were made
	cancel  func()           // ends waiting for changes; nil if nothing waits
	err     error            // the first that came up where none can be returned
}

var _ pyvalue.Source = (*payloadDict)(nil)

func (d *payloadDict) value() value {
	if d.made.Dict() == nil {
		dict := pyvalue.NewDict()
		dict.From(d)
		d.made, d.members = dict.Value(), make(map[string]value)
		if d.changes {
			d.cancel = rossumrun.BeforeChange(d.p.Annotation.Content, d.settle)
		}
	}
	return d.made
}

// close ends the run that the payload was made for.
func (d *payloadDict) close() {
	if d.cancel != nil {
		d.cancel()
	}
}

// settle makes what must not show the changes that follow: the tree of nodes, but not
// what they are made of, which is read from how they came.
func (d *payloadDict) settle() {
	d.sections()
	for i := 0; i < len(d.lists); i++ { // it grows meanwhile
		for j := range d.lists[i] {
			if n := &d.lists[i][j]; n.node != nil {
				n.childList()
				n.settled = true
			}
		}
	}
}

// Member implements [pyvalue.Source].
func (d *payloadDict) Member(key string) (v value, has, known bool) {
	if v, has = d.members[key]; has {
		return v, true, true
	}
	switch raw := d.p.Raw(key); {
	case key == "settings":
		v, has = d.settings(), true
	case key == "secrets":
		v, has = d.ownSecrets(), d.secrets
	case !slices.Contains(rossumrun.PayloadKeys(d.p), key):
	case key == "annotation" && d.p.Annotation != nil:
		dict := pyvalue.NewDict()
		dict.From((*annotationDict)(d))
		v, has = dict.Value(), true
	default:
		v, has = d.read(raw), true
	}
	if has {
		d.members[key] = v
	}
	return v, has, true
}

// Fill implements [pyvalue.Source].
func (d *payloadDict) Fill(dict *pyvalue.Dict) {
	for _, key := range append(rossumrun.PayloadKeys(d.p), "settings", "secrets") {
		if v, has, _ := d.Member(key); has {
			dict.SetStr(key, v)
		}
	}
}

func (d *payloadDict) settings() value {
	if len(d.p.Settings) == 0 {
		return pyvalue.NewDict().Value()
	}
	return d.read(d.p.Settings)
}

func (d *payloadDict) ownSecrets() value {
	secrets := pyvalue.NewDict()
	for _, name := range slices.Sorted(maps.Keys(d.p.Secrets)) {
		secrets.SetStr(name, pyvalue.Str(d.p.Secrets[name]))
	}
	return secrets.Value()
}

// read reads JSON of the payload, which is known to be JSON.
func (d *payloadDict) read(raw json.RawMessage) value {
	v, err := pyvalue.FromJSON(raw, false)
	d.note(err)
	return v
}

func (d *payloadDict) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// annotationDict is the annotation of a payload as a dict.
type annotationDict payloadDict

// Member implements [pyvalue.Source].
func (a *annotationDict) Member(key string) (v value, has, known bool) {
	if key == "content" {
		return (*payloadDict)(a).sections(), true, true
	}
	return value{}, false, false
}

// Fill implements [pyvalue.Source].
func (a *annotationDict) Fill(dict *pyvalue.Dict) {
	d := (*payloadDict)(a)
	d.fill(dict, rossumrun.AnnotationMembers(d.p.Annotation), func(string) (value, bool) { return value{}, false })
	dict.SetStr("content", d.sections())
}

// fill sets the members of an object, those that own does not return as they are read.
func (d *payloadDict) fill(dict *pyvalue.Dict, members iter.Seq2[string, json.RawMessage], own func(key string) (value, bool)) {
	for key, raw := range members {
		v, has := own(key)
		if !has {
			v = d.read(raw)
		}
		dict.SetStr(key, v)
	}
}

func (d *payloadDict) sections() value {
	if d.content == nil {
		d.content = d.nodes(d.p.Annotation.Content.Sections())
	}
	return pyvalue.ListValue(d.content)
}

// nodes is a list of nodes as the payload has it.
func (d *payloadDict) nodes(list []*rossum.Node) *pyvalue.List {
	items, made := make([]value, len(list)), make([]nodeDict, len(list))
	for i, n := range list {
		if !rossumrun.Intact(n) {
			items[i] = d.changed(n)
			continue
		}
		m := &made[i]
		m.of, m.node = d, n
		m.dict.From(m)
		items[i] = m.dict.Value()
	}
	d.lists = append(d.lists, made)
	return &pyvalue.List{Items: items}
}

// changed is a node that was changed before the payload was looked at.
func (d *payloadDict) changed(n *rossum.Node) value {
	raw, err := n.AppendJSON(nil)
	if err != nil {
		d.note(err)
		return pyvalue.NewDict().Value()
	}
	return d.read(raw)
}

// nodeDict is a node of the content as a dict, which nothing had changed when it was
// made: what it is made of is read from the JSON that it came as.
type nodeDict struct {
	of       *payloadDict
	node     *rossum.Node
	dict     pyvalue.Dict
	content  pyvalue.Dict  // once it was asked for
	children *pyvalue.List // likewise
	asked    bool          // for content
	settled  bool          // rows that are there only now are not its children
}

// Member implements [pyvalue.Source].
func (n *nodeDict) Member(key string) (v value, has, known bool) {
	switch key {
	case "schema_id":
		return pyvalue.Str(n.node.SchemaID()), true, true
	case "id":
		return pyvalue.Int(n.node.ID()), true, true
	case "category":
		return pyvalue.Str(n.node.Category().String()), true, true
	case "content":
		return n.contentDict()
	case "children":
		return n.childList()
	}
	return value{}, false, false
}

// Fill implements [pyvalue.Source].
func (n *nodeDict) Fill(dict *pyvalue.Dict) {
	n.of.fill(dict, rossumrun.Members(n.node), func(key string) (v value, has bool) {
		v, has, known := n.Member(key)
		return v, has && known
	})
}

func (n *nodeDict) childList() (v value, has, known bool) {
	if n.children == nil {
		list := n.node.Children()
		if len(list) == 0 || n.settled {
			_, is := rossumrun.Came(n.node, "children")
			return value{}, false, is == rossumrun.Absent
		}
		n.children = n.of.nodes(list)
	}
	return pyvalue.ListValue(n.children), true, true
}

func (n *nodeDict) contentDict() (v value, has, known bool) {
	if n.asked {
		return n.content.Value(), true, true
	}
	switch _, is := rossumrun.Came(n.node, "content"); is {
	case rossumrun.Absent:
		return value{}, false, true
	case rossumrun.Null:
		return value{}, true, true
	}
	for _, key := range []string{"value", "normalized_value"} {
		if _, is := rossumrun.Came(n.node, key); is != rossumrun.Absent {
			n.content.From((*contentDict)(n))
			n.asked = true
			return n.content.Value(), true, true
		}
	}
	return value{}, false, false
}

// contentDict is the content of a datapoint as a dict.
type contentDict nodeDict

// Member implements [pyvalue.Source].
func (c *contentDict) Member(key string) (v value, has, known bool) {
	if key != "value" && key != "normalized_value" {
		return value{}, false, false
	}
	switch text, is := rossumrun.Came(c.node, key); is {
	case rossumrun.Text:
		return pyvalue.Str(text), true, true
	case rossumrun.Null:
		return value{}, true, true
	case rossumrun.Absent:
		return value{}, false, true
	}
	return value{}, false, false // a number, say
}

// Fill implements [pyvalue.Source].
func (c *contentDict) Fill(dict *pyvalue.Dict) {
	for key, raw := range rossumrun.Members(c.node) {
		if key == "content" {
			for key, v := range c.of.read(raw).Dict().All() {
				dict.SetStr(key.Text(), v)
			}
		}
	}
}
