package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/jackc/pgx/v5/pgxpool"
)

// throughput compares the ledgers of one process at 64 exports at once.
func throughput(ctx context.Context, each time.Duration, pg pipeline.Ledger) error {
	dir, err := os.MkdirTemp("", "folder")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder, err := folderledger.Open(dir, folderledger.Options{})
	if err != nil {
		return err
	}
	fmt.Println("\nexports a second of one process, 64 at once\ncalls  lines   memory   folder       pg   pg/folder")
	for _, size := range []struct{ calls, lines int }{{1, 1}, {3, 1}, {3, 100}, {10, 1}} {
		w, err := newWork(size.calls, size.lines)
		if err != nil {
			return err
		}
		var rate [3]float64
		for i, l := range []pipeline.Ledger{pipeline.MemoryLedger(), folder, pg} {
			j, err := journalOn(l)
			if err != nil {
				return err
			}
			if _, rate[i], err = w.load(ctx, j, 64, each); err != nil {
				return err
			}
		}
		fmt.Printf("%5d  %5d  %7.0f  %7.0f  %7.0f  %10.2f\n", size.calls, size.lines, rate[0], rate[1], rate[2], rate[2]/rate[1])
	}
	return folder.Close()
}

// addedTime compares how long exports of three calls take with those that are kept in memory.
func addedTime(ctx context.Context, each time.Duration, pg pipeline.Ledger) error {
	fmt.Println("\ntime of an export of 3 calls beyond that in memory\nat once       p50       p99")
	w, err := newWork(3, 1)
	if err != nil {
		return err
	}
	for _, atOnce := range []int{1, 8, 64} {
		var all [2][]time.Duration
		for i, l := range []pipeline.Ledger{pipeline.MemoryLedger(), pg} {
			j, err := journalOn(l)
			if err != nil {
				return err
			}
			if all[i], _, err = w.load(ctx, j, atOnce, each); err != nil {
				return err
			}
		}
		at := func(part float64) time.Duration {
			return all[1][int(part*float64(len(all[1])-1))] - all[0][int(part*float64(len(all[0])-1))]
		}
		fmt.Printf("%7d  %8v  %8v\n", atOnce, at(0.5).Round(100*time.Microsecond), at(0.99).Round(100*time.Microsecond))
	}
	return nil
}

// counting counts calls of a ledger.
type counting struct {
	pipeline.Ledger
	calls atomic.Int64
}

func (c *counting) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	c.calls.Add(1)
	return c.Ledger.Claim(ctx, key, o)
}

func (c *counting) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	c.calls.Add(1)
	return c.Ledger.Append(ctx, l, records...)
}

func (c *counting) End(ctx context.Context, l pipeline.Lease, final pipeline.Record) error {
	c.calls.Add(1)
	return c.Ledger.End(ctx, l, final)
}

func (c *counting) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	c.calls.Add(1)
	return c.Ledger.Note(ctx, id, r)
}

func (c *counting) Find(ctx context.Context, q pipeline.RunQuery) iter.Seq2[pipeline.RunInfo, error] {
	c.calls.Add(1)
	return c.Ledger.Find(ctx, q)
}

func (c *counting) Load(ctx context.Context, id pipeline.RunID) (pipeline.Run, error) {
	c.calls.Add(1)
	return c.Ledger.Load(ctx, id)
}

// costs counts what exports cost.
func costs(ctx context.Context, pg pipeline.Ledger, pool *pgxpool.Pool, dir string) error {
	fmt.Println("\nper export (chain and journal; a hook server looks for the last run and notes the delivery, too)\ncalls  lines  ledger calls   rows  bytes kept    bytes of WAL   database CPU")
	for _, size := range []struct{ calls, lines int }{{1, 1}, {3, 1}, {3, 100}, {10, 1}} {
		w, err := newWork(size.calls, size.lines)
		if err != nil {
			return err
		}
		counted := &counting{Ledger: pg}
		j, err := journalOn(counted)
		if err != nil {
			return err
		}
		if _, err := pool.Exec(ctx, "TRUNCATE exportpipeline.ledger_run, exportpipeline.ledger_record, exportpipeline.ledger_body"); err != nil {
			return err
		}
		before, err := use(ctx, pool, dir)
		if err != nil {
			return err
		}
		took, _, err := w.load(ctx, j, 16, 2*time.Second)
		if err != nil {
			return err
		}
		after, err := use(ctx, pool, dir)
		if err != nil {
			return err
		}
		n := float64(len(took))
		fmt.Printf("%5d  %5d  %12.1f  %5.1f  %10.0f  %14.0f  %9.2f ms\n", size.calls, size.lines, float64(counted.calls.Load())/n,
			(after.rows-before.rows)/n, (after.bytes-before.bytes)/n, (after.wal-before.wal)/n, (after.cpu-before.cpu)/n*1000)
	}
	return nil
}

