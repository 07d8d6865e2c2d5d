package workbench

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// datum is one value that templates see.
type datum struct {
	Path   string `json:"path"` // as Jinja2 spells it
	Value  string `json:"value"`
	Jinja  string `json:"jinja"` // what a Jinja2 template has for it
	JSON   string `json:"json"`  // what a JSON template has for it, "" if it cannot
	search string
}

// dataOf lists the variables field and payload as templates see them, fields first. The
// payload has neither its token nor its secrets, and its content tree is left out: field
// has the same values.
func dataOf(body []byte) (data []datum, err error) {
	p, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, err
	}
	add := func(path, value, json string) {
		d := datum{Path: path, Value: value, Jinja: "{{ " + path + " }}", JSON: json}
		d.search = strings.ToLower(path + "\n" + value)
		data = append(data, d)
	}
	if p.Annotation != nil && p.Annotation.Content != nil {
		var tables []*rossum.Node
		for _, section := range p.Annotation.Content.Sections() {
			for _, n := range section.Children() {
				if n.Category() == rossum.CategoryDatapoint {
					add(member("field", n.SchemaID()), n.Text(), "@{"+n.SchemaID()+"}")
				} else {
					tables = append(tables, n)
				}
			}
		}
		for _, t := range tables {
			addTable(t, add)
		}
	}
	public, err := p.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	addJSON("payload", gjson.ParseBytes(public), add)
	return data, nil
}

func addTable(t *rossum.Node, add func(path, value, json string)) {
	table := member("field", t.SchemaID())
	rows := t.Children()
	add(table+"|length", fmt.Sprint(len(rows)), "")
	for i, row := range rows {
		at := fmt.Sprintf("%s[%d]", table, i)
		if row.Category() == rossum.CategoryDatapoint {
			add(at, row.Text(), "@{"+row.SchemaID()+"}")
			continue
		}
		for _, cell := range row.Children() {
			add(member(at, cell.SchemaID()), cell.Text(), "@{"+cell.SchemaID()+"}")
		}
	}
}

func addJSON(path string, value gjson.Result, add func(path, value, json string)) {
	switch {
	case path == "payload.annotation.content" && !value.IsObject() && value.Raw != "" && value.Raw[0] == '[':
		return
	case value.IsObject():
		value.ForEach(func(key, below gjson.Result) bool {
			addJSON(member(path, key.Str), below, add)
			return true
		})
	case value.IsArray():
		for i, below := range value.Array() {
			addJSON(fmt.Sprintf("%s[%d]", path, i), below, add)
		}
	default:
		add(path, value.String(), "")
	}
}

// dictMethods are names that Jinja2 takes for methods of the dict after a dot.
var dictMethods = map[string]bool{"items": true, "keys": true, "values": true, "get": true, "pop": true, "update": true,
	"copy": true, "clear": true, "popitem": true, "setdefault": true, "fromkeys": true}

// member is a member of a dict as Jinja2 spells it.
func member(of, name string) string {
	if identifier(name) && !dictMethods[name] {
		return of + "." + name
	}
	return of + "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

func identifier(name string) bool {
	for i := range len(name) {
		if !isWord(name, i) || i == 0 && name[0] >= '0' && name[0] <= '9' {
			return false
		}
	}
	return name != ""
}

// maxFound is how many values a search shows.
const maxFound = 200

// found is what a search of the data shows.
type found struct {
	Total int     `json:"total"`
	Data  []datum `json:"data"`
}

// search lists the values that have all words of a query in path or value.
func search(data []datum, query string) found {
	words := strings.Fields(strings.ToLower(query))
	f := found{Data: []datum{}}
next:
	for _, d := range data {
		for _, w := range words {
			if !strings.Contains(d.search, w) {
				continue next
			}
		}
		if f.Total++; f.Total <= maxFound {
			f.Data = append(f.Data, d)
		}
	}
	return f
}

// names lists the names of fields for the editor to complete: header fields, and columns
// by the table that they are in.
func names(p *Place) map[string][]string {
	known := map[string][]string{"": {}}
	body, err := rossum.ParsePayload(p.Payload)
	if err != nil || body.Annotation == nil || body.Annotation.Content == nil {
		return known
	}
	seen := make(map[string]bool)
	for _, section := range body.Annotation.Content.Sections() {
		for _, n := range section.Children() {
			known[""] = append(known[""], n.SchemaID())
			for _, row := range n.Children() {
				for _, cell := range row.Children() {
					if key := n.SchemaID() + "." + cell.SchemaID(); !seen[key] {
						seen[key] = true
						known[n.SchemaID()] = append(known[n.SchemaID()], cell.SchemaID())
					}
				}
			}
		}
	}
	return known
}
