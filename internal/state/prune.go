package state

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

const (
	// A volume spans half of the time for which duplicates are remembered. Every event is looked for in each older one,
	// which is a page of its index to read; so there are few, at the price of keeping half a window more than is needed.
	volumesPerWindow = 2
	// pruneMargin is for clocks that differ, and for webhooks that waited before they were recorded.
	pruneMargin = 24 * time.Hour
	// settledFor is how long the outbox remembers what is settled, with the attempts, unless [Options] say otherwise. Nothing
	// rests on it; it is for those who look.
	settledFor = 72 * time.Hour
	pruneBatch = 1000
	moveBatch  = 500 // rows of the outbox
)

// Prune removes what nobody needs any more: volumes of the log that ended longer ago than duplicates are remembered, and a
// day; and what was settled in the outbox so long ago that nobody asks for the attempts. An event that is still owed is spared: it goes on in the latest
// volume. It opens a new volume when it is time.
//
// It works in small steps, none of which holds up those who record for long. What is done when it fails, or ctx ends,
// remains done, and the next call goes on from there; several may prune at once. beat is called now and then. On an error
// the result says what was removed until then.
func (s *Store) Prune(ctx context.Context, dedupe time.Duration, beat func()) (webhook.Pruned, error) {
	var p webhook.Pruned
	volumes, err := s.Volumes(ctx)
	if err != nil {
		return p, err
	}
	now := time.Now()
	if latest := volumes[len(volumes)-1]; latest.Opened.Before(now.Add(-dedupe / volumesPerWindow)) {
		if err := s.openVolume(ctx, latest.Number); err != nil {
			return p, err
		}
		p.Opened = true
	}
	for _, v := range volumes {
		if v.Closed.IsZero() || v.Closed.After(now.Add(-dedupe-pruneMargin)) {
			continue
		}
		if err := s.closeVolume(ctx, v.Number); err != nil {
			return p, err
		}
		if err := s.spareOwed(ctx, v, beat); err != nil {
			return p, fmt.Errorf("spare what is owed of volume %d: %w", v.Number, err)
		}
		events, err := s.dropVolume(ctx, v.Number, beat)
		if err != nil {
			return p, fmt.Errorf("drop volume %d: %w", v.Number, err)
		}
		p.Volumes++
		p.Events += events
	}
	p.Notifications, err = s.deleteAll(ctx, `DELETE FROM outbox WHERE (workflow, destination, seq) IN
		(SELECT workflow, destination, seq FROM outbox WHERE settled_at < ? ORDER BY settled_at LIMIT ?) RETURNING 1`,
		[]any{now.Add(-s.settledFor).UnixMicro()}, beat)
	if err != nil {
		return p, fmt.Errorf("prune outbox: %w", err)
	}
	return p, nil
}

// spareOwed moves the events of a closed volume that are still owed to the latest one. None is added to them meanwhile:
// what is recorded now is owed with events of the latest volume.
func (s *Store) spareOwed(ctx context.Context, v Volume, beat func()) error {
	var keys []any
	move := func() error {
		beat()
		err := s.write(ctx, func(c conn) error {
			c.queueIn("UPDATE events SET volume = "+currentVolume+" WHERE volume = ? AND id IN", []any{v.Number}, keys, nil)
			return nil
		})
		keys = keys[:0]
		return err
	}
	// A row that is younger than the volume owes none of it, unless it came from the log.
	const query = "SELECT events FROM outbox WHERE settled_at IS NULL AND (created_at < ? OR origin = '')"
	rows := 0
	err := s.read().each(ctx, query, []any{v.Closed.Add(pruneMargin).UnixMicro()}, func(r row) error {
		var events string
		if err := r.Scan(&events); err != nil {
			return err
		}
		ids, err := decodeIDs(events)
		if err != nil {
			return err
		}
		for _, id := range ids {
			keys = append(keys, packEvent(id))
		}
		if rows++; rows%moveBatch == 0 {
			return move()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return move()
}

// deleteAll runs a statement, which deletes as many rows as its last parameter says, until it finds fewer.
func (s *Store) deleteAll(ctx context.Context, query string, args []any, beat func()) (deleted int64, err error) {
	for {
		beat()
		n := int64(0)
		err := s.write(ctx, func(c conn) error {
			n = 0
			return c.each(ctx, query, append(slices.Clip(args), pruneBatch), func(row) error {
				n++
				return nil
			})
		})
		if err != nil {
			return deleted, err
		}
		deleted += n
		if n < pruneBatch {
			return deleted, nil
		}
	}
}
