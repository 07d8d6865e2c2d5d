// Package measure holds no code of the library: its tests measure what an export costs
// that meets large or hostile input. Each row of the table runs in a process of its own,
// so that its processor time and its peak memory are its own.
//
//	make measure
//
// prints the table. Without EXPORTPIPELINE_MEASURE only the rows with small input run, and
// nothing is measured: those check that the rows themselves work.
package measure
