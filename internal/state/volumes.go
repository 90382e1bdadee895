package state

import (
	"context"
	"fmt"
	"time"
)

// The log is kept in volumes, numbered from 1; in PostgreSQL each is a partition. Only the latest takes new events. Who
// records holds a lock on its being the latest; who opens the next one waits for all of them, and those who come later
// wait for him. So whoever writes the latest volume sees all that was ever written to the others, and an id is in one
// volume only, although no index covers them all.

// currentVolume is the latest volume. It must be read by a statement that begins after [holdVolume]: in PostgreSQL a
// statement sees what was committed before it began, not before it stopped waiting.
const currentVolume = "(SELECT max(volume) FROM volumes)"

const volumeLock = 0x766f6c756d65 // "volume"

// lockTimeout is how long everybody may have to wait behind a change of the volumes, which waits for those before it.
const lockTimeout = "SET LOCAL lock_timeout = '100ms'"

// holdVolume queues what keeps the latest volume the latest until the end of the transaction. In SQLite who writes is
// alone anyway.
func holdVolume(c conn) {
	if c.numbered {
		c.queue("SELECT pg_advisory_xact_lock_shared(?)", []any{int64(volumeLock)}, nil)
	}
}

// A Volume is a part of the log: what was recorded from one time to another.
type Volume struct {
	Number int64
	Opened time.Time
	Closed time.Time // zero: it is the latest
}

// Volumes returns the volumes of the log, the oldest first. There is always one.
func (s *Store) Volumes(ctx context.Context) ([]Volume, error) {
	var all []Volume
	err := s.read().each(ctx, "SELECT volume, opened_at FROM volumes ORDER BY volume", nil, func(r row) error {
		var v Volume
		var opened int64
		if err := r.Scan(&v.Number, &opened); err != nil {
			return err
		}
		v.Opened = time.UnixMicro(opened).UTC()
		if n := len(all); n > 0 {
			all[n-1].Closed = v.Opened
		}
		all = append(all, v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read volumes of the log: %w", err)
	}
	return all, nil
}

// openVolume opens the volume after latest, unless somebody was faster.
func (s *Store) openVolume(ctx context.Context, latest int64) error {
	err := s.write(ctx, func(c conn) error {
		next := latest + 1
		if c.numbered {
			c.queue(lockTimeout, nil, nil)
			c.queue("SELECT pg_advisory_xact_lock(?)", []any{int64(volumeLock)}, nil)
		}
		var current int64
		if err := c.each(ctx, "SELECT max(volume) FROM volumes", nil, func(r row) error { return r.Scan(&current) }); err != nil {
			return err
		}
		if current != latest {
			return nil
		}
		if c.numbered {
			for _, table := range []string{"webhooks", "events"} {
				// To attach a table disturbs nobody who reads or writes the others; to create it as a partition would.
				c.queue(fmt.Sprintf("CREATE TABLE %s_%d (LIKE %[1]s INCLUDING ALL)", table, next), nil, nil)
				c.queue(fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %[1]s_%d FOR VALUES IN (%[2]d)", table, next), nil, nil)
			}
		}
		c.queue("INSERT INTO volumes (volume, opened_at) VALUES (?, ?)", []any{next, time.Now().UnixMicro()}, nil)
		return c.flush(ctx)
	})
	if err != nil {
		return fmt.Errorf("open a volume of the log: %w", err)
	}
	return nil
}

// closeVolume makes sure that nothing of a volume becomes owed any more. It waits for those who are at it.
func (s *Store) closeVolume(ctx context.Context, volume int64) error {
	err := s.write(ctx, func(c conn) error {
		if c.numbered {
			c.queue(lockTimeout, nil, nil)
			c.queue("SELECT pg_advisory_xact_lock(?)", []any{int64(volumeLock)}, nil)
		}
		c.queue("UPDATE volumes SET closing = 1 WHERE volume = ? AND closing = 0", []any{volume}, nil)
		return nil
	})
	if err != nil {
		return fmt.Errorf("close a volume of the log: %w", err)
	}
	return nil
}

// dropVolume throws a volume away that is not the latest, and returns how many events were in it; PostgreSQL knows that
// roughly. It may be repeated, or be done by several at once.
func (s *Store) dropVolume(ctx context.Context, volume int64, beat func()) (events int64, err error) {
	if !s.numbered {
		for _, table := range []string{"webhooks", "events"} {
			n, err := s.deleteAll(ctx, fmt.Sprintf("DELETE FROM %s WHERE rowid IN (SELECT rowid FROM %[1]s WHERE volume = ? LIMIT ?) RETURNING 1", table),
				[]any{volume}, beat)
			if err != nil {
				return 0, err
			}
			events = n
		}
		return events, s.alone().exec(ctx, "DELETE FROM volumes WHERE volume = ?", volume)
	}
	err = s.write(ctx, func(c conn) error {
		beat()
		events = 0
		c.queue(lockTimeout, nil, nil)
		c.queue("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(?) AND reltuples > 0", []any{fmt.Sprintf("events_%d", volume)},
			func(r row) error { return r.Scan(&events) })
		// In the order of [group.record], which reads and writes both.
		c.queue(fmt.Sprintf("DROP TABLE IF EXISTS webhooks_%d", volume), nil, nil)
		c.queue(fmt.Sprintf("DROP TABLE IF EXISTS events_%d", volume), nil, nil)
		c.queue("DELETE FROM volumes WHERE volume = ?", []any{volume}, nil)
		return c.flush(ctx)
	})
	return events, err
}
