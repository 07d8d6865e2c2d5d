// Simplesftp is the simple SFTP export of Rossum's knowledge base: a template makes
// a file, which goes to an SFTP server beside the original document. Without flags
// the server is one in this process; for a real one:
//
//	SFTP_PASSWORD=… simplesftp -host sftp.example.com -user erp -host-key "SHA256:…" -dir /upload
//
// With SFTP_KEY_FILE in the place of SFTP_PASSWORD the login is by an SSH key, whose
// passphrase may be in SFTP_KEY_PASSPHRASE.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// settings are as in Rossum's user interface; the credentials come from the flags.
const settings = `{
  "export_rules": [{
    "path_to_directory": "%s/{supplier}",
    "filename_collision": {"replace": true},
    "done_file": "invoice-{annotation.id}.done",
    "export_object_configurations": [
      {"type": "custom_format", "filename_template": "invoice-{document_id}.csv", "export_reference_key": "csv"},
      {"type": "document", "filename_template": "invoice-{document_id}"}
    ]
  }]
}`

func main() {
	var c sftpexport.Credentials
	flag.StringVar(&c.Host, "host", "", "the SFTP server; without it one is started here")
	port := flag.Int("port", 22, "its port")
	flag.StringVar(&c.Username, "user", "", "who logs in")
	flag.StringVar(&c.HostKey, "host-key", "", `the server's key or fingerprint ("SHA256:…")`)
	dir := flag.String("dir", "/upload", "where the files go")
	flag.Parse()
	c.Type, c.Port = "sftp", sftpexport.Port(*port)
	var err error
	if c.Host == "" {
		err = here(os.Stdout)
	} else {
		var secrets rossum.Secrets
		if secrets, err = fromEnvironment(); err == nil {
			err = export(os.Stdout, c, secrets, *dir)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}

func fromEnvironment() (rossum.Secrets, error) {
	secrets := rossum.Secrets{"password": os.Getenv("SFTP_PASSWORD"), "ssh_key_passphrase": os.Getenv("SFTP_KEY_PASSPHRASE")}
	if path := os.Getenv("SFTP_KEY_FILE"); path != "" {
		key, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		secrets["ssh_key"] = string(key)
	}
	return secrets, nil
}

// here exports to a server in this process, and shows what it has got.
func here(out io.Writer) error {
	server, err := sftptest.NewServer("")
	if err != nil {
		return err
	}
	defer server.Close()
	if err := export(out, server.Credentials(), server.Secrets(), "/upload"); err != nil {
		return err
	}
	return filepath.WalkDir(server.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(server.Dir, path)
		fmt.Fprintf(out, "/%s: %q\n", filepath.ToSlash(name), data)
		return err
	})
}

func export(out io.Writer, c sftpexport.Credentials, secrets rossum.Secrets, dir string) error {
	var sftp sftpexport.Step
	if err := json.Unmarshal(fmt.Appendf(nil, settings, dir), &sftp); err != nil {
		return err
	}
	sftp.Credentials = c
	chain, err := pipeline.New(
		&steps.CustomFormat{Exports: []steps.ExportConfig{{
			Key: "csv", Template: "{{ field.document_id }};{{ field.amount_total }}\n",
		}}},
		&sftp,
	)
	if err != nil {
		return err
	}
	defer chain.Close()
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026/0042"), rossumtest.Field("supplier", "EU/Acme: GmbH"),
		rossumtest.Number("amount_total", "1 200,00", "1200.00"), rossumtest.Document("scan.pdf", "application/pdf"), rossumtest.Offline())
	for name, secret := range secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	show := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) {
		for _, step := range r.Steps {
			for _, c := range step.Calls {
				fmt.Fprintln(out, c.Method, filepath.Base(c.URL))
			}
		}
	})
	_, err = chain.Export(context.Background(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7")), show)
	return err
}
