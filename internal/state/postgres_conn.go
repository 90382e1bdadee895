package state

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresDB is a PostgreSQL database. What is sent together takes one round trip.
type postgresDB struct{ pool *pgxpool.Pool }

func (d postgresDB) read(ctx context.Context, statements []statement) error {
	return sendEach(ctx, d.pool, statements)
}

func (d postgresDB) write(ctx context.Context, statements []statement) error {
	return sendEach(ctx, d.pool, statements)
}

func (d postgresDB) begin(ctx context.Context) (transaction, error) {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &postgresTx{conn: c}, nil
}

func (d postgresDB) Close() error {
	d.pool.Close()
	return nil
}

// A postgresTx begins with the first statements and ends with the last, in their round trips.
type postgresTx struct {
	conn  *pgxpool.Conn
	begun bool
}

var errUndone = errors.New("the transaction was undone")

// begin names the isolation, whatever the server's default is: after waiting for another's insert, the next statement
// must see its row.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

func (t *postgresTx) run(ctx context.Context, statements []statement) error {
	return send(ctx, t.conn, t.batch(), statements)
}

func (t *postgresTx) commit(ctx context.Context, statements []statement) error {
	batch := t.batch()
	queue(batch, statements)
	// Where a statement fails, the server does not come to this one.
	batch.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" { // an earlier failure was not heeded
			return errUndone
		}
		return nil
	})
	return t.conn.SendBatch(ctx, batch).Close()
}

func (t *postgresTx) batch() *pgx.Batch {
	batch := &pgx.Batch{}
	if !t.begun {
		batch.Queue(begin)
		t.begun = true
	}
	return batch
}

// rollback gives the connection back to the pool, which closes it if the transaction cannot be ended.
func (t *postgresTx) rollback() {
	const idle = 'I'
	if c := t.conn.Conn(); !c.IsClosed() && c.PgConn().TxStatus() != idle {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = c.Exec(ctx, "ROLLBACK")
	}
	t.conn.Release()
}

type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// sendEach sends one after the other: in one batch they would be one transaction.
func sendEach(ctx context.Context, db sender, statements []statement) error {
	for _, s := range statements {
		if err := send(ctx, db, &pgx.Batch{}, []statement{s}); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, db sender, batch *pgx.Batch, statements []statement) error {
	queue(batch, statements)
	return db.SendBatch(ctx, batch).Close()
}

func queue(batch *pgx.Batch, statements []statement) {
	for _, s := range statements {
		queued := batch.Queue(s.text, s.args...)
		if s.scan == nil {
			continue
		}
		queued.Query(func(rows pgx.Rows) error {
			for rows.Next() {
				if err := s.scan(rows); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	}
}
