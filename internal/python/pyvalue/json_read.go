package pyvalue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// Bytes of memory that the parts of a tree cost, about. They are those of a 64-bit machine.
const (
	costOfDict  = 80
	costOfEntry = 64
	costOfList  = 32
	costOfItem  = 24
	costOfSpelt = 48
)

// jsonReader reads a text of JSON into values. Texts and numbers are parts of the text
// where they have no escapes, and equal keys are one text, so that the tree of a large
// reply costs little more than its parts.
type jsonReader struct {
	text     string
	at       int
	spelling bool
	// constants has NaN, Infinity and -Infinity be floats.
	constants bool
	meter     *Meter
	keys      map[string]string // as they were first
	items     []Value           // a stack: those of lists that are not at their end
	members   []keyed           // and of dicts
}

type keyed struct {
	key   string
	value Value
}

// errSyntax says only that the text is not JSON; why is for [json.Decoder] to say.
var errSyntax = errors.New("the text is not JSON")

var errTooDeep = fmt.Errorf("JSON nested deeper than %d levels", maxJSONDepth)

// readJSONText reads a whole text. The meter, which may be nil, counts the memory of the
// tree, and steps.
func readJSONText(m *Meter, text string, spelling bool) (Value, error) {
	return (&jsonReader{text: text, spelling: spelling, meter: m}).whole()
}

// whole reads all of the text.
func (r *jsonReader) whole() (Value, error) {
	r.keys = make(map[string]string)
	v, err := r.value(0)
	if err != nil {
		return Value{}, explained(r.meter, r.text, err)
	}
	return v, r.ended()
}

// ended says what comes after the value.
func (r *jsonReader) ended() error {
	if r.space(); r.at != len(r.text) {
		return fmt.Errorf("text after the end of the JSON value at byte %d", r.at)
	}
	return nil
}

// explained says what is wrong with the text, where err says only that something is.
func explained(m *Meter, text string, err error) error {
	if errors.Is(err, errSyntax) {
		if over := m.Look(0); over != nil {
			return over // within a long text
		}
		return explainJSON(m, text)
	}
	return err
}

// explainJSON returns what is wrong with a text that is not JSON.
func explainJSON(m *Meter, text string) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if err := m.Step(1); err != nil {
			return err
		}
	}
}

// goesOn reports whether to go on in a long text: it looks at the context where i is the end of
// a piece. Whoever does not go on returns errSyntax, which [explained] knows.
func (r *jsonReader) goesOn(i int) bool {
	return i%longtext.Piece != longtext.Piece-1 || r.meter.Look(longtext.Piece) == nil
}

func (r *jsonReader) space() {
	for r.at < len(r.text) && r.goesOn(r.at) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next returns the next byte that is no white space, 0 at the end.
func (r *jsonReader) next() byte {
	if r.space(); r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *jsonReader) value(depth int) (Value, error) {
	if depth > maxJSONDepth {
		return Value{}, errTooDeep
	}
	switch c := r.next(); c {
	case '{':
		r.at++
		return r.dict(depth)
	case '[':
		r.at++
		return r.list(depth)
	case '"':
		text, err := r.string()
		return Str(text), err
	case 't':
		return Bool(true), r.word("true")
	case 'f':
		return Bool(false), r.word("false")
	case 'n':
		return None(), r.word("null")
	}
	return r.number()
}

func (r *jsonReader) word(word string) error {
	if !strings.HasPrefix(r.text[r.at:], word) {
		return errSyntax
	}
	r.at += len(word)
	return r.meter.Step(1)
}

func (r *jsonReader) list(depth int) (Value, error) {
	first := len(r.items)
	for more := r.next() != ']'; more; {
		v, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		if err := r.meter.Grow(costOfItem); err != nil {
			return Value{}, err
		}
		r.items = append(r.items, v)
		if more, err = r.comma(']'); err != nil {
			return Value{}, err
		}
	}
	r.at++
	l := &List{}
	if len(r.items) > first {
		l.Items = slices.Clone(r.items[first:])
	}
	clear(r.items[first:])
	r.items = r.items[:first]
	return ListValue(l), r.meter.Grow(costOfList)
}

// comma passes a comma over, and reports whether there was one, or else the end.
func (r *jsonReader) comma(end byte) (bool, error) {
	switch r.next() {
	case ',':
		r.at++
		return true, nil
	case end:
		return false, nil
	}
	return false, errSyntax
}

func (r *jsonReader) dict(depth int) (Value, error) {
	first := len(r.members)
	for more := r.next() != '}'; more; {
		if r.next() != '"' {
			return Value{}, errSyntax
		}
		key, err := r.string()
		if err != nil {
			return Value{}, err
		}
		if r.next() != ':' {
			return Value{}, errSyntax
		}
		r.at++
		v, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		if err := r.meter.Grow(costOfEntry); err != nil {
			return Value{}, err
		}
		r.members = append(r.members, keyed{r.key(key), v})
		if more, err = r.comma('}'); err != nil {
			return Value{}, err
		}
	}
	r.at++
	d := NewDictSize(len(r.members) - first)
	for _, m := range r.members[first:] {
		d.SetStr(m.key, m.value)
	}
	clear(r.members[first:])
	r.members = r.members[:first]
	return d.Value(), r.meter.Grow(costOfDict)
}

// maxKeys bounds how many keys are remembered: more are no names of columns.
const maxKeys = 10_000

// key returns the text of an equal key that came before.
func (r *jsonReader) key(key string) string {
	if known, ok := r.keys[key]; ok {
		return known
	}
	if len(r.keys) < maxKeys {
		r.keys[key] = key
	}
	return key
}

// string reads a text from its quote.
func (r *jsonReader) string() (string, error) {
	start := r.at + 1
	for i := start; i < len(r.text) && r.goesOn(i); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.text[start:i], r.meter.Step(1 + int64(i-start)/64)
		case c == '\\' || c >= utf8.RuneSelf:
			return r.decoded(start, i)
		case c < ' ':
			return "", errSyntax
		}
	}
	return "", errSyntax
}

