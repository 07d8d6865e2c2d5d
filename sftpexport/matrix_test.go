package sftpexport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// site is a server with its files in a directory of this machine.
type site struct {
	credentials sftpexport.Credentials
	secrets     rossum.Secrets
	dir         string // where the server's root is
	root        string // the same directory as the server calls it
}

func openSSH(lines ...string) func(*testing.T) site {
	return func(t *testing.T) site {
		s := realtest.NewOpenSSH(t, lines...)
		return site{s.Credentials(), s.Secrets(), s.Dir, s.Dir}
	}
}

// denying is OpenSSH's server without some kinds of requests.
func denying(requests string) func(*testing.T) site {
	return openSSH("Subsystem sftp internal-sftp -P " + requests)
}

func proFTPD(lines ...string) func(*testing.T) site {
	return func(t *testing.T) site {
		s := realtest.NewProFTPD(t, lines...)
		return site{s.Credentials(), s.Secrets(), s.Dir, ""}
	}
}

func paramiko(behaviour map[string]any) func(*testing.T) site {
	return func(t *testing.T) site {
		s := realtest.NewParamiko(t, behaviour)
		return site{s.Credentials(), s.Secrets(), s.Dir, ""}
	}
}

// put exports one file as erp.csv to a directory of the site.
func (s site) put(t *testing.T, step *sftpexport.Step, content []byte) (report string, err error) {
	t.Helper()
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range s.secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	keep := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r.Text() })
	file := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "csv", Data: content})
	})
	_, err = chain(t, file, step).Export(t.Context(), call.Payload(), keep)
	return report, err
}

func (s site) step(t *testing.T, directory string, rule sftpexport.CollisionRule) *sftpexport.Step {
	t.Helper()
	step := &sftpexport.Step{
		Credentials: s.credentials, Backends: withS3, Path: s.root + directory,
		Exports:           []sftpexport.Object{{Type: "custom_format", Key: "csv", Name: "erp.csv"}},
		FilenameCollision: &sftpexport.Collision{Replace: rule == sftpexport.CollisionReplace, Number: rule == sftpexport.CollisionNumber},
	}
	t.Cleanup(func() { _ = step.Close() })
	return step
}

// row is what must happen on a server. The first export finds nothing under its name,
// the second one the first one's file.
type row struct {
	name      string
	server    func(*testing.T) site
	directory string // "/in", which is there, if ""
	inPlace   bool
	keep      bool // create_directories is false
	// fails is a part of the error of the first export, or an error; there must be no
	// file then. nil: the file must be there and whole.
	fails any
	// says is a part of the report of the first export; "" if nothing is to be said.
	says string
	// leaves is how many hidden files may stay for ever, however many exports there are.
	leaves int
	rules  []sftpexport.CollisionRule // all if nil
}

var everyRule = []sftpexport.CollisionRule{sftpexport.CollisionRefuse, sftpexport.CollisionReplace, sftpexport.CollisionNumber}

const unconfirmed = "but not that it is there and whole"

// dict is a behaviour of the paramiko server.
type dict = map[string]any

