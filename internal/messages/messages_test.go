package messages

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

var update = flag.Bool("update", false, "write testdata/messages.txt anew")

// group has the messages of one component, in the order in which they are shown.
type group struct {
	component string
	cases     []shown
}

// shown is one thing that goes wrong, and how it is said.
type shown struct {
	when string
	text string
}

// collected are the files in which components keep their own messages.
var collected = map[string]string{
	"Workday":           "../../workday/testdata/messages.txt",
	"Request Processor": "../../steps/requestprocessor/testdata/messages.txt",
}

// What varies from run to run.
var varying = []struct {
	text *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`(127\.0\.0\.1|\[::1\]):[0-9]+`), "HOST"},
	{regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}`), "SHA256:FINGERPRINT"},
	{regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]{60,}`), "ssh-ed25519 KEY"},
	{regexp.MustCompile(`ssh-keyscan -p [0-9]+ 127\.0\.0\.1`), "ssh-keyscan -p PORT 127.0.0.1"},
	{regexp.MustCompile(`\b20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:.]+Z\b`), "TIME"},
	{regexp.MustCompile("run [0-9a-z]{8,}-[0-9a-z-]+"), "run RUN"},
	{regexp.MustCompile(`(read|write) tcp HOST->HOST`), "$1 tcp HOST"},
}

func TestMessagesOfAllComponentsAreThoseOfTheGoldenFile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	n := 0
	for _, g := range []group{
		{"Cleaning", ofSteps(t, cleaning)},
		{"Custom format templating", ofSteps(t, customFormat)},
		{"REST API export", ofSteps(t, restExport)},
		{"Data value extractor", ofSteps(t, extractor)},
		{"Export evaluator", ofSteps(t, evaluator)},
		{"SFTP", ofSFTP(t)},
		{"S3", ofS3(t)},
		{"Pipeline", ofPipeline(t)},
		{"Ledger and verdicts", ofLedger(t)},
		{"Hook server", ofHookServer(t)},
		{"Organisation", ofOrganisation(t)},
		{"Request Processor", ofFile(t, "Request Processor")},
		{"Workday", ofFile(t, "Workday")},
	} {
		for _, c := range g.cases {
			if c.text == "" {
				t.Errorf("%s: %s: nothing is said", g.component, c.when)
			}
			fmt.Fprintf(&out, "== %s — %s\n%s\n\n", g.component, c.when, strings.TrimSpace(c.text))
			n++
		}
	}
	got := out.String()
	for _, v := range varying {
		got = v.text.ReplaceAllString(got, v.by)
	}
	if n < 120 {
		t.Errorf("only %d messages are shown", n)
	}
	const name = "testdata/messages.txt"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, now := strings.Split(string(want), "\n\n"), strings.Split(got, "\n\n")
	for i := range max(len(before), len(now)) {
		if a, b := at(before, i), at(now, i); a != b {
			t.Errorf("the messages are not those of %s; read what -update makes of them. The first difference:\nwant %s\ngot  %s", name, a, b)
			break
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}

// ofFile reads the messages that a component keeps in a file of its own.
func ofFile(t *testing.T, component string) []shown {
	t.Helper()
	data, err := os.ReadFile(collected[component])
	if err != nil {
		t.Fatal(err)
	}
	var all []shown
	for part := range strings.SplitSeq("\n"+string(data), "\n== ") {
		if when, text, ok := strings.Cut(part, "\n"); ok && when != "" {
			all = append(all, shown{when, text})
		}
	}
	return all
}

// lines are the messages of an answer, a line each.
func lines(messages []rossum.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Type)+": "+m.Content)
	}
	return strings.Join(all, "\n")
}

// said is an error as a program gets it.
func said(err error) string {
	if err == nil {
		return ""
	}
	return "error returned: " + err.Error()
}

// chainOf builds a chain that is known to be right.
func chainOf(t *testing.T, steps ...pipeline.Step) *pipeline.Chain {
	t.Helper()
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
