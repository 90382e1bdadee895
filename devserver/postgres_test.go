package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// password is one that Temporal's own assembling of URLs would damage.
const password = "p@ss w:rd/100%+"

// startPostgres starts a cluster of its own and returns the URL of its
// superuser, without a database. PostgreSQL refuses to run as root; then it
// runs as the user that the package creates for it.
func startPostgres(t *testing.T) *url.URL {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		t.Fatal("PostgreSQL is not installed: apt-get install postgresql")
	}
	bin := slices.Max(programs)
	// Not t.TempDir: its parent is closed to other users.
	dir, err := os.MkdirTemp("", "holdfast-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	passwordFile := filepath.Join(dir, "password")
	if err := os.WriteFile(passwordFile, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	as := postgresUser(t, dir, passwordFile)

	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "hold fast", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-p", port, "-c", "listen_addresses=127.0.0.1")
	postgres.SysProcAttr, postgres.Dir = as, dir
	if err := postgres.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = postgres.Process.Signal(syscall.SIGQUIT) // at once
		_ = postgres.Wait()
	})
	u := &url.URL{Scheme: "postgres", User: url.UserPassword("hold fast", password), Host: "127.0.0.1:" + port}
	err = poll(t.Context(), "wait for PostgreSQL", func() error {
		conn, err := connect(t.Context(), u, "postgres")
		if err == nil {
			err = conn.Close(t.Context())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func postgresUser(t *testing.T, files ...string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("%v: apt-get install postgresql", err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chown(file, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// TestPostgres is one story, because a cluster takes a while to start.
func TestPostgres(t *testing.T) {
	t.Parallel()
	cluster := startPostgres(t)
	on := func(database string, args ...string) []string {
		u := *cluster
		u.Path = "/" + database
		return append([]string{"--headless", "--postgres", u.String()}, args...)
	}
	execute := func(database, statement string) {
		t.Helper()
		conn, err := connect(t.Context(), cluster, database)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	s := start(t, on("my-temporal")...)
	if want := "PostgreSQL " + cluster.Host + "/my-temporal"; !strings.HasSuffix(s.line, want) {
		t.Errorf("it announces %q, want %q at the end", s.line, want)
	}
	if got := describe(t, s, "default").GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); got != 240*time.Hour {
		t.Errorf("retention %v, want 10 days", got)
	}
	startGreeting(t, s.dial(t), "greeting")
	refused(t, 1, on("my-temporal"), "database my-temporal is in use", "--postgres")
	s.kill()

	s = start(t, on("my-temporal", "--search-attribute", "Source=Keyword")...)
	c := s.dial(t)
	finishGreeting(t, c, "greeting")
	waitForCount(t, c, "WorkflowId = 'greeting' AND ExecutionStatus = 'Completed'", 1)
	waitForCount(t, c, "Source = 'meta'", 0)
	s.stop(t)

	var shards int
	conn, err := connect(t.Context(), cluster, "my-temporal")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM shards").Scan(&shards); err != nil || shards != 64 {
		t.Errorf("%d shards, %v", shards, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}

	for _, database := range []string{"my-temporal", "my-temporal_visibility"} {
		execute(database, "UPDATE holdfast_devserver SET server_version = '1.29.1'")
		refused(t, 1, on("my-temporal"), "database "+database+" was made by Temporal server 1.29.1", "this is 1.32.1", "--postgres")
		execute(database, "UPDATE holdfast_devserver SET server_version = '1.32.1'")
	}
	start(t, on("my-temporal")...).stop(t)

	// Somebody else's database.
	execute("postgres", "CREATE DATABASE theirs")
	execute("theirs", "CREATE TABLE precious (id int)")
	refused(t, 1, on("theirs"), "database theirs exists but does not say", "--postgres")
}

func TestPostgresURL(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"host=localhost password=secret",
		"mysql://root:secret@localhost/temporal",
		"postgres://root:secret@localhost",
		"postgres://root:secret@local host/temporal",
	} {
		_, err := parsePostgresURL(wrong)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", wrong, err)
		}
	}
	u, err := parsePostgresURL("postgresql:///temporal?host=/run/postgresql&user=me")
	if err != nil {
		t.Fatal(err)
	}
	cfg := postgresConfig(u, "temporal", 3)
	dsn := fmt.Sprintf("postgres://:@%s/%s?host=%s&user=%s", cfg.ConnectAddr, cfg.DatabaseName, cfg.ConnectAttributes["host"], cfg.ConnectAttributes["user"])
	parsed, err := pgx.ParseConfig(dsn)
	if err != nil || parsed.Host != "/run/postgresql" || parsed.User != "me" || parsed.Database != "temporal" {
		t.Errorf("connects to %+v, %v", parsed, err)
	}
}
