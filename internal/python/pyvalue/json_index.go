package pyvalue

import (
	"context"
	"errors"
	"math"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// indexed is a text of JSON that has been checked, and where its values begin. A list or
// an object of it is a [Part], which is read when somebody asks for it: the values of a
// reply of 60 MB would take a gigabyte, and most replies are asked for a handful.
type indexed struct {
	text     string
	spelling bool
	limit    int64 // of the memory that the values of one part may take
	entries  pages
}

// PyType implements [Object].
func (*indexed) PyType() string { return "a part of a reply" }

// Each value and each key has an entry in the index, in the order of the text: where it
// begins. A list or an object has a second one, the entry after all that is in it; whether
// an entry is one is for the text to say.
const (
	costOfIndexEntry = int64(unsafe.Sizeof(uint32(0)))
	pageBits         = 15
	pageSize         = 1 << pageBits
)

// pages are a list that grows without being copied.
type pages [][]uint32

func (p pages) get(i uint32) uint32 { return p[i>>pageBits][i&(pageSize-1)] }

func (p pages) set(i, to uint32) { p[i>>pageBits][i&(pageSize-1)] = to }

func (p *pages) add(entry uint32) uint32 {
	last := len(*p) - 1
	switch {
	case last < 0:
		*p = append(*p, nil)
		last = 0
	case len((*p)[last]) == pageSize:
		*p = append(*p, make([]uint32, 0, pageSize))
		last++
	}
	n := uint32(last<<pageBits + len((*p)[last]))
	(*p)[last] = append((*p)[last], entry)
	return n
}

// end is the number of entries.
func (p pages) end() uint32 {
	last := len(p) - 1
	return uint32(last<<pageBits + len(p[last]))
}

// isContainer reports whether a value that begins with c is a list or an object.
func isContainer(c byte) bool { return c == '{' || c == '[' }

// after is the entry after a value and all that is in it.
func (d *indexed) after(entry uint32) uint32 {
	if isContainer(d.text[d.entries.get(entry)]) {
		return d.entries.get(entry + 1)
	}
	return entry + 1
}

// IndexReply reads JSON as [FromReply] does, and refuses the same texts. A list or an
// object is a [Part], whose index takes 4 bytes for each value and each key, and 8 for a list
// or an object. The index is what may be too large.
func IndexReply(ctx context.Context, data []byte, spelling bool) (Value, error) {
	limit := treelimit.Of(ctx)
	text, err := replyText(ctx, data)
	if err != nil {
		return Value{}, err
	}
	v, err := indexJSONText(NewMeter(ctx, Limits{TotalBytes: limit}), text, spelling, limit)
	if errors.Is(err, ErrLimit) {
		err = &treelimit.Error{Limit: limit}
	}
	return v, err
}

func indexJSONText(m *Meter, text string, spelling bool, limit int64) (Value, error) {
	if uint64(len(text)) > math.MaxUint32 {
		return Value{}, errors.New("it is larger than 4 GB")
	}
	d := &indexed{text: text, spelling: spelling, limit: limit}
	d.entries = pages{make([]uint32, 0, min(pageSize, 4+len(text)/16))}
	i := &indexer{jsonReader: jsonReader{text: text, spelling: spelling, constants: true, meter: m}, doc: d}
	if err := i.value(0); err != nil {
		return Value{}, explained(m, text, err)
	}
	if err := i.ended(); err != nil {
		return Value{}, err
	}
	return d.value(0)
}

// indexer checks a text of JSON.
type indexer struct {
	jsonReader
	doc *indexed
}

func (i *indexer) add(entry int) (uint32, error) {
	return i.doc.entries.add(uint32(entry)), i.meter.Grow(costOfIndexEntry)
}

func (i *indexer) value(depth int) error {
	if depth > maxJSONDepth {
		return errTooDeep
	}
	c := i.next()
	if _, err := i.add(i.at); err != nil {
		return err
	}
	switch c {
	case '{', '[':
		after, err := i.add(0)
		if err != nil {
			return err
		}
		if c == '{' {
			err = i.members(depth)
		} else {
			err = i.items(depth)
		}
		i.doc.entries.set(after, i.doc.entries.end())
		return err
	case '"':
		return i.checkText()
	case 't':
		return i.word("true")
	case 'f':
		return i.word("false")
	case 'n':
		return i.word("null")
	}
	return i.digits()
}

func (i *indexer) items(depth int) error {
	i.at++
	for more := i.next() != ']'; more; {
		if err := i.value(depth + 1); err != nil {
			return err
		}
		var err error
		if more, err = i.comma(']'); err != nil {
			return err
		}
	}
	i.at++
	return nil
}

func (i *indexer) members(depth int) error {
	i.at++
	for more := i.next() != '}'; more; {
		if i.next() != '"' {
			return errSyntax
		}
		if _, err := i.add(i.at); err != nil {
			return err
		}
		if err := i.checkText(); err != nil {
			return err
		}
		if i.next() != ':' {
			return errSyntax
		}
		i.at++
		if err := i.value(depth + 1); err != nil {
			return err
		}
		var err error
		if more, err = i.comma('}'); err != nil {
			return err
		}
	}
	i.at++
	return nil
}

// checkText checks a text from its quote.
func (i *indexer) checkText() error {
	start := i.at + 1
	for at := start; at < len(i.text) && i.goesOn(at); at++ {
		switch c := i.text[at]; {
		case c == '"':
			i.at = at + 1
			return i.meter.Step(1 + int64(at-start)/64)
		case c == '\\':
			n := escapeLength(i.text[at:])
			if n == 0 {
				return errSyntax
			}
			at += n - 1
		case c < ' ':
			return errSyntax
		}
	}
	return errSyntax
}

// escapeLength returns the length of the escape that a text begins with, 0 if it is not
// one of JSON's.
func escapeLength(text string) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		for k := 2; k < 6; k++ {
			if k >= len(text) || !isHex(text[k]) {
				return 0
			}
		}
		return 6
	}
	return 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// digits checks a number. Only long ones can be refused for their size.
func (i *indexer) digits() error {
	const mayFail = 18
	n := numberLength(i.text[i.at:])
	if n == 0 {
		_, literal := constantAt(i.text[i.at:])
		if i.at += len(literal); literal == "" {
			return errSyntax
		}
		return i.meter.Step(1)
	}
	literal := i.text[i.at : i.at+n]
	i.at += n
	if n > mayFail {
		if _, err := parseJSONNumber(i.meter, literal); err != nil {
			return err
		}
	}
	return i.meter.Step(1 + int64(n)/64)
}
