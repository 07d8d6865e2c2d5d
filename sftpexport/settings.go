package sftpexport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum/native"
)

// Step puts files on an SFTP server or into an S3 bucket. Its JSON keys are
// those of Rossum's extension, in the newer shape (export_rules) and in the older
// one (path, exports, template_variables); fields marked (ours) are additions.
//
// It holds connections between exports: use it by pointer, and end it with
// [pipeline.Chain.Close]. Once it has been checked, which a chain does, it may run
// for several exports at the same time; its fields must not be changed then.
//
// Errors of a run are a [*FileError], a [*NameError] or a [*pipeline.StepError], which
// say where, around one of this package's Err values, which say what.
type Step struct {
	Credentials Credentials `json:"credentials"`
	Rules       []Rule      `json:"export_rules"`
	// Path, Exports and FilenameCollision are the one rule of the older shape.
	Path              string     `json:"path"`
	Exports           []Object   `json:"exports"`
	FilenameCollision *Collision `json:"filename_collision"`
	// Variables are names for templates of all rules.
	Variables []Variable `json:"template_variables"`
	// CreateDirectories makes directories that are missing, true if nil. (ours)
	CreateDirectories *bool `json:"create_directories"`
	// Commit says how files on an SFTP server get their names. "rename", which "" means,
	// writes them under hidden names first. "in_place" writes them under their own, for
	// servers that cannot rename, or take no hidden names or only some extensions. It
	// costs what the package otherwise promises: a reader may see a part of a file, a
	// crash may leave one, replacing loses the old file at the first byte, and the files
	// of an export appear one after the other. A done_file tells readers when all are
	// whole. (ours)
	Commit CommitMode `json:"commit"`
	// MaxConnections bounds the connections to one SFTP server, 4 if 0. Exports share
	// them, and make do with fewer if the server takes no more. (ours)
	MaxConnections int `json:"max_connections"`
	// ProtocolVersion is the newest version of the SFTP protocol that the server speaks,
	// 3 to 6. Version 3 is spoken with all of them, and is what "" and 0 mean.
	ProtocolVersion SFTPVersion `json:"sftp_version"`
	// Source says where native exports come from: "local" makes them here,
	// "rossum" fetches them from the platform. With "" they are fetched if the
	// export has a client and no step of this run has changed a field, since the
	// platform does not know such changes yet. (ours)
	Source NativeSource `json:"annotation_content_source"`

	// HostKeys are lines of a known_hosts file or SHA256 fingerprints that the
	// program trusts, for hooks whose settings have none.
	HostKeys []string `json:"-"`
	// KnownHostsFile is the path of a known_hosts file of the program's that learns the
	// keys of servers it does not know yet, as OpenSSH's StrictHostKeyChecking=accept-new
	// does: the first connection to a server trusts whoever answers, the later ones only
	// the same key. The report says what was learnt. It counts for hooks whose settings
	// have no host key. The file is made if it is missing; processes may share it.
	KnownHostsFile string `json:"-"`
	// Backends speak with destinations that are no SFTP servers, by credentials.type: "s3"
	// needs that of package s3.
	Backends map[string]Backend `json:"-"`

	compiled *compiled
}

// CommitMode says how files on an SFTP server get their names.
type CommitMode string

// The ways to commit files.
const (
	CommitRename  CommitMode = "rename"   // hidden names first
	CommitInPlace CommitMode = "in_place" // their own at once, at the price that [Step].Commit names
)

// NativeSource says where the files of [ObjectAnnotationContent] come from.
type NativeSource string

// The sources of native exports.
const (
	NativeLocal  NativeSource = "local"  // they are made here
	NativeRossum NativeSource = "rossum" // they are fetched from the platform
)

