package state

// The log is kept in volumes, numbered from 1. In PostgreSQL each is a partition. Only the latest takes new events; who
// records holds a lock on that meanwhile, and who opens the next one waits for all of them, and they for him. So whoever
// writes the latest volume sees everything that was ever written to the others, and an id is in one volume only, although
// no index covers them all.

// currentVolume is the latest volume. It must be read by a statement that begins after [holdVolume]: in PostgreSQL a
// statement sees what was committed before it began, not before it stopped waiting.
const currentVolume = "(SELECT max(volume) FROM volumes)"

const volumeLock = 0x766f6c756d65 // "volume"

// holdVolume queues what keeps the latest volume the latest until the end of the transaction. In SQLite who writes is
// alone anyway.
func holdVolume(c conn) {
	if c.arrays {
		c.queue("SELECT pg_advisory_xact_lock_shared(?)", []any{int64(volumeLock)}, nil)
	}
}
