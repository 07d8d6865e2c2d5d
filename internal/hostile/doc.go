// Package hostile holds no code of the library: its tests are the table of what the other
// side of an export may do, and of what must hold then. A row is a component, a peer that
// it talks to, and a fault of that peer. Whatever the fault, the export ends, says what is
// wrong and where, sends nothing a second time, takes in no more than its bounds, and does
// not panic. testdata/rows.txt lists the rows; -update writes it anew.
package hostile