// decoded reads a text that needs more than cutting: as encoding/json does, which puts
// U+FFFD for what is no UTF-8 and for halves of surrogate pairs.
func (r *jsonReader) decoded(start, i int) (string, error) {
	plain := true // but for characters of several bytes
	for ; i < len(r.text) && r.text[i] != '"'; i++ {
		if !r.goesOn(i) {
			return "", errSyntax
		}
		switch c := r.text[i]; {
		case c < ' ':
			return "", errSyntax
		case c == '\\':
			plain = false
			i++
		}
	}
	if i >= len(r.text) {
		return "", errSyntax
	}
	r.at = i + 1
	if text := r.text[start:i]; plain && utf8.ValidString(text) {
		return text, r.meter.Step(1 + int64(i-start)/64)
	}
	return r.unescaped(r.text[start:i])
}

// unescaped decodes a text in pieces, so that the meter sees a large one in time.
func (r *jsonReader) unescaped(escaped string) (string, error) {
	const piece = 256 << 10
	var out strings.Builder
	for {
		n := pieceLength(escaped, piece)
		var text string
		if json.Unmarshal([]byte(`"`+escaped[:n]+`"`), &text) != nil {
			return "", errSyntax
		}
		if err := r.meter.Grow(int64(len(text))); err != nil {
			return "", err
		}
		if n == len(escaped) && out.Len() == 0 {
			return text, nil
		}
		out.WriteString(text)
		if escaped = escaped[n:]; escaped == "" {
			return out.String(), nil
		}
	}
}

// pieceLength is the length of the piece that an escaped text begins with, of n bytes or a
// few more: it does not end within an escape, a pair of them or a character.
func pieceLength(escaped string, n int) int {
	if len(escaped) <= n {
		return len(escaped)
	}
	half := false // of a pair has come
	for at := 0; at < len(escaped); {
		c := escaped[at]
		if at >= n && c < utf8.RuneSelf && !half {
			return at
		}
		half = false
		switch at++; {
		case c != '\\':
		case strings.HasPrefix(escaped[at:], "u"):
			half = strings.HasPrefix(escaped[at+1:], "d") || strings.HasPrefix(escaped[at+1:], "D")
			at += len("u0000")
		default:
			at++
		}
	}
	return len(escaped)
}

func (r *jsonReader) number() (Value, error) {
	text := r.text[r.at : r.at+numberLength(r.text[r.at:])]
	if text == "" && r.constants {
		f, literal := constantAt(r.text[r.at:])
		if r.at += len(literal); literal != "" {
			return Float(f), r.meter.Step(1)
		}
	}
	if text == "" {
		return Value{}, errSyntax
	}
	r.at += len(text)
	if !r.spelling {
		if err := r.meter.Step(1 + int64(len(text))/64); err != nil {
			return Value{}, err
		}
		return parseJSONNumber(r.meter, text)
	}
	if err := r.meter.Grow(costOfSpelt); err != nil {
		return Value{}, err
	}
	if err := r.meter.Step(int64(len(text)) / 64); err != nil { // a long one takes its time
		return Value{}, err
	}
	return numberWithin(r.meter, text)
}

// numberLength returns the length of the number that a text begins with, 0 if it begins
// with none.
func numberLength(text string) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > from
	}
	has := func(chars string) bool {
		if i < len(text) && strings.IndexByte(chars, text[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	has("-")
	if !has("0") && !digits() {
		return 0
	}
	if has(".") && !digits() {
		return 0
	}
	if has("eE") {
		if has("+-"); !digits() {
			return 0
		}
	}
	return i
}
