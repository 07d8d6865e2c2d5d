package sftpexport

// RoundTrips is how often the destination's connections have sent something and
// then waited for the answer.
func RoundTrips(d Destination) (n int64) {
	p := d.(*sftpDestination).pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		n += c.wire.flights.Load()
	}
	return n
}

// Unsynced keeps the destination's pool from syncing files.
func Unsynced(d Destination) { d.(*sftpDestination).pool.unsynced = true }
