// Package rooms holds the test that keeps the rooms of this module in their order:
// which package may import which. CONTRIBUTING.md lists them.
package rooms
