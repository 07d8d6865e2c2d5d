// Package pgledger keeps runs in PostgreSQL (14 or later), for programs that run on
// several machines: a [pipeline.Ledger] whose clock is the database's.
//
// It depends on pgx, the PostgreSQL driver of nearly every Go program that talks to
// PostgreSQL; that is why this is a module of its own.
//
// # How it works
//
// Each call is one statement, a function's call, and so one round trip and one
// transaction: a process that is killed or stands still holds no lock. Appends of several
// exports that come at the same time go out together. A claim, a lease and an age are
// judged by the database's clock alone; no clock of a client is read.
//
// While the database can't be reached, calls are tried again for [Options].Patience, so
// that exports stand still while it restarts or a standby takes its place, and go on
// after that. Each write carries a random number that is kept with it: one whose answer
// was lost is found, and not made twice.
//
// [pipeline.Ledger].Wait hears by LISTEN and NOTIFY, on one connection more than the pool
// has, that a run has ended on another replica. Only runs that somebody waits for are
// notified of. Wait looks by itself, too: every second, or every 100 milliseconds while
// there is no such connection.
//
// # What is acknowledged
//
// What is acknowledged is as safe as the database's commits. [Open] refuses a database with
// synchronous_commit or fsync off, unless Options.Unsafe is set.
//
// A standby that takes the database's place must have what was acknowledged: otherwise a
// call that was announced and made is unknown after the failover, and is made again. So
// the database needs synchronous_standby_names, and synchronous_commit at on,
// remote_apply or remote_write (with the last a standby may forget if its machine stops,
// too). Options.Standby says that there is such a standby, and has Open insist on those
// settings. Without it Open refuses a database that is seen streaming to a standby to
// which commits don't wait, unless Options.AsyncStandby is set: for standbys that are only
// read and never promoted. A standby that isn't connected when Open is called can't be
// seen; set Options.Standby. Don't give the program's role a statement_timeout:
// PostgreSQL reports a commit whose wait for the standby was cancelled as done.
//
// Give pgx all hosts and target_session_attrs=read-write, and it finds the one that was
// promoted:
//
//	host=db1,db2 target_session_attrs=read-write
//
// # PgBouncer
//
// The ledger works behind PgBouncer in transaction mode with Options.PgBouncer, which keeps
// pgx from naming prepared statements. LISTEN doesn't work there, which is noticed: Wait
// then looks every 100 milliseconds. Options.Listen is the address of the database itself,
// for that one connection. Nothing else differs.
//
// # Large bodies
//
// What calls send and get is kept as records, in a table of its own from 8 kB on.
// Options.Bodies keeps it in a bucket from Options.BodiesFrom on, so that documents weigh
// on neither the database's log nor its backups; examples/replicas has one on S3. A body is
// put there before its record is written, and removed after its run is, by Erase or Expire
// of any replica: what Erase could not remove is an error, and the next Expire removes it. A
// process that is killed between the two, or a write of which nobody knows whether it was
// made, may leave a body that no record has: it is sealed, and a lifecycle rule of the
// bucket, well longer than any run is kept, removes it.
//
// # What it carries
//
// Measured by `go run ./internal/measure`, with Debian's PostgreSQL 15 as initdb sets it up,
// on two cores that did other work, too; the ERP answers at once, each call sends 2 kB. More
// cores and an own machine for the database carry more; run it on yours.
//
//	                                    1 call   3 calls   3 calls    10 calls
//	                                    1 line   1 line    100 lines  1 line
//	exports a second, 64 at once        573      288       82         102
//	the same on folderledger            566      281       103        129
//	calls of the ledger per export      5        9         9          23
//	rows                                7        15        16         43
//	bytes kept                          15 k     29 k      148 k      84 k
//	bytes of WAL                        14 k     28 k      148 k      77 k
//	CPU of the database                 1.4 ms   2.1 ms    3.6 ms     5.5 ms
//
// A hook server adds two calls: it looks for the last run, and notes the delivery. An export
// of 3 calls takes 7 ms longer than in memory if it is alone (p50; p99 11 ms), nearly all of
// it the disk's answers to 9 commits one after the other; 27 ms (p99 59 ms) with 8 at once
// on those two cores. Two processes of one core each made 1.5 times the exports of one,
// beside the database on the same two cores, and three no more than two.
//
// So a million exports of 3 calls cost the database 35 minutes of one core and 28 GB of WAL,
// and 29 GB of disk for as long as runs are kept (hookserver.Options.Keep, a day by default);
// documents of 100 lines cost five times the bytes.
//
// One replica ends at its CPU. Add replicas until the database ends, which is at its CPU (at
// 2.1 ms an export of 3 calls, one core makes 470 a second) or its disk: appends of several
// exports share a commit, so that this is bytes of WAL before it is commits. What to do then:
// a shorter Keep; a larger machine for the database; in the end several ledgers. Runs of two
// organisations never meet, so give each organisation, or group of them, a database of its
// own, and a hook server's journal on it. Move an organisation only when its runs have ended:
// two ledgers know nothing of each other.
//
// # Migrations
//
// Open makes the tables that are missing. It only adds tables, columns that may be null, and
// functions of new names, waits for a lock no longer than two seconds at a time, and makes
// indexes concurrently: an old and a new version work side by side for one release. A
// version whose tables have been replaced by then refuses with [pipeline.ErrNewerFormat].
// If nothing has to be made, the role needs no right to make anything.
package pgledger
