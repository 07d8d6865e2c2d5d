package workbench

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/jinja"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// problem is one thing that is wrong with a hook, at its place in a text that is edited.
type problem struct {
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Place    string `json:"place,omitempty"` // in the hook's settings
	// Where is the place of the text, "" for the settings as a whole. Line and column are
	// those of the text, from 1, and 0 if they are not known; columns and length are in
	// UTF-16, as browsers count.
	Where  string `json:"where"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Length int    `json:"length,omitempty"`
	// Text is the line, and Caret the space before the caret below it.
	Text  string `json:"text,omitempty"`
	Caret string `json:"caret,omitempty"`
}

// sources are the texts of a hook as they are edited.
type sources struct {
	settings string
	texts    []text
}

// at puts a problem at bytes of a text.
func (p *problem) at(where, content string, from, to int) {
	from = min(from, len(content))
	to = max(from, min(to, len(content)))
	start := strings.LastIndexByte(content[:from], '\n') + 1
	end := len(content)
	if i := strings.IndexByte(content[from:], '\n'); i >= 0 {
		end = from + i
	}
	p.Where, p.Line = where, 1+strings.Count(content[:from], "\n")
	p.Column, p.Length = 1+units(content[start:from]), max(1, units(content[from:min(to, end)]))
	p.Text, p.Caret = shortened(content[start:end], from-start)
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }

// around is how much of a long line is shown before and after the place, in bytes.
const around = 70

// shortened is the part of a line around a place, and the space before the caret.
func shortened(line string, at int) (part, caret string) {
	from, to := 0, len(line)
	if at > around {
		from = at - around
	}
	if to > at+around {
		to = at + around
	}
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && !utf8.RuneStart(line[to]) {
		to++
	}
	caret = strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[from:at])
	return line[from:to], caret
}

// problemOf makes a problem of a fault of the chain, and says whose it is: 0 for no hook's.
func (s *sources) problemOf(err error, h *rossum.Hook) (hook int64, p problem) {
	p = problem{Severity: string(pipeline.SeverityError), Message: firstLine(err.Error())}
	var fault *organisation.Fault
	var finding *pipeline.Finding
	isFinding := errors.As(err, &finding)
	switch {
	case errors.As(err, &fault):
		hook, p.Place, p.Message = fault.Hook.ID, fault.Place, firstLine(fault.Err.Error())
	case isFinding:
		p.Place = finding.Place
		p.Message = finding.Err.Error()
		if finding.Fix != "" {
			p.Message += "; " + finding.Fix
		}
		if finding.Hook == h.String() {
			hook = h.ID
		}
	}
	if isFinding {
		p.Severity = string(finding.Severity)
	}
	if hook != h.ID {
		return hook, p
	}
	p.Place = strings.TrimPrefix(strings.TrimPrefix(p.Place, "settings"), ".")
	if key := p.Place[strings.LastIndexByte(p.Place, '.')+1:]; key != "" && fault != nil && !strings.Contains(p.Message, key) {
		p.Message = key + ": " + p.Message
	}
	if s.ofJinja(&p, err) {
		return hook, p
	}
	name, line := "", 0
	if isFinding {
		name, line = finding.Name, finding.TextLine
	}
	s.locate(&p, name, line)
	return hook, p
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n |")
	return line
}

// failure is a problem of the run: the text of the report, which has no secrets, at the
// place that the error has.
func (s *sources) failure(text string, err error) problem {
	p := problem{Severity: string(pipeline.SeverityError), Message: firstLine(text)}
	var step *pipeline.StepError
	if errors.As(err, &step) {
		p.Place = step.Place
	}
	if !s.ofJinja(&p, err) {
		s.locate(&p, "", 0)
	}
	return p
}

// ofJinja takes line and column of an error of a template.
func (s *sources) ofJinja(p *problem, err error) bool {
	var fault *jinja.Error
	if !errors.As(err, &fault) || fault.Line < 1 {
		return false
	}
	t := s.text(fault.Place)
	if t == nil {
		return false
	}
	if said := fault.Type + ": " + fault.Msg; strings.Contains(p.Message, said) { // otherwise it has lost a secret
		p.Message = said
	}
	p.Place = t.Place
	from := lineStart(t.Text, fault.Line)
	for range max(0, fault.Col-1) {
		_, size := utf8.DecodeRuneInString(t.Text[from:])
		from += size
	}
	to := from + len(word.FindString(t.Text[from:]))
	if name := quotedName(fault.Msg, t.Text[from:lineEnd(t.Text, from)]); name != "" {
		from += wordIndex(t.Text[from:], name)
		to = from + len(name)
	}
	p.at(t.Place, t.Text, from, to)
	return true
}

var word = regexp.MustCompile(`^\w+`)

// text finds the text at a place, or at the list that the place is an element of.
func (s *sources) text(place string) *text {
	for i, t := range s.texts {
		if rest, ok := strings.CutPrefix(place, t.Place); ok && (rest == "" || rest[0] == '[') {
			return &s.texts[i]
		}
	}
	return nil
}

// locate finds a place: in a template, the name that the problem is about, on a line if
// that is known; else in the settings.
func (s *sources) locate(p *problem, name string, line int) {
	if t := s.text(p.Place); t != nil {
		from, to := s.part(t, p.Place)
		if m := lineOfMessage.FindStringSubmatch(p.Message); line == 0 && m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		if line > 0 {
			from = lineStart(t.Text, line)
			to = lineEnd(t.Text, from)
		}
		if name == "" {
			name = quotedName(p.Message, t.Text[from:to])
		}
		if i := wordIndex(t.Text[from:to], name); i >= 0 {
			from, to = from+i, from+i+len(name)
		}
		p.at(t.Place, t.Text, from, to)
		return
	}
	value := gjson.Get(s.settings, pathOf(p.Place))
	if p.Place != "" && value.Index > 0 && !ofKey.MatchString(p.Message) {
		from, to := value.Index, value.Index+len(value.Raw)
		if name == "" {
			name = quotedName(p.Message, value.Raw)
		}
		if i := wordIndex(value.Raw, name); i >= 0 {
			from, to = from+i, from+i+len(name)
		}
		p.at("", s.settings, from, to)
		return
	}
	if row, column := settings.Locate([]byte(s.settings), p.Place); row > 0 {
		from := lineStart(s.settings, row) + column - 1
		to := from + 1
		if s.settings[from] == '"' {
			to = from + len(gjson.Parse(s.settings[from:]).Raw)
		}
		p.at("", s.settings, from, to)
	}
}

var (
	lineOfMessage = regexp.MustCompile(`\bline (\d+)\b`)
	ofKey         = regexp.MustCompile(`unknown key|duplicate key|conflicts with|is missing`)
	inQuotes      = regexp.MustCompile(`'([^']+)'|"([^"]+)"`)
)

