package sftpexport_test

import (
	"fmt"
	"path"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// roundTrips puts a few files into a directory that is known already, and returns
// how often each had to wait for the server.
func roundTrips(t *testing.T, c sftpexport.Credentials, secrets rossum.Secrets, dir string, size int, rule sftpexport.CollisionRule) int64 {
	t.Helper()
	d, err := opener(t, c, secrets)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var before int64
	const files = 5
	for i := range files + 1 {
		f := sftpexport.File{
			Directory: dir, Name: fmt.Sprintf("f%d", i), Content: pipeline.Bytes(invoice[:size]), Collision: rule,
			LookFirst: true, MayMakeDirectory: true,
		}
		staged, err := d.Stage(t.Context(), f)
		if err == nil {
			_, err = staged.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := staged.Discard(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			before = sftpexport.RoundTrips(d)
		}
	}
	n := sftpexport.RoundTrips(d) - before
	if n%files != 0 {
		t.Errorf("%d files took %d round trips", files, n)
	}
	return n / files
}

func TestASmallFileTakesThreeRoundTripsToOpenSSH(t *testing.T) {
	t.Parallel()
	s := realtest.NewOpenSSH(t)
	for _, rule := range []sftpexport.CollisionRule{sftpexport.CollisionRefuse, sftpexport.CollisionReplace, sftpexport.CollisionNumber} {
		for _, size := range []int{0, 4 << 10, 32 << 10} {
			t.Run(fmt.Sprint(rule, size), func(t *testing.T) {
				// One to open it and to look at its name; one to write, sync, check and close
				// it; one to give it its name.
				if n := roundTrips(t, s.Credentials(), s.Secrets(), path.Join(s.Dir, fmt.Sprint(rule, size)), size, rule); n != 3 {
					t.Errorf("it took %d", n)
				}
			})
		}
	}
}

func TestASmallFileTakesFewRoundTripsToOtherServers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for rule, most := range map[sftpexport.CollisionRule]int64{
		sftpexport.CollisionRefuse:  5, // the write apart, and the name by a link whose other end goes
		sftpexport.CollisionReplace: 4,
		sftpexport.CollisionNumber:  5,
	} {
		t.Run(fmt.Sprint(rule), func(t *testing.T) {
			if n := roundTrips(t, s.Credentials(), s.Secrets(), "/"+rule.String(), 4<<10, rule); n != most {
				t.Errorf("it took %d", n)
			}
		})
	}
}
