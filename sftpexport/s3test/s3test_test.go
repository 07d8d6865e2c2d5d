package s3test_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/sftpexport/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put puts an object with the SDK's own checksums.
func put(ctx context.Context, s *s3test.Server, input s3.PutObjectInput) error {
	client := s3.New(s3.Options{
		BaseEndpoint: &s.URL, UsePathStyle: true, Region: "eu-central-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
	})
	input.Bucket, input.Key = aws.String(s3test.Bucket), aws.String("a b/č+%.txt")
	_, err := client.PutObject(ctx, &input)
	return err
}

func TestEveryChecksumIsChecked(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			s := s3test.NewServer()
			defer s.Close()
			if err := put(t.Context(), s, s3.PutObjectInput{Body: bytes.NewReader([]byte("data")), ChecksumAlgorithm: algorithm}); err != nil {
				t.Fatal(err)
			}
			if got := s.Objects()["a b/č+%.txt"]; got == nil || string(got.Data) != "data" {
				t.Errorf("the bucket has %v", s.Objects())
			}
			s.Fail(s3test.Fault{Corrupt: true})
			if err := put(t.Context(), s, s3.PutObjectInput{Body: bytes.NewReader([]byte("data")), ChecksumAlgorithm: algorithm}); err == nil {
				t.Error("a corrupted body was taken")
			}
		})
	}
}
