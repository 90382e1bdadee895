package state

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	attempts = 6                     // of a transaction that met a passing conflict
	patience = 10 * time.Millisecond // before the second one; doubles
	// Both databases bound the parameters of a statement, SQLite at 32,766. Longer ones are no faster.
	rowsPerStatement = 128
)

// A conn runs statements, in a transaction or for reading. Statements are written with ? as placeholder, and hold no
// other question mark.
type conn struct {
	db interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	numbered bool
}

func (s *Store) read() conn { return conn{s.reader, s.numbered} }

// write does something in a transaction. Where that meets a passing conflict, it is undone and done again; so do must
// not rely on what an earlier call of it left behind.
func (s *Store) write(ctx context.Context, do func(conn) error) error {
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, do)
		if err == nil || !passing(err) || attempt == attempts || !pause(ctx, attempt) {
			return err
		}
	}
}

func (s *Store) try(ctx context.Context, do func(conn) error) error {
	tx, err := s.writer.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation})
	if err != nil {
		return clean(err)
	}
	defer tx.Rollback() // nothing after a commit
	if err := do(conn{tx, s.numbered}); err != nil {
		return err
	}
	return clean(tx.Commit())
}

// pause waits a little, longer each time and never for the same time as somebody else. It reports whether ctx lives.
func pause(ctx context.Context, attempt int) bool {
	longest := patience << attempt
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c conn) rebind(query string) string {
	if !c.numbered {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

func (c conn) exec(ctx context.Context, query string, args ...any) error {
	_, err := c.db.ExecContext(ctx, c.rebind(query), args...)
	return clean(err)
}

// each calls scan for every row of the answer.
func (c conn) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := c.db.QueryContext(ctx, c.rebind(query), args...)
	if err != nil {
		return clean(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return clean(rows.Err())
}

// insert inserts rows, in their order. Into is the statement up to its values, then what comes after them. With scan,
// the statement returns rows.
//
// Rows of one table must come in the order of their key in every transaction, and tables in the order of [group.record]:
// two that wait for each other's rows would never end.
func (c conn) insert(ctx context.Context, into string, rows [][]any, then string, scan func(*sql.Rows) error) error {
	for chunk := range slices.Chunk(rows, rowsPerStatement) {
		row := "(" + marks(len(chunk[0])) + ")"
		query := into + " VALUES " + row + strings.Repeat(", "+row, len(chunk)-1) + " " + then
		args := slices.Concat(chunk...)
		var err error
		if scan == nil {
			err = c.exec(ctx, query, args...)
		} else {
			err = c.each(ctx, query, args, scan)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// in runs a statement that ends with IN for some of the ids at a time.
func (c conn) in(ctx context.Context, query string, args []any, ids []string, scan func(*sql.Rows) error) error {
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		all := slices.Clone(args)
		for _, id := range chunk {
			all = append(all, id)
		}
		if err := c.each(ctx, query+" ("+marks(len(chunk))+")", all, scan); err != nil {
			return err
		}
	}
	return nil
}

func marks(n int) string { return "?" + strings.Repeat(", ?", n-1) }
