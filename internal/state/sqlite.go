package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named sqlite
)

// One connection writes: SQLite has one writer at a time anyway, and a queue in Go is fairer than its busy loop. The
// time-out is for other processes. A transaction takes the write lock when it begins, so that it never fails half-way
// for want of it. FULL makes a commit durable before it returns, in WAL mode too.
const (
	sqliteWriter = "_busy_timeout=10000&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate"
	sqliteReader = "_busy_timeout=10000&_query_only=1"
)

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if path == "" || strings.HasPrefix(path, ":") || strings.HasPrefix(path, "//") {
		return nil, errors.New("the url of a SQLite database is sqlite:PATH, where PATH names a file")
	}
	path = filepath.Clean(path)
	if err := makeFile(path); err != nil {
		return nil, err
	}
	name := "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	writer, err := sql.Open("sqlite", name+"?"+sqliteWriter)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), writer.Close())
	}
	reader, err := sql.Open("sqlite", name+"?"+sqliteReader)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(max(2, runtime.GOMAXPROCS(0)))
	reader.SetMaxIdleConns(max(2, runtime.GOMAXPROCS(0)))
	return &Store{db: sqliteDB{writer, reader}}, nil
}

// makeFile makes an empty database that only its owner can read; SQLite would make one that everybody can, and gives its
// other files the permissions of this one. The file appears by a link and is never opened under its own name: closing it
// would release the locks that SQLite holds on it elsewhere in this process.
func makeFile(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the directory %s does not exist: make it first, or name another file", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	empty, err := os.CreateTemp(dir, ".holdfast-*")
	if err != nil {
		return err
	}
	defer os.Remove(empty.Name())
	if err := empty.Close(); err != nil {
		return err
	}
	if err := os.Link(empty.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// migrateSQLite brings the tables up to date. There is no lock around all of it: of several who try at once, those who
// find that somebody was faster fail, look again, and find it done.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		err := migrate(ctx, goose.DialectSQLite3, "migrations/sqlite", db)
		if err == nil || errors.Is(err, errNewer) || attempt == attempts || !pause(ctx, attempt) {
			return err
		}
	}
}
