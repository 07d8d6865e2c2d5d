package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
)

// keyVariable has the key that seals the ledger, as openssl rand -hex 32 makes it.
const keyVariable = "EXPORTPIPELINE_LEDGER_KEY"

// openJournal opens a ledger in a folder, which several processes of this machine may
// share.
func openJournal(dir string) (*pipeline.Journal, error) {
	secret, err := hex.DecodeString(os.Getenv(keyVariable))
	if err != nil {
		return nil, fmt.Errorf("%s is not hexadecimal; openssl rand -hex 32 makes one", keyVariable)
	}
	ledger, err := folderledger.Open(dir, folderledger.Options{})
	if err != nil {
		return nil, err
	}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: secret}})
	if err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	return journal, nil
}

// listPending shows the calls of which nobody knows whether they were made.
func listPending(ctx context.Context, out io.Writer, j *pipeline.Journal) error {
	n := 0
	for p, err := range j.Pending(ctx, pipeline.RunQuery{}) {
		if err != nil {
			return err
		}
		n++
		fmt.Fprintf(out, "annotation %d, step %s: %s, started %s, over by %s\n  -settle %s/%s=there or =absent\n", p.Run.Key.Annotation, p.Step, p.What, p.Started.UTC().Format(time.RFC3339), p.Over.UTC().Format(time.RFC3339), p.Run.ID, p.Call)
	}
	if n == 0 {
		fmt.Fprintln(out, "no call waits for a verdict")
	}
	return nil
}

// settle notes what a person has found in the target system: RUN/CALL=absent, or
// RUN/CALL=there, maybe followed by a colon and the body that the answer would have had.
func settle(ctx context.Context, j *pipeline.Journal, verdict string) error {
	call, says, ok := strings.Cut(verdict, "=")
	run, ref, ok2 := strings.Cut(call, "/")
	says, body, _ := strings.Cut(says, ":")
	if !ok || !ok2 || says != "there" && says != "absent" {
		return fmt.Errorf("-settle %s is not RUN/CALL=there or RUN/CALL=absent", verdict)
	}
	return j.Settle(ctx, pipeline.RunID(run), pipeline.CallRef(ref), pipeline.Verdict{There: says == "there", Body: []byte(body), By: os.Getenv("USER")})
}
