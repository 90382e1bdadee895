// Package state remembers what the webhooks said: the event log, by which duplicates are known; the facts about
// accounts, phones and contacts that follow from it; the outbox, which holds what is recorded and not yet told, in the order of
// each destination; the attempts to tell it; and which destinations are held.
//
// It is one set of queries for SQLite and PostgreSQL, where a transaction takes few round trips and the log is partitioned.
// Both answer the same exam.
package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Store is an open database. It is safe for concurrent use, by many processes at once.
//
// Its errors hold no values from the data. One that wraps [webhook.ErrUnprocessable] is the fault of the data, and
// trying again will not help; any other may pass, and one that wraps [ErrUnreachable] says that nobody was there.
type Store struct {
	db       database
	numbered bool // it is PostgreSQL: see [conn]
	// settledFor is how long the outbox remembers what is settled.
	settledFor time.Duration
}

// Options are the settings of a Store. The zero value is good.
type Options struct {
	// Connections is how many connections to PostgreSQL are open at most; 0 means 10. SQLite has one that writes and a
	// few that read.
	Connections int
	// Attempts is how long attempts can be looked up after what they were about is settled; 0 means 72 hours. [Store.Prune]
	// keeps to it.
	Attempts time.Duration
}

// Open opens the database at url, brings its tables up to date, and makes sure that it has a key. The url is one of
//
//   - sqlite:PATH, where a relative path is relative to the working directory. The file is made if there is none,
//     readable by its owner only; its directory must exist.
//   - postgres://USER:PASSWORD@HOST:PORT/DATABASE and whatever else libpq understands. The database must exist. Tables are
//     made in the first schema of the search_path.
//
// Several processes may open the same database at the same time: one brings the tables up to date, the others wait. A
// database that a newer version of Holdfast has brought up to date is refused. An error that does not wrap
// [ErrUnreachable] stays until somebody mends its cause.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	var s *Store
	var err error
	switch scheme {
	case "sqlite":
		s, err = openSQLite(ctx, rest)
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, url, opts)
	default: // without the url: it may hold a password
		return nil, errors.New("open state: the url must begin with sqlite: or postgres://")
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	s.settledFor = cmp.Or(opts.Attempts, settledFor)
	if err := s.makeKey(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), s.Close())
	}
	return s, nil
}

// makeKey gives the installation its key if it has none. Of several who try at once, the first wins.
func (s *Store) makeKey(ctx context.Context) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	return s.write(ctx, func(c conn) error {
		return c.exec(ctx, "INSERT INTO installation (id, secret) VALUES (1, ?) ON CONFLICT DO NOTHING", secret)
	})
}

// Key returns the 32 random bytes that were made when the database was first opened: for ever the same, and the same
// for everyone who opens it.
func (s *Store) Key(ctx context.Context) ([]byte, error) {
	var secret []byte
	err := s.read().each(ctx, "SELECT secret FROM installation", nil, func(r row) error { return r.Scan(&secret) })
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if len(secret) == 0 {
		return nil, errors.New("read key: the installation has none")
	}
	return secret, nil
}

// Ping asks the database for something small, to see whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.Key(ctx); err != nil {
		return fmt.Errorf("ping state: %w", err)
	}
	return nil
}

// Close closes the database. What is under way is waited for.
func (s *Store) Close() error { return s.db.Close() }