// Credentials say where files go. Passwords and keys are in the hook's secrets:
// password, or ssh_key with ssh_key_passphrase if it has one; access_key_id and
// secret_access_key for S3 (and session_token (ours)).
//
// The key of an SFTP server is checked always. HostKey or KnownHosts of the
// settings, or HostKeys of the [Step], say what it is, or it is learnt into
// the KnownHostsFile; without any of them the step refuses its settings, unless
// InsecureIgnoreHostKey is set.
type Credentials struct {
	Type     string `json:"type"` // sftp or s3
	Host     string `json:"host"`
	Port     Port   `json:"port"` // 22 if 0
	Username string `json:"username"`
	// HostKey is the server's public key or its fingerprint, one or several on a line
	// each: "ssh-ed25519 AAAA…" or only "AAAA…", a line of a .pub or known_hosts file,
	// "SHA256:…" or what ssh-keygen -lf prints. (ours)
	HostKey string `json:"host_key"`
	// KnownHosts is the text of a known_hosts file. (ours)
	KnownHosts string `json:"known_hosts"`
	// InsecureIgnoreHostKey lets anybody between here and the server read and
	// change everything. (ours)
	InsecureIgnoreHostKey bool `json:"insecure_ignore_host_key"`

	// ProtocolVersion is that of the [Step], for settings that have it here.
	ProtocolVersion SFTPVersion `json:"sftp_version"`
	// Algorithms are old ones that are allowed beside today's, by their SSH names, for
	// servers that have no others: diffie-hellman-group1-sha1,
	// diffie-hellman-group-exchange-sha1, aes128-cbc, 3des-cbc, arcfour256, arcfour128,
	// arcfour, and ssh-rsa, which is signatures of SHA-1 by host keys that are not
	// pinned and by the user's own key. Each weakens the connection. (ours)
	Algorithms []string `json:"algorithms"`

	Bucket string `json:"bucket_name"`
	// Region of the bucket; "" asks Amazon, takes it from the names of some other stores'
	// endpoints, and is us-east-1 elsewhere. (ours)
	Region string `json:"region"`
	// Endpoint is the address of a server other than Amazon's. (ours)
	Endpoint string `json:"endpoint"`
	// PathStyle puts the bucket into the path instead of the host name. It does so by
	// itself where the host name cannot have it. (ours)
	PathStyle bool `json:"path_style"`
	// ConditionalPut false is for stores that cannot put an object on the condition that
	// there is none: files that may not replace others are then looked for first, and what
	// another program puts there in the same moment is overwritten. nil means true. (ours)
	ConditionalPut *bool `json:"conditional_put"`
	// ServerSideEncryption is AES256, aws:kms or aws:kms:dsse. (ours)
	ServerSideEncryption string `json:"server_side_encryption"`
	// Metadata are kept with each object. (ours)
	Metadata map[string]string `json:"metadata"`
}

// Port is a TCP port; in JSON a number or a text, as in Rossum's settings.
type Port int

// UnmarshalJSON accepts 22 and "22".
func (p *Port) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("%s is not a valid port; expected 1 to 65535", data)
	}
	*p = Port(n)
	return nil
}

// SFTPVersion is a version of the SFTP protocol, 3 to 6, or 0 for 3; in JSON a number or a text.
type SFTPVersion int

// UnmarshalJSON accepts 3, "3", and 0, "0", "" and null, which stand for 3.
func (v *SFTPVersion) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || !SFTPVersion(n).isKnown() {
		return fmt.Errorf("%s is not a version of SFTP that can be spoken; expected 3 to 6", data)
	}
	*v = SFTPVersion(n)
	return nil
}

func (v SFTPVersion) isKnown() bool { return v == 0 || v >= 3 && v <= 6 }

// Rule is a directory and the files that go there.
type Rule struct {
	// Directory is a template of the directory. What it spells is used as it is, except
	// that keys of S3 never begin with a slash. A slash in a value separates
	// directories, which are always below what stands before the value.
	Directory string   `json:"path_to_directory"`
	Objects   []Object `json:"export_object_configurations"`
	// FilenameCollision says what happens if there is such a file: nil refuses.
	FilenameCollision *Collision `json:"filename_collision"`
	// Condition skips the rule when this JSON template renders to nothing or to
	// "false"; "" means always.
	Condition string `json:"condition"`
	// DoneFile is the template of the name of an empty file that comes last, when
	// all others are there. With {filename} in it there is one for each file.
	// (ours)
	DoneFile string `json:"done_file"`
	// Variables are names for templates of this rule.
	Variables []Variable `json:"template_variables"`
}

