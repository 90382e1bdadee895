package config

import (
	"strings"
	"time"

	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Defaults of a destination, for those who make one without a file.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultHorizon     = 72 * time.Hour
	DefaultConcurrency = 32
)

// A Destination is a system that is told about events, by HTTP: CloudEvents, signed as Standard Webhooks prescribes.
type Destination struct {
	// URL takes the events by POST: absolute, http or https, without user and password. Required. It is never shown,
	// because its path or query may hold a token.
	URL signature.Secret `yaml:"url"`

	// Secret signs what is sent: whsec_ and the base64 of 24 to 64 random bytes. Either it or secrets is required. Each
	// destination should have its own, or one could pass off its events to another as ours.
	Secret signature.Secret `yaml:"secret"`

	// Secrets are several instead, for rotation: each event carries a signature by each, and a receiver accepts the one
	// it knows. At most 4.
	Secrets []signature.Secret `yaml:"secrets"`

	// Events says which types of events it is told: names from the catalog, such as account.banned, or the beginning of
	// names and an asterisk, such as account.* or * for all. Required unless default is true.
	Events []string `yaml:"events"`

	// Default says that it is told as well what no destination asks for by events. Default false.
	Default bool `yaml:"default"`

	// Retry says how patient to be with it.
	Retry Retry `yaml:"retry"`

	// Concurrency is how many events one process may be telling it at once. Default 32; 1 to 1024. It keeps a slow
	// destination from taking every slot of a worker.
	Concurrency int `yaml:"concurrency"`
}

// Retry is the patience with a destination that does not take an event although it takes others. One that takes nothing is
// held: what it is owed waits, and is told when it takes something again, however long that is.
type Retry struct {
	// Timeout is how long one attempt may take. Default 15s; 1s to 1m. A receiver that needs longer should answer 202
	// and work afterwards.
	Timeout time.Duration `yaml:"timeout"`

	// For is how long an event is tried again before it waits for an operator. Default 72h, a weekend; 1m to 720h.
	For time.Duration `yaml:"for"`
}

// Wants reports whether the destination asks for this type of event by Events.
func (d Destination) Wants(t webhook.Type) bool {
	for _, pattern := range d.Events {
		if matches(pattern, t) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern of Events means a type.
func matches(pattern string, t webhook.Type) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(string(t), start)
	}
	return pattern == string(t)
}

// patterns are those that people mean, for suggestions.
func patterns() []string {
	all := []string{"*"}
	for _, e := range webhook.Catalog() {
		all = append(all, string(e.Type))
		if family := e.Type.Family() + ".*"; all[len(all)-2] != family && family != string(e.Type)+".*" {
			all = append(all, family)
		}
	}
	return all
}
