package hostile

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/raced"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

var (
	update = flag.Bool("update", false, "write testdata/rows.txt anew")
	show   = flag.Bool("show", false, "print what is said in each row")
)

// Bounds of a row: the time that an export has where only that ends it, and elsewhere,
// and the bytes that it may take in.
const (
	shortTime = 500 * time.Millisecond
	longTime  = 5 * time.Minute // nothing comes near it
	most      = 100 << 20
)

// TestWhateverAPeerDoesAnExportEndsAndSaysSo plays each fault on each component.
func TestWhateverAPeerDoesAnExportEndsAndSaysSo(t *testing.T) {
	t.Parallel()
	if raced.Enabled() {
		t.Skip("the race detector multiplies the time and the memory of large replies; CI runs it without")
	}
	playAll(t, httpFaults)
}

// TestWhateverAPeerDoesWithTLSAnExportEndsAndSaysSo does so with those of secured peers.
func TestWhateverAPeerDoesWithTLSAnExportEndsAndSaysSo(t *testing.T) {
	t.Parallel()
	playAll(t, tlsFaults)
}

func playAll(t *testing.T, faults []fault) {
	atOnce(t, 8, func(yield func(name string, play func() string)) {
		for _, c := range components {
			for _, f := range faults {
				yield(c.name+" "+f.name, func() string { return play(t, c, f) })
			}
		}
	})
}

// atOnce runs a test for each row. Rows wait more than they compute, so that several are
// played at a time, whatever number of processors there is. What a row returns is wrong.
func atOnce(t *testing.T, n int, all func(yield func(name string, play func() string))) {
	turns := make(chan struct{}, n)
	all(func(name string, play func() string) {
		wrong := make(chan string, 1)
		turns <- struct{}{}
		go func() {
			defer func() { <-turns }()
			wrong <- play()
		}()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text := <-wrong; text != "" {
				t.Error(text)
			}
		})
	})
}

func play(t *testing.T, c component, f fault) string {
	p := &peer{f: f, well: c.well, body: c.body, kind: c.kind}
	defer listen(p)()
	made, options := c.make(t, p, p.scheme()+"://"+p.address)
	if made == nil {
		return "" // the component refuses the address by itself
	}
	says, timeout := c.saying(f), longTime
	if f.lasts && !says.passes {
		timeout = shortTime
	}
	got := export(t, made, "s3", append(options, pipeline.WithTimeout(timeout)))
	if *show {
		fmt.Printf("%s\n  %s\n    %d changes, %d bytes\n    %s\n", c.name, f.name, p.changes.Load(), p.written.Load(), got.text)
	}
	switch {
	case errors.Is(got.err, pipeline.ErrPanic) || strings.Contains(got.text, "panic"):
		return fmt.Sprintf("it panicked: %s", got.text)
	case p.changes.Load() > c.repeats+f.moved:
		return fmt.Sprintf("%d calls that change something were made, at most %d may be: %s", p.changes.Load(), c.repeats+f.moved, got.text)
	case p.written.Load() > most:
		return fmt.Sprintf("%d MB were taken in", p.written.Load()>>20)
	case says.passes == got.failed:
		return fmt.Sprintf("the export fails: %v, want %v: %s", got.failed, !says.passes, got.text)
	case says.words != nil && !containsAny(got.text, says.words):
		return fmt.Sprintf("it says %q, and none of %q", got.text, says.words)
	}
	return ""
}

// address is that of a peer, whose port has digits of any status.
var address = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

// containsAny reports whether a text has one of the words, outside of addresses.
func containsAny(text string, words []string) bool {
	text = address.ReplaceAllString(text, "")
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// outcome is how an export ended.
type outcome struct {
	text   string // all that is said of it
	failed bool
	err    error
}

// export runs a chain.
func export(t *testing.T, made []pipeline.Step, kindOfLogin string, options []pipeline.Option) outcome {
	chain, err := pipeline.New(made...)
	if err != nil {
		return outcome{err.Error(), true, err}
	}
	defer chain.Close()
	call := rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline(),
		rossumtest.Secret("workday_username", workdayUser), rossumtest.Secret("workday_password", "password-of-the-test"),
		rossumtest.Secret("access_key_id", "id"), rossumtest.Secret("secret_access_key", "key-of-the-test"),
		rossumtest.Secret("type", kindOfLogin), rossumtest.Secret("password", sftptest.Password))
	options = append(
		options,
		pipeline.WithLogger(slog.New(slog.DiscardHandler)),
		pipeline.WithOriginal(pipeline.Bytes("x")),
		pipeline.WithTreeLimit(8<<20),
	)
	var report *pipeline.Report
	options = append(options, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	response, err := chain.Export(t.Context(), call.Payload(), options...)
	var all []string
	if err != nil {
		all = append(all, err.Error())
	}
	failed := err != nil || response.Failed()
	if response != nil {
		for _, m := range response.Messages {
			all = append(all, m.Content)
		}
	}
	if len(all) == 0 && report != nil { // what does no harm may be worth a line there
		all = append(all, report.Text())
	}
	return outcome{strings.Join(all, "\n"), failed, err}
}

const workdayUser = "user"

// TestTheTableOfHostilePeersIsListed holds the listing of the rows to the table.
func TestTheTableOfHostilePeersIsListed(t *testing.T) {
	t.Parallel()
	list := rows()
	if len(list) < 120 {
		t.Errorf("%d rows", len(list))
	}
	got := fmt.Sprintf("%d rows: a peer, what it does, and what must be said of it.\n\n%s\n", len(list), strings.Join(list, "\n"))
	const name = "testdata/rows.txt"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(name); err != nil || string(want) != got {
		t.Errorf("%s does not list the rows; run the test with -update and read what has changed (%v)", name, err)
	}
}

// rows are the lines of the listing.
func rows() (list []string) {
	for _, c := range components {
		for _, f := range slices.Concat(httpFaults, tlsFaults) {
			list = append(list, row(c.name, f.name, c.saying(f)))
		}
	}
	for _, f := range sftpFaults {
		list = append(list, row("SFTP: the server", f.name, saying{words: f.says}))
	}
	for _, c := range callers() {
		list = append(list, fmt.Sprintf("Hook entrance: the caller | %s | is answered with %d", c.name, c.status))
	}
	return list
}

func row(who, does string, says saying) string {
	what := "no harm is done"
	switch {
	case says.passes && says.words != nil:
		what = "goes on, and reports " + strings.Join(says.words, " or ")
	case says.words != nil:
		what = "says " + strings.Join(says.words, " or ")
	}
	return who + " | " + does + " | " + what
}
