package runpage

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Sizes of the graph of steps, in pixels.
const (
	boxWidth  = 230
	boxHeight = 46
	boxGap    = 26
)

// graph draws the steps in the order in which they ran.
func graph(list []step) template.HTML {
	if len(list) == 0 {
		return ""
	}
	d := &drawing{}
	width, height := d.column(list, 1, 1)
	return template.HTML(fmt.Sprintf( //nolint:gosec // every text in it is escaped
		`<svg class="graph" viewBox="0 0 %d %d" width="%d" height="%d" role="group" aria-labelledby="graph-title"><title id="graph-title">%s</title>%s</svg>`,
		width+2, height+2, width+2, height+2, template.HTMLEscapeString(inWords(list)), d.b.String()))
}

// inWords says what the graph shows.
func inWords(list []step) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = s.Name + " (" + s.State.Word + ")"
		if len(s.Inner) > 0 {
			parts[i] += ", which has: " + inWords(s.Inner)
		}
	}
	return strings.Join(parts, ", then ")
}

// drawing is an SVG in the making.
type drawing struct{ b strings.Builder }

// column draws steps below each other and returns what they took.
func (d *drawing) column(list []step, x, y int) (width, height int) {
	top, bottom := y, 0 // bottom is that of the last box
	for i, s := range list {
		if i > 0 {
			y += boxGap
			d.arrow(x+boxWidth/2, bottom, y)
		}
		bottom = y + boxHeight
		w, h := d.one(s, x, y)
		width, y = max(width, w), y+h
	}
	return width, y - top
}

// one draws a step, and to its right what is within it: the steps of a chain below each
// other, and so the branches of a parallel step, each with a line of its own.
func (d *drawing) one(s step, x, y int) (width, height int) {
	d.box(s, x, y)
	if len(s.Inner) == 0 {
		return boxWidth, boxHeight
	}
	inner := x + boxWidth + boxGap
	if s.Name != "parallel" {
		d.branch(x+boxWidth, y+boxHeight/2, y+boxHeight/2)
		w, h := d.column(s.Inner, inner, y)
		return boxWidth + boxGap + w, max(boxHeight, h)
	}
	for i, branch := range s.Inner {
		if i > 0 {
			height += boxGap
		}
		d.branch(x+boxWidth, y+boxHeight/2, y+height+boxHeight/2)
		w, h := d.one(branch, inner, y+height)
		width, height = max(width, w), height+h
	}
	return boxWidth + boxGap + width, height
}

// branch draws the line from a step to one that is within it.
func (d *drawing) branch(x, from, to int) {
	fmt.Fprintf(&d.b, `<path class="line" d="M%d %dh%dV%dh%d"/>`, x, from, boxGap/2, to, boxGap/2)
}

func (d *drawing) box(s step, x, y int) {
	fmt.Fprintf(&d.b, `<a href="#%s"><g class="box %s"><rect x="%d" y="%d" width="%d" height="%d" rx="6"/>`, s.ID, s.State.Class, x, y, boxWidth, boxHeight)
	fmt.Fprintf(&d.b, `<text class="name" x="%d" y="%d">%s</text>`, x+12, y+19, template.HTMLEscapeString(shortened(s.Name, 28)))
	fmt.Fprintf(&d.b, `<text class="state" x="%d" y="%d">%s %s</text></g></a>`, x+12, y+36, s.State.Sign, s.State.Word)
}

func (d *drawing) arrow(x, from, to int) {
	fmt.Fprintf(&d.b, `<path class="line" d="M%d %dV%d"/><path class="head" d="M%d %dl-4 -7h8z"/>`, x, from, to-6, x, to)
}

