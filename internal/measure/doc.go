// Package measure holds no code of the library: its tests measure what an export costs
// that meets large or hostile input. Each row of the table runs in a process of its own,
// so that its processor time and its peak memory are its own.
//
//	make measure
//
// prints the table: what a row was when it was first found, what it is, and which rows are
// beyond what they may take. Without EXPORTPIPELINE_MEASURE nothing is measured.
package measure
