package wsdl

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// scanner finds the tags of a document. It is several times as fast as encoding/xml,
// since it looks at nothing else: attributes are read where somebody asks for them,
// and texts not at all. What it passes over is read by encoding/xml when a declaration
// is needed.
type scanner struct {
	data []byte
	at   int
}

// tag is a start tag, an end tag, or both in one.
type tag struct {
	from, to int    // in the data
	name     []byte // as it stands there, with its prefix
	end      bool   // an end tag
	empty    bool   // a start tag that ends its element
}

var errTag = errors.New("it is not well formed")

// next returns the next tag; [io.EOF] after the last.
func (s *scanner) next() (tag, error) {
	for {
		open := bytes.IndexByte(s.data[s.at:], '<')
		if open < 0 {
			return tag{}, io.EOF
		}
		s.at += open
		rest := s.data[s.at:]
		if len(rest) < 2 {
			return tag{}, fmt.Errorf("%w: %w", errTag, io.ErrUnexpectedEOF)
		}
		var err error
		switch {
		case rest[1] == '?':
			err = s.instruction(rest)
		case rest[1] != '!':
			return s.tag(rest)
		case bytes.HasPrefix(rest, []byte("<!--")):
			err = s.skip(rest[len("<!--"):], "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			err = s.skip(rest, "]]>")
		default:
			err = ErrDoctype
		}
		if err != nil {
			return tag{}, err
		}
	}
}

// skip goes on after an end.
func (s *scanner) skip(rest []byte, end string) error {
	i := bytes.Index(rest, []byte(end))
	if i < 0 {
		return fmt.Errorf("%w: %w: %s is missing", errTag, io.ErrUnexpectedEOF, end)
	}
	s.at = len(s.data) - len(rest) + i + len(end)
	return nil
}

func (s *scanner) instruction(rest []byte) error {
	if err := s.skip(rest[len("<?"):], "?>"); err != nil {
		return err
	}
	target, inst, _ := bytes.Cut(rest[len("<?"):s.at-(len(s.data)-len(rest))-len("?>")], []byte(" "))
	return checkEncoding(xml.ProcInst{Target: string(target), Inst: inst})
}

// tag reads the tag at the beginning of rest.
func (s *scanner) tag(rest []byte) (tag, error) {
	t := tag{from: s.at}
	i := 1
	if rest[1] == '/' {
		t.end = true
		i = 2
	}
	begin := i
	for i < len(rest) && !isTagEnd(rest[i]) {
		i++
	}
	if t.name = rest[begin:i]; len(t.name) == 0 {
		return t, fmt.Errorf("%w: a tag has no name", errTag)
	}
	for ; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '>':
			t.empty = !t.end && rest[i-1] == '/'
			s.at += i + 1
			if t.to = s.at; t.to-t.from > maxTag {
				return t, fmt.Errorf("a tag has more than %d MB", maxTag>>20)
			}
			return t, nil
		case '"', '\'':
			length := bytes.IndexByte(rest[i+1:], c)
			if length < 0 {
				i = len(rest)
				break
			}
			i += length + 1
		case '<':
			return t, fmt.Errorf("%w: there is a < within the tag <%s>", errTag, t.name)
		}
	}
	return t, fmt.Errorf("%w: %w: the tag <%s> has no end", errTag, io.ErrUnexpectedEOF, t.name)
}

func isTagEnd(c byte) bool {
	return c == '>' || c == '/' || c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '<' || c == '"' || c == '\''
}

// start reads a start tag with its attributes.
func (s *scanner) start(t tag) (xml.StartElement, error) {
	text := s.data[t.from:t.to]
	if start, ok := plainStart(text, t.name); ok {
		return start, nil
	}
	token, err := xml.NewDecoder(bytes.NewReader(text)).RawToken()
	if err != nil {
		return xml.StartElement{}, err
	}
	start, ok := token.(xml.StartElement)
	if !ok {
		return start, fmt.Errorf("%w: <%s>", errTag, t.name)
	}
	return start, nil
}

// plainStart reads a start tag of ASCII names and values without references, as nearly
// all are; ok is false for others, and for wrong ones.
func plainStart(text, name []byte) (start xml.StartElement, ok bool) {
	if start.Name, ok = plainName(name); !ok {
		return start, false
	}
	rest := bytes.TrimSuffix(text[1+len(name):len(text)-1], []byte("/"))
	for {
		trimmed := bytes.TrimLeft(rest, " \t\n")
		if len(trimmed) == 0 {
			return start, true
		}
		equals := bytes.IndexByte(trimmed, '=')
		if equals < 0 || len(trimmed) == len(rest) || len(trimmed) < equals+3 {
			return start, false
		}
		attribute, quote := xml.Attr{}, trimmed[equals+1]
		if attribute.Name, ok = plainName(trimmed[:equals]); !ok || quote != '"' && quote != '\'' {
			return start, false
		}
		value := trimmed[equals+2:]
		end := bytes.IndexByte(value, quote)
		if end < 0 || bytes.ContainsAny(value[:end], "&<\r") {
			return start, false
		}
		attribute.Value = string(value[:end])
		start.Attr = append(start.Attr, attribute)
		rest = value[end+1:]
	}
}

// plainName splits a name into its prefix and the rest.
func plainName(text []byte) (xml.Name, bool) {
	colon := -1
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		case c == ':' && colon < 0 && i > 0 && i < len(text)-1:
			colon = i
		default:
			return xml.Name{}, false
		}
	}
	if colon < 0 {
		return xml.Name{Local: string(text)}, len(text) > 0
	}
	return xml.Name{Space: string(text[:colon]), Local: string(text[colon+1:])}, true
}

func checkUTF8(ctx context.Context, data []byte) error {
	text := unsafe.String(unsafe.SliceData(data), len(data)) // which nobody keeps
	return longtext.Pieces(text, func(int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}, func(piece string) error {
		if !utf8.ValidString(piece) {
			return errors.New("it is not UTF-8")
		}
		return nil
	})
}