type usage struct{ rows, bytes, wal, cpu float64 }

func use(ctx context.Context, pool *pgxpool.Pool, dir string) (u usage, err error) {
	err = pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM exportpipeline.ledger_record) + (SELECT count(*) FROM exportpipeline.ledger_body) + (SELECT count(*) FROM exportpipeline.ledger_run),
		(SELECT sum(pg_total_relation_size(('exportpipeline.ledger_' || t)::regclass)) FROM unnest(ARRAY['run', 'record', 'body']) t),
		pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')`).Scan(&u.rows, &u.bytes, &u.wal)
	if err != nil {
		return u, err
	}
	u.cpu, err = cpu(dir)
	return u, err
}

// cpu is how many seconds the server's processes have worked.
func cpu(dir string) (seconds float64, err error) {
	pid, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	postmaster, _, _ := bytes.Cut(pid, []byte("\n"))
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return 0, errors.Join(errors.New("the work of PostgreSQL is read from /proc of Linux"), err)
	}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[1] != string(postmaster) {
			continue
		}
		for _, i := range []int{11, 12} { // utime and stime, in hundredths of a second
			ticks, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return 0, err
			}
			seconds += ticks / 100
		}
	}
	return seconds, nil
}

// replicaVariable makes a process one of several; it has the database.
const replicaVariable = "MEASURE_REPLICA"

// growth has several processes work at once.
func growth(ctx context.Context, each time.Duration, database string) error {
	fmt.Println("\nexports of 3 calls a second by processes, 16 at once in each, one core each\nprocesses  exports")
	for n := 1; n <= max(3, runtime.NumCPU()); n++ {
		total, err := together(ctx, n, each, database)
		if err != nil {
			return err
		}
		fmt.Printf("%9d  %7.0f\n", n, total)
	}
	return nil
}

func together(ctx context.Context, n int, each time.Duration, database string) (total float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	type process struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	var all []process
	for range n {
		p := process{cmd: exec.CommandContext(ctx, self)}
		p.cmd.Env = append(os.Environ(), replicaVariable+"="+database, "GOMAXPROCS=1")
		p.cmd.Stderr = os.Stderr
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			return 0, err
		}
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return 0, err
		}
		p.out = bufio.NewReader(out)
		if err := p.cmd.Start(); err != nil {
			return 0, err
		}
		if _, err := p.out.ReadString('\n'); err != nil { // it is ready
			return 0, err
		}
		all = append(all, p)
	}
	for _, p := range all {
		if _, err := fmt.Fprintln(p.in, each); err != nil {
			return 0, err
		}
	}
	for _, p := range all {
		line, err := p.out.ReadString('\n')
		if err != nil {
			return 0, err
		}
		rate, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err := errors.Join(err, p.cmd.Wait()); err != nil {
			return 0, err
		}
		total += rate
	}
	return total, nil
}

// serve is what one of several processes does.
func serve(ctx context.Context, database string) error {
	pg, pool, err := openPG(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	w, err := newWork(3, 1)
	if err != nil {
		return err
	}
	j, err := journalOn(pg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var text string
	if _, err := fmt.Scanln(&text); err != nil {
		return err
	}
	each, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	_, rate, err := w.load(ctx, j, 16, each)
	if err != nil {
		return err
	}
	fmt.Println(rate)
	return pg.Close()
}
