package s3_test

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
)

func ExampleNew() {
	server := s3test.NewServer()
	defer server.Close()
	step := &sftpexport.Step{
		Credentials: server.Credentials(),
		Backends:    map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})},
		Rules: []sftpexport.Rule{{Directory: "invoices", Objects: []sftpexport.Object{
			{Type: sftpexport.ObjectDocument, Name: "{annotation.id}"},
		}}},
	}
	chain, err := pipeline.New(step)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, value := range server.Secrets() {
		call = call.With(rossumtest.Secret(name, value))
	}
	_, err = chain.Export(context.Background(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")))
	for key, object := range server.Objects() {
		fmt.Println(key, string(object.Data))
	}
	fmt.Println(err)
	// Output:
	// invoices/314528.pdf %PDF
	// <nil>
}
