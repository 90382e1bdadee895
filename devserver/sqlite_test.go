package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
)

// newFile is a database's name that needs escaping.
func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "hold fast?100%#.db")
}

func startOn(t *testing.T, file string, args ...string) *server {
	t.Helper()
	return start(t, append([]string{"--headless", "--db-filename", file}, args...)...)
}

func TestSQLiteSurvivesKill(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	s := startOn(t, file)
	startGreeting(t, s.dial(t), "greeting")
	s.kill()

	s = startOn(t, file)
	finishGreeting(t, s.dial(t), "greeting")
	s.stop(t)

	db, err := sql.Open("sqlite", "file:"+escapePath(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var mode string
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode %s, %v", mode, err)
	}
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	cmd := exec.Command("/bin/sh", append([]string{"-c", `umask 0; exec "$@"`, "sh", binary},
		startArgs("--headless", "--db-filename", file)...)...)
	s := startCommand(t, cmd)
	found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + "-wal", file + "-shm", file + ".lock", file + ".version"} {
		if !slices.Contains(found, name) {
			t.Errorf("%s is not there", filepath.Base(name))
		}
	}
	for _, name := range found {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: mode %o", filepath.Base(name), got)
		}
	}
	s.stop(t)
}

// Only the fair matcher keeps task queues in the table that is asked here.
func TestFairness(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	s := startOn(t, file)
	startGreeting(t, s.dial(t), "greeting")
	s.stop(t)
	db, err := sql.Open("sqlite", "file:"+escapePath(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var fair, unfair int
	err = db.QueryRow("SELECT (SELECT count(*) FROM tasks_v2), (SELECT count(*) FROM tasks)").Scan(&fair, &unfair)
	if err != nil || fair == 0 || unfair > 0 {
		t.Errorf("%d tasks in the fair queues, %d in the others, %v", fair, unfair, err)
	}
}

func TestSQLiteHasOneOwner(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	startOn(t, file)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		refused(t, 1, []string{"--db-filename", name}, file, "in use by another", "--db-filename")
	}
}

func TestExistingNamespaceStaysAsItIs(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	startOn(t, file, "--retention", "48h", "--search-attribute", "Source=Keyword").stop(t)
	s := startOn(t, file, "--search-attribute", "Account=KeywordList", "--search-attribute", "Source=Keyword", "--namespace", "default", "--namespace", "new")
	for name, want := range map[string]time.Duration{"default": 48 * time.Hour, "new": defaultRetention} {
		if got := describe(t, s, name).GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); got != want {
			t.Errorf("%s: retention %v, want %v", name, got, want)
		}
		listed, err := s.dial(t).OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: name})
		if err != nil {
			t.Fatal(err)
		}
		have := listed.GetCustomAttributes()
		if len(have) != 2 || have["Source"] != enumspb.INDEXED_VALUE_TYPE_KEYWORD || have["Account"] != enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST {
			t.Errorf("%s: search attributes %v", name, have)
		}
	}
	s.stop(t)
	refused(t, 1, []string{"--db-filename", file, "--search-attribute", "Source=Int"}, "Source=Int", "exists as Keyword")
	tooMany := []string{"--db-filename", file}
	for name := range strings.SplitSeq("ABCDEFGHIJ", "") {
		tooMany = append(tooMany, "--search-attribute", name+"=Keyword")
	}
	refused(t, 1, tooMany, "no more search attributes of this type")
}

func TestSQLiteOfAnotherVersion(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	startOn(t, file).stop(t)
	marker := file + ".version"
	before := contents(t, filepath.Dir(file))
	for _, test := range []struct {
		marker string // none if empty
		want   []string
	}{
		{"1.29.1\n", []string{"made by Temporal server 1.29.1", "this is 1.32.1", "aside", "holdfast-devserver of 1.29.1"}},
		{"", []string{"does not say", "this is 1.32.1", "aside"}},
	} {
		if err := os.Remove(marker); err != nil {
			t.Fatal(err)
		}
		if test.marker != "" {
			if err := os.WriteFile(marker, []byte(test.marker), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, 1, []string{"--db-filename", file}, append(test.want, file)...)
	}
	if err := os.WriteFile(marker, []byte("1.32.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, filepath.Dir(file)); !slices.Equal(before, after) {
		t.Error("a refusal changed the files")
	}
	startOn(t, file)
}

func contents(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry.Name()+": "+string(content))
	}
	return all
}

// What a crash during the set-up can leave behind is a marker without a
// database, or with an empty one.
func TestSQLiteInterruptedSetUp(t *testing.T) {
	t.Parallel()
	for _, leftover := range []string{".version", ""} {
		file := newFile(t)
		if err := os.WriteFile(file+leftover, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		startOn(t, file).stop(t)
		startOn(t, file).stop(t)
	}
}

func TestSQLiteLogWithoutDatabase(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	if err := os.WriteFile(file+"-wal", []byte("commits"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, 1, []string{"--db-filename", file}, file+"-wal", "put the database back")
}

func TestSQLiteInMissingFolder(t *testing.T) {
	t.Parallel()
	refused(t, 1, []string{"--db-filename", filepath.Join(t.TempDir(), "no", "holdfast.db")}, "--db-filename", "no such file or directory")
}
