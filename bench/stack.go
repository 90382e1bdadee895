package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A stack is everything that is measured: PostgreSQL, Temporal on it, and `holdfast serve`.
type stack struct {
	bin, dir     string
	destinations []string
	secret, key  string // of the source meta, and of the destinations
	ingress      string // addresses
	metrics      string
	temporal     string
	sink         string

	database      *postgres
	server, serve *program
}

const startTimeout = time.Minute

// startStack starts all of it on databases that are new, in a directory of its own.
func startStack(ctx context.Context, bin, data string, destinations []string) (*stack, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &stack{bin: bin, destinations: destinations, secret: rand.Text(), key: "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))}
	err := s.start(ctx, data)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("start what is to be measured: %w", err)
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, data string) error {
	var err error
	if s.dir, err = os.MkdirTemp(data, "stack-"); err != nil {
		return err
	}
	for _, address := range []*string{&s.ingress, &s.metrics, &s.temporal, &s.sink} {
		if *address, err = freeAddress(); err != nil {
			return err
		}
	}
	if s.database, err = startPostgres(ctx, s.dir); err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := s.database.create(ctx, "holdfast"); err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := s.startTemporal(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(s.config(), []byte(s.yaml()), 0o600); err != nil {
		return err
	}
	// The server takes connections before it answers.
	err = s.server.await(ctx, func() error {
		setup := exec.CommandContext(ctx, filepath.Join(s.bin, "holdfast"), "setup", "--yes", "--address", s.temporal, "--config", s.config())
		if said, err := setup.CombinedOutput(); err != nil {
			return fmt.Errorf("holdfast setup: %w: %s", err, said)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.serve, err = startProgram(filepath.Join(s.dir, "serve.log"), s.dir, filepath.Join(s.bin, "holdfast"), "serve", "--address", s.temporal, "--config", s.config(), "--log-level", "warn")
	if err != nil {
		return err
	}
	return s.serve.await(ctx, func() error { return get(ctx, "http://"+s.metrics+"/readyz") })
}

func (s *stack) config() string { return filepath.Join(s.dir, "holdfast.yaml") }

func (s *stack) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `ingress: {listen: %q}
metrics: {listen: %q}
state: {url: %q}
sources:
  meta: {provider: meta, app_secrets: [%q], verify_token: token}
  nxtele: {provider: nxtele, access_keys: {key: %q}}
destinations:
`, s.ingress, s.metrics, s.database.url("holdfast"), s.secret, s.secret)
	for _, name := range s.destinations {
		fmt.Fprintf(&b, "  %s: {url: \"http://%s/%s\", secret: %q, private: true, events: [\"*\"]}\n", name, s.sink, name, s.key)
	}
	return b.String()
}

// startTemporal starts the Temporal server, again if it was stopped: at the same address and on the same database.
func (s *stack) startTemporal(ctx context.Context) error {
	var err error
	_, port, _ := net.SplitHostPort(s.temporal)
	s.server, err = startProgram(filepath.Join(s.dir, "temporal.log"), s.dir, filepath.Join(s.bin, "holdfast-devserver"),
		"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port, "--postgres", s.database.url("temporal"), "--log-level", "error")
	if err != nil {
		return err
	}
	return s.server.await(ctx, func() error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.temporal)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func (s *stack) stopTemporal() error { return s.server.stop() }

// close ends everything, and removes what it has left on disk. A stack that is not there closes as well.
func (s *stack) close() {
	if s == nil {
		return
	}
	for _, p := range []*program{s.serve, s.server} {
		if p != nil {
			_ = p.stopWith(syscall.SIGKILL) // what it would finish is thrown away
		}
	}
	if s.database != nil {
		s.database.close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // nobody needs it
	}
}

// measure has `holdfast bench` measure a scenario.
func (s *stack) measure(ctx context.Context, sc scenario) (measured, error) {
	var m measured
	var err error
	if m.Before, err = calm(ctx); err != nil {
		return m, err
	}
	sizes, err := s.database.sizes(ctx)
	if err != nil {
		return m, err
	}
	file := filepath.Join(s.dir, "report.json")
	args := append([]string{"bench", "--url", "http://" + s.ingress + "/webhooks/meta", "--sink", s.sink, "--json", file}, sc.command()...)
	for name, pid := range map[string]int{"holdfast": s.serve.pid(), "PostgreSQL": s.database.program.pid()} {
		args = append(args, "--cpu", name+"="+strconv.Itoa(pid))
	}
	// By its command line: in one scenario it is started anew.
	args = append(args, "--cpu", "Temporal=holdfast-devserver server start-dev --headless --ip 127.0.0.1 --port "+portOf(s.temporal)+" ")
	load := exec.CommandContext(ctx, filepath.Join(s.bin, "holdfast"), args...)
	load.Env = append(os.Environ(), "HOLDFAST_BENCH_SECRET="+s.secret, "HOLDFAST_BENCH_SINK_KEY="+s.key)
	var said bytes.Buffer
	load.Stderr = &said

	attacker, err := s.attacker(ctx, sc)
	if err != nil {
		return m, err
	}
	together, during := errgroup.WithContext(ctx)
	together.Go(func() error { return sc.meanwhile(during, s) })
	together.Go(load.Run)
	err = together.Wait()
	if attacker != nil {
		m.Attack = attacker.finish()
	}
	text, unread := os.ReadFile(file)
	if unread != nil { // no report: then why is what counts. With one, the faults are in it
		return m, fmt.Errorf("holdfast bench: %w: %s", cmp.Or(err, unread), said.String())
	}
	if err := json.Unmarshal(text, &m.Report); err != nil {
		return m, fmt.Errorf("read the report: %w", err)
	}
	if err := os.Remove(file); err != nil {
		return m, err
	}
	after, err := s.database.sizes(ctx)
	if err != nil {
		return m, err
	}
	m.Stored.Temporal, m.Stored.State = after.Temporal-sizes.Temporal, after.State-sizes.State
	return m, nil
}
