package native

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Limits of a worksheet (Excel specifications and limits).
const (
	maxCell    = 32767 // in UTF-16 units
	maxRows    = 1048576
	maxColumns = 16384
)

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	openxml  = "http://schemas.openxmlformats.org/"
	mainTree = ` xmlns="` + openxml + `spreadsheetml/2006/main"`
	typeOf   = "application/vnd.openxmlformats-officedocument.spreadsheetml."
)

// packageParts are the parts of a workbook with one worksheet of plain text; the
// worksheet itself follows them (ECMA-376, part 1, 12.3).
var packageParts = [][2]string{
	{"[Content_Types].xml", `<Types xmlns="` + openxml + `package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + typeOf + `sheet.main+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + typeOf + `worksheet+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + typeOf + `styles+xml"/></Types>`},
	{"_rels/.rels", relationships("officeDocument:xl/workbook.xml")},
	{"xl/workbook.xml", `<workbook` + mainTree + ` xmlns:r="` + openxml + `officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/_rels/workbook.xml.rels", relationships("worksheet:worksheets/sheet1.xml", "styles:styles.xml")},
	{"xl/styles.xml", `<styleSheet` + mainTree + `><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs></styleSheet>`},
}

// relationships writes the relationships of a part, each "type:target".
func relationships(all ...string) string {
	var b strings.Builder
	b.WriteString(`<Relationships xmlns="` + openxml + `package/2006/relationships">`)
	for i, r := range all {
		kind, target, _ := strings.Cut(r, ":")
		fmt.Fprintf(&b, `<Relationship Id="rId%d" Type="%sofficeDocument/2006/relationships/%s" Target="%s"/>`, i+1, openxml, kind, target)
	}
	return b.String() + `</Relationships>`
}

func writeXLSX(w *bufio.Writer, o Options, list []*annotation) error {
	z := zip.NewWriter(w)
	for _, part := range packageParts {
		out, err := z.Create(part[0])
		if err == nil {
			_, err = io.WriteString(out, xmlHead+part[1])
		}
		if err != nil {
			return err
		}
	}
	out, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return err
	}
	if err := writeSheet(bufio.NewWriter(out), o, list); err != nil {
		return err
	}
	return z.Close()
}

func writeSheet(sheet *bufio.Writer, o Options, list []*annotation) error {
	_, _ = sheet.WriteString(xmlHead + `<worksheet` + mainTree + `><sheetData>`) // Flush returns the errors of all
	row := 0
	err := o.lines(list, func(fields []string) error {
		if row++; row > maxRows {
			return fmt.Errorf("%w: a worksheet has %d rows at the most", ErrUnwritable, maxRows)
		}
		if len(fields) > maxColumns {
			return fmt.Errorf("%w: a worksheet has %d columns at the most", ErrUnwritable, maxColumns)
		}
		fmt.Fprintf(sheet, `<row r="%d">`, row)
		for i, text := range fields {
			if err := checkCell(text); err != nil {
				return fmt.Errorf("row %d, column %d: %w: %w", row, i+1, ErrUnwritable, err)
			}
			writeCell(sheet, columnName(i)+strconv.Itoa(row), text)
		}
		_, err := sheet.WriteString(`</row>`)
		return err
	})
	if err != nil {
		return err
	}
	_, _ = sheet.WriteString(`</sheetData></worksheet>`)
	return sheet.Flush()
}

// columnName is the name of a column from 0: A to Z, AA and so on.
func columnName(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return columnName(i/26-1) + string(rune('A'+i%26))
}

// escapeBegin is what a spreadsheet reads as the code of a character but for its
// last underscore, which may be the first of another.
var escapeBegin = regexp.MustCompile(`_(x[0-9A-Fa-f]{4})`)

// literal writes text that looks like an escaped character so that it is read as it
// is: its underscore is escaped (ECMA-376, part 1, 22.9.2.19).
func literal(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	done := 0
	for _, m := range escapeBegin.FindAllStringIndex(text, -1) {
		if strings.HasPrefix(text[m[1]:], "_") {
			b.WriteString(text[done:m[0]] + "_x005F")
			done = m[0]
		}
	}
	return b.String() + text[done:]
}

func writeCell(sheet *bufio.Writer, at, text string) {
	space := ""
	if text != strings.Trim(text, "\t\n\r ") {
		space = ` xml:space="preserve"`
	}
	_, _ = sheet.WriteString(`<c r="` + at + `" t="inlineStr"><is><t` + space + `>`)
	_ = xml.EscapeText(sheet, []byte(literal(text)))
	_, _ = sheet.WriteString(`</t></is></c>`)
}

// checkCell looks for what a worksheet cannot hold.
func checkCell(text string) error {
	if len(text) > maxCell {
		if n := len(utf16.Encode([]rune(text))); n > maxCell {
			return fmt.Errorf("a cell has %d characters at the most, this value has %d", maxCell, n)
		}
	}
	return checkXML(text)
}
