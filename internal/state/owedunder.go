package state

import (
	"context"
	"fmt"
)

// OwedUnder says how many notifications are handed over for a destination and not settled, of those workflows whose names
// begin with a prefix. It looks at what is handed over for the destination, and at nothing else.
func (s *Store) OwedUnder(ctx context.Context, destination, prefix string) (int, error) {
	n := 0
	const query = `SELECT count(*) FROM outbox WHERE destination = ? AND settled_at IS NULL AND handed_at IS NOT NULL
		AND substr(workflow, 1, ?) = ?`
	err := s.read().each(ctx, query, []any{destination, len([]rune(prefix)), prefix}, func(r row) error { return r.Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count what is owed: %w", err)
	}
	return n, nil
}
