package native_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const script = "testdata/oracle.py"

func payloadOf(t testing.TB, path string) *rossum.Payload {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rossum.ParsePayload(body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// optionsOf reads the parameters of the queue export by their API names.
func optionsOf(t *testing.T, path string) (o native.Options) {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return o
	}
	if err != nil {
		t.Fatal(err)
	}
	return decodeOptions(t, data)
}

func decodeOptions(t testing.TB, data []byte) (o native.Options) {
	t.Helper()
	var in struct {
		Columns        []string `json:"columns"`
		PrependColumns []string `json:"prepend_columns"`
		AppendColumns  []string `json:"append_columns"`
		Delimiter      string   `json:"delimiter"`
		QuoteChar      string   `json:"quote_char"`
		EscapeChar     string   `json:"escape_char"`
		Quoting        string   `json:"quoting"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	first := func(s string) rune {
		for _, c := range s {
			return c
		}
		return 0
	}
	return native.Options{
		Columns: in.Columns, PrependColumns: in.PrependColumns, AppendColumns: in.AppendColumns,
		Delimiter: first(in.Delimiter), QuoteChar: first(in.QuoteChar), EscapeChar: first(in.EscapeChar), Quoting: native.Quoting(in.Quoting),
	}
}

func export(t testing.TB, f native.Format, o native.Options, p ...*rossum.Payload) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := native.Write(&out, f, o, p...); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func cases(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/golden/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no golden cases", err)
	}
	return dirs
}

func TestExportsAreWhatPythonWrites(t *testing.T) {
	t.Parallel()
	for _, dir := range cases(t) {
		for _, f := range []native.Format{native.FormatCSV, native.FormatXML, native.FormatJSON} {
			t.Run(filepath.Base(dir)+"."+string(f), func(t *testing.T) {
				t.Parallel()
				want, err := os.ReadFile(filepath.Join(dir, "export."+string(f)))
				if err != nil {
					t.Fatal(err)
				}
				got := export(t, f, optionsOf(t, filepath.Join(dir, "options.json")), payloadOf(t, filepath.Join(dir, "payload.json")))
				if !bytes.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

func TestAWorksheetHoldsWhatCSVHolds(t *testing.T) {
	t.Parallel()
	oracle.Need(t, "openpyxl")
	for _, dir := range cases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			o := optionsOf(t, filepath.Join(dir, "options.json"))
			p := payloadOf(t, filepath.Join(dir, "payload.json"))
			got := worksheet(t, export(t, native.FormatXLSX, o, p))
			plain := native.Options{Columns: o.Columns, PrependColumns: o.PrependColumns, AppendColumns: o.AppendColumns}
			want, err := csv.NewReader(bytes.NewReader(export(t, native.FormatCSV, plain, p))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range want {
				for i := range row {
					row[i] = strings.ReplaceAll(row[i], "\r", "\n") // as every XML parser reads it
				}
			}
			for _, row := range got {
				for i := range row {
					row[i] = strings.ReplaceAll(strings.ReplaceAll(row[i], "_x000D_", "\n"), "\r", "\n")
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// worksheet returns the rows of an export as openpyxl reads them.
func worksheet(t *testing.T, data []byte) (rows [][]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export.xlsx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(oracle.Need(t, "openpyxl").Output(script, "xlsx", path), &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAWorksheetHoldsTextsThatLookLikeEscapesAsTheyAre(t *testing.T) {
	t.Parallel()
	oracle.Need(t, "openpyxl")
	texts := []string{
		"_x0041_x0042_", "_x0041_", "__x0041__", "_x005F_", "_x005F_x0041_", "_x005f_x005f_x005f_", "_xD83D_", "_xDE00_x0041_", "_x004G_",
		"_X0041_", "x0041_", "_x0041",
		"_x0041_x0042_x0043_x0044", " _x0041_ ", "=1+1", "'1", "00012", "<&>\"", "\tx\n", "😀_x0041_", "TRUE", "#N/A",
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		text := "a"
		for range 1 + r.IntN(12) {
			text += []string{"_", "x", "0041", "005F", "_x0041_", "x005F_", "d800", "\u00a0", " "}[r.IntN(9)]
		}
		texts = append(texts, text)
	}
	rows := make([]rossumtest.TableRow, len(texts))
	for i, text := range texts {
		rows[i] = rossumtest.Row("code", text)
	}
	p := rossumtest.Annotation(rossumtest.Table("items", rows...)).Payload()
	got := worksheet(t, export(t, native.FormatXLSX, native.Options{Columns: []string{"code"}}, p))
	for i, want := range texts {
		if got[i+1][0] != want {
			t.Errorf("got %q, want %q", got[i+1][0], want)
		}
	}
}

func TestGeneratedLinesAreThoseOfPythonsCSV(t *testing.T) {
	t.Parallel()
	python := oracle.Need(t, "csv").Start(script, "csv")
	random := rand.New(rand.NewPCG(7, 7))
	const alphabet = ",;'\"\\\n\r\t aé1"
	for range 3000 {
		dialect := map[string]string{
			"delimiter": string(",;\t"[random.IntN(3)]), "quote_char": string(`"'`[random.IntN(2)]),
			"quoting": []string{"quote_minimal", "quote_none", "quote_all", "quote_non_numeric"}[random.IntN(4)],
		}
		if random.IntN(2) == 0 || dialect["quoting"] == "quote_none" {
			dialect["escape_char"] = `\`
		}
		fields := make([]string, 1+random.IntN(3))
		for i := range fields {
			for range random.IntN(6) {
				fields[i] += string([]rune(alphabet)[random.IntN(len([]rune(alphabet)))])
			}
		}
		var want struct{ Line, Error string }
		python.Ask(map[string]any{"fields": fields, "dialect": dialect}, &want)
		encoded, _ := json.Marshal(dialect)
		got, err := line(decodeOptions(t, encoded), fields)
		if (err != nil) != (want.Error != "") || got != want.Line {
			t.Fatalf("%s of %q\ngot  %q %v\nwant %q %s", encoded, fields, got, err, want.Line, want.Error)
		}
	}
}

// line writes one line of CSV: the titles of fields that are called so.
func line(o native.Options, titles []string) (string, error) {
	schema := &rossum.Schema{Content: []rossum.SchemaField{{Category: "section", ID: "s"}}}
	for i, title := range titles {
		id := string(rune('a' + i))
		schema.Content[0].Children = append(schema.Content[0].Children, rossum.SchemaField{Category: "datapoint", ID: id, Label: title})
		if title == "" {
			// A field without a label is called by its schema_id: let it have none.
			schema.Content[0].Children[i].ID = ""
		}
	}
	var out bytes.Buffer
	o.Schema = schema
	err := native.Write(
		&out,
		native.FormatCSV,
		o,
		rossumtest.Annotation(rossumtest.Field("a", "x"), rossumtest.Field("b", "x"), rossumtest.Field("c", "x")).Payload(),
	)
	text := out.String()
	if err != nil {
		return "", err
	}
	// The second line holds an x for each field that has a name, in any quoting.
	end := strings.LastIndex(strings.TrimSuffix(text, "\r\n"), "\r\n")
	return text[:end+2], nil
}

func TestFormatsAreReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	p := payloadOf(t, "testdata/golden/04_special_characters/payload.json")
	var fromXML struct {
		Fields []struct {
			ID    string `xml:"schema_id,attr"`
			Value string `xml:",chardata"`
		} `xml:"results>annotation>content>section>datapoint"`
	}
	if err := xml.Unmarshal(export(t, native.FormatXML, native.Options{}, p), &fromXML); err != nil {
		t.Fatal(err)
	}
	var fromJSON struct {
		Results []struct {
			Content []struct {
				Children []struct{ Value string }
			}
		}
	}
	if err := json.Unmarshal(export(t, native.FormatJSON, native.Options{}, p), &fromJSON); err != nil {
		t.Fatal(err)
	}
	for i, f := range fromXML.Fields {
		want := p.Annotation.Content.Find(f.ID)[0].Text()
		if got := fromJSON.Results[0].Content[0].Children[i].Value; got != want {
			t.Errorf("JSON has %q, want %q", got, want)
		}
		if f.Value != strings.ReplaceAll(want, "\r", "\n") {
			t.Errorf("XML has %q, want %q", f.Value, want)
		}
	}
}

func TestChangesOfThisRunAreExported(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(rossumtest.Number("amount", "1 000,00", "1000.00"), rossumtest.Table("items", rossumtest.Row("code", "A"))).
		Payload()
	n, err := p.Annotation.Content.Field("amount")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetValue("12"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Annotation.Content.Find("items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: "B"}); err != nil {
		t.Fatal(err)
	}
	if got, want := string(export(t, native.FormatCSV, native.Options{}, p)), "amount,code\r\n12,A\r\n12,B\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSeveralAnnotationsAreOneExport(t *testing.T) {
	t.Parallel()
	one := rossumtest.Annotation(rossumtest.Field("id", "1")).Payload()
	two := rossumtest.Annotation(rossumtest.Field("id", "2")).Payload()
	if got, want := string(export(t, native.FormatCSV, native.Options{}, one, two)), "id\r\n1\r\n2\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var answer struct {
		Pagination struct{ Total int }
		Results    []json.RawMessage
	}
	if err := json.Unmarshal(export(t, native.FormatJSON, native.Options{}, one, two), &answer); err != nil || answer.Pagination.Total != 2 ||
		len(answer.Results) != 2 {
		t.Errorf("got %+v, %v", answer, err)
	}
	if got := string(export(t, native.FormatXML, native.Options{}, one, two)); strings.Count(got, "<annotation ") != 2 ||
		!strings.Contains(got, "<total>2</total>") {
		t.Errorf("got %s", got)
	}
}

func TestTheFakePlatformExportsTheSame(t *testing.T) {
	t.Parallel()
	server := rossumtest.NewServer()
	defer server.Close()
	call := rossumtest.Annotation(rossumtest.Field("id", "1"), rossumtest.On(server))
	server.AddExports(call)
	client, err := rossum.NewClient(server.URL, rossum.Secret(server.Token), rossum.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []native.Format{native.FormatCSV, native.FormatXML, native.FormatJSON} {
		body, err := client.QueueExport(t.Context(), rossumtest.QueueID, rossumtest.AnnotationID, string(f))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		_ = body.Close()
		if want := export(t, f, native.Options{}, call.Payload()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %s (%v), want %s", f, got, err, want)
		}
	}
}

func TestUnusableExportsAreRefused(t *testing.T) {
	t.Parallel()
	call := rossumtest.Annotation(
		rossumtest.Field("name", "Bob"),
		rossumtest.FieldValue("secret", rossumtest.Value{Text: "x", NoExport: true}),
	)
	long := rossumtest.Annotation(rossumtest.Field("name", strings.Repeat("é", 32768))).Payload()
	control := rossumtest.Annotation(rossumtest.Field("name", "a\x01b")).Payload()
	row := rossumtest.Row("code", "A")
	repeated := rossumtest.Annotation(
		rossumtest.Field("name", strings.Repeat("x", 32<<10)),
		rossumtest.Table("lines", slices.Repeat([]rossumtest.TableRow{row}, 2049)...),
	).Payload()
	for name, c := range map[string]struct {
		payload *rossum.Payload
		format  native.Format
		options native.Options
		want    error
		text    string
	}{
		"an unknown format":         {call.Payload(), "pdf", native.Options{}, native.ErrOptions, `format "pdf" is unknown`},
		"no content":                {call.Clone().With(rossumtest.WithoutContent()).Payload(), native.FormatCSV, native.Options{}, native.ErrNoContent, "content"},
		"no schema":                 {call.Clone().With(rossumtest.Sideload("schemas", nil)).Payload(), native.FormatCSV, native.Options{}, native.ErrNoSchema, "sideload schemas"},
		"an unknown column":         {call.Payload(), native.FormatCSV, native.Options{Columns: []string{"nane"}}, native.ErrOptions, `columns[0]: "nane" is neither a schema_id of the schema nor a meta column (did you mean name?)`},
		"a column that is a secret": {call.Payload(), native.FormatXLSX, native.Options{AppendColumns: []string{"secret"}}, native.ErrOptions, "append_columns[0]: secret is a datapoint that is not exported (can_export)"},
		"an unknown quoting":        {call.Payload(), native.FormatCSV, native.Options{Quoting: "some"}, native.ErrOptions, `quoting "some" is unknown`},
		"no escape character":       {call.Payload(), native.FormatCSV, native.Options{Quoting: native.QuoteNone}, native.ErrOptions, "needs escape_char"},
		"a line break as delimiter": {call.Payload(), native.FormatCSV, native.Options{Delimiter: '\n'}, native.ErrOptions, "cannot be line breaks"},
		"a delimiter that quotes":   {call.Payload(), native.FormatCSV, native.Options{Delimiter: '"'}, native.ErrOptions, "is also quote_char"},
		"a control character":       {control, native.FormatXML, native.Options{}, native.ErrUnwritable, "field name: the format cannot hold the value: XML cannot have the character U+0001"},
		"a control character, xlsx": {control, native.FormatXLSX, native.Options{}, native.ErrUnwritable, "row 2, column 1"},
		"a header on many lines":    {repeated, native.FormatCSV, native.Options{}, native.ErrUnwritable, "each of its 2049 lines would repeat 32768 bytes of the header, more than 64 MB together"},
		"a header on many rows":     {repeated, native.FormatXLSX, native.Options{}, native.ErrUnwritable, "more than 64 MB together"},
		"a value too long for xlsx": {long, native.FormatXLSX, native.Options{}, native.ErrUnwritable, "a cell has 32767 characters at the most, this value has 32768"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := native.Write(io.Discard, c.format, c.options, c.payload)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

func TestTheWritersErrorIsReturned(t *testing.T) {
	t.Parallel()
	p := payloadOf(t, "testdata/golden/01_invoice/payload.json")
	for _, f := range native.Formats() {
		r, w := io.Pipe()
		_ = r.Close()
		if err := native.Write(w, f, native.Options{}, p); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

func TestOneSchemaServesConcurrentExports(t *testing.T) {
	t.Parallel()
	p := payloadOf(t, "testdata/golden/01_invoice/payload.json")
	schema, err := p.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for _, f := range native.Formats() {
				if err := native.Write(io.Discard, f, native.Options{Schema: schema}, p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
