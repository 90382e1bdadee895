package state

import (
	"context"
	"database/sql"
	"errors"
)

// sqliteDB is a SQLite database, with one connection that writes.
type sqliteDB struct{ writer, reader *sql.DB }

func (d sqliteDB) read(ctx context.Context, statements []statement) error {
	return runEach(ctx, d.reader, statements)
}

func (d sqliteDB) write(ctx context.Context, statements []statement) error {
	return runEach(ctx, d.writer, statements)
}

func (d sqliteDB) begin(ctx context.Context) (transaction, error) {
	tx, err := d.writer.BeginTx(ctx, nil)
	return sqliteTx{tx}, err
}

func (d sqliteDB) Close() error {
	return errors.Join(d.reader.Close(), d.writer.Close()) // the writer last: it checkpoints
}

type sqliteTx struct{ tx *sql.Tx }

func (t sqliteTx) run(ctx context.Context, statements []statement) error {
	return runEach(ctx, t.tx, statements)
}

func (t sqliteTx) commit(ctx context.Context, statements []statement) error {
	if err := t.run(ctx, statements); err != nil {
		return err
	}
	return t.tx.Commit()
}

func (t sqliteTx) rollback() { _ = t.tx.Rollback() } // what could not be undone is undone when the file is next opened

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func runEach(ctx context.Context, db querier, statements []statement) error {
	for _, s := range statements {
		if err := runOne(ctx, db, s); err != nil {
			return err
		}
	}
	return nil
}

func runOne(ctx context.Context, db querier, s statement) error {
	if s.scan == nil {
		_, err := db.ExecContext(ctx, s.text, s.args...)
		return err
	}
	rows, err := db.QueryContext(ctx, s.text, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
