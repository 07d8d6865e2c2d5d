package pgledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

func (l *ledger) Claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	if err := o.Check(); err != nil {
		return pipeline.Claimed{}, err
	}
	first, err := columnsOf(o.First)
	if err != nil {
		return pipeline.Claimed{}, err
	}
	if err := l.enter(ctx); err != nil {
		return pipeline.Claimed{}, err
	}
	defer l.calls.Done()
	if err := l.put(ctx, &first); err != nil {
		return pipeline.Claimed{}, err
	}
	var code string
	var info pipeline.RunInfo
	mark := nonce()
	unsure := false // an earlier attempt may have made the claim
	err = l.retry(ctx, "claiming "+key.String(), func(ctx context.Context, again bool) (err error) {
		unsure = again
		info, code, err = l.claim(ctx, key, o, first, mark, again)
		return err
	})
	if code != "new" && code != "taken" && err == nil && !unsure {
		if left := l.takeBack(ctx, first); left != nil {
			l.log.Warn(left.Error())
		}
	}
	switch {
	case err != nil:
		return pipeline.Claimed{}, err
	case code == "missing":
		return pipeline.Claimed{}, fmt.Errorf("run %.100s: %w", o.Resume, pipeline.ErrNoRun)
	case code == "ended":
		return pipeline.Claimed{}, fmt.Errorf("run %s: %w", o.Resume, pipeline.ErrEnded)
	case code == "busy":
		return pipeline.Claimed{}, &pipeline.BusyError{Run: info}
	case code == "stale":
		return pipeline.Claimed{}, &pipeline.StaleError{Run: info}
	}
	return pipeline.Claimed{Lease: pipeline.Lease{Run: info.ID, Fence: info.Fence, Duration: o.Lease}, Run: info, TakenOver: code == "taken"}, nil
}

// claim tries to claim once. again reports that an earlier attempt with this mark may have
// been done.
func (l *ledger) claim(ctx context.Context, key pipeline.RunKey, o pipeline.ClaimOptions, c columns, mark int64, again bool) (info pipeline.RunInfo, code string, err error) {
	row := l.pool.QueryRow(ctx, "SELECT "+infoColumns+", code FROM (SELECT code, (run).* FROM "+l.prefix+
		"claim_1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)) claimed",
		l.args(strings.TrimSuffix(string(key.ID(0)), "0"), key.Organization, key.Hook, key.Annotation, key.Event, o.Owner, l.instance, mark, o.Lease.Microseconds(),
			o.Content, o.Fingerprint, o.After, clean(o.Resume), c.kinds, c.versions, c.datas, c.bodies, again)...)
	info, _, err = scanInfo(row, &code)
	return info, code, err
}
