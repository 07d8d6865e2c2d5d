package runpage_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
)

// active matches what makes a page run or load something. The text within the quotes of an
// attribute does neither.
var active = regexp.MustCompile(
	`(?i)<(script|iframe|object|embed|img|link|base|form)\b` +
		`|<[^<>"]*("[^"]*"[^<>"]*)*([\s/]|"[^"]*")(on[a-z]+|src)\s*=` +
		`|(href|action)\s*=\s*"\s*(javascript|data):`,
)

func TestTextInTheQuotesOfAnAttributeIsNotActive(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{
		`<li class="a&#34; onload=&#34;x">`: false,
		`<li class="a b" title="c src=d">`:  false,
		`<li class="a"><p>onload = x</p>`:   false,
		`<li class="a" onload="x">`:         true,
		`<li class="a"onload="x">`:          true,
		`<li onload=x>`:                     true,
		`<svg/onload=x>`:                    true,
		`<video class="a" SRC = "x">`:       true,
		`<a href=" JavaScript:x">`:          true,
		`<Script>`:                          true,
	} {
		if active.MatchString(tag) != want {
			t.Errorf("%s: %v", tag, !want)
		}
	}
}

// FuzzPage shows whatever a report may hold: a page has no script, and loads nothing.
func FuzzPage(f *testing.F) {
	f.Add(
		[]byte(
			`{"annotation":1,"started":"2026-11-26T08:00:00Z","steps":[{"name":"<script>","status":"done","calls":[{"method":"POST","url":"javascript:x","reply":{"status":200,"body":"<img src=x onerror=y>"}}]}]}`,
		),
	)
	f.Add(
		[]byte(
			`{"steps":[{}],"findings":[{"severity":"error","step":"\" onload=\"x","cause":"</style><script>"}],"messages":[{"type":"error","content":"<a href=\"javascript:x\">"}]}`,
		),
	)
	f.Add(
		[]byte(
			`{"steps":[{"name":"a","decisions":["<b>"],"files":[{"key":"k","text":"<base>"}],"changes":[{"schema_id":"x","before":"<i>","after":"&"}]}]}`,
		),
	)
	f.Fuzz(func(t *testing.T, data []byte) {
		var r pipeline.Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		page, err := runpage.Page(&r)
		if err != nil {
			t.Fatal(err)
		}
		if found := active.Find(page); found != nil {
			t.Errorf("%q made a page with %q", data, found)
		}
		if !strings.HasSuffix(strings.TrimSpace(string(page)), "</html>") {
			t.Errorf("%q made a page that ends early", data)
		}
		_ = runpage.Headline(&r)
	})
}
