package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pgledger/pgledgertest"
)

// startBucket serves a bucket by versitygw, a real S3 server, and returns its address and the
// folder in which its objects are.
func startBucket(t *testing.T) (address, dir string) {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		out, _ := exec.Command("go", "env", "GOPATH").Output()
		program = filepath.Join(strings.TrimSpace(string(out)), "bin", "versitygw")
		if _, err := os.Stat(program); err != nil && os.Getenv("CI") == "" {
			t.Skip("versitygw is missing: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ledger"), 0o755); err != nil {
		t.Fatal(err)
	}
	const access, secret = "replicas-access-key", "replicas-secret-key"
	server := exec.Command(program, "--access", access, "--secret", secret, "--port", host, "--quiet", "posix", dir)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it was killed
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", host)
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1"} {
		t.Setenv(name, value)
	}
	return "http://" + host + "/ledger", filepath.Join(dir, "ledger")
}

func TestLargeBodiesAreInTheBucketUntilTheirRunIsErased(t *testing.T) {
	address, dir := startBucket(t)
	database := pgledgertest.New(t)
	ledger, pool, err := openLedger(t.Context(), replicaConfig{Database: database.Address() + " pool_max_conns=4", Bucket: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	key := pipeline.RunKey{Organization: "https://rossum.example", Hook: "1", Annotation: 1, Event: "annotation_content.export"}
	claimed, err := ledger.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	document := bytes.Repeat([]byte("document"), 1<<20)
	for range 3 {
		if err := ledger.Append(t.Context(), claimed.Lease, pipeline.Record{Kind: "body", Data: document}); err != nil {
			t.Fatal(err)
		}
	}
	if n := objects(t, dir); n != 3 {
		t.Errorf("%d objects, want 3", n)
	}
	run, err := ledger.Load(t.Context(), claimed.Lease.Run)
	if err != nil || len(run.Records) != 3 || !bytes.Equal(run.Records[2].Data, document) {
		t.Errorf("%d records, %v", len(run.Records), err)
	}
	if err := ledger.Erase(t.Context(), key.Organization, key.Annotation); err != nil || objects(t, dir) != 0 {
		t.Errorf("after the erasure: %d objects, %v", objects(t, dir), err)
	}
	if err := ledger.Close(); err != nil {
		t.Error(err)
	}
}

func objects(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "body", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestAnAddressThatIsNoBucketIsRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "ledger", "https://s3.example", "https://s3.example/", "http://[::1", "https://user:c4nary@[::1/ledger",
		"https://user:c4nary@s3.example",
		"user:c4nary@s3.example/ledger", "https://s3.example/%zz?key=c4nary",
	} {
		if _, err := openBucket(t.Context(), address); err == nil || strings.Contains(err.Error(), "c4nary") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
