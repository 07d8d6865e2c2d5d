package sftpexport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"os"
	"path/filepath"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

func Example() {
	server, err := sftptest.NewServer("")
	if err != nil {
		panic(err)
	}
	defer server.Close()

	var step sftpexport.Step
	err = json.Unmarshal([]byte(`{"export_rules": [{
		"path_to_directory": "/upload/{supplier}",
		"export_object_configurations": [{"type": "document", "filename_template": "invoice-{annotation.id}"}]
	}]}`), &step)
	if err != nil {
		panic(err)
	}
	step.Credentials = server.Credentials()
	chain, err := pipeline.New(&step)
	if err != nil {
		panic(err)
	}
	defer chain.Close()

	call := rossumtest.Annotation(rossumtest.Field("supplier", "Acme"), rossumtest.Secret("password", sftptest.Password), rossumtest.Offline())
	if _, err := chain.Export(context.Background(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
		panic(err)
	}
	data, err := os.ReadFile(filepath.Join(server.Dir, "upload", "Acme", "invoice-314528.pdf"))
	fmt.Println(string(data), err)
	// Output: %PDF <nil>
}

func ExampleRegister() {
	registry := &organisation.Registry{}
	sftpexport.Register(registry, sftpexport.RegisterOptions{})
	fmt.Println(registry.Names(), registry.Err())
	// Output: [file-storage-export] <nil>
}