// quotedName is the first name that a message quotes and the text has.
func quotedName(message, in string) string {
	for _, m := range inQuotes.FindAllStringSubmatch(message, -1) {
		if name := m[1] + m[2]; wordIndex(in, name) >= 0 {
			return name
		}
	}
	return ""
}

// wordIndex finds a name that is not a part of a longer one; -1 for none.
func wordIndex(in, name string) int {
	if name == "" {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(in[from:], name)
		if i < 0 {
			return -1
		}
		i += from
		if !isWord(in, i-1) && !isWord(in, i+len(name)) {
			return i
		}
		from = i + 1
	}
}

func isWord(in string, at int) bool {
	return at >= 0 && at < len(in) && (in[at] == '_' || in[at] >= '0' && in[at] <= '9' || in[at] >= 'a' && in[at] <= 'z' || in[at] >= 'A' && in[at] <= 'Z')
}

// part is the part of a text that a place names: one element of a list of lines, or all.
func (s *sources) part(t *text, place string) (from, to int) {
	rest := strings.TrimPrefix(place, t.Place)
	index, err := strconv.Atoi(strings.Trim(rest, "[]"))
	if rest == "" || err != nil {
		return 0, len(t.Text)
	}
	for i, element := range gjson.Get(s.settings, pathOf(t.Place)).Array() {
		if i == index {
			return from, min(from+len(element.Str), len(t.Text))
		}
		from = min(from+len(element.Str)+1, len(t.Text))
	}
	return 0, len(t.Text)
}

func lineStart(text string, line int) (at int) {
	for range line - 1 {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

func lineEnd(text string, from int) int {
	if i := strings.IndexByte(text[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(text)
}

// noObject says why settings are not a JSON object.
func (s *sources) noObject(cause error) problem {
	p := problem{Severity: string(pipeline.SeverityError), Message: cause.Error()}
	var syntax *json.SyntaxError
	from := 0
	if errors.As(cause, &syntax) {
		p.Message = "The settings are not valid JSON: " + syntax.Error() + "."
		from = max(0, int(syntax.Offset)-1)
	}
	p.at("", s.settings, from, from+1)
	return p
}
