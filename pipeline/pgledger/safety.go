package pgledger

import (
	"context"
	"errors"
	"fmt"
)

// checkSafety refuses a database that may forget what it has committed.
func (l *ledger) checkSafety(ctx context.Context) error {
	var commit, fsync, names string
	var standbys int
	err := l.pool.QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('synchronous_standby_names'),
		(SELECT count(*) FROM pg_stat_replication)::int`, l.args()...).Scan(&commit, &fsync, &names, &standbys)
	if err != nil {
		return err
	}
	waits := names != "" && commit != "off" && commit != "local"
	switch {
	case !l.o.Unsafe && (commit == "off" || fsync == "off"):
		return fmt.Errorf("synchronous_commit is %s and fsync is %s: what is acknowledged could be lost; set both to on, or Options.Unsafe", commit, fsync)
	case l.o.Standby && l.o.AsyncStandby:
		return errors.New("Options.Standby conflicts with Options.AsyncStandby: a standby that takes the database's place must be one that commits wait for")
	case l.o.Standby && !waits:
		return fmt.Errorf("synchronous_standby_names is %q and synchronous_commit is %s: commits don't wait for the standby, which could take the database's place without what was acknowledged; name it in synchronous_standby_names, and set synchronous_commit to on", names, commit)
	case standbys > 0 && !waits && !l.o.AsyncStandby && !l.o.Unsafe:
		return fmt.Errorf("the database streams to %d standby servers, and synchronous_standby_names is %q and synchronous_commit is %s: one that takes its place could lack what was acknowledged; name it in synchronous_standby_names, or set Options.AsyncStandby if none ever takes its place", standbys, names, commit)
	}
	return nil
}
