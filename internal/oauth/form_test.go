package oauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// signedPart is how a form is signed of whose values so many bytes are held.
func signedPart(form Body, held int) (string, error) {
	var p parameters
	var out bytes.Buffer
	err := p.addForm(context.Background(), form, held)
	if err == nil {
		err = p.write(context.Background(), &out)
	}
	return out.String(), err
}

// changing is a form that is another each time that it is opened; the last stays.
type changing struct {
	texts  []string
	opened *int
}

func (c changing) Open(context.Context) (io.ReadCloser, error) {
	text := c.texts[min(*c.opened, len(c.texts)-1)]
	*c.opened++
	return io.NopCloser(strings.NewReader(text)), nil
}

func TestAFormThatChangesWhileItIsSignedIsAnError(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2*maxHeld)
	first := "x=1&f=" + long + "&y=2"
	for name, texts := range map[string][]string{
		"the long value":             {first, "x=1&f=" + long[1:] + "b&y=2"},
		"its length":                 {first, "x=1&f=" + long[1:] + "&y=2"},
		"what comes before":          {first, "x=2&f=" + long + "&y=2"},
		"what comes after":           {first, first + "1"},
		"the end is missing":         {first, first[:maxHeld]},
		"nothing":                    {first, ""},
		"between two of its values":  {"f=" + long + "1&f=" + long + "0", "f=" + long + "1&f=" + long + "1"},
		"only when it is read third": {"f=" + long + "1&f=" + long + "0", "f=" + long + "1&f=" + long + "0", "f=" + long + "2&f=" + long + "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Signer{ConsumerKey: "c", ConsumerSecret: "s"}
			_, err := s.Header(t.Context(), "POST", "https://a/", changing{texts, new(int)}, "n", time.Unix(0, 0))
			if !errors.Is(err, ErrChanged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// failing is a form whose opening, or reading, fails from one time on.
type failing struct {
	text   string
	from   int
	opened *int
	read   bool
}

var errBroken = errors.New("broken")

func (f failing) Open(context.Context) (io.ReadCloser, error) {
	*f.opened++
	in := io.Reader(strings.NewReader(f.text))
	if *f.opened > f.from {
		if !f.read {
			return nil, errBroken
		}
		in = io.MultiReader(io.LimitReader(in, maxHeld), iotest.ErrReader(errBroken))
	}
	return io.NopCloser(in), nil
}

func TestAFormThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2*maxHeld)
	for from := range 4 {
		for _, reads := range []bool{false, true} {
			_, err := signedPart(failing{"f=" + long + "1&f=" + long + "0", from, new(int), reads}, maxHeld)
			if !errors.Is(err, errBroken) {
				t.Errorf("from %d on: got %v", from, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Signer{}).Header(ctx, "POST", "https://a/", sent("a=1"), "n", time.Unix(0, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAFormThatCannotBeSignedIsAnError(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 2*maxHeld)
	for text, want := range map[string]string{
		"a=%zz":                              "the form has a broken %-escape",
		"a%=1":                               "the form has a broken %-escape",
		"a=1&f=" + long + "%z":               "the form has a broken %-escape",
		"f=" + long + "%2":                   "the form has a broken %-escape",
		"f=%4" + long:                        "",
		"f=" + long + "%x1&f=" + long + "%0": "the form has a broken %-escape",
		long:                                 "the form has more fields, or a longer name of one, than can be signed",
		"a=1&oauth_x=" + long:                "the form has more fields, or a longer name of one, than can be signed",
		strings.Repeat("&a", maxFields+1):    "the form has more fields, or a longer name of one, than can be signed",
	} {
		if _, err := signedPart(sent(text), maxHeld); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%.20s: got %v", text, err)
		}
	}
}

func TestALongValueIsReadAgainRatherThanHeld(t *testing.T) {
	t.Parallel()
	var p parameters
	value := strings.Repeat("%C3%BC+", maxHeld)
	if err := p.addForm(t.Context(), sent("a=1&f="+value+"&b=2"), maxHeld); err != nil {
		t.Fatal(err)
	}
	if len(p.list) != 3 || p.list[1].long == nil || cap(p.list[1].value) > 1<<16 || string(p.list[1].value[:6]) != "ü ü " {
		t.Fatalf("%d parameters", len(p.list))
	}
	opened := new(int)
	s := Signer{ConsumerKey: "c"}
	_, err := s.Header(
		t.Context(),
		"POST",
		"https://a/",
		changing{[]string{"a=1&b=" + value + "&f=" + value + "&c=2"}, opened},
		"n",
		time.Unix(0, 0),
	)
	if err != nil || *opened != 2 {
		t.Errorf("%v, opened %d times: values in the order of the form take one pass", err, *opened)
	}
}

// What is signed does not depend on how much is held, nor on how it arrives.
func FuzzForm(f *testing.F) {
	for _, text := range []string{
		"a=1&b=+%20", "f=%C3%BC%C3&f=%C3%BC%E2%82&f=%F0%9F%98%80", "oauth_x=%2541&=v&a", "a=%", "a=%zz&b=1", "f=ab&f=abc&f=ab&f=ab%00",
		"%FF=1;2=3",
	} {
		f.Add(text, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, held uint8) {
		want, wantErr := signedPart(sent(text), len(text))
		if strings.Contains(want, "oauth%5F") || strings.Contains(text, "oauth_") {
			return // which are held whole
		}
		got, err := signedPart(byByte(text), int(held))
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Errorf("%d bytes held: %v %s\nall held: %v %s", held, err, got, wantErr, want)
		}
	})
}

// byByte is a form that comes byte by byte.
type byByte string

func (b byByte) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(iotest.OneByteReader(strings.NewReader(string(b)))), nil
}

func BenchmarkHeaderOfALongForm(b *testing.B) {
	var data [256]byte
	for i := range data {
		data[i] = byte(i)
	}
	form := sent("a=1&file=" + strings.Repeat(url.QueryEscape(string(data[:])), 40_000))
	b.SetBytes(int64(len(form)))
	for b.Loop() {
		if _, err := (Signer{}).Header(context.Background(), "POST", "https://a/", form, "n", time.Unix(0, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
