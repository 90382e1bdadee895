package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	attempts = 6                     // of a transaction that met a passing conflict
	patience = 10 * time.Millisecond // before the second one; doubles
	// SQLite bounds the parameters of a statement at 32,766. Longer ones are no faster. PostgreSQL takes columns as arrays.
	rowsPerStatement = 128
)

// A database is where the tables are: SQLite or PostgreSQL.
type database interface {
	read(ctx context.Context, statements []statement) error
	// write runs each statement in a transaction of its own.
	write(ctx context.Context, statements []statement) error
	begin(ctx context.Context) (transaction, error)
	Close() error
}

// A transaction ends with commit or rollback, whichever comes first; rollback after commit does nothing.
type transaction interface {
	// run runs statements in their order, where the database allows it in one round trip. After an error the rest is not
	// run, and the transaction can only be rolled back.
	run(ctx context.Context, statements []statement) error
	// commit is run, and then the end.
	commit(ctx context.Context, statements []statement) error
	rollback()
}

// A statement has a text, in the words of its database, and what is done with each row of the answer; nil: there is none.
type statement struct {
	text string
	args []any
	scan func(row) error
}

// A row is a row of an answer.
type row interface{ Scan(into ...any) error }

// A conn runs statements, in a transaction or for reading, for one goroutine. Statements are written with ? as
// placeholder, and hold no other question mark.
type conn struct {
	run      func(ctx context.Context, statements []statement) error
	numbered bool         // PostgreSQL: placeholders are $1, $2, …, and a parameter may be an array
	queued   *[]statement // to be sent with the next one that is waited for
}

func (s *Store) conn(run func(context.Context, []statement) error) conn {
	return conn{run: run, numbered: s.numbered, queued: new([]statement)}
}

// read returns a conn for reading outside of a transaction.
func (s *Store) read() conn { return s.conn(s.db.read) }

// alone returns a conn each of whose statements is a transaction.
func (s *Store) alone() conn { return s.conn(s.db.write) }

// write does something in a transaction. Where that meets a passing conflict, it is undone and done again; so do must
// not rely on what an earlier call of it left behind. What do leaves in the queue goes with the commit.
func (s *Store) write(ctx context.Context, do func(conn) error) error {
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, do)
		if err == nil || !passing(err) || attempt == attempts || !pause(ctx, attempt) {
			return err
		}
	}
}

func (s *Store) try(ctx context.Context, do func(conn) error) error {
	tx, err := s.db.begin(ctx)
	if err != nil {
		return clean(err)
	}
	defer tx.rollback()
	c := s.conn(tx.run)
	if err := do(c); err != nil {
		return err
	}
	return clean(tx.commit(ctx, *c.queued))
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

// queue puts off a statement until the next one that is waited for, or the commit: it costs no round trip of its own.
func (c conn) queue(query string, args []any, scan func(row) error) {
	*c.queued = append(*c.queued, statement{c.rebind(query), args, scan})
}

// flush runs what is in the queue.
func (c conn) flush(ctx context.Context) error {
	statements := *c.queued
	*c.queued = nil
	if len(statements) == 0 {
		return nil
	}
	return clean(c.run(ctx, statements))
}

func (c conn) exec(ctx context.Context, query string, args ...any) error {
	c.queue(query, args, nil)
	return c.flush(ctx)
}

// each calls scan for every row of the answer.
func (c conn) each(ctx context.Context, query string, args []any, scan func(row) error) error {
	c.queue(query, args, scan)
	return c.flush(ctx)
}

// queueRows queues the insertion of rows, in their order. Into is the statement up to its values, then what comes after
// them. With scan, the statement returns rows.
//
// Rows of one table must come in the order of their key in every transaction, and tables in the order of [group.record]:
// two that wait for each other's rows would never end.
func (c conn) queueRows(into string, rows [][]any, then string, scan func(row) error) {
	if len(rows) == 0 {
		return
	}
	if c.numbered {
		casts, columns := make([]string, len(rows[0])), make([]any, len(rows[0]))
		for i := range columns {
			values := make([]any, len(rows))
			for j, r := range rows {
				values[j] = r[i]
			}
			casts[i], columns[i] = array(values)
		}
		c.queue(into+" SELECT * FROM unnest("+strings.Join(casts, ", ")+") "+then, columns, scan)
		return
	}
	for chunk := range slices.Chunk(rows, rowsPerStatement) {
		row := "(" + marks(len(chunk[0])) + ")"
		c.queue(into+" VALUES "+row+strings.Repeat(", "+row, len(chunk)-1)+" "+then, slices.Concat(chunk...), scan)
	}
}

// in runs a statement that ends with IN, for some ids.
func (c conn) in(ctx context.Context, query string, args []any, ids []string, scan func(row) error) error {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	c.queueIn(query, args, values, scan)
	return c.flush(ctx)
}

// queueIn queues a statement that ends with IN, for some values, which must all be of one type.
func (c conn) queueIn(query string, args, values []any, scan func(row) error) {
	if len(values) == 0 {
		return
	}
	if c.numbered {
		cast, list := array(values)
		c.queue(strings.TrimSuffix(query, "IN")+"= ANY("+cast+")", append(slices.Clone(args), list), scan)
		return
	}
	for chunk := range slices.Chunk(values, rowsPerStatement) {
		c.queue(query+" ("+marks(len(chunk))+")", append(slices.Clone(args), chunk...), scan)
	}
}

// array makes one parameter of many values, with a placeholder that says its type.
func array(values []any) (cast string, list any) {
	switch values[0].(type) {
	case string:
		return "?::text[]", of[string](values)
	case int64:
		return "?::bigint[]", of[int64](values)
	case []byte:
		return "?::bytea[]", of[[]byte](values)
	}
	panic(fmt.Sprintf("no array of %T", values[0]))
}

func of[T any](values []any) []T {
	list := make([]T, len(values))
	for i, v := range values {
		list[i] = v.(T)
	}
	return list
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

func marks(n int) string { return "?" + strings.Repeat(", ?", n-1) }
