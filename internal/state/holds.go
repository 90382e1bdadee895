package state

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

// locking is what a query for a hold ends with when something is handed over because of it: a release waits for those
// who do, and then sees what they left. SQLite has one writer anyway.
func (c conn) locking() string {
	if c.numbered {
		return " FOR KEY SHARE"
	}
	return ""
}

// Hold makes sure that nobody tells a destination, and reports whether that is news. A hold by an operator replaces any
// other. One by trouble replaces none by an operator, and another by trouble only if it comes from a probe.
func (s *Store) Hold(ctx context.Context, h webhook.Hold) (news bool, err error) {
	const query = `INSERT INTO holds (destination, since, cause, reason, advice, actor, probes, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (destination) DO UPDATE SET cause = excluded.cause, reason = excluded.reason, advice = excluded.advice,
			actor = excluded.actor, probes = excluded.probes, next_at = excluded.next_at,
			since = CASE WHEN holds.cause = excluded.cause THEN holds.since ELSE excluded.since END
		WHERE excluded.cause = 'operator' OR (holds.cause = 'trouble' AND excluded.probes > 0)
		RETURNING probes`
	var next sql.NullInt64
	if !h.Next.IsZero() {
		next = sql.NullInt64{Int64: h.Next.UnixMicro(), Valid: true}
	}
	args := []any{h.Destination, h.Since.UnixMicro(), string(h.Cause), h.Reason, h.Advice, h.Actor, h.Probes, next}
	err = s.write(ctx, func(c conn) error {
		news = false
		return c.each(ctx, query, args, func(row) error {
			news = true
			return nil
		})
	})
	if err != nil {
		return false, fmt.Errorf("hold destination: %w", err)
	}
	return news, nil
}

// Resume makes a hold, whatever its cause, one that is to be probed at once; it remains until a probe succeeds. Where there
// is none, nothing happens.
func (s *Store) Resume(ctx context.Context, destination, reason, actor string) error {
	const query = "UPDATE holds SET cause = 'trouble', reason = ?, advice = '', actor = ?, probes = 0, next_at = ? WHERE destination = ?"
	err := s.write(ctx, func(c conn) error { return c.exec(ctx, query, reason, actor, time.Now().UnixMicro(), destination) })
	if err != nil {
		return fmt.Errorf("resume destination: %w", err)
	}
	return nil
}

// Release ends a hold by trouble. When it returns, what was handed over because of that hold can be seen by all; nothing
// is handed over any more. A hold by an operator stays.
func (s *Store) Release(ctx context.Context, destination string) error {
	const query = "DELETE FROM holds WHERE destination = ? AND cause = 'trouble'"
	if err := s.write(ctx, func(c conn) error { return c.exec(ctx, query, destination) }); err != nil {
		return fmt.Errorf("release destination: %w", err)
	}
	return nil
}

// Held returns the hold of a destination; nil if it has none.
func (s *Store) Held(ctx context.Context, destination string) (*webhook.Hold, error) {
	holds, err := s.holds(ctx, " WHERE destination = ?", destination)
	if err != nil {
		return nil, fmt.Errorf("read hold: %w", err)
	}
	return holds[destination], nil
}

// holds reads holds, by destination.
func (s *Store) holds(ctx context.Context, where string, args ...any) (map[string]*webhook.Hold, error) {
	holds := map[string]*webhook.Hold{}
	const query = "SELECT destination, since, cause, reason, advice, actor, probes, next_at FROM holds"
	err := s.read().each(ctx, query+where, args, func(r row) error {
		var h webhook.Hold
		var since int64
		var next sql.NullInt64
		if err := r.Scan(&h.Destination, &since, &h.Cause, &h.Reason, &h.Advice, &h.Actor, &h.Probes, &next); err != nil {
			return err
		}
		h.Since = time.UnixMicro(since).UTC()
		if next.Valid {
			h.Next = time.UnixMicro(next.Int64).UTC()
		}
		holds[h.Destination] = &h
		return nil
	})
	return holds, err
}

