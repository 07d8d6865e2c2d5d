package native

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Quoting says which fields of CSV are quoted, in the words of Rossum's API.
type Quoting string

// The rules of quoting.
const (
	QuoteMinimal    Quoting = "quote_minimal"     // where it is needed
	QuoteNone       Quoting = "quote_none"        // never: EscapeChar stands before what needs it
	QuoteAll        Quoting = "quote_all"         // always
	QuoteNonNumeric Quoting = "quote_non_numeric" // all, since every value of an export is a text
)

// dialect is how CSV is written, as Python's csv module does.
type dialect struct {
	delimiter, quote, escape rune
	quoting                  Quoting
}

func (o *Options) dialect() (dialect, error) {
	d := dialect{o.Delimiter, o.QuoteChar, o.EscapeChar, o.Quoting}
	if d.delimiter == 0 {
		d.delimiter = ','
	}
	if d.quote == 0 {
		d.quote = '"'
	}
	if d.quoting == "" {
		d.quoting = QuoteMinimal
	}
	switch {
	case !slices.Contains([]Quoting{QuoteMinimal, QuoteNone, QuoteAll, QuoteNonNumeric}, d.quoting):
		return d, fmt.Errorf("%w: quoting %q is unknown (expected quote_minimal, quote_none, quote_all or quote_non_numeric)", ErrOptions, string(d.quoting))
	case d.quoting == QuoteNone && d.escape == 0:
		return d, fmt.Errorf("%w: quoting is quote_none, which needs escape_char", ErrOptions)
	case strings.ContainsRune("\r\n", d.delimiter), strings.ContainsRune("\r\n", d.quote), strings.ContainsRune("\r\n", d.escape):
		return d, fmt.Errorf("%w: delimiter, quote_char and escape_char cannot be line breaks", ErrOptions)
	case d.delimiter == d.quote, d.delimiter == d.escape:
		return d, fmt.Errorf("%w: delimiter %q is also quote_char or escape_char", ErrOptions, d.delimiter)
	}
	return d, nil
}

func writeCSV(w *bufio.Writer, o Options, list []*annotation) error {
	d, err := o.dialect()
	if err != nil {
		return err
	}
	var line []byte
	return o.lines(list, func(fields []string) error {
		if line, err = d.appendLine(line[:0], fields); err != nil {
			return err
		}
		_, err := w.Write(line)
		return err
	})
}

func (d *dialect) appendLine(dst []byte, fields []string) ([]byte, error) {
	var err error
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, string(d.delimiter)...)
		}
		if dst, err = d.appendField(dst, field, len(fields) == 1); err != nil {
			return nil, err
		}
	}
	return append(dst, "\r\n"...), nil
}

var errEmptyLine = errors.New("a line with one empty field must be quoted, and quoting is quote_none")

// appendField appends a field; alone says that it is the line's only one, which
// would read as no line at all if it were empty.
func (d *dialect) appendField(dst []byte, field string, alone bool) ([]byte, error) {
	if field == "" && alone && d.quoting == QuoteNone {
		return nil, fmt.Errorf("%w: %w", ErrUnwritable, errEmptyLine)
	}
	quoted := d.quoting == QuoteAll || d.quoting == QuoteNonNumeric || field == "" && alone
	start := len(dst)
	dst = append(dst, string(d.quote)...)
	content := len(dst)
	for _, c := range field {
		switch {
		case c != d.delimiter && c != d.quote && (c != d.escape || d.escape == 0) && c != '\r' && c != '\n':
		case d.quoting == QuoteNone, c == d.escape && d.escape != 0 && c != d.quote:
			dst = append(dst, string(d.escape)...)
		case c == d.quote:
			dst = append(dst, string(d.quote)...)
			quoted = true
		default:
			quoted = true
		}
		dst = append(dst, string(c)...)
	}
	if !quoted {
		return append(dst[:start], dst[content:]...), nil
	}
	return append(dst, string(d.quote)...), nil
}
