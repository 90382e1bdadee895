package notify

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// TestOneWord reads a file with destinations of all types: what is the same has the same name everywhere.
func TestOneWord(t *testing.T) {
	for name, required := range map[string]string{
		"http":      "url: https://example.com, secret: " + whsec + ", format: binary",
		"slack":     "url: https://hooks.slack.com/services/T/B/x",
		"teams":     "url: https://example.com/x",
		"pagerduty": "routing_key: 0123456789abcdef0123456789abcdef",
		"email":     "host: mail.example.com, from: a@example.com, to: [b@example.com], username: holdfast, password: secret",
		"kafka":     `brokers: ["kafka:9092"], topic: events, format: binary, sasl: {mechanism: plain, username: holdfast, password: secret}`,
		"nats":      `servers: ["nats://nats:4222"], format: binary, username: holdfast, password: secret`,
		"rabbitmq":  `url: "amqps://holdfast:secret@rabbitmq", exchange: events, format: binary`,
	} {
		tls := ", tls: {server_name: inner.example.com}"
		switch name {
		case "slack", "teams", "pagerduty": // whose servers are the services' own
			tls = ""
		}
		file := fmt.Sprintf("destinations: {d: {type: %s, events: [\"*\"], %s%s}}", name, required, tls)
		if _, err := config.Parse("holdfast.yaml", []byte(file), config.Known{Senders: Types()}, nil); err != nil {
			t.Error(name, err)
		}
		if tls == "" {
			continue
		}
		file = fmt.Sprintf("destinations: {d: {type: %s, events: [\"*\"], %s, tls: {ca: x, cert: y, key: z, server_name: \"/\"}}}", name, required)
		_, err := config.Parse("holdfast.yaml", []byte(file), config.Known{Senders: Types()}, nil)
		if err == nil {
			t.Errorf("%s: tls is not looked at", name)
			continue
		}
		for _, setting := range []string{"tls.ca", "tls.cert", "tls.server_name"} {
			if !strings.Contains(err.Error(), "destinations.d."+setting+": ") {
				t.Errorf("%s: nothing is said of %s: %v", name, setting, err)
			}
		}
	}
}
