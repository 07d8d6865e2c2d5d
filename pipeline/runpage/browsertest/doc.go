// Package browsertest opens the pages of package runpage, and the workbench of exportrun,
// in a real browser, Debian's chromium, and looks at them as people and screen readers do.
// It is a module of its own, so that nobody else needs chromedp.
//
// The rules for screen readers and keyboards are those of axe-core 4.10.3, which is in
// testdata/axe as npm's package has it, with its licence. The variable SHOTS names a folder
// for pictures of the pages.
package browsertest
