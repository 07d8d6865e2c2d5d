// Package measure holds no code of the library: its tests measure what an export costs
// that meets large or hostile input. Each row of the table runs in a process of its own,
// so that its processor time and its peak memory are its own.
//
//	make measure
//
// prints the table: what a row was when it was first found, what it may take, what it is, and
// which rows are beyond that. The peak is that of the process, by getrusage; the live heap is
// what collections left, so that the rest of the peak is garbage or memory kept for more. "no
// look" is the longest processor time of the export's thread between two looks at its context. The
// row of the issue that is about secrets is a test, TestNoOutputOfAnExportShowsASecret of
// internal/components. Without EXPORTPIPELINE_MEASURE nothing is measured.
package measure
