package nats

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A server is a nats-server with its files in a directory of its own. It ends with the test, or with this process, however that ends.
type server struct {
	config, address string
	lifeline        io.Closer
	shell           *exec.Cmd
}

// The server is the child of a shell that waits for its standard input to end, which also happens when this process does.
const script = `
trap '' INT TERM HUP
"$1" -c "$2" 2>&1 &
read -r _
kill -9 $!
`

// start starts a server with JetStream and more settings. Without the program the test fails: an exam that is not taken is not passed.
func start(t *testing.T, settings string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &server{config: filepath.Join(dir, "server.conf"), address: address}
	text := fmt.Sprintf("listen: %q\njetstream { store_dir: %q }\n%s\n", address, dir, settings)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t)
	t.Cleanup(s.kill)
	return s
}

// run starts the program and waits until it is ready.
func (s *server) run(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		t.Fatal("start nats-server: it is not installed: apt-get install nats-server")
	}
	s.shell = exec.Command("/bin/sh", "-c", script, "sh", program, s.config)
	if s.lifeline, err = s.shell.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.shell.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if strings.Contains(lines.Text(), "Server is ready") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return
		}
	}
	t.Fatalf("start nats-server: %s", said.String())
}

// kill ends the program as a crash would.
func (s *server) kill() {
	if s.lifeline != nil {
		_ = s.lifeline.Close()
		_ = s.shell.Wait()
		s.lifeline = nil
	}
}
