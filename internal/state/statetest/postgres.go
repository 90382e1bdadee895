// Package statetest starts a real PostgreSQL for tests.
package statetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Postgres makes a database for t alone and returns its url. The first call starts a cluster, which all later ones of
// this process share; it goes away with the process, however that ends. It does not survive a loss of power: it never
// waits for the disk.
//
// Without PostgreSQL's programs the test fails: an exam that is not taken is not passed.
func Postgres(t testing.TB) string {
	t.Helper()
	c, err := started()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name, err := c.database(t.Context())
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	return c.url(name)
}

// One for the process: the packages that need it have nothing in common but this.
var started = sync.OnceValues(start)

type cluster struct {
	address   string    // on loopback: not everybody who speaks to PostgreSQL speaks through a socket's file
	lifeline  io.Closer // must not be collected: the cluster stops when it closes
	databases atomic.Int64
}

// The cluster is the child of a shell that waits for its standard input to end. That happens when this process does.
const script = `
trap '' INT TERM HUP
bin=$1 dir=$2 port=$3
{
	"$bin/initdb" --pgdata=data --username=holdfast --auth=trust --encoding=UTF8 --no-locale --no-sync --no-instructions &&
	printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = '%s'\nmax_connections = 300\nfsync = off\n" "$port" "$dir" >>data/postgresql.conf &&
	"$bin/pg_ctl" start --wait --pgdata=data --log=log
} >output 2>&1 && echo ready || cat output log
exec >&-
read -r _
"$bin/pg_ctl" stop --pgdata=data --mode=immediate >output 2>&1
cd / && rm -rf "$dir"
`

func start() (*cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "holdfast-postgres-")
	if err != nil {
		return nil, err
	}
	address, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	sh := exec.Command("/bin/sh", "-c", script, "sh", bin, dir, port) //nolint:noctx // lives as long as the process
	sh.Dir = dir
	sh.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt from the terminal is for the tests, not for it
	if os.Geteuid() == 0 {                              // PostgreSQL refuses to run as root
		if sh.SysProcAttr.Credential, err = somebody(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(sh.SysProcAttr.Credential.Uid), int(sh.SysProcAttr.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	lifeline, err := sh.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := sh.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := sh.Start(); err != nil {
		return nil, err
	}
	said, err := io.ReadAll(stdout)
	if err != nil {
		return nil, err
	}
	if string(said) != "ready\n" {
		return nil, fmt.Errorf("%s", said)
	}
	return &cluster{address: address, lifeline: lifeline}, nil
}

func freeAddress() (address, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port, err
}

// programs finds the directory with the newest PostgreSQL, where Debian and its like put it, or on the PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("its programs are not installed: apt-get install postgresql")
	}
	return filepath.Dir(initdb), nil
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// somebody is a user without power.
func somebody() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("it refuses to run as root, and there is no user postgres or nobody")
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres://holdfast@%s/%s?sslmode=disable", c.address, database)
}

func (c *cluster) database(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := fmt.Sprintf("test%d", c.databases.Add(1))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return name, err
}
