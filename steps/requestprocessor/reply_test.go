package requestprocessor

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// What a handler writes to a field is printed within the run's time, and within bounds.
func TestTheTextOfAFieldIsBounded(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	large := make([]pyvalue.Value, 100)
	for i := range large {
		large[i] = pyvalue.Str(strings.Repeat("x", 1<<20))
	}
	list, object := pyvalue.NewList(large...), pyvalue.NewDict()
	object.SetStr("a", list)
	for _, v := range []pyvalue.Value{list, object.Value()} {
		if _, err := fieldText(fieldMeter(t.Context()), v, true); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("%s of 100 MB: %v", pyvalue.TypeName(v), err)
		}
		if _, err := fieldText(fieldMeter(ended), v, true); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the end of the run: %v", pyvalue.TypeName(v), err)
		}
	}
}

func TestARepliesTextThatIsNotInItsCharsetIsNoted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mediaType, body, text, note string }{
		{"text/plain; charset=utf-8", "é", "é", ""},
		{"text/plain; charset=utf-8", "M\xfcller", "Müller", "is not in the charset"},
		{"text/plain; charset=utf-8", "\ufeffx", "x", "byte order mark"},
		{"text/plain; charset=utf-16", "\xff\xfex\x00", "x", ""},
		{"text/plain; charset=windows-1250", "\x9e", "ž", ""},
		{"text/plain; charset=cp932", "\x93\xfa", "日", ""},
		{"text/plain; charset=utf-7", "a+2D3eAA-", "a😀", ""},
		{"text/plain; charset=cp949", "\xc7\xd1", "한", ""},
		{"text/plain; charset=x-nope", "a", "a", "is not known"},
		{"text/plain; charset=shift_jis", "\x93\xfa", "日", ""},
		{"text/plain; charset=shift_jis", "\x93\xfa\x81", "日\ufffd", ""},
		{"text/plain; charset=shift_jis", "a\xfd\x40b", "a\ufffd@b", ""},
		{"text/plain; charset=windows1252", "abc", "abc", ""},
		{"text/plain; charset=windows1252", "\xfc", "ü", "does not know the charset"},
		{"text/plain; charset=x-mac-cyrillic", "\x80", "А", "does not know the charset"},
		{"text/plain; charset=windows-1252", "\x80", "€", ""},
		{"text/plain; charset=windows-1252", "\x81", "\ufffd", ""},
		{
			"text/xml; charset=utf-8", `<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>`,
			`<?xml version="1.0" encoding="iso-8859-1"?><a>Ã©</a>`, "not all of the text",
		},
		{"text/plain; charset=iso-2022-jp", "\x1b$BF|\x1b(B", "日", ""},
		{"text/plain; charset=us-ascii", "é", "é", "not all of the text"},
		{"text/plain; charset=utf-16-le", "\xff\xfex\x00", "x", "not all of the text"},
		{"text/plain", "é", "é", "names no charset"},
		{"application/json", `"é"`, `"é"`, ""},
	} {
		r := extraction{ContentType: &c.mediaType, Body: c.body}.reply()
		r.build(t.Context(), nil, true)
		text, _ := r.response.Dict().GetStr("text")
		if notes := strings.Join(r.notes, "; "); text.Text() != c.text || (notes != "") != (c.note != "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s %q is %q, %s", c.mediaType, c.body, text.Text(), notes)
		}
	}
}

// TestJudgingACharsetTakesNoMemory is not parallel, since it measures what all of the process takes.
func TestJudgingACharsetTakesNoMemory(t *testing.T) {
	for _, c := range []struct{ mediaType, body string }{
		{"application/json; charset=utf-8", "é"}, {"application/json; charset=utf-8", "e"},
		{"text/plain; charset=iso-8859-1", "e"}, {"text/plain; charset=us-ascii", "e"},
	} {
		const size = 8 << 20
		r := extraction{ContentType: &c.mediaType, Body: strings.Repeat(c.body, size)}.reply()
		text := r.decoded(t.Context())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r.noteCharset(text)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > size/2 || r.notes != nil {
			t.Errorf("%s takes %d bytes for %d of %q, and says %q", c.mediaType, took, size, c.body, r.notes)
		}
	}
}

func TestHeaderValuesAreLatin1AndSaidWhereTheEngineFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value      pyvalue.Value
		sent, note string
	}{
		{pyvalue.Str("é\u0085"), "\xe9\x85", ""},
		{pyvalue.Str("x\u00a0"), "x\xa0", ""}, // which is part of the value
		{pyvalue.Str("a\tb"), "a\tb", ""},
		{pyvalue.Str(""), "", ""},
		{pyvalue.Str("x \t"), "x \t", "without the blanks after it"},
		{pyvalue.Str(" x"), " x", "blanks before it"},
		{pyvalue.Str("\u00a0x"), "\xa0x", "blanks before it"},
		{pyvalue.Str("日"), "日", "sent in UTF-8"},
		{pyvalue.Int(5), "5", "is a number and goes out as text"},
	} {
		text := "5"
		if c.value.IsText() {
			text = c.value.Text()
		}
		sent, note := headerText(c.value, text)
		if sent != c.sent || (note != "") != (c.note != "") || !strings.Contains("is "+note, c.note) {
			t.Errorf("%q is sent as %q, %q", text, sent, note)
		}
	}
}

// What ends the run while a reply is read is not a fault of the reply.
func TestTheEndOfARunIsNotAFaultOfTheReply(t *testing.T) {
	t.Parallel()
	stopped := errors.New("the service is stopping")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	for mediaType, body := range map[string]string{"application/json": `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "text/xml": "<a/>"} {
		header := http.Header{"Content-Type": {mediaType}}
		r := &reply{Reply: &send.Reply{Status: 200, Header: header, Body: []byte(body)}, excerpt: func() string { return body }, mediaType: mediaType}
		r.build(ctx, nil, false)
		if err := r.broken(ctx); !errors.Is(err, stopped) || strings.Contains(err.Error(), "reply") {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
}
