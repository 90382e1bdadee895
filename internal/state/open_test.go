package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/state"
)

func TestNewerSchemaIsRefused(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		open(t, url) // as it is
		flag := map[bool]string{true: "1", false: "true"}[strings.HasPrefix(url, "sqlite:")]
		execute(t, behind(t, url), "INSERT INTO holdfast_schema (version_id, is_applied) VALUES (999, "+flag+")")
		_, err := state.Open(t.Context(), url, state.Options{})
		if err == nil {
			t.Fatal("a database of a newer version was opened")
		}
		for _, want := range []string{"999", "newer version", "run that version", "backup"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
	})
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("this is no database, and longer than a header of one would be: "+strings.Repeat("x", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"":                                     "sqlite: or postgres://",
		"mysql://user:geheim@host/db":          "sqlite: or postgres://",
		"state.db":                             "sqlite: or postgres://",
		"sqlite:":                              "sqlite:PATH",
		"sqlite::memory:":                      "sqlite:PATH",
		"sqlite:" + dir + "/no/such/state.db":  "does not exist",
		"sqlite:" + file + "/state.db":         "not a directory",
		"sqlite:" + file:                       "not a database",
		"postgres://user:geheim@host:port/db":  "postgres://USER",
		"postgres://u:geheim@127.0.0.1:1/none": "connect",
	} {
		s, err := state.Open(t.Context(), url, state.Options{})
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", url)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error does not say %q: %v", url, want, err)
		}
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const name = "a b?c#d%20.db" // relative, and full of what means something in a URI
	s := open(t, "sqlite:"+name)
	one(t, s, "w", ban("1", at(1)))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(filepath.Join(dir, name+suffix))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", name+suffix, info.Mode())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("more than the database is left: %v, %v", entries, err)
	}
	if _, err := os.Stat(filepath.Join(dir, name+"-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the write-ahead log is left: %v", err)
	}
	same(t, "facts", known(t, open(t, "sqlite:"+name), "account"), []string{"account/" + account + ` status {"status":"banned"} 1 1`})
}

// Who opens a database has to know whether to wait.
func TestUnreachable(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		cases := map[string]bool{"sqlite:" + dir + "/no/such/state.db": false}
		if u, ok := strings.CutPrefix(url, "postgres://holdfast@"); ok {
			address, _, _ := strings.Cut(u, "/")
			db := behind(t, url)
			execute(t, db, "CREATE ROLE stranger LOGIN")
			execute(t, db, "CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
			cases = map[string]bool{
				"postgres://u:geheim@127.0.0.1:1/none":                                true, // nobody listens
				"postgres://u:geheim@no-such-host.invalid/none":                       true,
				"postgres://crowded@" + address + "/postgres":                         true,
				"postgres://holdfast@" + address + "/no_such_database":                false,
				"postgres://nobody_of_that_name@" + address + "/postgres":             false,
				"postgres://stranger@" + address + "/postgres?search_path=pg_catalog": false, // may make no tables
			}
		}
		for url, want := range cases {
			s, err := state.Open(t.Context(), url, state.Options{})
			if err == nil {
				s.Close()
				t.Errorf("%s was opened", url)
				continue
			}
			if got := errors.Is(err, state.ErrUnreachable); got != want {
				t.Errorf("%s: unreachable is %t, want %t: %v", url, got, want, err)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the error tells the password: %v", err)
			}
		}
	})
}
