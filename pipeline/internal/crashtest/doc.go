// Package crashtest has no code of its own: its tests show that exports are neither sent
// twice nor lost when processes die.
//
// The simulation draws processes, network, ledger, crashes and an ERP from a seed, in
// virtual time. SIM_SEED=n plays one seed and prints what happens, SIM_SECONDS=n new
// seeds for so long. A seed plays alike again: what a process does takes a time of its
// own, so that no two things happen at one instant, and one processor runs it all.
package crashtest
