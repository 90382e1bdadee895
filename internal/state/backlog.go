package state

import (
	"context"
	"fmt"
	"time"

	"holdfast/internal/webhook"
)

// Standings returns how things are with every destination that is owed something, or held. Orphan says that
// [Store.Suspects] with the same age has something to give. There are indexes of nothing else, so it may be asked often.
func (s *Store) Standings(ctx context.Context, age time.Duration) (map[string]webhook.Standing, error) {
	all, err := s.standings(ctx, age, "", "")
	if err != nil {
		return nil, fmt.Errorf("read standings: %w", err)
	}
	return all, nil
}

// Standing returns how things are with one destination.
func (s *Store) Standing(ctx context.Context, destination string, age time.Duration) (webhook.Standing, error) {
	all, err := s.standings(ctx, age, " AND destination = ?", " WHERE destination = ?", destination)
	if err != nil {
		return webhook.Standing{}, fmt.Errorf("read standing: %w", err)
	}
	return all[destination], nil
}

func (s *Store) standings(ctx context.Context, age time.Duration, and, where string, of ...any) (map[string]webhook.Standing, error) {
	all := map[string]webhook.Standing{}
	c := s.read()
	count := func(query string, change func(*webhook.Standing, int)) error {
		return c.each(ctx, query+and+" GROUP BY destination", of, func(r row) error {
			var destination string
			var n int
			var micro int64
			if err := r.Scan(&destination, &n, &micro); err != nil {
				return err
			}
			standing := all[destination]
			standing.Owed += n
			if oldest := time.UnixMicro(micro).UTC(); standing.Oldest.IsZero() || oldest.Before(standing.Oldest) {
				standing.Oldest = oldest
			}
			change(&standing, n)
			all[destination] = standing
			return nil
		})
	}
	const owed = "SELECT destination, count(*), min(created_at) FROM outbox WHERE settled_at IS NULL AND handed_at "
	if err := count(owed+"IS NULL", func(*webhook.Standing, int) {}); err != nil {
		return nil, err
	}
	if err := count(owed+"IS NOT NULL", func(s *webhook.Standing, n int) { s.Handed = n }); err != nil {
		return nil, err
	}
	now := time.Now()
	for destination, standing := range all {
		if standing.Handed == standing.Owed {
			continue
		}
		const query = "SELECT 1 FROM outbox WHERE " + suspect + " AND destination = ? LIMIT 1"
		args := []any{now.Add(-age).UnixMicro(), now.UnixMicro(), now.UnixMicro(), destination}
		err := c.each(ctx, query, args, func(row) error {
			standing.Orphan = true
			return nil
		})
		if err != nil {
			return nil, err
		}
		all[destination] = standing
	}
	holds, err := s.holds(ctx, where, of...)
	for destination, hold := range holds {
		standing := all[destination]
		standing.Hold = hold
		all[destination] = standing
	}
	return all, err
}

// Unsettled is what a workflow owes a destination.
type Unsettled struct {
	Destination string
	Workflow    string
	Events      int
	Since       time.Time // it was recorded
	Handed      bool      // to the destination's own workflow
}

// Unsettled returns what is owed, the oldest first, at most limit of it.
func (s *Store) Unsettled(ctx context.Context, limit int) ([]Unsettled, error) {
	var all []Unsettled
	const query = `SELECT destination, workflow, events, created_at, handed_at IS NOT NULL FROM outbox
		WHERE settled_at IS NULL ORDER BY created_at, destination, workflow, seq LIMIT ?`
	err := s.read().each(ctx, query, []any{limit}, func(r row) error {
		var u Unsettled
		var events string
		var since int64
		if err := r.Scan(&u.Destination, &u.Workflow, &events, &since, &u.Handed); err != nil {
			return err
		}
		ids, err := decodeIDs(events)
		u.Events, u.Since = len(ids), time.UnixMicro(since).UTC()
		all = append(all, u)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return all, nil
}
