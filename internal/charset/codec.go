package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/exportpipeline/exportpipeline/internal/textenc"
)

// byName finds a charset by any of its names: those of [Lookup], and else those that only
// Python's codecs have. The decoder of such a one takes a whole text, not a stream.
func byName(name string) (encoding.Encoding, bool) {
	if e, ok := Lookup(name); ok {
		return e, true
	}
	codec, err := textenc.Lookup(name)
	if err != nil {
		return nil, false
	}
	return pythonCodec{codec}, true
}

// pythonCodec is an encoding for which golang.org/x/text has no table.
type pythonCodec struct{ *textenc.Encoding }

// NewDecoder implements [encoding.Encoding].
func (c pythonCodec) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &wholeText{codec: c.Encoding}}
}

// NewEncoder implements [encoding.Encoding]; replies are only decoded.
func (c pythonCodec) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }

// wholeText decodes a text once it has all of it.
type wholeText struct {
	codec   *textenc.Encoding
	decoded bool
	rest    string // that is still to be handed out
}

// Reset implements [transform.Transformer].
func (w *wholeText) Reset() { w.decoded, w.rest = false, "" }

// Transform implements [transform.Transformer].
func (w *wholeText) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if !atEOF {
		return 0, 0, transform.ErrShortSrc
	}
	if !w.decoded {
		w.decoded = true
		w.rest, err = w.codec.Decode(src, func(textenc.Fault) (string, error) { return string(utf8.RuneError), nil })
		if err != nil {
			return 0, 0, err
		}
	}
	nDst = copy(dst, w.rest)
	if w.rest = w.rest[nDst:]; w.rest != "" {
		return nDst, 0, transform.ErrShortDst
	}
	return nDst, len(src), nil
}
