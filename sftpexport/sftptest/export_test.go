package sftptest

// The rules, for the tests that break each of them.
var (
	ErrPartial  = errPartial
	ErrContent  = errContent
	ErrTouched  = errTouched
	ErrLeft     = errLeft
	ErrRace     = errRace
	ErrNotEnded = errNotEnded
	ErrMissed   = errMissed
	ErrCounter  = errCounter
)
