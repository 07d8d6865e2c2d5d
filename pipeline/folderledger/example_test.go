package folderledger_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A folder keeps what was sent when the process or the machine stops. The key would come
// from the program's secrets.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ledger, err := folderledger.Open(dir, folderledger.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key := pipeline.SealKey{ID: "2026", Secret: bytes.Repeat([]byte("k"), 32)}
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := pipeline.New(pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Info("exported")
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	invoice := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", "2026-0042"))
	answer, err := chain.Export(context.Background(), invoice.Payload(), pipeline.WithJournal(journal))
	fmt.Println(answer.Messages[0].Content, err)
	fmt.Println(ledger.Close())
	// Output:
	// exported <nil>
	// <nil>
}
