package pipelinetest

import "context"

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