// SettingsAliases accepts the older names.
func (*Rule) SettingsAliases() map[string]string {
	return map[string]string{"path": "path_to_directory", "exports": "export_object_configurations"}
}

// Collision says what happens to a name that is taken. The zero value refuses:
// the export fails, and the file that is there stays.
type Collision struct {
	Replace bool `json:"replace"` // the new file takes the old one's place
	Number  bool `json:"number"`  // the new one is called name-1.ext, -2 and so on (ours)
}

func (c *Collision) rule() CollisionRule {
	switch {
	case c == nil:
		return CollisionRefuse
	case c.Replace:
		return CollisionReplace
	case c.Number:
		return CollisionNumber
	}
	return CollisionRefuse
}

// ObjectType says what a file is made of.
type ObjectType string

// The types of an [Object].
const (
	ObjectAnnotationContent ObjectType = "annotation_content" // a native export
	ObjectDocument          ObjectType = "document"           // the original
	ObjectCustomFormat      ObjectType = "custom_format"      // an artefact
)

// Object is a file to export.
type Object struct {
	// Type is annotation_content (a native export), document (the original), or
	// custom_format (an artefact).
	Type ObjectType `json:"type"`
	// Format of annotation_content: csv, xml, json or xlsx.
	Format native.Format `json:"format"`
	// Name is a template of the file's name; slashes in it name directories below
	// that of the rule. For a document the original's extension is added, unless the
	// name has it already, as {document.original_file_name} does. The time is that
	// of the export's beginning; {seq} is one number for all files of a directory.
	// What values have that a name cannot have is replaced, which the report says.
	Name string `json:"filename_template"`
	// Key is the reference key of a custom_format; export_id is its old name.
	Key string `json:"export_reference_key"`
	// FilenameCollision counts before that of the rule.
	FilenameCollision *Collision `json:"filename_collision"`
	// Variables are names for this template.
	Variables []Variable `json:"template_variables"`
}

// SettingsAliases accepts the old name of export_reference_key.
func (*Object) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

// VariableType says what a [Variable] stands for.
type VariableType string

// The types of a [Variable].
const (
	// VariableDatapoint is the value of a field.
	VariableDatapoint VariableType = "datapoint"
	// VariableSequence is a number that grows; see [Variable].
	VariableSequence VariableType = "sequence"
)

// Variable is a name that templates can use for a field, or for a number.
type Variable struct {
	Name string `json:"name"`
	// Type is datapoint, which is meant by "", or sequence: a number that grows with
	// every export to a directory, from a counter that is kept there. {seq_1},
	// {seq_2} and so on are sequences without being listed here.
	Type  VariableType `json:"type"`
	Field string       `json:"schema_id"` // of a datapoint
	// Start, Increment and Digits are of a sequence: 0, 1 and 5 if they are not given,
	// which makes 00000, 00001 and so on.
	Start     *int64 `json:"start"`
	Increment *int64 `json:"increment"`
	Digits    *int   `json:"digits"`
}

// SettingsAliases accepts other words for the same.
func (*Variable) SettingsAliases() map[string]string {
	return map[string]string{"step": "increment", "padding": "digits", "length": "digits", "number_of_digits": "digits", "start_number": "start"}
}

var (
	_ pipeline.Step      = (*Step)(nil)
	_ pipeline.Compiler  = (*Step)(nil)
	_ pipeline.Validator = (*Step)(nil)
	_ pipeline.Closer    = (*Step)(nil)
	_ json.Unmarshaler   = (*Step)(nil)
)

// UnmarshalJSON decodes settings strictly.
func (s *Step) UnmarshalJSON(data []byte) error { return settings.Decode(data, s) }

// Name returns "SFTP/S3 export".
func (s *Step) Name() string { return "SFTP/S3 export" }
