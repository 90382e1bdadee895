package state

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

// Settle takes events off what a workflow owes a destination, and notes attempts. When none of the events of a row is left, it
// is settled; how says in a word why. Events that are not owed, or a destination that is owed nothing, change nothing: it may
// be repeated, also by an attempt that was thought dead.
//
// An attempt is noted where its event is owed, or else with what the workflow owed the destination last.
func (s *Store) Settle(ctx context.Context, workflow, destination string, settled webhook.Settlement) error {
	if len(settled.Events) == 0 && len(settled.Attempts) == 0 {
		return nil
	}
	if len(settled.Events) > 0 {
		// Nearly always all of it was told, in order; that takes one statement. Any other case, or an error, takes the long way.
		const all = `UPDATE outbox SET events = '[]', settled_at = ?, how = ?, attempts = ` + noted + `
			WHERE workflow = ? AND destination = ? AND settled_at IS NULL AND events = ? RETURNING workflow`
		lines := encodeAttempts(settled.Attempts)
		done := false
		args := []any{time.Now().UnixMicro(), settled.How, roomFor(lines), roomFor(lines), lines, workflow, destination, encodeIDs(settled.Events)}
		err := s.alone().each(ctx, all, args, func(row) error {
			done = true
			return nil
		})
		if err == nil && done {
			return nil
		}
	}
	return s.settleSome(ctx, workflow, destination, settled)
}

func (s *Store) settleSome(ctx context.Context, workflow, destination string, settled webhook.Settlement) error {
	err := s.write(ctx, func(c conn) error {
		rows, err := lockOwed(ctx, c, workflow, destination)
		if err == nil {
			settle(c, rows, workflow, destination, settled)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("settle outbox: %w", err)
	}
	return nil
}

// An owedRow is a row of what a workflow owes, or owed, a destination.
type owedRow struct {
	seq     int64
	settled bool
	events  []string
}

// lockOwed reads the rows of what a workflow owes, or owed, a destination, in order, and keeps them for this transaction.
func lockOwed(ctx context.Context, c conn, workflow, destination string) ([]owedRow, error) {
	query := "SELECT seq, settled_at IS NOT NULL, events FROM outbox WHERE workflow = ? AND destination = ? ORDER BY seq"
	if c.numbered {
		query += " FOR UPDATE"
	}
	var rows []owedRow
	err := c.each(ctx, query, []any{workflow, destination}, func(r row) error {
		var next owedRow
		var events string
		if err := r.Scan(&next.seq, &next.settled, &events); err != nil {
			return err
		}
		var err error
		next.events, err = decodeIDs(events)
		rows = append(rows, next)
		return err
	})
	return rows, err
}

// settle queues what settles events of these rows.
func settle(c conn, rows []owedRow, workflow, destination string, settled webhook.Settlement) {
	gone := make(map[string]bool, len(settled.Events))
	for _, id := range settled.Events {
		gone[id] = true
	}
	attempts := settled.Attempts
	for i, r := range rows {
		here := attempts
		if i < len(rows)-1 {
			here = nil
			attempts = slices.DeleteFunc(slices.Clone(attempts), func(a webhook.Attempt) bool {
				if !slices.Contains(r.events, a.Event) {
					return false
				}
				here = append(here, a)
				return true
			})
		}
		left := slices.DeleteFunc(slices.Clone(r.events), func(id string) bool { return gone[id] })
		if len(left) < len(r.events) {
			var at sql.NullInt64
			how := ""
			if len(left) == 0 {
				at, how = sql.NullInt64{Int64: time.Now().UnixMicro(), Valid: true}, settled.How
			}
			const query = "UPDATE outbox SET events = ?, settled_at = ?, how = ? WHERE workflow = ? AND destination = ? AND seq = ?"
			c.queue(query, []any{encodeIDs(left), at, how, workflow, destination, r.seq}, nil)
		}
		if lines := encodeAttempts(here); lines != "" {
			const query = "UPDATE outbox SET attempts = " + noted + " WHERE workflow = ? AND destination = ? AND seq = ?"
			c.queue(query, []any{roomFor(lines), roomFor(lines), lines, workflow, destination, r.seq}, nil)
		}
	}
}

// SettleAll settles debts of many workflows to one destination. It is [Store.Settle] for
// many, in one statement where each debt is settled as a whole.
func (s *Store) SettleAll(ctx context.Context, destination string, debts map[string]webhook.Settlement) error {
	left := make([]string, 0, len(debts))
	for workflow := range debts {
		left = append(left, workflow)
	}
	slices.Sort(left) // so that those who settle the same never wait for each other
	now := time.Now().UnixMicro()
	for chunk := range slices.Chunk(left, rowsPerStatement) {
		var whole map[string]bool
		rows := make([][]any, 0, len(chunk))
		for _, workflow := range chunk {
			if d := debts[workflow]; len(d.Events) > 0 {
				lines := encodeAttempts(d.Attempts)
				rows = append(rows, []any{destination, workflow, encodeIDs(d.Events), now, d.How, roomFor(lines), lines})
			}
		}
		err := s.write(ctx, func(c conn) error {
			whole = map[string]bool{}
			c.queueRows("WITH done (destination, workflow, events, at, how, room, lines) AS (", rows, `)
				UPDATE outbox SET events = '[]', settled_at = done.at, how = done.how, attempts = `+notedOf+`
				FROM done WHERE outbox.workflow = done.workflow AND outbox.destination = done.destination
					AND outbox.settled_at IS NULL AND outbox.events = done.events
				RETURNING outbox.workflow`, func(r row) error {
				var workflow string
				err := r.Scan(&workflow)
				whole[workflow] = true
				return err
			})
			return c.flush(ctx)
		})
		if err != nil {
			return fmt.Errorf("settle outbox: %w", err)
		}
		for _, workflow := range chunk {
			if whole[workflow] {
				continue
			}
			if err := s.settleSome(ctx, workflow, destination, debts[workflow]); err != nil {
				return err
			}
		}
	}
	return nil
}