func matrix() []row {
	windows := "SSH-2.0-OpenSSH_for_Windows_9.5"
	posix, link, fsync := []string{"posix-rename@openssh.com"}, []string{"hardlink@openssh.com"}, []string{"fsync@openssh.com"}
	refuse := everyRule[:1:1]
	replaces := []sftpexport.CollisionRule{sftpexport.CollisionReplace}
	return []row{
		{name: "OpenSSH", server: openSSH()},
		{name: "OpenSSH makes directories", server: openSSH(), directory: "/a/b/c"},
		{name: "OpenSSH without looking", server: denying("stat,lstat")},
		{name: "OpenSSH without looking makes directories", server: denying("stat,lstat"), directory: "/a/b/c"},
		{name: "OpenSSH without looking, directories not to be made", server: denying("stat,lstat"), keep: true},
		{name: "OpenSSH without looking at handles", server: denying("stat,lstat,fstat")},
		{name: "OpenSSH that shows nothing", server: denying("stat,lstat,fstat,opendir,readdir,realpath,readlink")},
		{name: "OpenSSH that shows nothing and lets nobody read", server: denying("stat,lstat,fstat,opendir,readdir,read"), says: unconfirmed},
		{name: "OpenSSH without deleting", server: denying("remove,rmdir"), leaves: 1},
		{name: "OpenSSH without posix-rename", server: denying("posix-rename")},
		{
			name:   "OpenSSH without renaming, by links",
			server: denying("rename,posix-rename"),
			rules:  []sftpexport.CollisionRule{sftpexport.CollisionRefuse, sftpexport.CollisionNumber},
		},
		{name: "OpenSSH without renaming", server: denying("rename,posix-rename,hardlink"), fails: `set commit to "in_place"`},
		{name: "OpenSSH without renaming, in place", server: denying("rename,posix-rename,hardlink"), inPlace: true},
		{name: "OpenSSH without making directories", server: denying("mkdir"), directory: "/a", fails: "making the directory was answered with"},
		{name: "OpenSSH without syncing", server: denying("fsync")},
		{name: "OpenSSH without setting attributes", server: denying("setstat,fsetstat")},
		{name: "OpenSSH without statvfs", server: denying("statvfs,fstatvfs")},
		{name: "OpenSSH without links", server: denying("hardlink,symlink")},
		{name: "OpenSSH without realpath and readlink", server: denying("realpath,readlink")},
		{name: "OpenSSH without listing", server: denying("opendir,readdir")},
		{name: "OpenSSH without listing and looking", server: denying("opendir,readdir,stat,lstat")},
		{name: "OpenSSH without rename alone", server: denying("rename")},
		{name: "OpenSSH in place", server: openSSH(), inPlace: true},
		{name: "OpenSSH in place without looking", server: denying("stat,lstat"), inPlace: true},
		{
			name: "OpenSSH in place that shows nothing and lets nobody read", server: denying("stat,lstat,fstat,opendir,readdir,read"),
			inPlace: true, says: unconfirmed,
		},
		{name: "OpenSSH in place without deleting", server: denying("remove,rmdir"), inPlace: true},
		{name: "OpenSSH with percent signs and quotation marks", server: openSSH(), directory: "/100%25 'a' \"b\" $HOME *?", keep: true},
		{name: "OpenSSH with letters of other scripts", server: openSSH(), directory: "/Přijaté faktury/請求書", keep: true},
		{name: "OpenSSH with a backslash", server: openSSH(), directory: "/in\\out", keep: true},
		{name: "OpenSSH with a colon and a tilde", server: openSSH(), directory: "/~/C:", keep: true},
		{name: "OpenSSH with two slashes and a dot", server: openSSH(), directory: "//a/./b"},
		{name: "OpenSSH with a dot at the directory's end", server: openSSH(), directory: "/Acme Inc.", keep: true},
		{name: "OpenSSH with a blank before the directory", server: openSSH(), directory: "/ leading", keep: true},
		{name: "OpenSSH with the name of a device", server: openSSH(), directory: "/aux", keep: true},

		{name: "ProFTPD", server: proFTPD()},
		{name: "ProFTPD makes directories", server: proFTPD(), directory: "/a/b"},
		{name: "ProFTPD that lets nobody read", server: proFTPD("<Limit READ>\nDenyAll\n</Limit>")},
		{name: "ProFTPD that shows nothing", server: proFTPD("<Limit READ LIST NLST MLSD MLST STAT>\nDenyAll\n</Limit>")},
		{name: "ProFTPD for uploads only", server: proFTPD("<Limit READ LIST NLST MLSD MLST STAT DELE RMD>\nDenyAll\n</Limit>"), leaves: 1},
		{
			name:   "ProFTPD without directories and renaming",
			server: proFTPD("<Limit READ DIRS>\nDenyAll\n</Limit>"),
			fails:  `set commit to "in_place"`,
		},
		{name: "ProFTPD without directories, in place", server: proFTPD("<Limit READ DIRS>\nDenyAll\n</Limit>"), inPlace: true},
		{name: "ProFTPD that hides its files", server: proFTPD("<Directory /*>\nHideFiles ^\\.\n</Directory>")},
		{name: "ProFTPD with hidden stores", server: proFTPD("HiddenStores on")},
		{name: "ProFTPD without changing modes", server: proFTPD("<Limit SITE_CHMOD>\nDenyAll\n</Limit>")},
		{
			name: "ProFTPD without making directories", server: proFTPD("<Limit MKD XMKD>\nDenyAll\n</Limit>"), directory: "/a",
			fails: "making the directory was answered with",
		},
		{name: "ProFTPD in place", server: proFTPD(), inPlace: true},
		{
			name: "ProFTPD without overwriting, in place", server: proFTPD("AllowOverwrite off"), inPlace: true,
			rules: append(refuse, sftpexport.CollisionNumber),
		},
		{name: "ProFTPD with a bound on the size", server: proFTPD("MaxStoreFileSize 1 Kb"), fails: sftpexport.ErrSpace},
		{name: "ProFTPD without overwriting", server: proFTPD("AllowOverwrite off"), rules: append(refuse, sftpexport.CollisionNumber)},
		{name: "ProFTPD without deleting", server: proFTPD("<Limit DELE RMD>\nDenyAll\n</Limit>"), leaves: 1},
		{name: "ProFTPD without hidden files", server: proFTPD(`PathDenyFilter "(^|/)[.][^/]*$"`), fails: "creating a file"},
		{name: "ProFTPD without hidden files, in place", server: proFTPD(`PathDenyFilter "(^|/)[.][^/]*$"`), inPlace: true},
		{name: "ProFTPD with some extensions", server: proFTPD(`PathAllowFilter "\.csv$|^/$|^/in$|^in$"`), inPlace: true},

		{name: "paramiko", server: paramiko(nil)},
		{name: "paramiko, in place", server: paramiko(nil), inPlace: true},
		{name: "renaming overwrites", server: paramiko(dict{"rename_overwrites": true})},
		{name: "renaming overwrites under OpenSSH's banner", server: paramiko(dict{"rename_overwrites": true, "banner": "SSH-2.0-OpenSSH_9.6"})},
		{name: "renaming overwrites, with links", server: paramiko(dict{"rename_overwrites": true, "extensions": link})},
		{name: "links that fail", server: paramiko(dict{"extensions": link, "hardlink": "FAILURE"})},
		{name: "posix-rename", server: paramiko(dict{"extensions": posix})},
		{name: "posix-rename that fails on Windows", server: paramiko(dict{"banner": windows, "extensions": posix, "posix_rename": "FAILURE"})},
		{name: "posix-rename that is refused", server: paramiko(dict{"extensions": posix, "posix_rename": "DENIED"})},
		{name: "no renaming", server: paramiko(dict{"rename": "UNSUPPORTED"}), fails: `set commit to "in_place"`},
		{name: "no renaming, in place", server: paramiko(dict{"rename": "UNSUPPORTED"}), inPlace: true},
		{name: "renaming fails", server: paramiko(dict{"rename": "FAILURE"}), fails: `set commit to "in_place"`},
		{name: "renaming lies", server: paramiko(dict{"rename_lies": true}), fails: "has renamed the file, and has not"},
		{name: "no exclusive creation", server: paramiko(dict{"open_exclusive": "FAILURE"})},
		{name: "no exclusive creation, in place", server: paramiko(dict{"open_exclusive": "FAILURE"}), inPlace: true},
		{name: "no hidden files", server: paramiko(dict{"no_dot": true}), fails: "creating a file"},
		{name: "no hidden files, in place", server: paramiko(dict{"no_dot": true}), inPlace: true},
		{name: "only some extensions, in place", server: paramiko(dict{"only": []string{".csv"}}), inPlace: true},
		{name: "missing is failure", server: paramiko(dict{"missing": "FAILURE"})},
		{name: "missing is failure, directories to be made", server: paramiko(dict{"missing": "FAILURE"}), directory: "/a/b"},
		{name: "missing is failure, in place", server: paramiko(dict{"missing": "FAILURE"}), inPlace: true, rules: replaces},
		{name: "missing is denied", server: paramiko(dict{"missing": "DENIED"})},
		{name: "no looking", server: paramiko(dict{"stat": "DENIED", "lstat": "DENIED"})},
		{name: "no looking is supported", server: paramiko(dict{"stat": "UNSUPPORTED", "lstat": "UNSUPPORTED", "fstat": "UNSUPPORTED"})},
		{name: "no looking, directories not to be made", server: paramiko(dict{"stat": "DENIED", "lstat": "DENIED"}), keep: true},
		{
			name:   "nothing is shown",
			server: paramiko(dict{"stat": "DENIED", "lstat": "DENIED", "fstat": "DENIED", "list": "DENIED", "read": "DENIED"}),
			says:   unconfirmed,
		},
		{name: "nothing is shown, and no deleting", server: paramiko(dict{
			"stat": "DENIED", "lstat": "DENIED", "fstat": "DENIED", "list": "DENIED", "read": "DENIED", "remove": "DENIED",
		}), says: unconfirmed, leaves: 2}, // one of an export whose name was taken, which could not be seen
		{name: "no listing", server: paramiko(dict{"list": "DENIED"})},
		{name: "no deleting", server: paramiko(dict{"remove": "DENIED"}), leaves: 1},
		{name: "no deleting, with links", server: paramiko(dict{"remove": "DENIED", "extensions": link}), leaves: 1},
		{
			name:      "no making of directories",
			server:    paramiko(dict{"mkdir": "UNSUPPORTED"}),
			directory: "/a/b",
			fails:     "making the directory was answered with",
		},
		{name: "directories are virtual", server: paramiko(dict{"virtual": true, "mkdir": "UNSUPPORTED"}), directory: "/a/b"},
		{
			name:   "syncing is announced and fails",
			server: paramiko(dict{"extensions": fsync, "fsync": "UNSUPPORTED"}),
			says:   "can put files on its disk at once",
		},
		{name: "syncing fails", server: paramiko(dict{"extensions": fsync, "fsync": "FAILURE"}), says: "can put files on its disk at once"},
		{name: "hashes", server: paramiko(dict{"extensions": []string{"check-file"}})},
		{name: "ProFTPD's hashes are of the content", server: proFTPD("SFTPExtensions +checkFile")},
		{name: "a quota", server: paramiko(dict{"quota": 10}), fails: sftpexport.ErrSpace, leaves: 0},
		{name: "a full disk in words", server: paramiko(dict{"quota": 10, "words": "No space left on device"}), fails: sftpexport.ErrSpace},
		{name: "a job deletes hidden files", server: paramiko(dict{"lost_hidden": "delete"}), fails: sftpexport.ErrPartGone},
		{name: "a job moves hidden files", server: paramiko(dict{"lost_hidden": "move"}), fails: sftpexport.ErrPartGone},
		{
			name:   "a job deletes hidden files before a link",
			server: paramiko(dict{"lost_hidden": "delete", "extensions": link}),
			fails:  sftpexport.ErrPartGone,
			rules:  refuse,
		},
		{
			name:   "a job deletes hidden files before posix-rename",
			server: paramiko(dict{"lost_hidden": "delete", "extensions": posix}),
			fails:  sftpexport.ErrPartGone,
			rules:  replaces,
		},
		{
			name: "a quota in the words of sftpgo", server: paramiko(dict{"quota": 10, "words": "denying write due to space limit"}),
			fails: sftpexport.ErrSpace,
		},
		{
			name: "a full disk in the words of Windows", server: paramiko(dict{"quota": 10, "words": "There is not enough space on the disk."}),
			fails: sftpexport.ErrSpace,
		},
		{name: "a storage limit in words", server: paramiko(dict{"quota": 10, "words": "Insufficient disk space"}), fails: sftpexport.ErrSpace},
		{name: "a full disk by a code of version 5", server: paramiko(dict{"quota": 10, "quota_code": "NO_SPACE"}), fails: sftpexport.ErrSpace},
		{name: "a quota by a code of version 5", server: paramiko(dict{"quota": 10, "quota_code": "QUOTA"}), fails: sftpexport.ErrSpace},
		{name: "a quota, in place", server: paramiko(dict{"quota": 10, "words": "Quota exceeded"}), inPlace: true, fails: sftpexport.ErrSpace},
		{name: "taken is a code of version 4", server: paramiko(dict{"exists": "ALREADY_EXISTS"})},
		{name: "taken is a code of version 4, in place", server: paramiko(dict{"exists": "ALREADY_EXISTS"}), inPlace: true},
		{name: "taken is denied", server: paramiko(dict{"exists": "DENIED"})},
		{name: "taken is denied, in place", server: paramiko(dict{"exists": "DENIED"}), inPlace: true},
		{name: "taken is a code, and no looking", server: paramiko(dict{
			"exists": "ALREADY_EXISTS", "stat": "DENIED", "lstat": "DENIED", "fstat": "DENIED", "list": "DENIED", "read": "DENIED",
		}), says: unconfirmed},
		{name: "missing is a code of version 4", server: paramiko(dict{"missing": "NO_SUCH_PATH"})},
		{name: "missing is a code of version 4, directories to be made", server: paramiko(dict{"missing": "NO_SUCH_PATH"}), directory: "/a/b"},
		{name: "no sizes", server: paramiko(dict{"attributes": []string{"mode"}})},
		{name: "no sizes, in place", server: paramiko(dict{"attributes": []string{"mode"}}), inPlace: true},
		{name: "no times", server: paramiko(dict{"attributes": []string{"size", "mode"}})},
		{name: "no kinds", server: paramiko(dict{"attributes": []string{"size", "times"}}), directory: "/a/b"},
		{name: "no attributes at all", server: paramiko(dict{"attributes": []string{}}), directory: "/a/b"},
		{name: "sizes are late", server: paramiko(dict{"stale": true})},
		{name: "sizes are late, in place", server: paramiko(dict{"stale": true}), inPlace: true},
		{name: "exclusive creation is ignored", server: paramiko(dict{"ignores_exclusive": true})},
		{name: "exclusive creation is ignored, in place", server: paramiko(dict{"ignores_exclusive": true}), inPlace: true},
		{
			name:   "exclusive creation is ignored, and renaming overwrites",
			server: paramiko(dict{"ignores_exclusive": true, "rename_overwrites": true}),
		},
		{name: "files are gone when they are closed", server: paramiko(dict{"swallows": true}), fails: sftpexport.ErrPartGone},
		{name: "bytes are gone", server: paramiko(dict{"keeps": 1000}), fails: sftpexport.ErrSize},
		{name: "bytes are gone, in place", server: paramiko(dict{"keeps": 1000}), inPlace: true, fails: sftpexport.ErrSize},
		{name: "closing fails", server: paramiko(dict{"close": "FAILURE"}), fails: "putting"},
		{name: "renaming copies", server: paramiko(dict{"copies": true, "rename_overwrites": true}), leaves: 4},
		{name: "renaming copies, with posix-rename", server: paramiko(dict{"copies": true, "extensions": posix}), leaves: 4},
		{name: "no exclusive creation and nothing is shown, in place", server: paramiko(dict{
			"open_exclusive": "FAILURE", "stat": "DENIED", "lstat": "DENIED", "fstat": "DENIED", "list": "DENIED", "read": "DENIED",
		}), inPlace: true, rules: refuse, fails: "does not show whether the name is taken"},
		{name: "opening needs no attributes and listing shows nothing", server: paramiko(dict{"list": "UNSUPPORTED", "extensions": link})},
		{name: "mkdir is denied above", server: paramiko(dict{"mkdir": "DENIED", "virtual": true}), directory: "/a/b"},
		{name: "removing is not supported", server: paramiko(dict{"remove": "UNSUPPORTED"}), leaves: 1},
		{name: "removing fails", server: paramiko(dict{"remove": "FAILURE"}), leaves: 1},
		{name: "reading is not supported", server: paramiko(dict{"read": "UNSUPPORTED"})},
		{name: "syncing is denied", server: paramiko(dict{"extensions": fsync, "fsync": "DENIED"}), says: "can put files on its disk at once"},
		{name: "links are not supported", server: paramiko(dict{"extensions": link, "hardlink": "UNSUPPORTED"})},
		{name: "links are denied", server: paramiko(dict{"extensions": link, "hardlink": "DENIED"})},
		{name: "posix-rename is not supported", server: paramiko(dict{"extensions": posix, "posix_rename": "UNSUPPORTED"})},
		{name: "rename is denied, posix-rename works", server: paramiko(dict{"extensions": posix, "rename": "DENIED"}), rules: replaces},
		{name: "renaming is denied", server: paramiko(dict{"rename": "DENIED"}), fails: `set commit to "in_place"`},
		{name: "renaming is denied, in place", server: paramiko(dict{"rename": "DENIED"}), inPlace: true},
		{name: "Azure: no links, no sync, no setting of attributes", server: paramiko(dict{
			"banner": "SSH-2.0-AzureSSH_1.0.0", "fsync": "UNSUPPORTED", "extensions": fsync,
		}),
			says: "can put files on its disk at once"},
		{name: "Amazon's transfer service", server: paramiko(dict{"banner": "SSH-2.0-AWS_SFTP_1.1", "extensions": posix})},
		{
			name:   "a job deletes hidden files where missing is failure",
			server: paramiko(dict{"lost_hidden": "delete", "missing": "FAILURE"}),
			fails:  sftpexport.ErrPartGone,
		},
		{
			name:   "a job deletes hidden files under OpenSSH's banner",
			server: paramiko(dict{"lost_hidden": "delete", "banner": "SSH-2.0-OpenSSH_9.6"}),
			fails:  sftpexport.ErrPartGone,
		},
	}
}

