package state

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Backlog is how much a destination is owed, by all workflows.
type Backlog struct {
	Destination   string
	Notifications int       // one for each workflow that owes it something
	Oldest        time.Time // when the first of them was recorded
}

// Backlogs returns how much every destination is owed that is owed anything, by name. There is an index of nothing
// else, so it may be asked often.
func (s *Store) Backlogs(ctx context.Context) ([]Backlog, error) {
	var all []Backlog
	const query = "SELECT destination, count(*), min(created_at) FROM outbox WHERE settled_at IS NULL GROUP BY destination"
	err := s.read().each(ctx, query, nil, func(r row) error {
		var b Backlog
		var oldest int64
		if err := r.Scan(&b.Destination, &b.Notifications, &oldest); err != nil {
			return err
		}
		b.Oldest = time.UnixMicro(oldest).UTC()
		all = append(all, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	// Not by the database, whose collation may be any.
	slices.SortFunc(all, func(a, b Backlog) int { return strings.Compare(a.Destination, b.Destination) })
	return all, nil
}

// Unsettled is what a workflow owes a destination.
type Unsettled struct {
	Destination string
	Workflow    string
	Events      int
	Since       time.Time // it was recorded
}

// Unsettled returns what is owed, the oldest first, at most limit of it.
func (s *Store) Unsettled(ctx context.Context, limit int) ([]Unsettled, error) {
	var all []Unsettled
	const query = `SELECT destination, workflow, events, created_at FROM outbox
		WHERE settled_at IS NULL ORDER BY created_at, destination, workflow LIMIT ?`
	err := s.read().each(ctx, query, []any{limit}, func(r row) error {
		var u Unsettled
		var events string
		var since int64
		if err := r.Scan(&u.Destination, &u.Workflow, &events, &since); err != nil {
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
