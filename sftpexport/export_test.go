package sftpexport

import "context"

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

// HashOf asks the destination's server for a file's SHA-256, nil if it has none.
func HashOf(ctx context.Context, d Destination, path string) (sum []byte, err error) {
	if own, ok := d.(ownDestination); ok {
		d = own.Destination
	}
	sftp := d.(*sftpDestination)
	err = sftp.once(ctx, func(c *connection) error {
		sum, err = hashOf(ctx, c, path)
		return err
	})
	return sum, err
}
