package native

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// jsonWriter appends JSON as the platform's API does: compact, with characters
// as they are. Errors of w come back when it is flushed.
type jsonWriter struct {
	w       *bufio.Writer
	scratch bytes.Buffer
}

func writeJSON(w *bufio.Writer, list []*annotation) error {
	j := &jsonWriter{w: w}
	j.raw(`{"pagination":{"total":`, strconv.Itoa(len(list)), `,"total_pages":1,"next":null,"previous":null},"results":[`)
	for i, a := range list {
		if i > 0 {
			j.raw(",")
		}
		if err := j.annotation(a); err != nil {
			return err
		}
	}
	j.raw("]}")
	return nil
}

func (j *jsonWriter) raw(texts ...string) {
	for _, t := range texts {
		_, _ = j.w.WriteString(t) // bufio keeps the error for Flush
	}
}

// text writes a text; key comes before it as it is.
func (j *jsonWriter) text(key, text string) {
	j.scratch.Reset()
	e := json.NewEncoder(&j.scratch)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // of a text, which cannot fail
	j.raw(key)
	_, _ = j.w.Write(bytes.TrimRight(j.scratch.Bytes(), "\n"))
}

// textOrNull writes null for "".
func (j *jsonWriter) textOrNull(key, text string) {
	if text == "" {
		j.raw(key, "null")
		return
	}
	j.text(key, text)
}

func (j *jsonWriter) annotation(a *annotation) error {
	j.text(`{"url":`, a.Annotation.URL)
	j.text(`,"status":`, a.Annotation.Status)
	j.textOrNull(`,"arrived_at":`, a.arrivedAt())
	j.textOrNull(`,"exported_at":`, a.text("exported_at"))
	url, name, file := a.document()
	j.text(`,"document":{"url":`, url)
	j.text(`,"file_name":`, name)
	j.textOrNull(`,"file":`, file)
	j.raw(`},"modifier":`)
	if url, name := a.modifier(); url == "" {
		j.raw("null")
	} else {
		j.text(`{"url":`, url)
		if name != "" {
			j.text(`,"username":`, name)
		}
		j.raw("}")
	}
	j.text(`,"schema":{"url":`, a.schemaURL())
	j.raw(`},"metadata":`)
	if err := j.metadata(a.Annotation.Metadata); err != nil {
		return err
	}
	j.raw(`,"content":[`)
	j.nodes(a, a.Annotation.Content.Sections())
	j.raw(`],"automated":`, strconv.FormatBool(a.Annotation.Automated))
	j.textOrNull(`,"modified_at":`, a.text("modified_at"))
	j.textOrNull(`,"assigned_at":`, a.text("assigned_at"))
	j.raw("}")
	return nil
}

func (a *annotation) schemaURL() string {
	if a.Annotation.Schema != "" {
		return a.Annotation.Schema
	}
	return a.schema.URL
}

func (j *jsonWriter) metadata(raw json.RawMessage) error {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	j.scratch.Reset()
	if err := json.Compact(&j.scratch, raw); err != nil {
		return err
	}
	_, _ = j.w.Write(j.scratch.Bytes())
	return nil
}

func (j *jsonWriter) nodes(a *annotation, nodes []*rossum.Node) {
	first := true
	for _, n := range nodes {
		if !a.exported(n) {
			continue
		}
		if !first {
			j.raw(",")
		}
		first = false
		j.raw(`{"category":"`, n.Category().String(), `"`)
		j.text(`,"schema_id":`, n.SchemaID())
		if n.Category() != rossum.CategoryDatapoint {
			j.raw(`,"children":[`)
			j.nodes(a, n.Children())
			j.raw("]}")
			continue
		}
		j.text(`,"value":`, n.Text())
		j.text(`,"type":`, a.fields[n.SchemaID()].Type)
		if c := confidence(n); c != "" {
			j.raw(`,"rir_confidence":`, c, "}")
		} else {
			j.raw(`,"rir_confidence":null}`)
		}
	}
}
