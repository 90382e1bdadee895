package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// patience is how long a test waits for what should happen at once.
const patience = 60 * time.Second

// binary is the program under test, as it is shipped: what is tested here is a process.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "holdfast-devserver")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "holdfast-devserver")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running holdfast-devserver.
type server struct {
	cmd           *exec.Cmd
	line          string // what it announced
	frontend, uri string
	stderr        *bytes.Buffer // complete after wait
	ended         chan error
}

var announced = regexp.MustCompile(`^Temporal \S+ at (\S+), (?:UI (\S+)|no UI), `)

// start starts `server start-dev` on free ports and waits until it serves.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	return startCommand(t, exec.Command(binary, startArgs(args...)...))
}

func startArgs(args ...string) []string {
	return append([]string{"server", "start-dev", "--port", "0"}, args...)
}

// startCommand is start for a command that runs the server somehow. It has
// ended only when all that hold its output have.
func startCommand(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd, stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	cmd.Stderr = s.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	go func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			default:
			}
		}
		close(lines)
		s.ended <- cmd.Wait()
	}()
	t.Cleanup(s.kill)
	select {
	case line, ok := <-lines:
		match := announced.FindStringSubmatch(line)
		if !ok || match == nil {
			s.kill()
			t.Fatalf("it did not start: %q\n%s", line, s.stderr)
		}
		s.line, s.frontend, s.uri = line, match[1], match[2]
	case <-time.After(patience):
		t.Fatal("it neither serves nor ends")
	}
	return s
}

// kill is kill -9, and returns when the process is gone.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	s.ended <- <-s.ended
}

// wait returns the exit code.
func (s *server) wait(t *testing.T) int {
	t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- err
		return exitCode(t, err)
	case <-time.After(patience):
		t.Fatal("it does not end")
		return -1
	}
}

// stop is an orderly stop, as a terminal asks for it.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := s.wait(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, s.stderr)
	}
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		t.Fatal(err)
		return -1
	}
}

// refused runs `server start-dev`, which should end by itself with the exit
// code and an error that contains all of want.
func refused(t *testing.T, code int, args []string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, startArgs(args...)...).CombinedOutput()
	if got := exitCode(t, err); got != code {
		t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, out)
	}
	for _, w := range want {
		if !strings.Contains(string(out), w) {
			t.Errorf("%v: error does not say %q:\n%s", args, w, out)
		}
	}
}

func (s *server) dial(t *testing.T) client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: s.frontend, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func quiet() sdklog.Logger { return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

const taskQueue = "greetings"

// Greet waits for a name, so that a test decides when it is done.
func Greet(ctx workflow.Context) (string, error) {
	var name string
	workflow.GetSignalChannel(ctx, "name").Receive(ctx, &name)
	return "hello " + name, nil
}

func startWorker(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, taskQueue, worker.Options{})
	w.RegisterWorkflow(Greet)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

// startGreeting starts a workflow that has all it needs but a worker.
func startGreeting(t *testing.T, c client.Client, id string) {
	t.Helper()
	_, err := c.SignalWithStartWorkflow(t.Context(), id, "name", "kelp",
		client.StartWorkflowOptions{TaskQueue: taskQueue}, "Greet")
	if err != nil {
		t.Fatal(err)
	}
}

func finishGreeting(t *testing.T, c client.Client, id string) {
	t.Helper()
	startWorker(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got string
	if err := c.GetWorkflow(ctx, id, "").Get(ctx, &got); err != nil || got != "hello kelp" {
		t.Fatalf("workflow returned %q, %v", got, err)
	}
}
