package state

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/internal/webhook"
)

// Handed returns what was handed over for a destination and recorded before a time, the oldest first: as many debts as
// have so many events, and the first of them in any case, with so many of its events. None means that all is settled.
func (s *Store) Handed(ctx context.Context, destination string, before time.Time, events int) ([]webhook.Debt, error) {
	type due struct {
		workflow string
		ids      []string
	}
	var rows []due
	var all []string
	const query = `SELECT workflow, events FROM outbox WHERE destination = ? AND created_at < ?
		AND settled_at IS NULL AND handed_at IS NOT NULL ORDER BY created_at, workflow LIMIT ?`
	c := s.read()
	err := c.each(ctx, query, []any{destination, before.UnixMicro(), events}, func(r row) error {
		if len(all) >= events {
			return nil
		}
		var next due
		var text string
		if err := r.Scan(&next.workflow, &text); err != nil {
			return err
		}
		ids, err := decodeIDs(text)
		if err != nil {
			return err
		}
		next.ids = ids[:min(len(ids), events-len(all))]
		rows, all = append(rows, next), append(all, next.ids...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what was handed over: %w", err)
	}
	log, err := eventsByID(ctx, c, all)
	if err != nil {
		return nil, fmt.Errorf("read events that were handed over: %w", err)
	}
	debts := make([]webhook.Debt, len(rows))
	for i, r := range rows {
		debts[i].Workflow = r.workflow
		for _, id := range r.ids {
			if e, ok := log[id]; ok {
				debts[i].Events = append(debts[i].Events, e)
			} else {
				debts[i].Lost = append(debts[i].Lost, id)
			}
		}
	}
	return debts, nil
}

// SettleAll settles debts of many workflows to one destination. It is [Store.Settle] for
// many, in one statement where each debt is settled as a whole.
func (s *Store) SettleAll(ctx context.Context, destination string, debts map[string]webhook.Settlement) error {
	left := make([]string, 0, len(debts))
	for workflow := range debts {
		left = append(left, workflow)
	}
	slices.Sort(left) // so that those who settle the same never wait for each other
	for chunk := range slices.Chunk(left, rowsPerStatement) {
		whole := map[string]bool{}
		args := []any{time.Now().UnixMicro(), debts[chunk[0]].How, destination}
		for _, workflow := range chunk {
			args = append(args, workflow, encodeIDs(debts[workflow].Events))
		}
		query := `UPDATE outbox SET events = '[]', settled_at = ?, how = ? WHERE destination = ? AND settled_at IS NULL
			AND (workflow, events) IN (VALUES (?, ?)` + strings.Repeat(", (?, ?)", len(chunk)-1) + ") RETURNING workflow"
		err := s.write(ctx, func(c conn) error {
			return c.each(ctx, query, args, func(r row) error {
				var workflow string
				err := r.Scan(&workflow)
				whole[workflow] = true
				return err
			})
		})
		if err != nil {
			return fmt.Errorf("settle outbox: %w", err)
		}
		for _, workflow := range chunk {
			if whole[workflow] {
				continue
			}
			if err := s.Settle(ctx, workflow, destination, debts[workflow]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Part gives events that a workflow owes a destination to another workflow, which must be new; or back to that workflow
// itself, if it had handed them over. Events that are not owed any more are not given; so it may be repeated.
func (s *Store) Part(ctx context.Context, workflow, destination string, events []string, to string) error {
	err := s.write(ctx, func(c conn) error {
		owed, err := readDebt(ctx, c, `UPDATE outbox SET workflow = workflow
			WHERE workflow = ? AND destination = ? AND settled_at IS NULL RETURNING events`, workflow, destination)
		if err != nil {
			return err
		}
		gone := slices.DeleteFunc(slices.Clone(events), func(id string) bool { return !slices.Contains(owed, id) })
		if len(gone) == 0 {
			return nil
		}
		if to == workflow {
			const query = "UPDATE outbox SET handed_at = NULL, checked_at = NULL WHERE workflow = ? AND destination = ?"
			return c.exec(ctx, query, workflow, destination)
		}
		const query = `INSERT INTO outbox (workflow, destination, events, created_at)
			SELECT CAST(? AS TEXT), destination, CAST(? AS TEXT), created_at FROM outbox WHERE workflow = ? AND destination = ?`
		if err := c.exec(ctx, query, to, encodeIDs(gone), workflow, destination); err != nil {
			return err
		}
		return settle(ctx, c, workflow, destination, gone, "parted")
	})
	if err != nil {
		return fmt.Errorf("part debt: %w", err)
	}
	return nil
}
