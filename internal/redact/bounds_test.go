package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// searched is what [index.find] is held against: every form, and every beginning of one
// before an end, looked for by itself.
func searched(x *index, in search) (found []span) {
	for _, f := range allForms(x) {
		for at := range len(in.text) {
			whole := span{at, at + len(f)}
			if strings.HasPrefix(in.text[at:], f) &&
				!slices.ContainsFunc(in.hidden, func(p span) bool { return whole.from >= p.from && whole.to <= p.to }) {
				found = append(found, whole)
			}
			for _, end := range in.ends {
				if n := end - at; n >= minCut && n < len(f) && in.text[at:end] == f[:n] {
					found = append(found, span{at, end})
				}
			}
		}
	}
	return merged(found)
}

// allForms are those that an index finds.
func allForms(x *index) (all []string) {
	for _, t := range x.built() {
		all = append(all, t.forms...)
	}
	return all
}

func TestTheIndexFindsWhatSearchingForEachFormFinds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(18, 1))
	text := func(most int) string {
		pieces := []string{"a", "a", "b", "abab", "aaaaaaaa", "...", Placeholder, "secret", "**", "ab...abab"}
		var b strings.Builder
		for n := random.IntN(most + 1); b.Len() < n; {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	for range 3_000 {
		var x index
		var s starts
		for range 1 + random.IntN(6) {
			if random.IntN(4) == 0 {
				x.built() // forms come in several tries
			}
			form := text(random.IntN(200))
			if random.IntN(3) == 0 {
				form = strings.Repeat(form, 3)
			}
			if len(form) >= MinLength {
				x.add(form)
				s.add(form)
			}
		}
		if s == nil {
			continue
		}
		whole := text(300)
		if random.IntN(2) == 0 {
			whole += allForms(&x)[0] + text(20)
		}
		in := search{text: whole, ends: []int{len(whole)}}
		for _, mark := range ellipses {
			in.ends = append(in.ends, places(whole, mark)...)
		}
		slices.Sort(in.ends)
		for _, at := range places(whole, Placeholder) {
			in.hidden = append(in.hidden, span{at, at + len(Placeholder)})
		}
		want := searched(&x, in)
		if got := x.find(s, &in); !slices.Equal(got, want) {
			t.Fatalf("in %q: %v, want %v; forms %v", whole, got, want, allForms(&x))
		}
	}
}

// What took the square of their length, with a megabyte of each: this test does not end
// within the time of a test otherwise.
func TestTextsThatAreFullOfASecret(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	fill := func(part string) string { return strings.Repeat(part, 1+size/len(part)) }
	same, periodic := strings.Repeat("a", 60<<10), strings.Repeat("abcdefghij", 6<<10)
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("secret-of-hook-%d", i)
	}
	for name, c := range map[string]struct {
		secrets []string
		text    string
	}{
		"a secret that overlaps itself":        {[]string{"aaaa"}, fill("a")},
		"a long secret that overlaps itself":   {[]string{same}, fill("a")},
		"a long secret of a period":            {[]string{periodic}, fill("abcdefghij")},
		"beginnings of it":                     {[]string{same}, fill(strings.Repeat("a", 50<<10) + "b")},
		"ellipses within it":                   {[]string{same}, fill("aaaaaaaa...")},
		"ellipses":                             {[]string{same, strings.Repeat(".", 1000)}, fill(".")},
		"placeholders":                         {[]string{"secret"}, fill(Placeholder)},
		"placeholders and the word":            {[]string{"secret"}, fill(Placeholder + "secret")},
		"the secret, escaped":                  {[]string{`pass"word`}, fill(`pass\"word `)},
		"the secret, escaped twice":            {[]string{`pass"word`}, fill(`pass%5C%22word &amp; `)},
		"the secret in base64":                 {[]string{"topsecretvalue"}, base64.StdEncoding.EncodeToString([]byte(fill("topsecretvalue ")))},
		"the secret in base64 of base64":       {[]string{"topsecretvalue"}, base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(fill("topsecretvalue ")))))},
		"the secret in hexadecimal digits":     {[]string{"topsecretvalue"}, hex.EncodeToString([]byte(fill("topsecretvalue ")))},
		"runs of base64":                       {[]string{"topsecretvalue"}, fill("dG9wc2VjcmV0dmFsdWU= ")},
		"all escapes":                          {[]string{"topsecretvalue"}, fill(`%25%255C\\\u005c&amp;amp;=3D=25 `)},
		"broken lines":                         {[]string{"topsecretvalueofmany"}, fill("topsecretv\nalueofmany ")},
		"all secrets":                          {many, fill(strings.Join(many, " "))},
		"beginnings of secrets":                {many, fill("secret-of-hook-")},
		"halves of surrogates":                 {[]string{"topsecretvalue"}, fill(`\uD83D`)},
		"halves of surrogates of JavaScript":   {[]string{"topsecretvalue"}, fill(`%uD83D`)},
		"entities without ends":                {[]string{"topsecretvalue"}, fill(`&#x00000074`)},
		"numbers without ends":                 {[]string{"topsecretvalue"}, fill(`&#0000000000000000000116`)},
		"the secret in UTF-16":                 {[]string{"topsecretvalue"}, fill("t\x00o\x00p\x00s\x00e\x00c\x00r\x00e\x00t\x00v\x00a\x00l\x00u\x00e\x00")},
		"nothing that can be read":             {[]string{"topsecretvalue"}, fill("\xff")},
		"a secret of a megabyte":               {[]string{fill("megabyte")}, fill("megabyte") + fill("megabyte")},
		"a secret of a megabyte, not the text": {[]string{fill("megabyte")}, fill("megabyt")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := New(c.secrets...).String(c.text)
			for _, secret := range c.secrets[:1] {
				if secret != "secret" && strings.Contains(got, secret) {
					t.Errorf("the secret is shown")
				}
			}
		})
	}
}

