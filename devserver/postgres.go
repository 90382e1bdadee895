package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/schema"
	v12 "go.temporal.io/server/schema/postgresql/v12"
)

const (
	// Each of the server's four services has pools of its own of these sizes. Together they stay
	// below PostgreSQL's usual 100 connections, with some left for Holdfast itself on the same
	// server; more than 16 was measured to be no faster.
	mainConns       = 16
	visibilityConns = 5

	postgresShards = 64

	// postgresLock is the advisory lock that says a server runs on a database: "holdfast" in ASCII.
	postgresLock = 0x686f6c6466617374

	postgresTimeout = 30 * time.Second
)

// openPostgres opens the store in the two databases <name> and
// <name>_visibility, where name is the one in the URL. Databases that do not
// exist are created, empty ones get the schema. Each keeps the version of the
// server that made it in a table holdfast_devserver.
func openPostgres(rawURL string) (_ *store, err error) {
	u, err := parsePostgresURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("--postgres: %w", err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	databases := []postgresDatabase{
		{name: name, schema: "temporal", schemaVersion: v12.Version},
		{name: name + "_visibility", schema: "visibility", schemaVersion: v12.VisibilityVersion},
	}
	ctx, cancel := context.WithTimeout(context.Background(), postgresTimeout)
	defer cancel()
	var held *pgx.Conn // on the main database, for the lock
	defer func() {
		if err != nil && held != nil {
			_ = held.Close(context.Background())
		}
	}()
	for _, database := range databases {
		conn, err := connectOrCreate(ctx, u, database.name)
		if err != nil {
			return nil, fmt.Errorf("PostgreSQL database %s: %w", database.name, err)
		}
		if held == nil {
			held = conn
			if err := lockPostgres(ctx, conn, name); err != nil {
				return nil, err
			}
		} else {
			defer func() { _ = conn.Close(context.Background()) }()
		}
		if err := database.prepare(ctx, conn); err != nil {
			return nil, err
		}
	}
	return &store{
		name:       fmt.Sprintf("PostgreSQL %s/%s", u.Host, name),
		main:       postgresConfig(u, databases[0].name, mainConns),
		visibility: postgresConfig(u, databases[1].name, visibilityConns),
		shards:     postgresShards,
		close:      func() { _ = held.Close(context.Background()) },
	}, nil
}

// parsePostgresURL takes only URLs, not the key=value form that pgx knows as
// well. Its errors do not repeat what may hold a password.
func parsePostgresURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("want postgres://user:password@host:port/database")
	}
	if name := strings.TrimPrefix(u.Path, "/"); name == "" || strings.ContainsAny(name, `/"`) {
		return nil, errors.New("the URL names no database, or one that cannot be: want postgres://user:password@host:port/database")
	}
	query := u.Query()
	if !query.Has("sslmode") {
		// What PostgreSQL's own programs do; Temporal's default would be never.
		query.Set("sslmode", "prefer")
	}
	u.RawQuery = query.Encode()
	return u, nil
}

// postgresConfig is the database as Temporal is told about it. The URL that
// Temporal assembles does not escape a user's name and damages some passwords,
// so both go the way of the parameters, which it escapes and pgx prefers.
func postgresConfig(u *url.URL, name string, conns int) *config.SQL {
	attributes := map[string]string{}
	for key, values := range u.Query() {
		attributes[key] = values[0]
	}
	if u.User != nil {
		attributes["user"] = u.User.Username()
		if password, ok := u.User.Password(); ok {
			attributes["password"] = password
		}
	}
	address := u.Host
	if address == "" {
		address = "localhost" // has to be there; a host among the parameters, such as a socket's folder, wins
	}
	return &config.SQL{
		PluginName:        postgresql.PluginNamePGX,
		ConnectProtocol:   "tcp",
		ConnectAddr:       address,
		DatabaseName:      name,
		ConnectAttributes: attributes,
		MaxConns:          conns,
		MaxIdleConns:      conns,
		MaxConnLifetime:   time.Hour,
	}
}

