package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// terminal is where a command writes. What it shows in colour it also says in words.
type terminal struct {
	stdout, stderr io.Writer
	hide           *redact.Redactor // of what the arguments have of passwords; nil for nothing
}

// hiding knows the passwords and tokens of URLs among the arguments.
func hiding(args []string) *redact.Redactor {
	texts, _ := json.Marshal(args) // of texts
	return redact.New(redact.Literals(texts)...)
}

// fail shows an error and returns the exit code of what is unusable.
func (t *terminal) fail(err error) int {
	fmt.Fprintln(t.stderr, t.hide.String(err.Error()))
	return unusable
}

// warn shows warnings.
func (t *terminal) warn(warnings []*pipeline.Finding) {
	for _, w := range warnings {
		fmt.Fprintf(t.stderr, "warning: %v\n", w)
	}
}

// The colours that are used, as ANSI has them.
const (
	red    = "31"
	yellow = "33"
	green  = "32"
	bold   = "1"
)

// colour colours a text that goes to w if that is a terminal.
func colour(w io.Writer, code, text string) string {
	if !coloured(w) {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func coloured(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }

// shown writes texts to a terminal, or to a file that is looked at in one: of what a
// terminal would obey it lets nothing through but the colours above, since names of hooks,
// their settings and messages are texts of others.
type shown struct{ io.Writer }

// Write writes a text without what a terminal would obey.
func (s shown) Write(text []byte) (int, error) {
	show := printable
	if coloured(s.Writer) {
		show = withColours
	}
	_, err := io.WriteString(s.Writer, show(string(text)))
	return len(text), err
}

// withColours is printable but for the colours of this program.
func withColours(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		b.WriteString(printable(before))
		if !found {
			return b.String()
		}
		n := strings.IndexByte(after, 'm')
		switch {
		case n >= 0 && isColour(after[:n]):
			b.WriteString("\x1b[" + after[:n+1])
			after = after[n+1:]
		default:
			b.WriteString(string(utf8.RuneError) + "[")
		}
		text = after
	}
}

func isColour(code string) bool {
	return code == red || code == yellow || code == green || code == bold || code == "0"
}

// printable shows what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			if r == '\r' {
				return -1
			}
			return utf8.RuneError
		}
		return r
	}, text)
}

func isTerminal(w io.Writer) bool {
	if s, ok := w.(shown); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// interrupted reports that the person has ended the run.
func interrupted(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }
