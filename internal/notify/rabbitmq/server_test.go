package rabbitmq

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"holdfast/internal/notify/brokertest"
)

// A server is a RabbitMQ with its files, its port mapper and its ports for itself. It ends with the test, or with this process, however
// that ends.
type server struct {
	*brokertest.Program

	dir, address string
	ports        []string // of Erlang's port mapper and of the node
}

// The script is that of a [brokertest.Program]. The program's own script, not the wrapper that Debian puts before it, runs as whoever calls it.
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
	s.run(t)
	return s
}

// run starts the program and waits until it is ready.
func (s *server) run(t *testing.T) {
	t.Helper()
	in := func(name string) string { return filepath.Join(s.dir, name) }
	shell := exec.Command("/bin/sh", "-c", script, "sh", program)
	shell.Dir = s.dir
	shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + s.dir,
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=" + s.ports[0], "RABBITMQ_DIST_PORT=" + s.ports[1],
		"RABBITMQ_NODENAME=holdfast" + s.ports[1] + "@localhost",
		"RABBITMQ_CONF_ENV_FILE=" + in("environment"), "RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"),
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_GENERATED_CONFIG_DIR=" + in("generated"), "RABBITMQ_LOGS=-",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none", // do not spin while nothing is to do
	}
	s.Program = brokertest.Start(t, shell, "Server startup complete")
}
