package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A postgres is a cluster that can be stopped, killed, copied and started again at the same address. It waits for the disk,
// as in production.
type postgres struct {
	*process
	data, address string
}

// initdb makes the files of a cluster.
func initdb(t *testing.T, data string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(postgresPrograms(t), "initdb"), "--pgdata="+data, "--username=holdfast", "--auth=trust", "--encoding=UTF8",
		"--no-locale", "--no-sync", "--no-instructions")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: powerless(t)}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, text)
	}
	const all = "host all all 0.0.0.0/0 trust\n" // reached at addresses of this machine only
	file, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(all)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newPostgres(t *testing.T, dir, name, data, address string) *postgres {
	host, port, _ := strings.Cut(address, ":")
	p := &postgres{data: data, address: address}
	p.process = newProcess(t, dir, name, filepath.Join(postgresPrograms(t), "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses="+host, "-c", "unix_socket_directories=", "-c", "max_connections=200")
	p.goodbye = syscall.SIGINT // without waiting for clients
	p.credential = powerless(t)
	return p
}

// up starts the cluster and returns when it answers. After kill -9 the next one cannot start before the children of the
// last have noticed, so it is tried until it can.
func (p *postgres) up() {
	p.t.Helper()
	p.start()
	eventually(p.t, time.Minute, p.name+" answers", func() bool {
		if !p.running() {
			p.start()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, p.url("postgres"))
		if err != nil {
			return false
		}
		return conn.Close(ctx) == nil
	})
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://holdfast@%s/%s?sslmode=disable", p.address, database)
}

func (p *postgres) create(database string) {
	p.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		p.t.Fatal(err)
	}
}

// copyFiles copies a directory with owners and modes, in place of what is there.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "cp", "-a", from, to)
}

// postgresPrograms is the directory of the newest PostgreSQL, where Debian and its like put it, or on the PATH.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	newest, dir := -1, ""
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, initdb := range found {
		bin := filepath.Dir(initdb)
		if n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))); n > newest {
			newest, dir = n, bin
		}
	}
	if dir == "" {
		initdb, err := exec.LookPath("initdb")
		if err != nil {
			t.Fatal("PostgreSQL's programs are not installed: apt-get install postgresql")
		}
		dir = filepath.Dir(initdb)
	}
	return dir
}

// powerless is who runs PostgreSQL, which refuses to run as root; nil if we are not root.
func powerless(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Fatal("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
	return nil
}
