// Package measure holds no code of the library: its tests measure what an export costs
// that meets large or hostile input. Each row of the table runs in a process of its own,
// so that its processor time and its peak memory are its own.
//
//	make measure
//
// prints the table: what a row was when it was first found, what it may take, what it is, and
// which rows are beyond that. The peak is that of the process, by getrusage; the live heap is
// what collections left, so that the rest of the peak is garbage or memory kept for more. "no
// look" is the longest time that the processor worked for the export's thread (not for the
// kernel, whose fresh pages cost 20 times as much on one machine as on another) between two looks
// at its context; a row for which that is more than 100 ms is named, and fails only if it went on
// after its deadline. The row of the issue that is about secrets is a test,
// TestNoOutputOfAnExportShowsASecret of internal/components. Without EXPORTPIPELINE_MEASURE
// nothing is measured.
package measure
