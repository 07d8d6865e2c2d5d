package pipelinetest

import "context"

// The rules, for the tests that break each of them.
var (
	ErrOutcome     = errOutcome
	ErrCancel      = errCancel
	ErrPanicked    = errPanicked
	ErrKilledRun   = errKilledRun
	ErrConcurrent  = errConcurrent
	ErrSecret      = errSecret
	ErrLeak        = errLeak
	ErrLedger      = errLedger
	ErrNotLoopback = errNotLoopback
)

// LedgerRules are the names of the rules of TestLedger.
func LedgerRules() (names []string) {
	for _, r := range ledgerRules {
		names = append(names, r.name)
	}
	return names
}

// CheckLedgerRule checks one rule.
func CheckLedgerRule(ctx context.Context, h LedgerHarness, name string) error {
	for _, r := range ledgerRules {
		if r.name == name {
			return r.run(ctx, h)
		}
	}
	panic("no rule " + name)
}
