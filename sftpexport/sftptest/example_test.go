package sftptest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// A server on this machine serves a folder, here a new one that Close removes.
func ExampleNewServer() {
	server, err := sftptest.NewServer("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	chain, err := pipeline.New(&sftpexport.Step{Credentials: server.Credentials(), Rules: []sftpexport.Rule{{
		Directory: "/upload", Objects: []sftpexport.Object{{Type: sftpexport.ObjectDocument, Name: "invoice"}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	for _, password := range []string{"wrong", sftptest.Password} {
		call := rossumtest.Annotation(rossumtest.Secret("password", password), rossumtest.Offline())
		_, err := chain.Export(context.Background(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
		fmt.Println(err == nil, errors.Is(err, sftpexport.ErrAuth))
	}
	// Output:
	// false true
	// true false
}