// What compared each of the forms that begin alike at each place took minutes for this.
func TestFormsThatShareTheirBeginningTakeNoLonger(t *testing.T) {
	t.Parallel()
	const start = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
	var x index
	var s starts
	for i := range 50_000 {
		form := fmt.Sprintf("%s%05d", start, i)
		x.add(form)
		s.add(form)
	}
	text := strings.Repeat(start, 4<<20/len(start))
	found := x.find(s, &search{text: text + start + "00042", ends: []int{len(start), len(text)}})
	at := len(text)
	if want := []span{{0, len(start)}, {at - len(start), at}, {at, at + len(start) + 5}}; !slices.Equal(found, want) {
		t.Errorf("%v, want %v", found, want)
	}
	if nodes, most := len(x.tries[0].labels), len(start)+50_000+5_000+500+50+5; nodes > most {
		t.Errorf("%d nodes, want %d: what forms share is kept once", nodes, most)
	}
}

// Secrets that come one by one, as tokens do, do not have all that were known before built
// again each time.
func TestSecretsThatComeOneByOne(t *testing.T) {
	t.Parallel()
	var x index
	built, known := 0, make(map[*trie]bool)
	const n = 5_000
	for i := range n {
		x.add(fmt.Sprintf("%04d", i))
		for _, t := range x.built() {
			if !known[t] {
				known[t] = true
				built += len(t.labels)
			}
		}
		if len(x.tries) > 13 {
			t.Fatalf("%d tries", len(x.tries))
		}
	}
	if built > 13*n || len(allForms(&x)) != n {
		t.Errorf("%d nodes were built for %d, and %d are there", built, n, len(allForms(&x)))
	}
}

func TestAVeryLongSecretIsFound(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 0; b.Len() <= maxFormed; i++ {
		fmt.Fprintf(&b, "part %d of a certificate\n", i)
	}
	secret := b.String()
	r := New(secret)
	for name, text := range map[string]string{
		"as it is": secret, "in base64": base64.StdEncoding.EncodeToString([]byte("x" + secret)),
		"in hexadecimal digits": hex.EncodeToString([]byte(secret)),
		"without breaks":        "it says: " + squeeze(secret), "on one line": strings.ReplaceAll(secret, "\n", `\n`),
		"a line": "part 1000 of a certificate", "cut": secret[:5000],
	} {
		if got := r.String(text); len(got) > 100+len(text)/1000 {
			t.Errorf("%s: %d bytes are left of %d: %.100q", name, len(got), len(text), got)
		}
	}
}
