package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
)

// A devserver is a Temporal server in a process of its own, which ends when this one does.
type devserver struct {
	address, ui string
	stop        func()
	ended       chan struct{} // closed when it has ended
	how         func() string // how it has ended
}

const devserverName = "holdfast-devserver"

func startDevserver(ctx context.Context, flags devFlags, codec string, out, errOut io.Writer) (*devserver, error) {
	path, err := findDevserver(flags.server)
	if err != nil {
		return nil, err
	}
	port, err := freePort(flags.temporalPort, "temporal-port")
	if err != nil {
		return nil, err
	}
	uiPort, err := freePort(flags.uiPort, "ui-port")
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(out, "holdfast: starting the Temporal server …")
	s := &devserver{
		address: "127.0.0.1:" + strconv.Itoa(port),
		ui:      "http://127.0.0.1:" + strconv.Itoa(uiPort),
		ended:   make(chan struct{}),
	}
	said := &tail{}
	//nolint:noctx // it outlives the context: the worker finishes before it is stopped
	cmd := exec.Command(path, "server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(port),
		"--ui-port", strconv.Itoa(uiPort), "--ui-codec-endpoint", "http://"+codec,
		"--db-filename", filepath.Join(flags.data, "temporal.db"), "--namespace", cmp.Or(flags.temporal.namespace, "default"),
		"--log-level", "error")
	cmd.Stderr = io.MultiWriter(said, errOut)
	// A terminal sends Ctrl-C to its whole group; the server must outlive us, for the worker to finish.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the Temporal server: %w", err) // it names the program
	}
	go func() {
		_ = cmd.Wait() // how it ended is in the process state
		close(s.ended)
	}()
	s.how = func() string { return cmd.ProcessState.String() }
	s.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.ended:
		case <-time.After(8 * time.Second):
			_ = cmd.Process.Kill()
			<-s.ended
		}
	}
	if err := s.await(ctx); err != nil {
		s.stop()
		if text := said.String(); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, fmt.Errorf("start the Temporal server %s: %w", path, err)
	}
	return s, nil
}

// await returns once the server answers, or with the reason why it never will.
func (s *devserver) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c, err := client.NewLazyClient(client.Options{HostPort: s.address, Logger: silent{}})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		ask, cancel := context.WithTimeout(ctx, time.Second)
		_, err := c.CheckHealth(ask, &client.CheckHealthRequest{})
		if err == nil {
			err = s.askUI(ask)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New(s.how())
		case <-ctx.Done():
			return fmt.Errorf("no answer from %s or %s: %w", s.address, s.ui, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *devserver) askUI(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, s.ui, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func findDevserver(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), devserverName)
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(devserverName)
	if err != nil {
		return "", fmt.Errorf("there is no %s beside this program or on PATH; 'make build' makes it, or use another Temporal with --address", devserverName)
	}
	return path, nil
}

// A tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// silent keeps the SDK from logging every attempt to reach a server that is still starting.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
