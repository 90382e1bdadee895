package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/temporal"
	"holdfast/workflows"
)

var update = flag.Bool("update", false, "record the histories that the replay tests replay")

// asProgram makes the test binary behave as holdfast itself, so that tests can start it as a process and kill it.
const asProgram = "HOLDFAST_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	flag.Parse()
	status := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the Temporal server:", err)
		}
	}
	os.Exit(status)
}

// shared is the Temporal server of all tests of this package; each test has its own task queue and sources in it.
var shared struct {
	once   sync.Once
	server *testsuite.DevServer
	err    error
}

// devserverPath finds the dev server, which `make build` makes. It is not optional: what is promised is promised with a
// real server.
func devserverPath(t testing.TB) string {
	t.Helper()
	path := os.Getenv("HOLDFAST_DEVSERVER")
	if path == "" {
		path = filepath.Join("..", "..", "bin", devserverName)
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("the tests need the dev server ('make build' makes it): %v", err)
	}
	return path
}

// temporalServer starts the shared server, set up for Holdfast, and returns a client of it and its address.
func temporalServer(t testing.TB) (client.Client, string) {
	t.Helper()
	path := devserverPath(t)
	shared.once.Do(func() {
		ctx := context.Background()
		shared.server, shared.err = testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
			ExistingPath: path, ClientOptions: &client.Options{Logger: silent{}}, LogLevel: "error",
		})
		if shared.err != nil {
			return
		}
		var plan temporal.Plan
		if plan, shared.err = temporal.Check(ctx, shared.server.Client(), "default", workflows.SearchAttributes()); shared.err == nil && !plan.Done() {
			shared.err = temporal.Apply(ctx, shared.server.Client(), plan)
		}
	})
	if shared.err != nil {
		t.Fatalf("start the Temporal server: %v", shared.err)
	}
	return shared.server.Client(), shared.server.FrontendHostPort()
}