func connect(ctx context.Context, u *url.URL, name string) (*pgx.Conn, error) {
	withName := *u
	withName.Path = "/" + name
	return pgx.Connect(ctx, withName.String())
}

// connectOrCreate asks for the right to create databases only if it has to.
func connectOrCreate(ctx context.Context, u *url.URL, name string) (*pgx.Conn, error) {
	conn, err := connect(ctx, u, name)
	if !isPostgresError(err, "3D000") { // invalid_catalog_name
		return conn, err
	}
	admin, err := connect(ctx, u, "postgres")
	if err != nil {
		return nil, fmt.Errorf("it does not exist; connect to create it: %w", err)
	}
	defer func() { _ = admin.Close(context.Background()) }()
	_, err = admin.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if err != nil && !isPostgresError(err, "42P04") { // duplicate_database: somebody else was faster
		return nil, fmt.Errorf("create it: %w", err)
	}
	return connect(ctx, u, name)
}

func isPostgresError(err error, code string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == code
}

// lockPostgres takes the lock for as long as the connection lives. It waits a
// little, because PostgreSQL notices late that a killed process is gone.
func lockPostgres(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, "SET lock_timeout = '3s'"); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(postgresLock))
	if isPostgresError(err, "55P03") { // lock_not_available
		return fmt.Errorf("PostgreSQL database %s is in use by another holdfast-devserver: stop that one, or choose another database with --postgres", name)
	}
	return err
}

type postgresDatabase struct {
	name          string
	schema        string // folder of the schema among the server's
	schemaVersion string
}

// prepare sees to it that the database was made by this version of the server,
// or makes it in one transaction if it is empty.
func (d postgresDatabase) prepare(ctx context.Context, conn *pgx.Conn) error {
	what := "PostgreSQL database " + d.name
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var tables, marked int
		err := tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE table_name = 'holdfast_devserver')
			FROM information_schema.tables WHERE table_schema = current_schema()`).Scan(&tables, &marked)
		if err != nil {
			return fmt.Errorf("look into %s: %w", what, err)
		}
		if tables == 0 {
			if err := d.create(ctx, tx); err != nil {
				return fmt.Errorf("create the schema in %s: %w", what, err)
			}
			return nil
		}
		var found string
		if marked > 0 {
			if err := tx.QueryRow(ctx, "SELECT server_version FROM holdfast_devserver").Scan(&found); err != nil {
				return fmt.Errorf("read the version of %s: %w", what, err)
			}
		}
		if found != headers.ServerVersion {
			return versionError(what, found, "choose another database with --postgres")
		}
		return nil
	})
}

// schemaVersionTables is what Temporal's SQL tool would have left behind: the
// server reads the version from there, and the tool could take over from it.
const schemaVersionTables = `
CREATE TABLE schema_version (
	version_partition INT NOT NULL,
	db_name VARCHAR(255) NOT NULL,
	creation_time TIMESTAMP,
	curr_version VARCHAR(64),
	min_compatible_version VARCHAR(64),
	PRIMARY KEY (version_partition, db_name)
);
CREATE TABLE schema_update_history (
	version_partition INT NOT NULL,
	year INT NOT NULL,
	month INT NOT NULL,
	update_time TIMESTAMP NOT NULL,
	description VARCHAR(255),
	manifest_md5 VARCHAR(64),
	new_version VARCHAR(64),
	old_version VARCHAR(64),
	PRIMARY KEY (version_partition, year, month, update_time)
);
CREATE TABLE holdfast_devserver (server_version VARCHAR(64) NOT NULL);
`

func (d postgresDatabase) create(ctx context.Context, tx pgx.Tx) error {
	statements, err := fs.ReadFile(schema.Assets(), path.Join("postgresql/v12", d.schema, "schema.sql"))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, string(statements)+schemaVersionTables); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
		VALUES (0, $1, now() AT TIME ZONE 'UTC', $2, $2)`, d.name, d.schemaVersion)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO holdfast_devserver (server_version) VALUES ($1)", headers.ServerVersion)
	return err
}
