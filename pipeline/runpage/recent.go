package runpage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// defaultKeep is how many runs a [Recent] keeps.
const defaultKeep = 200

// Options are the options of [NewRecent]; the zero value works.
type Options struct {
	// Keep is how many runs are kept in memory, the newest; 200 if 0.
	Keep int
	// Journal, if not nil, is where the runs come from instead of memory: those of all
	// processes that share its ledger, also the ones that have not ended.
	Journal *pipeline.Journal
}

// Recent shows the recent runs, newest first, with a page for each. It keeps the reports
// that [Recent.Add] gets, or reads them from a ledger. Mount it where only those who may
// see documents get in; it has no authorisation of its own. It is safe for concurrent use.
type Recent struct {
	o  Options
	mu sync.Mutex
	// runs are the oldest first.
	runs []kept
	last int
}

type kept struct {
	id     int
	report *pipeline.Report
}

// NewRecent makes a Recent.
func NewRecent(o Options) *Recent {
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	return &Recent{o: o}
}

// Add keeps the report of a run; give it to pipeline.WithReport. Of an annotation that
// was purged or deleted it forgets everything.
func (n *Recent) Add(_ context.Context, r *pipeline.Report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Gone {
		n.runs = slices.DeleteFunc(n.runs, func(k kept) bool { return k.report.AnnotationID == r.AnnotationID })
		return
	}
	n.last++
	n.runs = append(n.runs, kept{n.last, r})
	if more := len(n.runs) - n.o.Keep; more > 0 {
		n.runs = slices.Delete(n.runs, 0, more)
	}
}

// Policy is the Content-Security-Policy of the pages: no script, nothing from elsewhere,
// no style but the one that is in them.
func Policy() string {
	return "default-src 'none'; style-src 'sha256-" + sum(css) + "'; form-action 'self'; base-uri 'none'"
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(s[:])
}

// ServeHTTP serves the list at / and a run at /run/ID.
func (n *Recent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy()+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "a page is read with GET", http.StatusMethodNotAllowed)
		return
	}
	var b bytes.Buffer
	var err error
	id, isRun := strings.CutPrefix(r.URL.Path, "/run/")
	switch {
	case isRun:
		err = n.run(r.Context(), &b, id)
	case r.URL.Path == "/" || r.URL.Path == "":
		err = n.list(r, &b)
	default:
		err = errNotFound
	}
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, pipeline.ErrNoRun):
		http.Error(w, "There is no such run; it may be too old to be kept.", http.StatusNotFound)
		return
	case err != nil:
		slog.ErrorContext(r.Context(), "the page of an export could not be made", "path", r.URL.Path, "error", outage.Text(err))
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // whoever has gone does not want it
}

var errNotFound = errors.New("there is no such page")

func (n *Recent) run(ctx context.Context, b *bytes.Buffer, id string) error {
	if j := n.o.Journal; j != nil {
		o, err := j.Outcome(ctx, pipeline.RunID(id))
		if err != nil {
			return err
		}
		return write(b, reportOf(&o), "../")
	}
	number, err := strconv.Atoi(id)
	if err != nil {
		return errNotFound
	}
	n.mu.Lock()
	i := slices.IndexFunc(n.runs, func(k kept) bool { return k.id == number })
	var report *pipeline.Report
	if i >= 0 {
		report = n.runs[i].report
	}
	n.mu.Unlock()
	if report == nil {
		return errNotFound
	}
	return write(b, report, "../")
}

// reportOf is the report of a run of the ledger, also of one that has not ended.
func reportOf(o *pipeline.Outcome) *pipeline.Report {
	if o.Report != nil {
		return o.Report
	}
	r := &pipeline.Report{AnnotationID: o.Key.Annotation, Started: o.Started, Failed: o.Waits}
	r.Notes = append(r.Notes, "This run has not ended. "+o.Sent)
	return r
}

// row is a run in the list.
type row struct {
	Link       string
	Annotation int64
	State      state
	Headline   string
	Began      string
	Took       string
	text       string // that the filter searches
}

// list is what the template of the list sees.
type list struct {
	CSS        template.CSS
	Policy     string
	Rows       []row
	Annotation string
	Outcome    string
	Text       string
	Total      int
}

// maxListed is how many runs of a ledger the list shows.
const maxListed = 500

func (n *Recent) list(r *http.Request, b *bytes.Buffer) error {
	q := r.URL.Query()
	l := list{CSS: template.CSS(css), Policy: Policy(), Annotation: strings.TrimSpace(q.Get("annotation")), Outcome: q.Get("outcome"), Text: strings.TrimSpace(q.Get("text"))}
	rows, err := n.rows(r.Context(), l.Annotation)
	if err != nil {
		return err
	}
	l.Total = len(rows)
	for _, one := range rows {
		if l.fits(&one) {
			l.Rows = append(l.Rows, one)
		}
	}
	return execute(b, listTemplate, l)
}

func (l *list) fits(r *row) bool {
	return (l.Annotation == "" || l.Annotation == strconv.FormatInt(r.Annotation, 10)) &&
		(l.Outcome == "" || l.Outcome == r.State.Class) &&
		(l.Text == "" || strings.Contains(strings.ToLower(r.text), strings.ToLower(l.Text)))
}

// rows are the runs, newest first.
func (n *Recent) rows(ctx context.Context, annotation string) (rows []row, err error) {
	if j := n.o.Journal; j != nil {
		return rowsOfLedger(ctx, j, annotation)
	}
	n.mu.Lock()
	runs := slices.Clone(n.runs)
	n.mu.Unlock()
	for _, k := range slices.Backward(runs) {
		rows = append(rows, rowOf(strconv.Itoa(k.id), k.report))
	}
	return rows, nil
}

func rowsOfLedger(ctx context.Context, j *pipeline.Journal, annotation string) (rows []row, err error) {
	q := pipeline.RunQuery{Limit: maxListed}
	q.Annotation, _ = strconv.ParseInt(annotation, 10, 64) // what is not a number finds nothing below
	for info, err := range j.Ledger().Find(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", outage.Of(err))
		}
		o, err := j.Outcome(ctx, info.ID)
		if errors.Is(err, pipeline.ErrNoRun) { // erased meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		one := rowOf(string(info.ID), reportOf(&o))
		if o.Report == nil {
			one.State, one.Took = stateRunning, ""
			one.Headline = fmt.Sprintf("The export of annotation %d has not ended.", info.Key.Annotation)
			if o.Waits {
				one.State = stateWaiting
				one.Headline = fmt.Sprintf("The export of annotation %d waits for a person: what has become of a call without an answer?", info.Key.Annotation)
			}
		}
		rows = append(rows, one)
	}
	return rows, nil
}

func rowOf(id string, r *pipeline.Report) row {
	one := row{
		Link: "run/" + id, Annotation: r.AnnotationID, State: stateDone, Headline: Headline(r),
		Began: r.Started.UTC().Format("2006-01-02 15:04:05"), Took: duration(time.Duration(r.Took)),
	}
	switch {
	case r.Failed:
		one.State = stateFailed
	case counted(r).waiting > 0:
		one.State = stateWaiting
	}
	var b strings.Builder
	b.WriteString(one.Headline + " " + r.RequestID)
	for _, m := range messagesOf(r) {
		b.WriteString(" " + m.Content)
	}
	for _, s := range r.All() {
		b.WriteString(" " + s.Name + " " + s.Error)
		for _, c := range s.Calls {
			b.WriteString(" " + c.URL)
		}
	}
	one.text = b.String()
	return one
}
