package pipelinetest_test

import (
	"os"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
)

const folderEnv = "LEDGER_FOLDER"

func TestMain(m *testing.M) {
	pipelinetest.LedgerProcess(openChild)
	os.Exit(m.Run())
}

// The tests of ledgers are not parallel to others, which look for goroutines that
// are left behind.
func TestMemoryLedgerKeepsTheRules(t *testing.T) {
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{Open: func() (pipeline.Ledger, error) { return pipeline.MemoryLedger(), nil }})
}

func TestFolderLedgerKeepsTheRules(t *testing.T) {
	dir := t.TempDir()
	pipelinetest.TestLedger(t, pipelinetest.LedgerHarness{
		Open: func() (pipeline.Ledger, error) { return folderledger.Open(dir, folderledger.Options{}) },
		Env:  []string{folderEnv + "=" + dir},
	})
}
