package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// settings of PostgreSQL that are not as it comes. It waits for the disk: fsync and synchronous_commit are on.
const settings = `listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = 1GB
max_wal_size = 4GB
`

// A postgres is a cluster of our own.
type postgres struct {
	program *program
	address string
}

func startPostgres(ctx context.Context, dir string) (*postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	var as *syscall.Credential
	home := filepath.Join(dir, "postgres")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // it refuses to run as root
		if as, err = somebody(); err != nil {
			return nil, err
		}
		for path := home; path != filepath.Dir(filepath.Dir(home)); path = filepath.Dir(path) {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return nil, err
			}
		}
		if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // to be passed through
			return nil, err
		}
	}
	data := filepath.Join(home, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=holdfast", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = home, &syscall.SysProcAttr{Credential: as}
	if said, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, said)
	}
	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conf, "%sport = %s\nunix_socket_directories = '%s'\n", settings, portOf(address), home)
	if err := errors.Join(err, conf.Close()); err != nil {
		return nil, err
	}
	p := &postgres{address: address}
	if p.program, err = startAs(as, filepath.Join(dir, "postgres.log"), home, filepath.Join(bin, "postgres"), "-D", data); err != nil {
		return nil, err
	}
	err = p.program.await(ctx, func() error {
		c, err := pgx.Connect(ctx, p.url("postgres"))
		if err != nil {
			return err
		}
		return c.Close(ctx)
	})
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// close ends it without saving: the databases are removed.
func (p *postgres) close() { _ = p.program.stopWith(syscall.SIGQUIT) }

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://holdfast@%s/%s?sslmode=disable", p.address, database)
}

func (p *postgres) create(ctx context.Context, database string) error {
	return p.ask(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "CREATE DATABASE "+database)
		return err
	})
}

func (p *postgres) ask(ctx context.Context, f func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return f(c)
}

// stored is how much is on disk, in bytes: tables with their indexes, dead rows included.
type stored struct {
	Temporal int64 `json:"temporal_bytes"` // both of its databases
	State    int64 `json:"state_bytes"`
}

func (p *postgres) sizes(ctx context.Context) (stored, error) {
	var s stored
	err := p.ask(ctx, func(c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT pg_database_size('temporal') + pg_database_size('temporal_visibility'), pg_database_size('holdfast')").Scan(&s.Temporal, &s.State)
	})
	if err != nil {
		return s, fmt.Errorf("ask PostgreSQL for its sizes: %w", err)
	}
	return s, nil
}

// postgresPrograms finds the directory with the newest PostgreSQL, where Debian and its like put it, or on the PATH.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		version := func(initdb string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
			return n
		}
		slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("its programs are not installed: apt-get install postgresql")
	}
	return filepath.Dir(initdb), nil
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
