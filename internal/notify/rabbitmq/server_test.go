package rabbitmq

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A server is a RabbitMQ with its files, its port mapper and its ports for itself. It ends with the test, or with this process, however
// that ends.
type server struct {
	dir, address string
	ports        []string // of Erlang's port mapper and of the node
	lifeline     io.Closer
	shell        *exec.Cmd
}

// The server is the child of a shell that waits for its standard input to end, which also happens when this process does. The program's own
// script, not the wrapper that Debian puts before it, runs as whoever calls it.
const script = `
trap '' INT TERM HUP
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" >/dev/null 2>&1 &
mapper=$!
"$1" 2>&1 &
read -r _
kill -9 "$(cat "$RABBITMQ_PID_FILE")" $mapper
wait
`

const configuration = `
listeners.tcp.1 = %s
max_message_size = 65536
load_definitions = %s
`

// Everybody's password is secret. The hash is of RabbitMQ's own making: salt, and SHA-256 of salt and password.
const definitions = `{
  "vhosts": [{"name": "/"}, {"name": "closed"}],
  "users": [
    {"name": "writer", "password_hash": "%[1]s", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""},
    {"name": "reader", "password_hash": "%[1]s", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
  ],
  "permissions": [
    {"user": "writer", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "reader", "vhost": "/", "configure": "", "write": "", "read": ".*"}
  ],
  "exchanges": [{"name": "events", "vhost": "/", "type": "topic", "durable": true, "auto_delete": false, "internal": false, "arguments": {}}],
  "queues": [
    {"name": "accounts", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {}},
    {"name": "full", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {"x-max-length": 1, "x-overflow": "reject-publish"}},
    {"name": "tiny", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {}}
  ],
  "bindings": [{"source": "events", "vhost": "/", "destination": "accounts", "destination_type": "queue", "routing_key": "account.*", "arguments": {}}]
}`

const program = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// start starts a server. Without the program the test fails: an exam that is not taken is not passed.
func start(t *testing.T) *server {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Fatal("start RabbitMQ: it is not installed: apt-get install rabbitmq-server")
	}
	dir := t.TempDir()
	s := &server{dir: dir}
	var free []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, port)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.address, s.ports = "127.0.0.1:"+free[0], free[1:]
	for name, text := range map[string]string{
		"rabbitmq.conf":    fmt.Sprintf(configuration, s.address, filepath.Join(dir, "definitions.json")),
		"definitions.json": fmt.Sprintf(definitions, hash("secret")),
		"plugins":          "[].\n",
		"environment":      "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.kill)
	s.run(t)
	return s
}

// run starts the program and waits until it is ready.
func (s *server) run(t *testing.T) {
	t.Helper()
	in := func(name string) string { return filepath.Join(s.dir, name) }
	s.shell = exec.Command("/bin/sh", "-c", script, "sh", program)
	s.shell.Dir = s.dir
	s.shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + s.dir,
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=" + s.ports[0], "RABBITMQ_DIST_PORT=" + s.ports[1],
		"RABBITMQ_NODENAME=holdfast" + s.ports[1] + "@localhost",
		"RABBITMQ_CONF_ENV_FILE=" + in("environment"), "RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"),
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_GENERATED_CONFIG_DIR=" + in("generated"), "RABBITMQ_LOGS=-",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none", // do not spin while nothing is to do
	}
	var err error
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
		if strings.Contains(lines.Text(), "Server startup complete") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return
		}
	}
	t.Fatalf("start RabbitMQ: %s", said.String())
}

// kill ends the program as a crash would.
func (s *server) kill() {
	if s.lifeline != nil {
		_ = errors.Join(s.lifeline.Close(), s.shell.Wait())
		s.lifeline = nil
	}
}
