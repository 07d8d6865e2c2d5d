package pgledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/jackc/pgx/v5/pgxpool"
)

const databaseEnv = "PGLEDGER_DATABASE"

func TestMain(m *testing.M) {
	pipelinetest.LedgerProcess(func() (pipeline.Ledger, error) { return open(os.Getenv(databaseEnv), pgledger.Options{}) })
	os.Exit(m.Run())
}

func open(database string, o pgledger.Options) (pipeline.Ledger, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return nil, err
	}
	return pgledger.Open(ctx, pool, o)
}

// server is a PostgreSQL of this test's own, reached by a socket only.
type server struct {
	t   testing.TB
	dir string
	bin string
}

func startServer(t testing.TB) *server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("PostgreSQL is missing: apt-get install postgresql")
		}
		t.Skip("PostgreSQL is missing: apt-get install postgresql")
	}
	dir, err := os.MkdirTemp("", "pg") //nolint:usetesting // PostgreSQL is run by another user, who must be able to enter it
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, bin: filepath.Dir(found[len(found)-1])}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if os.Getuid() == 0 {
		uid, gid := s.credential()
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.run("initdb", "-D", dir+"/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale")
	s.start()
	t.Cleanup(func() { _ = s.command("pg_ctl", "-D", dir+"/data", "-m", "immediate", "-w", "stop").Run() })
	return s
}

// credential is of a user who may run PostgreSQL, which root may not.
func (s *server) credential() (uid, gid uint32) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			id, _ := strconv.ParseUint(u.Uid, 10, 32)
			group, _ := strconv.ParseUint(u.Gid, 10, 32)
			return uint32(id), uint32(group)
		}
	}
	s.t.Fatal("no user postgres or nobody")
	return 0, 0
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	if os.Getuid() == 0 {
		uid, gid := s.credential()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	return cmd
}

func (s *server) run(name string, args ...string) {
	s.t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (s *server) start() {
	s.t.Helper()
	s.run("pg_ctl", "-D", s.dir+"/data", "-l", s.dir+"/log", "-w", "-t", "120", "-o", "-c listen_addresses= -c max_connections=300 -c unix_socket_directories="+s.dir, "start")
}

func (s *server) database() string {
	return "host=" + s.dir + " user=postgres dbname=postgres pool_max_conns=8"
}

func TestLedgerKeepsTheRules(t *testing.T) {
	s := startServer(t)
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{
		Open: func() (pipeline.Ledger, error) { return open(s.database(), pgledger.Options{}) },
		Env:  []string{databaseEnv + "=" + s.database()},
	})
}

var key = pipeline.RunKey{Organization: "https://pg.rossum.example", Hook: "7", Annotation: 1, Event: "annotation_content.export"}

// What was acknowledged is there after connections and the server were killed.
func TestAcknowledgedRecordsOutliveTheServer(t *testing.T) {
	s := startServer(t)
	ctx := t.Context()
	l, err := open(s.database(), pgledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Claim(ctx, key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var acked []string
	var n atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			kind := fmt.Sprint(i)
			if err := l.Append(ctx, got.Lease, pipeline.Record{Kind: pipeline.RecordKind(kind)}); err == nil {
				acked = append(acked, kind)
				n.Add(1)
			} else if errors.Is(err, pipeline.ErrFenced) || errors.Is(err, pipeline.ErrEnded) {
				t.Errorf("an error of the server became %v", err)
				return
			}
		}
	}()
	wait := func() {
		for from := n.Load(); n.Load() < from+20; {
			select {
			case <-done:
				t.Fatal("nothing is recorded any more")
			case <-time.After(time.Millisecond):
			}
		}
	}
	wait()
	for range 2 {
		s.run("psql", "-h", s.dir, "-U", "postgres", "-c", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
		wait()
		s.run("pg_ctl", "-D", s.dir+"/data", "-m", "immediate", "-w", "stop")
		s.start()
		wait()
	}
	close(stop)
	<-done
	run, err := l.Load(ctx, got.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]int)
	for i, r := range run.Records {
		there[string(r.Kind)]++
		if r.Seq != int64(i+1) {
			t.Errorf("record %d has Seq %d", i+1, r.Seq)
		}
	}
	for _, kind := range acked {
		if there[kind] != 1 {
			t.Errorf("record %s was acknowledged and is there %d times", kind, there[kind])
		}
	}
}

func TestADatabaseThatMayForgetIsRefused(t *testing.T) {
	s := startServer(t)
	for _, setting := range []string{"synchronous_commit"} {
		database := s.database() + " options='-c " + setting + "=off'"
		if _, err := open(database, pgledger.Options{}); err == nil || !strings.Contains(err.Error(), setting+" is off") {
			t.Errorf("%s off: %v", setting, err)
		}
		if l, err := open(database, pgledger.Options{Unsafe: true}); err != nil {
			t.Errorf("%s off, and allowed: %v", setting, err)
		} else if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []pgledger.Options{{Schema: "x; DROP"}, {Prefix: "Ä"}} {
		if _, err := open(s.database(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	one, err := open(s.database(), pgledger.Options{Schema: "exports", Prefix: "a_"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := open(s.database(), pgledger.Options{Schema: "exports", Prefix: "b_"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []pipeline.Ledger{one, two} {
		if _, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour}); err != nil {
			t.Errorf("ledgers of two prefixes disturb each other: %v", err)
		}
	}
	s.run("psql", "-h", s.dir, "-U", "postgres", "-c", "INSERT INTO exports.a_form VALUES (2)")
	if _, err := open(s.database(), pgledger.Options{Schema: "exports", Prefix: "a_"}); !errors.Is(err, pipeline.ErrNewerFormat) {
		t.Errorf("tables of a newer form: %v", err)
	}
}
