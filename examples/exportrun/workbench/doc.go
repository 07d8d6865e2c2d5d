// Package workbench serves a page on which a person edits the hooks of a queue and sees at
// once what they make of a payload: the files and requests that each hook would send, or
// what is wrong and where. Nothing is ever sent, not even to this machine: every run is
// dry. Saving replaces the settings in the hook's file, and leaves every other byte of it
// as it is.
//
// The page is for one person on one machine. [Bench.Serve] listens on a loopback address
// only and makes a random token, which follows the # of the page's address: browsers
// send that part to nobody. The page hands it over in a header with every request; requests
// without it, with another Host than the address that is listened at, or from another
// origin get nothing. No script runs but the page's own.
//
// What a hook's file has among its settings is shown, since that is what is edited. Secrets
// that come from elsewhere are not: those of the payload and of a secrets file, the token,
// and config.secret.
//
// The editor is CodeMirror 6 (MIT), of which codemirror.min.js has what the page uses, with
// its licences in codemirror.LICENSE.txt: the one editor in wide use that works with the
// keyboard and screen readers, keeps a strict Content-Security-Policy, and stays quick on
// long texts. editor/build.sh makes that file of npm's packages, in the versions of
// editor/package-lock.json.
package workbench
