package temporalrun_test

import (
	"fmt"
	"net/http"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"go.temporal.io/sdk/client"
)

// A program that serves the hook and does the steps. Its ledger is one that all its processes
// share, such as that of package pgledger.
func ExampleEngine() {
	var (
		chain   *pipeline.Chain   // the same as without Temporal
		journal *pipeline.Journal // and so is this
		key     pipeline.SealKey  // a secret of the program
	)
	temporal, err := client.NewLazyClient(client.Options{HostPort: "temporal.internal:7233"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer temporal.Close()
	codec, err := temporalrun.Sealed(key)
	if err != nil {
		fmt.Println("no key at hand")
		return
	}
	engine, err := temporalrun.New(temporal, temporalrun.Options{Codec: codec})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := hookserver.New(hookserver.Options{
		Chain: chain, SignatureSecrets: []string{"the hook's secret"}, Journal: journal, Recover: true,
		Engine: engine, Async: &hookserver.Async{URL: "https://exports.example.com/export", Key: []byte("the same in every process")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker, err := engine.Work(server)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer worker.Stop() // then server.Shutdown
	fmt.Println(http.ListenAndServe(":8080", server))
	// Output: no key at hand
}
