package native

import (
	"bufio"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// Limits of a worksheet (Excel specifications and limits).
const (
	maxCell = excelize.TotalCellChars // in UTF-16 units
	maxRows = excelize.TotalRows
)

func writeXLSX(w *bufio.Writer, o Options, list []*annotation) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	sheet, err := f.NewStreamWriter(f.GetSheetName(0))
	if err != nil {
		return err
	}
	row := 0
	err = o.lines(list, func(fields []string) error {
		if row++; row > maxRows {
			return fmt.Errorf("%w: a worksheet has %d rows at the most", ErrUnwritable, maxRows)
		}
		cells := make([]any, len(fields))
		for i, text := range fields {
			if err := checkCell(text); err != nil {
				return fmt.Errorf("row %d, column %d: %w: %w", row, i+1, ErrUnwritable, err)
			}
			cells[i] = text
		}
		at, err := excelize.CoordinatesToCellName(1, row)
		if err != nil {
			return err
		}
		return sheet.SetRow(at, cells)
	})
	if err != nil {
		return err
	}
	if err := sheet.Flush(); err != nil {
		return err
	}
	_, err = f.WriteTo(w)
	return err
}

// checkCell looks for what excelize would cut off or leave out without a word.
func checkCell(text string) error {
	if len(text) > maxCell {
		if n := len(utf16.Encode([]rune(text))); n > maxCell {
			return fmt.Errorf("a cell has %d characters at the most, this value has %d", maxCell, n)
		}
	}
	return checkXML(text)
}
