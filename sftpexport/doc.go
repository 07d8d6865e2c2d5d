// Package sftpexport puts the files of an export on an SFTP server or, with package s3 as
// its backend, into an S3 bucket ("SFTP/S3 export"): native exports of the annotation, the original
// document, and artefacts of earlier steps.
//
// On the other side sits a job that picks up every file it sees. So a reader of
// the directory sees each file whole or not at all, an existing file is never
// overwritten unless the settings ask for it, and text from a document can never
// choose another directory:
//
//   - SFTP: files are written under hidden names in their directory, synced
//     where the server can, checked for their size, and then given their names by
//     one operation of the server that refuses a name that is taken. All files of
//     an export are written before the first is given its name. Afterwards each is
//     looked at under its name, by a way that the server allows: size, and hash where
//     the server has one. What the server does not show is said in the report.
//   - Servers that cannot rename, or that take no hidden names, are written to in
//     place if the settings say so, without these promises; see [Step].
//   - S3: objects appear by one request, which carries their checksum and, unless
//     they may replace others, the condition that there is none. Files above
//     16 MiB go up in parts; the upload is aborted if the export does not finish.
//     Stores of other makers are known by their endpoints, or found out.
//   - A server's host key is always checked; see [Credentials]. Old algorithms are
//     offered only by name.
//   - What was cut short is repeated only where that is safe. When the answer to
//     the operation that gives a name is lost, the destination is looked at first.
//
// Text of the settings is used in names as it is. Values from documents are made safe:
// a slash in a directory's value separates directories below what stands before it;
// "..", separators in file names, control characters and what the destination's system
// cannot hold are refused or replaced, and the report says what was replaced.
//
// [Step] is the step; [Destination] is where files go, for backends of one's own,
// which package sftptest has a conformance suite for. Packages sftptest and s3test
// are servers for tests.
//
// Leftovers of a crashed process are hidden files that begin with [HiddenPrefix]. Those
// older than a day by the server's clock are removed when something is next
// written to their directory. Where nothing can be deleted, one empty hidden file,
// .exportpipeline-probe, stays in each directory. S3 has none, but parts of an upload that a crash
// left open cost storage until a lifecycle rule of the bucket ends them
// (AbortIncompleteMultipartUpload): their owner cannot be told from outside.
//
// Dependencies: pkg/sftp and x/crypto/ssh speak SFTP, and are the ones that Go has. Up to
// x/crypto 0.59, ssh has neither diffie-hellman-group15, 17 and 18 nor AES-CBC of more than
// 128 bits, nor DSA: a server that offers nothing else cannot be reached, which
// [ErrAlgorithms] says with both sides' lists. aws-sdk-go-v2 is Amazon's own client. Its
// transfer manager is not used: it joins the parts by itself, while here all files of an
// export must be up before the first appears.
package sftpexport