// shortened cuts a text to n characters.
func shortened(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// Sizes of the time axis, in pixels.
const (
	labelWidth = 300
	axisWidth  = 560
	timeWidth  = 90
	rowHeight  = 22
	maxBars    = 400
)

// bar is a row of the time axis.
type bar struct {
	class, label, link string
	depth              int
	from               time.Time
	took               time.Duration
	tries              []pipeline.TryReport
}

// waterfall draws steps, calls, attempts and waits on one time axis.
func waterfall(r *pipeline.Report, list []step) template.HTML {
	if c := counted(r); r.DryRun && c.calls == 0 {
		return "" // nobody waits for anything
	}
	all := bars(list, 0)
	more := len(all) - maxBars
	if more > 0 {
		all = all[:maxBars]
	}
	total := time.Duration(r.Took)
	for _, b := range all {
		total = max(total, b.from.Sub(r.Started)+b.took)
	}
	if len(all) == 0 || total <= 0 {
		return ""
	}
	d := &drawing{}
	for i, b := range all {
		d.bar(b, r.Started, total, 20+i*rowHeight)
	}
	height := 20 + len(all)*rowHeight
	d.axis(total, height)
	width := labelWidth + axisWidth + timeWidth
	svg := fmt.Sprintf(`<svg class="time" viewBox="0 0 %d %d" width="%d" height="%d" role="group" aria-label="Steps and calls on a time axis of %s; the steps below say the same in words">%s</svg>`,
		width, height+4, width, height+4, duration(total), d.b.String())
	if more > 0 {
		svg += fmt.Sprintf("<p>and %d rows more</p>", more)
	}
	return template.HTML(svg) //nolint:gosec // every text in it is escaped
}

func bars(list []step, depth int) (all []bar) {
	for _, s := range list {
		if s.Status == pipeline.StatusNotRun || s.Earlier {
			continue
		}
		all = append(all, bar{"step " + s.State.Class, s.Name, s.ID, depth, s.Started, time.Duration(s.Took), nil})
		for _, c := range s.Calls {
			if c.Started.IsZero() || c.Recorded || c.Dry {
				continue
			}
			all = append(all, bar{"call " + c.Outcome.Class, c.Method + " " + withoutScheme(c.URL), s.ID, depth + 1, c.Started, time.Duration(c.Took), c.Tries})
		}
		all = append(all, bars(s.Inner, depth+1)...)
	}
	return all
}

func withoutScheme(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		return rest
	}
	return url
}

// axis draws the lines of a quarter, half and the whole time.
func (d *drawing) axis(total time.Duration, height int) {
	for i := range 5 {
		x := labelWidth + i*axisWidth/4
		fmt.Fprintf(&d.b, `<path class="tick" d="M%d 16V%d"/><text class="tick" x="%d" y="11" text-anchor="middle">%s</text>`,
			x, height, x, duration(total*time.Duration(i)/4))
	}
}

func (d *drawing) bar(b bar, begin time.Time, total time.Duration, y int) {
	at := func(t time.Time) float64 {
		return labelWidth + axisWidth*max(0, min(1, float64(t.Sub(begin))/float64(total)))
	}
	wide := func(took time.Duration) float64 { return max(2, axisWidth*min(1, float64(took)/float64(total))) }
	fmt.Fprintf(&d.b, `<a href="#%s"><text class="label" x="%d" y="%d">%s</text></a>`, b.link, 8+12*b.depth, y+15, template.HTMLEscapeString(shortened(b.label, 42-2*b.depth)))
	fmt.Fprintf(&d.b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="12" rx="2"/>`, waitClass(b), at(b.from), y+5, wide(b.took))
	for _, t := range b.tries {
		class := "call done"
		if t.Status == 0 || t.Status >= 400 {
			class = "call failed"
		}
		fmt.Fprintf(&d.b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="12" rx="2"/>`, class, at(t.Started), y+5, wide(time.Duration(t.Took)))
	}
	note := duration(b.took)
	if len(b.tries) > 1 {
		note += fmt.Sprintf(", %d×", len(b.tries))
	}
	fmt.Fprintf(&d.b, `<text class="took" x="%d" y="%d">%s</text>`, labelWidth+axisWidth+8, y+15, note)
}

// waitClass is that of a whole bar: where there were several attempts, what is between
// them is waiting.
func waitClass(b bar) string {
	if len(b.tries) > 1 {
		return "wait"
	}
	return b.class
}
