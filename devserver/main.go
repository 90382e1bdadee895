// Command holdfast-devserver is a Temporal server and its web UI in one program that
// needs nothing installed: what `holdfast dev` starts, and what the tests run
// against. It is not for production: one process, no TLS, no authorization.
//
// It answers to the part of the Temporal CLI's command line that the SDK's
// testsuite.StartDevServer uses, so that it can stand in for the CLI:
//
//	holdfast-devserver server start-dev --db-filename holdfast.db
//
// It is a module of its own because the server brings several hundred modules
// that nobody who only builds Holdfast should have to resolve or audit.
//
// # Stores
//
// The state is kept in memory, in one SQLite file (--db-filename) or in two
// PostgreSQL databases (--postgres). Temporal cannot upgrade SQLite files and
// needs its own tools for PostgreSQL, so every kept store carries the version of
// the server that made it, and another version refuses it instead of running on
// a schema that only nearly fits. Nothing here ever deletes a store. The files
// that a store makes are its owner's alone.
//
// # Life
//
// It ends when told (SIGINT, SIGTERM) and when the process that started it is
// gone, however that went, so that no test leaves a server behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// shutdownLimit bounds an orderly stop. Every store commits before it answers,
// so what is cut off afterwards is only politeness.
const shutdownLimit = 5 * time.Second

func main() {
	syscall.Umask(0o077) // what is stored is nobody else's to read, and SQLite makes its files as the umask says
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code: 0 when it did what
// it was told (being stopped included), 1 when that went wrong, 2 when the
// command line itself is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := newRootCommand()
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "holdfast-devserver: %v\n", err)
	if usage := (usageError{}); errors.As(err, &usage) {
		return 2
	}
	return 1
}
