package pgledger_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
)

// bouncer starts Debian's PgBouncer in transaction mode before a server, and returns the
// address of the database through it.
func bouncer(t *testing.T, s *pgledgertest.Server) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path = "/usr/sbin/pgbouncer"; os.Getenv("CI") == "" {
			if _, err := os.Stat(path); err != nil {
				t.Skip("PgBouncer is missing: apt-get install pgbouncer")
			}
		}
	}
	dir := folder(t)
	config := fmt.Sprintf(`[databases]
postgres = host=%s port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = trust
auth_file = %s/users
pool_mode = transaction
default_pool_size = 6
max_client_conn = 500
`, s.Dir(), dir, dir)
	must(t, os.WriteFile(filepath.Join(dir, "ini"), []byte(config), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "users"), []byte(`"postgres" ""`), 0o644))
	must(t, pgledgertest.Own(dir))
	cmd, err := pgledgertest.Command(path, filepath.Join(dir, "ini"))
	must(t, err)
	cmd.Dir = dir
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.6432"))
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("host=%s port=6432 user=postgres dbname=postgres pool_max_conns=8", dir)
}

// Behind PgBouncer in transaction mode a server connection changes with each statement.
func TestLedgerKeepsTheRulesBehindPgBouncer(t *testing.T) {
	s := pgledgertest.New(t)
	through := bouncer(t, s)
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{
		Open: func() (pipeline.Ledger, error) { return open(through, pgledger.Options{PgBouncer: true}) },
		Env:  []string{databaseEnv + "=" + through, bouncerEnv + "=1"},
	})
}
