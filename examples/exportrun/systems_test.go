package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// runIn runs an organisation whose files are changed so that its calls reach the
// systems of the test.
func runIn(t *testing.T, name, secrets string, changes ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t, nil, name, secrets, changes...)
}

// runWith is runIn with further flags.
func runWith(t *testing.T, flags []string, name, secrets string, changes ...string) (code int, stdout, stderr string) {
	t.Helper()
	platform := rossumtest.NewServer()
	defer platform.Close()
	platform.AddDocument(9001, "invoice.pdf", "application/pdf", []byte("%PDF-1.4"))
	dir := changed(t, name, append(changes, "http://127.0.0.1:28081", platform.URL, "rossum-session-token", string(platform.Token))...)
	var out, errors strings.Builder
	code = run(
		append([]string{"-org", dir, "-payload", filepath.Join(dir, "payload.json"), "-secrets", write(t, secrets)}, flags...),
		&out,
		&errors,
	)
	return code, out.String(), errors.String()
}

func TestAValueWithASlashIsADirectory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	server, err := sftptest.NewServer(root)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := server.Credentials()
	code, stdout, stderr := runIn(
		t,
		"sftp-dynamic-folder-slash",
		fmt.Sprintf(`{"SFTP": {"type": "sftp", "password": %q}}`, sftptest.Password),
		`"host": "sftp.example.com"`,
		fmt.Sprintf(`"host": %q, "host_key": %q`, c.Host, server.HostKey()),
		`"port": "22"`,
		fmt.Sprintf(`"port": "%d"`, c.Port),
		"rossum-demo",
		c.Username,
	)
	data, err := os.ReadFile(filepath.Join(root, "EU", "invoices", "f-314159.pdf"))
	if code != answered || err != nil || string(data) != "%PDF-1.4" {
		t.Errorf("code %d, %q, %v\n%s%s", code, data, err, stdout, stderr)
	}
}

func TestHostKeysAreLearntIntoAFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	server, err := sftptest.NewServer(root)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := server.Credentials()
	secrets := fmt.Sprintf(`{"SFTP": {"type": "sftp", "password": %q}}`, sftptest.Password)
	changes := []string{
		`"host": "sftp.example.com"`, fmt.Sprintf(`"host": %q`, c.Host), `"port": "22"`, fmt.Sprintf(`"port": "%d"`, c.Port), "rossum-demo", c.Username,
	}
	if code, _, stderr := runIn(t, "sftp-dynamic-folder-slash", secrets, changes...); code != unusable ||
		!strings.Contains(stderr, "-known-hosts") {
		t.Errorf("without a host key: code %d, %s", code, stderr)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	code, _, stderr := runWith(t, []string{"-known-hosts", known}, "sftp-dynamic-folder-slash", secrets, changes...)
	if code != answered || !strings.Contains(stderr, "was not known") {
		t.Errorf("with a file: code %d, %s", code, stderr)
	}
	if learnt, err := os.ReadFile(known); err != nil || !strings.Contains(string(learnt), server.HostKey()) {
		t.Errorf("the file is %q: %v", learnt, err)
	}
}

func TestWorkdayGetsWhatItsTypesAsk(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"workday-typed-fields":             {`"Invoice_Date":"2026-03-05"`, `"Control_Amount_Total":1210.5`, `"Extended_Amount":1210.5`},
		"workday-for-each-over-multivalue": {`"Item_Description":"a"`, `"Item_Description":"b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := workdaytest.NewTenant()
			defer tenant.Close()
			code, stdout, stderr := runIn(
				t,
				name,
				fmt.Sprintf(`{"9": {"workday_username": %q, "workday_password": %q}}`, workdaytest.Username, workdaytest.Password),
				`"domain": "d"`,
				fmt.Sprintf(`"domain": %q, "protocol": "http"`, tenant.Domain()),
				`"tenant": "t"`,
				fmt.Sprintf(`"tenant": %q`, workdaytest.TenantName),
			)
			if code != answered || len(tenant.Invoices()) != 1 {
				t.Fatalf("code %d\n%s%s", code, stdout, stderr)
			}
			checkParts(t, "the invoice", strings.ReplaceAll(string(tenant.Invoices()[0].Body), `": `, `":`), strings.Join(want, "|"))
		})
	}
}
