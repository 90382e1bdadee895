package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// openMemory is a store that ends with the process.
func openMemory() *store {
	cfg := &config.SQL{
		PluginName: sqliteplugin.PluginName,
		// Any name will do, as long as no other in-memory database of the process has it.
		DatabaseName:      "holdfast-" + primitives.NewUUID().String(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
	return &store{name: "in memory", main: cfg, visibility: cfg, shards: 1, close: func() {}}
}

// openSQLite opens, or creates, the store in a file. Beside the database lie
//
//   - <file>.lock, locked while a server runs on it: two servers would both
//     take themselves for the owner of the only shard;
//   - <file>.version, the version of the server that made it, there before
//     the database is;
//   - <file>-wal and <file>-shm, SQLite's own: they belong to the data.
func openSQLite(file string) (_ *store, err error) {
	file, err = realPath(file)
	if err != nil {
		return nil, fmt.Errorf("--db-filename: %w", err)
	}
	lock, err := lockFile(file + ".lock")
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s is in use by another holdfast-devserver: stop that one, or choose another file with --db-filename", file)
	}
	if err != nil {
		return nil, fmt.Errorf("--db-filename: %w", err)
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if err := checkMarker(file); err != nil {
		return nil, err
	}
	if err := createSQLiteSchema(file); err != nil {
		return nil, fmt.Errorf("create the schema in %s: %w", file, err)
	}
	cfg := &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: escapePath(file),
		ConnectAttributes: map[string]string{
			"mode":         "rw",
			"journal_mode": "wal",
			// In WAL mode, SQLite's usual "normal" may lose the last commits when the power fails.
			"synchronous": "full",
		},
		// More than one only makes them wait for each other's locks, measurably.
		MaxConns:     1,
		MaxIdleConns: 1,
	}
	return &store{name: "SQLite " + file, main: cfg, visibility: cfg, shards: 1, close: func() { _ = lock.Close() }}, nil
}

// realPath follows symbolic links, so that one database does not have two locks
// and two markers because it has two names.
func realPath(file string) (string, error) {
	resolved, err := filepath.EvalSymlinks(file)
	if err == nil {
		return resolved, nil
	}
	if _, statErr := os.Lstat(file); statErr == nil {
		return "", err // a link to nothing: its target would be another name next time
	}
	return filepath.Clean(file), nil
}

// escapePath makes a path fit for SQLite's file: URIs, in which Temporal puts it unescaped.
func escapePath(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}

// lockFile takes an exclusive lock, which ends with the returned file, or with
// the process however that ends. It fails with EWOULDBLOCK if another has it.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// checkMarker sees to it that the database, if there is one, was made by this
// version of the server, and marks a new one.
func checkMarker(file string) error {
	marker := file + ".version"
	content, err := os.ReadFile(marker)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found := strings.TrimSpace(string(content))
	size, err := fileSize(file)
	if err != nil {
		return err
	}
	if size > 0 {
		if found != headers.ServerVersion {
			return versionError(file, found, fmt.Sprintf("move %[1]s and every %[1]s-* and %[1]s.* aside", file))
		}
		return nil
	}
	// SQLite throws away the log of an empty database, and with it what was meant to be moved along.
	if size, err := fileSize(file + "-wal"); err != nil || size > 0 {
		return errors.Join(err, fmt.Errorf("%[1]s is not there but its log %[1]s-wal is: put the database back, or move the log aside", file))
	}
	if found == headers.ServerVersion {
		return nil
	}
	return writeFile(marker, headers.ServerVersion+"\n")
}

// versionError says what was found (nothing if empty), what is wanted and what to do.
func versionError(what, found, remedy string) error {
	if found == "" {
		return fmt.Errorf("%s exists but does not say which Temporal server made it, and this is %s: "+
			"%s, or start it with what made it", what, headers.ServerVersion, remedy)
	}
	return fmt.Errorf("%s was made by Temporal server %s and this is %s, which can neither use nor upgrade it: "+
		"%s, or start it with a holdfast-devserver of %[2]s", what, found, headers.ServerVersion, remedy)
}

// fileSize is 0 for a file that does not exist.
func fileSize(name string) (int64, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// writeFile puts content where a crash leaves either all of it or nothing.
func writeFile(name, content string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// createSQLiteSchema fills an empty database. It does so in one transaction,
// which Temporal's own set-up does not, so that a crash cannot leave half a schema.
func createSQLiteSchema(file string) (err error) {
	db, err := sql.Open("sqlite", "file:"+escapePath(file))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var tables int
	if err := tx.QueryRowContext(context.Background(), "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		return nil
	}
	if err := sqliteschema.SetupSchemaOnDB(schemaTx{tx: tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaTx is as much of Temporal's administrator of a database as setting up
// a schema needs; the rest of the interface is nil.
type schemaTx struct {
	sqlplugin.AdminDB
	tx *sql.Tx
}

func (s schemaTx) Exec(statement string, args ...any) error {
	_, err := s.tx.ExecContext(context.Background(), statement, args...)
	return err
}
