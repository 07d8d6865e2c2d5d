package runpage

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// file is a file of a step with its preview: a table, or a text.
type file struct {
	pipeline.FileReport
	Bytes string
	Kind  string
	Table [][]string // the first row is its head
	Body  string
	Note  string
}

// Limits of a table.
const (
	maxRows    = 100
	maxColumns = 40
)

func fileOf(f pipeline.FileReport) file {
	one := file{FileReport: f, Bytes: size(int64(f.Size))}
	switch {
	case f.Size == 0:
		one.Kind, one.Note = "empty", "the file is empty"
	case f.Binary != "":
		data, err := base64.StdEncoding.DecodeString(f.Binary)
		if err != nil {
			one.Note = "the report does not show it"
			break
		}
		one.Kind, one.Body = "not text", hex.Dump(data)
	case f.Text == "":
		one.Note = "the report does not show it"
	default:
		one.text()
	}
	if f.Cut {
		one.Note = strings.TrimPrefix(one.Note+"; only the beginning is shown", "; ")
	}
	return one
}

// text makes the preview of a text by what it is.
func (f *file) text() {
	begin := strings.TrimSpace(f.Text)
	kind := strings.ToLower(f.ContentType + " " + path.Ext(f.Name))
	switch {
	case begin != "" && strings.ContainsRune("{[", rune(begin[0])) && json.Valid([]byte(f.Text)):
		f.Kind, f.Body = "JSON", pretty(f.Text, "application/json", false)
	case strings.HasPrefix(begin, "<"):
		f.Kind, f.Body = "XML", f.Text
		if strings.Contains(kind, "html") {
			f.Kind = "HTML"
		}
	case f.csv():
		f.Kind = "table"
	default:
		f.Kind, f.Body = "text", f.Text
	}
}

// csv makes a table of a text that is one.
func (f *file) csv() bool {
	first, _, _ := strings.Cut(f.Text, "\n")
	separator := ','
	for _, other := range []rune{';', '\t', '|'} {
		if strings.Count(first, string(other)) > strings.Count(first, string(separator)) {
			separator = other
		}
	}
	if !strings.ContainsRune(first, separator) {
		return false
	}
	text := f.Text
	if f.Cut { // the last line may be half of one
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = separator, -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 || len(rows[0]) < 2 {
		return false
	}
	for _, row := range rows {
		if len(row) != len(rows[0]) {
			return false
		}
	}
	if n := len(rows) - 1; n > maxRows {
		f.Note = fmt.Sprintf("the first %d of %d rows", maxRows, n)
		rows = rows[:maxRows+1]
	}
	for i, row := range rows {
		if len(row) > maxColumns {
			rows[i] = append(row[:maxColumns:maxColumns], fmt.Sprintf("and %d columns more", len(row)-maxColumns))
		}
	}
	f.Table = rows
	return true
}

// pretty indents JSON; other text stays as it is.
func pretty(text, contentType string, cut bool) string {
	begin := strings.TrimSpace(text)
	if cut || begin == "" || !strings.Contains(strings.ToLower(contentType), "json") && !strings.ContainsRune("{[", rune(begin[0])) {
		return text
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}
