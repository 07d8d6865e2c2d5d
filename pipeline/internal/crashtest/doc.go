// Package crashtest has no code of its own: its tests show that exports are neither sent
// twice nor lost when processes die.
package crashtest
