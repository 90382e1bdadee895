package nats

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"holdfast/internal/notify/brokertest"
)

// A server is a nats-server with its files in a directory of its own. It ends with the test, or with this process, however that ends.
type server struct {
	*brokertest.Program

	config, address string
}

// The script is that of a [brokertest.Program].
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
	return s
}

// run starts the program and waits until it is ready.
func (s *server) run(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		t.Fatal("start nats-server: it is not installed: apt-get install nats-server")
	}
	s.Program = brokertest.Start(t, exec.Command("/bin/sh", "-c", script, "sh", program, s.config), "Server is ready")
}
