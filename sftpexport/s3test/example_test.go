package s3test_test

import (
	"fmt"

	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
)

// The bucket of the server holds what a test puts there, and shows what a step left.
func ExampleNewServer() {
	server := s3test.NewServer()
	defer server.Close()
	server.Put("invoices/1.pdf", []byte("%PDF"))
	for key, object := range server.Objects() {
		fmt.Println(key, string(object.Data), server.Credentials().Bucket == s3test.Bucket)
	}
	// Output: invoices/1.pdf %PDF true
}
