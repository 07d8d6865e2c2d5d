package workbench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// codePlace is the place of a function's code in the hook object.
const codePlace = "config.code"

// text is a text of the settings that is edited with its lines as lines: a template, or
// the code of a function.
type text struct {
	Place    string `json:"place"`
	Label    string `json:"label"`
	Language string `json:"language"` // jinja2 or python
	Text     string `json:"text"`
	ReadOnly string `json:"read_only,omitempty"` // why it cannot be edited here
}

// textsOf lists the Jinja2 templates of settings.
func textsOf(source string) (texts []text) {
	for i, format := range gjson.Get(source, "export_configs").Array() {
		key := format.Get("export_reference_key").String()
		if key == "" {
			key = format.Get("export_id").String()
		}
		for _, name := range []string{"file_content_template", "file_content_template_multiline", "file_name_template"} {
			value := format.Get(name)
			content, ok := linesOf(value)
			if !ok {
				continue
			}
			label := key
			if label == "" {
				label = fmt.Sprintf("export_configs[%d]", i)
			}
			if name == "file_name_template" {
				label += " (file name)"
			}
			texts = append(texts, text{Place: settings.Join(settings.Index("export_configs", i), name), Label: label, Language: "jinja2", Text: content})
		}
	}
	return texts
}

// linesOf is a text, or a list of lines joined.
func linesOf(value gjson.Result) (string, bool) {
	if value.Type == gjson.String {
		return value.Str, true
	}
	if !value.IsArray() {
		return "", false
	}
	var lines []string
	for _, element := range value.Array() {
		if element.Type != gjson.String {
			return "", false
		}
		lines = append(lines, element.Str)
	}
	return strings.Join(lines, "\n"), true
}

// withText puts a text back at its place in the settings. Of a list of lines only the
// elements change whose lines have changed.
func withText(source, place, content string) (string, error) {
	value := gjson.Get(source, pathOf(place))
	if !value.Exists() || value.Index == 0 {
		return "", fmt.Errorf("there is no %s in the settings any more", place)
	}
	if was, ok := linesOf(value); ok && was == content {
		return source, nil
	}
	raw := string(quoted(content))
	if value.IsArray() {
		raw = withLines(value, strings.Split(content, "\n"))
	}
	return source[:value.Index] + raw + source[value.Index+len(value.Raw):], nil
}

// pathOf is a place of settings as gjson spells it.
func pathOf(place string) string {
	return strings.NewReplacer("[", ".", "]", "").Replace(place)
}

// withLines is a list of lines with other lines. Elements at the beginning and at the end
// whose lines are the same stay as they are spelt, so does the space between elements.
func withLines(list gjson.Result, lines []string) string {
	var elements []gjson.Result
	list.ForEach(func(_, element gjson.Result) bool { elements = append(elements, element); return true })
	if len(elements) == 0 {
		return "[" + string(quoted(strings.Join(lines, "\n"))) + "]"
	}
	first, last := 0, len(elements)
	for first < last {
		own := strings.Split(elements[first].Str, "\n")
		if len(own) > len(lines) || !slices.Equal(own, lines[:len(own)]) {
			break
		}
		first, lines = first+1, lines[len(own):]
	}
	for last > first {
		own := strings.Split(elements[last-1].Str, "\n")
		if len(own) > len(lines) || !slices.Equal(own, lines[len(lines)-len(own):]) {
			break
		}
		last, lines = last-1, lines[:len(lines)-len(own)]
	}
	var raw []string
	for _, e := range elements[:first] {
		raw = append(raw, e.Raw)
	}
	for _, e := range regrouped(elements[first:last], lines) {
		raw = append(raw, string(quoted(e)))
	}
	for _, e := range elements[last:] {
		raw = append(raw, e.Raw)
	}
	begin, end := elements[0].Index-list.Index, elements[len(elements)-1].Index-list.Index+len(elements[len(elements)-1].Raw)
	separator := "," + list.Raw[1:begin]
	if len(elements) > 1 {
		separator = list.Raw[begin+len(elements[0].Raw) : elements[1].Index-list.Index]
	} else if begin == 1 {
		separator = ", "
	}
	return list.Raw[:begin] + strings.Join(raw, separator) + list.Raw[end:]
}

// regrouped makes elements of lines: of several lines each, as they were, where their
// number is the same, and of one line otherwise.
func regrouped(elements []gjson.Result, lines []string) (grouped []string) {
	total := 0
	for _, e := range elements {
		total += 1 + strings.Count(e.Str, "\n")
	}
	if total != len(lines) {
		return lines
	}
	for _, e := range elements {
		n := 1 + strings.Count(e.Str, "\n")
		grouped, lines = append(grouped, strings.Join(lines[:n], "\n")), lines[n:]
	}
	return grouped
}
