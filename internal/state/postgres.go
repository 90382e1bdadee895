package state

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	connections    = 10
	connectTimeout = 10 * time.Second // unless the url says otherwise: a host that is switched off does not answer at all
)

func openPostgres(ctx context.Context, url string, opts Options) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // it quotes the url, which holds a password
		return nil, errors.New("the url of a PostgreSQL database is postgres://USER:PASSWORD@HOST:PORT/DATABASE; this one cannot be read")
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, connectTimeout)
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "holdfast"
	}
	// Statements of many rows come in many lengths. Prepared ones would fill the server's memory, once for each length
	// and connection; remembering only their types costs no more round trips.
	if !strings.Contains(url, "default_query_exec_mode") {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	connector := stdlib.GetConnector(*config)
	if err := migratePostgres(ctx, connector); err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	n := cmp.Or(opts.Connections, connections)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	// Whatever the server's default is: after waiting for another's insert, the next statement must see its row.
	return &Store{writer: db, reader: db, isolation: sql.LevelReadCommitted, numbered: true}, nil
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
	return migrate(ctx, goose.DialectPostgres, db)
}
