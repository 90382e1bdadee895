package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"holdfast/internal/state"
)

// A site is what all worlds of a test have in common: programs, addresses, the files that a world begins with, a script,
// and what a quiet day makes of that.
type site struct {
	dir       string
	holdfast  string
	devserver string
	ports     []int
	script    *script
	quiet     *run
}

// Where everything listens, as indexes of site.ports. They stay the same when something is started again.
const (
	portTemporal = iota
	portTemporalDB
	portStateDB
	portIngress                   // and the next
	portMetrics = portIngress + 2 // and the next three: ingresses, workers
	portSinks   = portMetrics + 4 // and the next
	portCount   = portSinks + 2
)

const loopback = "127.0.0.1"

// newSite builds the program, makes the databases once, and runs the script on a quiet day.
func newSite(t *testing.T, webhooks int) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-chaos-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // PostgreSQL, as somebody else, has to come through
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &site{dir: dir, devserver: devserverPath(t), ports: freePorts(t, portCount)}
	s.holdfast = build(t, filepath.Join(dir, "holdfast"), raceFlags()...)
	// What happened must be in the past even for a clock that is an hour behind.
	s.script = newScript(1, webhooks, time.Now().Add(-6*time.Hour).Truncate(time.Second))
	s.template(t)
	s.quiet = s.quietDay(t)
	return s
}

// build builds holdfast.
func build(t *testing.T, path string, flags ...string) string {
	t.Helper()
	args := append([]string{"build", "-o", path}, flags...)
	mustRun(t, "go", append(args, "holdfast/cmd/holdfast")...)
	return path
}

// devserverPath finds the dev server, which `make build` makes.
func devserverPath(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HOLDFAST_DEVSERVER")
	if path == "" {
		path = filepath.Join("..", "bin", "holdfast-devserver")
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

// freePorts finds ports that nobody takes while what listens on them is down: below those from which the kernel takes
// the ports of outgoing connections.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	const lowest, highest = 15000, 30000
	var ports []int
	for range 100 * n {
		port := lowest + rand.IntN(highest-lowest)
		l, err := net.Listen("tcp", net.JoinHostPort("0.0.0.0", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer l.Close() // until all are found, so that none is found twice
		if ports = append(ports, port); len(ports) == n {
			return ports
		}
	}
	t.Fatal("no free ports")
	return nil
}

func (s *site) templateOf(name string) string { return filepath.Join(s.dir, "template-"+name) }

// template makes the files that both clusters begin with: Temporal set up for Holdfast, and an empty state with the key
// of its installation. So an event has the same id in every world.
func (s *site) template(t *testing.T) {
	t.Helper()
	for _, name := range []string{"temporal", "state"} {
		data := s.templateOf(name)
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if who := powerless(t); who != nil {
			if err := os.Chown(data, int(who.Uid), int(who.Gid)); err != nil {
				t.Fatal(err)
			}
		}
		initdb(t, data)
	}
	w := &world{t: t, site: s, dir: s.dir, host: loopback}
	w.databases(s.templateOf("temporal"), s.templateOf("state"))
	w.pgTemporal.up()
	w.pgState.up()
	w.pgState.create("holdfast")
	store, err := state.Open(t.Context(), w.pgState.url("holdfast"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Key(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	w.openTemporal()
	w.temporalUp()
	r := &room{host: loopback, port: s.ports[portIngress], metrics: s.ports[portMetrics], config: filepath.Join(s.dir, "setup.yaml"), spool: s.dir}
	w.configure(r)
	mustRun(t, s.holdfast, "setup", "--yes", "--config", r.config, "--address", w.at(portTemporal))
	w.temporal.stop()
	w.pgTemporal.stop()
	w.pgState.stop()
}

// quietDay runs the script with nothing sent again and nothing going wrong, one webhook after the other, and makes sure
// that what comes out is what the script says.
func (s *site) quietDay(t *testing.T) *run {
	t.Helper()
	var quiet *run
	ok := t.Run("a quiet day", func(t *testing.T) {
		w := s.world(t, nil)
		w.open(s.script.quiet(), 1)
		w.provider.sendOneByOne(t.Context())
		quiet = w.settle()
		v := check(quiet, nil)
		v.report(t)
		if v.again > 0 {
			t.Errorf("%d events were told more than once", v.again)
		}
		w.close()
	})
	if !ok {
		t.FailNow()
	}
	return quiet
}

// dial connects to the Temporal server of a world.
func dial(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// silent is a logger for a client whose server is taken away from it.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// eventually waits until something is true.
func eventually(t *testing.T, limit time.Duration, what string, f func() bool) {
	t.Helper()
	if why := inTime(t.Context(), limit, func() string {
		if f() {
			return ""
		}
		return what
	}); why != "" {
		t.Fatalf("not in %v: %s", limit, why)
	}
}

// inTime asks until the answer is empty, and returns the last one if that takes too long.
func inTime(ctx context.Context, limit time.Duration, ask func() string) string {
	end := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		why := ask()
		if why == "" {
			return ""
		}
		select {
		case <-end:
			return why
		case <-ctx.Done():
			return fmt.Sprintf("%s (%v)", why, ctx.Err())
		case <-tick.C:
		}
	}
}
