package sftpexport_test

import (
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// TestWhatIsGoneAfterItsNameIsSaidInTheReport: a job that takes files at once is no fault,
// and is not told from a server that loses them, so the report says what is not known.
func TestWhatIsGoneAfterItsNameIsSaidInTheReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		behaviour dict
		inPlace   bool
		says      string
	}{
		"a job takes files at once": {dict{"takes_named": true}, false, "a reader has taken it"},
		"a job takes files at once, by other ways": {
			dict{"takes_named": true, "extensions": []string{"posix-rename@openssh.com"}}, false, "a reader has taken it",
		},
		"files are gone when they are closed": {dict{"swallows": true}, true, "or the server has not kept it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := paramiko(c.behaviour)(t)
			for _, rule := range everyRule {
				step := s.step(t, "/out-"+rule.String(), rule)
				if c.inPlace {
					step.Commit = sftpexport.CommitInPlace
				}
				report, err := s.put(t, step, []byte("content"))
				if err != nil || !strings.Contains(report, unconfirmed) || !strings.Contains(report, c.says) {
					t.Errorf("%s: %v\n%s", rule, err, report)
				}
				if taken := tree(t, s.dir)["taken/out-"+rule.String()+"+erp.csv"]; !c.inPlace && taken != "content" {
					t.Errorf("%s: the job has %q", rule, taken)
				}
			}
		})
	}
}