// HandOver hands what a workflow owes a destination over to the destination's own workflow if the destination is held for
// that cause, or for any if cause is empty, and reports whether it is handed over now. If a part of it is handed over
// already, the rest is in any case.
func (s *Store) HandOver(ctx context.Context, workflow, destination string, cause webhook.Cause) (handed bool, err error) {
	err = s.write(ctx, func(c conn) error {
		handed = false
		query := `UPDATE outbox SET handed_at = COALESCE(handed_at, ?) WHERE workflow = ? AND destination = ? AND settled_at IS NULL
			AND (handed_at IS NOT NULL
				OR (SELECT max(handed_at) FROM outbox WHERE workflow = ? AND destination = ? AND settled_at IS NULL) IS NOT NULL
				OR EXISTS (SELECT 1 FROM holds WHERE destination = ? AND cause <> ?` + c.locking() + ")) RETURNING workflow"
		spared := webhook.Cause("") // none
		if cause == webhook.ByOperator {
			spared = webhook.ByTrouble
		}
		args := []any{time.Now().UnixMicro(), workflow, destination, workflow, destination, destination, string(spared)}
		return c.each(ctx, query, args, func(row) error {
			handed = true
			return nil
		})
	})
	if err != nil {
		return false, fmt.Errorf("hand over: %w", err)
	}
	return handed, nil
}

// Suspects returns workflows that have owed a destination something for longer than an age and have not handed it over,
// at most limit: somebody should make sure that they run. It gives each to one caller, and again when its debt has
// grown older by a third; so one that is retried or parked for weeks is asked about now and then.
func (s *Store) Suspects(ctx context.Context, destination string, age time.Duration, limit int) ([]string, error) {
	var workflows []string
	for left := limit; left > 0; left = limit - len(workflows) {
		more, err := s.suspects(ctx, destination, age, left)
		if err != nil {
			return nil, fmt.Errorf("find workflows that may not run: %w", err)
		}
		for _, workflow := range more { // one may have several rows
			if !slices.Contains(workflows, workflow) {
				workflows = append(workflows, workflow)
			}
		}
		if len(more) < left {
			break
		}
	}
	return workflows, nil
}

func (s *Store) suspects(ctx context.Context, destination string, age time.Duration, rows int) ([]string, error) {
	var workflows []string
	now := time.Now()
	err := s.write(ctx, func(c conn) error {
		workflows = nil
		skip := ""
		if c.numbered {
			skip = " FOR UPDATE SKIP LOCKED" // whom another has, and rows that are being settled
		}
		query := `UPDATE outbox SET checked_at = ? WHERE destination = ? AND (workflow, seq) IN
			(SELECT workflow, seq FROM outbox WHERE ` + suspect + " AND destination = ? ORDER BY created_at LIMIT ?" + skip + ") RETURNING workflow"
		args := []any{now.UnixMicro(), destination, now.Add(-age).UnixMicro(), now.UnixMicro(), now.UnixMicro(), destination, rows}
		return c.each(ctx, query, args, func(r row) error {
			var workflow string
			err := r.Scan(&workflow)
			workflows = append(workflows, workflow)
			return err
		})
	})
	return workflows, err
}

// suspect is the condition of [Store.Suspects]. It takes the time before which a row must have been made, and now, twice.
const suspect = `settled_at IS NULL AND handed_at IS NULL AND created_at < ?
	AND (checked_at IS NULL OR (CAST(? AS BIGINT) - checked_at) * 4 > CAST(? AS BIGINT) - created_at)`

// Adopt hands over what workflows owe a destination that do not run any more.
func (s *Store) Adopt(ctx context.Context, destination string, workflows []string) error {
	err := s.write(ctx, func(c conn) error {
		const query = "UPDATE outbox SET handed_at = ? WHERE destination = ? AND settled_at IS NULL AND workflow IN"
		return c.in(ctx, query, []any{time.Now().UnixMicro(), destination}, workflows, nil)
	})
	if err != nil {
		return fmt.Errorf("adopt what is owed: %w", err)
	}
	return nil
}
