package state

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	connections    = 10
	connectTimeout = 10 * time.Second // unless the url says otherwise: a host that is switched off does not answer at all
)

func openPostgres(ctx context.Context, url string, opts Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil { // it quotes the url, which holds a password
		return nil, errors.New("the url of a PostgreSQL database is postgres://USER:PASSWORD@HOST:PORT/DATABASE; this one cannot be read")
	}
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "holdfast"
	}
	if err := migratePostgres(ctx, stdlib.GetConnector(*config.ConnConfig)); err != nil {
		return nil, err
	}
	config.AfterConnect = plain
	config.MaxConns = int32(cmp.Or(opts.Connections, connections))
	config.MaxConnIdleTime = 5 * time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, clean(err)
	}
	return &Store{db: postgresDB{pool}, numbered: true}, nil
}

// plain makes plans independent of what a table was when they were made: every statement of ours finds its rows by an
// index, and a table that is empty now has a million rows in ten minutes.
func plain(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off", pgx.QueryExecModeSimpleProtocol)
	return err
}

// migratePostgres brings the tables up to date. Those who start at the same time do it one after the other.
func migratePostgres(ctx context.Context, connector driver.Connector) error {
	const lock = 0x686f6c6466617374 // "holdfast"
	db := sql.OpenDB(connector)     // its own, as one connection holds the lock while another works; closing it unlocks
	defer db.Close()
	locked, err := db.Conn(ctx)
	if err != nil {
		return clean(err)
	}
	defer locked.Close()
	if _, err := locked.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(lock)); err != nil {
		return clean(err)
	}
	return migrate(ctx, goose.DialectPostgres, "migrations/postgres", db)
}