// TestServersAndTheirBehaviours is the matrix of servers, behaviours and outcomes: the
// file is there and whole, or the error says why not.
func TestServersAndTheirBehaviours(t *testing.T) {
	t.Parallel()
	for _, r := range matrix() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := r.server(t)
			rules := r.rules
			if rules == nil {
				rules = everyRule
			}
			for _, rule := range rules {
				for _, size := range []int{4 << 10, 100 << 10} {
					r.check(t, s, rule, size)
				}
			}
		})
	}
}

func (r row) check(t *testing.T, s site, rule sftpexport.CollisionRule, size int) {
	t.Helper()
	base := fmt.Sprintf("/%s-%d", rule, size)
	directory := base + r.directory
	if r.directory == "" || r.keep {
		if err := os.MkdirAll(filepath.Join(s.dir, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	} else if err := os.MkdirAll(filepath.Join(s.dir, base), 0o755); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%s, %d bytes", rule, size)
	for try, letter := range []string{"a", "b"} {
		content := bytes.Repeat([]byte(letter), size+try)
		// Each time a process of its own.
		step := s.step(t, directory, rule)
		if r.inPlace {
			step.Commit = "in_place"
		}
		step.CreateDirectories = new(bool)
		*step.CreateDirectories = !r.keep
		report, err := s.put(t, step, content)
		files := map[string]string{}
		if _, err := os.Stat(s.dir + directory); err == nil {
			files = tree(t, s.dir+directory)
		}
		r.outcome(t, fmt.Sprintf("%s, try %d", at, try+1), rule, try, content, files, report, err)
	}
}

// outcome compares what has come of the first or second export with what must.
func (r row) outcome(
	t *testing.T,
	at string,
	rule sftpexport.CollisionRule,
	try int,
	content []byte,
	files map[string]string,
	report string,
	err error,
) {
	t.Helper()
	hidden := 0
	for name := range files {
		if strings.HasPrefix(name, ".") {
			hidden++
			delete(files, name)
		}
	}
	if hidden > r.leaves {
		t.Errorf("%s: %d hidden files stay", at, hidden)
	}
	if r.fails != nil {
		is, _ := r.fails.(error)
		text, _ := r.fails.(string)
		if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) || len(files) > 0 {
			t.Errorf("%s: %d files, error %v", at, len(files), err)
		}
		return
	}
	name := "erp.csv"
	switch {
	case try == 1 && rule == sftpexport.CollisionNumber:
		name = "erp-1.csv"
	case try == 1 && rule == sftpexport.CollisionRefuse:
		if !errors.Is(err, sftpexport.ErrExists) && (err == nil || !strings.Contains(err.Error(), "does not show whether the name is taken")) ||
			files[name] == string(content) {
			t.Errorf("%s: the error is %v", at, err)
		}
		return
	}
	if err != nil || files[name] != string(content) {
		t.Errorf("%s: %s has %d bytes of %d: %v", at, name, len(files[name]), len(content), err)
	}
	if try == 0 && (r.says != "" && !strings.Contains(report, r.says) || r.says == "" && strings.Contains(report, unconfirmed)) {
		t.Errorf("%s: the report is\n%s", at, report)
	}
}
