package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// fileServer is an SFTP server with a system that takes files from it.
type fileServer struct {
	*sftptest.Server
	// take works through what has come since the last time.
	take func() error
}

// redirect has hooks that export to SFTP talk to this server: in place of the
// host of their settings, which is that of a real one and has no key there.
func (s *fileServer) redirect(hooks []*rossum.Hook, secrets map[string]rossum.Secrets) error {
	for _, h := range hooks {
		var settings map[string]any
		if err := json.Unmarshal(h.Settings, &settings); err != nil {
			return fmt.Errorf("hook %s: %w", h, err)
		}
		credentials, ok := settings["credentials"].(map[string]any)
		if !ok {
			continue
		}
		here := s.Credentials()
		credentials["host"], credentials["port"], credentials["username"] = here.Host, int(here.Port), here.Username
		credentials["host_key"] = s.HostKey()
		secrets[h.Name] = s.Secrets()
		var err error
		if h.Settings, err = json.Marshal(settings); err != nil {
			return err
		}
	}
	return nil
}

// startIDocs starts a server whose files an SAP system takes as IDocs.
func startIDocs() (*system, error) {
	server, err := sftptest.NewServer("")
	if err != nil {
		return nil, err
	}
	var taken, posted []string
	files := &fileServer{Server: server}
	files.take = func() error {
		return eachFile(filepath.Join(server.Dir, "interface/invoic/in"), ".xml", func(_ string, data []byte) error {
			document, number, err := readIDoc(data)
			if err == nil && slices.Contains(posted, number) {
				document += ", status 51: check if invoice already entered"
			}
			taken, posted = append(taken, document), append(posted, number)
			return err
		})
	}
	return &system{files: files, holds: func() []string { return taken }}, nil
}

// readIDoc reads an IDoc as the partner profile of the sender has it.
func readIDoc(data []byte) (document, number string, err error) {
	var doc struct {
		XMLName xml.Name `xml:"INVOIC02"`
		Control struct {
			Type   string `xml:"MESTYP"`
			Sender string `xml:"SNDPRN"`
			Ref    string `xml:"REFINT"`
		} `xml:"IDOC>EDI_DC40"`
		References []struct {
			Qualifier string `xml:"QUALF"`
			Number    string `xml:"BELNR"`
		} `xml:"IDOC>E1EDK02"`
		Items []struct {
			Text string `xml:"E1EDP19>KTEXT"`
		} `xml:"IDOC>E1EDP01"`
	}
	if err := xml.Unmarshal(data, &doc); err != nil {
		return "", "", fmt.Errorf("status 60, syntax error: %w", err)
	}
	if doc.Control.Type != "INVOIC" || doc.Control.Sender != "0010300042" || len(doc.References) != 1 || doc.References[0].Qualifier != "009" {
		return "", "", errors.New("status 56, IDoc with errors added: no partner profile")
	}
	number = doc.References[0].Number
	return fmt.Sprintf("IDoc of %s, reference %s, with %d items, the last one %q",
		number, doc.Control.Ref, len(doc.Items), doc.Items[len(doc.Items)-1].Text), number, nil
}

// startFileERP starts a server whose files an ERP takes that waits for a marker.
func startFileERP() (*system, error) {
	server, err := sftptest.NewServer("")
	if err != nil {
		return nil, err
	}
	var holds, known []string // known are names that were imported before
	files := &fileServer{Server: server}
	files.take = func() error {
		dir := filepath.Join(server.Dir, "in/invoices")
		return eachFile(dir, ".done", func(_ string, marker []byte) error {
			name, lines, _ := strings.Cut(strings.TrimSpace(string(marker)), ";")
			if slices.Contains(known, name) {
				holds = append(holds, name+" a second time, which is passed over")
				return removeAll(filepath.Join(dir, strings.TrimSuffix(name, ".csv")))
			}
			known = append(known, name)
			if last := lastNamed(server.Ops()); !strings.HasSuffix(last, ".done") {
				return fmt.Errorf("the marker was there before %s", filepath.Base(last))
			}
			imported, err := importCSV(filepath.Join(dir, name), lines)
			if err != nil {
				return err
			}
			holds = append(holds, imported)
			return removeAll(filepath.Join(dir, strings.TrimSuffix(name, ".csv")))
		})
	}
	return &system{files: files, holds: func() []string { return holds }}, nil
}

// lastNamed is the file that got its name last.
func lastNamed(ops []string) string {
	for _, op := range slices.Backward(ops) {
		if words := strings.Fields(op); len(words) > 2 && strings.Contains(words[0], "rename") {
			return words[2]
		}
	}
	return ""
}

// importCSV reads the file that a marker names.
func importCSV(file, lines string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the file that the marker names: %w", err)
	}
	if _, err := os.Stat(strings.TrimSuffix(file, ".csv") + ".pdf"); err != nil {
		return "", fmt.Errorf("looking for the scan: %w", err)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil {
		return "", err
	}
	r := csv.NewReader(strings.NewReader(string(text)))
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil {
		return "", err
	}
	if last := rows[len(rows)-1]; last[0] != "T" || last[1] != lines {
		return "", fmt.Errorf("the file is not whole: the marker says %s lines, its end %v", lines, last)
	}
	return fmt.Sprintf("%s of %s with %s lines, the last one %q", rows[0][1], rows[0][3], lines, rows[len(rows)-2][3]), nil
}

// eachFile hands the files of a folder that have an extension to f, and removes them.
func eachFile(dir, extension string, f func(name string, data []byte) error) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := f(filepath.Base(name), data); err != nil {
			return err
		}
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes the files of one invoice.
func removeAll(stem string) error {
	return errors.Join(os.RemoveAll(stem+".csv"), os.RemoveAll(stem+".pdf"))
}
