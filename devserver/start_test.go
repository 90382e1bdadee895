package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
)

func TestStartedByTheSDK(t *testing.T) {
	t.Parallel()
	source := temporal.NewSearchAttributeKeyKeyword("Source")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stderr strings.Builder
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath:     binary,
		ClientOptions:    &client.Options{Logger: quiet()},
		DBFilename:       filepath.Join(t.TempDir(), "holdfast.db"),
		LogLevel:         "error",
		LogFormat:        "json",
		SearchAttributes: temporal.NewSearchAttributes(source.ValueSet("")),
		Stdout:           io.Discard,
		Stderr:           &stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := server.Client()
	run, err := c.SignalWithStartWorkflow(ctx, "greeting", "name", "kelp", client.StartWorkflowOptions{
		TaskQueue:             taskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(source.ValueSet("meta")),
	}, "Greet")
	if err != nil {
		t.Fatal(err)
	}
	finishGreeting(t, c, run.GetID())
	waitForCount(t, c, "Source = 'meta' AND ExecutionStatus = 'Completed'", 1)
	if err := server.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if stderr.Len() > 0 {
		t.Errorf("it said on stderr:\n%s", &stderr)
	}
}

// waitForCount waits until as many workflows match the query.
func waitForCount(t *testing.T, c client.Client, query string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var response *workflowservice.CountWorkflowExecutionsResponse
	err := poll(ctx, "count", func() (err error) {
		response, err = c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err == nil && response.GetCount() != want {
			err = context.DeadlineExceeded
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v, %v; want %d", query, response, err, want)
	}
}

func describe(t *testing.T, s *server, namespace string) *workflowservice.DescribeNamespaceResponse {
	t.Helper()
	response, err := s.dial(t).WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestNamespaces(t *testing.T) {
	t.Parallel()
	s := start(t, "--headless", "-n", "one", "-n", "two")
	for _, name := range []string{"one", "two"} {
		response := describe(t, s, name)
		if got := response.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); got != 240*time.Hour {
			t.Errorf("%s: retention %v, want 10 days", name, got)
		}
		can := response.GetNamespaceInfo().GetCapabilities()
		if !can.GetEagerWorkflowStart() || !can.GetWorkflowPause() || !can.GetPollerAutoscaling() {
			t.Errorf("%s: capabilities %v", name, can)
		}
	}
}

func TestWorkflowPause(t *testing.T) {
	t.Parallel()
	s := start(t, "--headless")
	c := s.dial(t)
	startGreeting(t, c, "paused")
	_, err := c.WorkflowService().PauseWorkflowExecution(t.Context(), &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: "paused", Reason: "test",
	})
	if err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v\n%s", url, response.Status, err, body)
	}
	return body
}

func TestUI(t *testing.T) {
	t.Parallel()
	s := start(t, "--ui-codec-endpoint", "http://127.0.0.1:1234/codec", "--namespace", "mine")
	if index := string(get(t, s.uri+"/")); !strings.Contains(index, "<html") {
		t.Errorf("no page: %.200s", index)
	}
	var settings struct {
		DefaultNamespace    string
		DisableWriteActions bool
		Codec               struct{ Endpoint string }
	}
	if err := json.Unmarshal(get(t, s.uri+"/api/v1/settings"), &settings); err != nil {
		t.Fatal(err)
	}
	if settings.Codec.Endpoint != "http://127.0.0.1:1234/codec" || settings.DisableWriteActions || settings.DefaultNamespace != "mine" {
		t.Errorf("settings %+v", settings)
	}
	// It reaches the server.
	if namespace := string(get(t, s.uri+"/api/v1/namespaces/mine")); !strings.Contains(namespace, `"864000s"`) {
		t.Errorf("namespace %s", namespace)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	_ = listener.Close()
	s := start(t, "--ip", "::1")
	get(t, s.uri+"/")
	describe(t, s, "default")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	start(t, "--headless", "--metrics-port", port)
	if metrics := string(get(t, "http://127.0.0.1:"+port+"/metrics")); !strings.Contains(metrics, "service_requests") {
		t.Errorf("metrics %.500s", metrics)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	taken := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "holdfast.db")
	for _, flag := range []string{"--port", "--ui-port", "--metrics-port"} {
		refused(t, 1, []string{"--db-filename", file, flag, taken}, "port "+taken+" ", "is taken", "with "+flag)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it created the database first")
	}
}

func TestStopsWhenTold(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		s := start(t)
		// The hard case: a worker's long polls are open.
		c := s.dial(t)
		startWorker(t, c)
		startGreeting(t, c, "greeting")
		told := time.Now()
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := s.wait(t); code != 0 || s.stderr.Len() > 0 {
			t.Errorf("%v: exit code %d\n%s", signal, code, s.stderr)
		}
		t.Logf("%v: stopped after %v", signal, time.Since(told))
	}
}

// underShell is the server with a parent that can be killed.
func underShell(args ...string) *exec.Cmd {
	return exec.Command("sh", slices.Concat([]string{"-c", `"$@" & wait`, "sh", binary}, startArgs(args...))...)
}

func TestEndsWithItsParent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "holdfast.db")
	s := startCommand(t, underShell("--db-filename", file))
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.wait(t) // for all that hold the output, so for the server itself
	if s.stderr.Len() > 0 {
		t.Errorf("it said on stderr:\n%s", s.stderr)
	}
	start(t, "--headless", "--db-filename", file)
}

func TestKeepRunning(t *testing.T) {
	t.Parallel()
	s := startCommand(t, underShell("--headless", "--keep-running"))
	child, err := exec.Command("pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(child)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		s.wait(t)
	}()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended <- err
		t.Error("it ended with its parent")
	case <-time.After(10 * parentCheck):
		describe(t, s, "default")
	}
}
