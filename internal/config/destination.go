package config

import (
	"cmp"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Defaults of a destination, for those who make one without a file.
const (
	DefaultType        = "http"
	DefaultTimeout     = 15 * time.Second
	DefaultHorizon     = 72 * time.Hour
	DefaultConcurrency = 32
	DefaultParallel    = 8
)

// A Destination is somebody who is told about events: a system, or people.
//
// Beside the settings here a destination has those of its type, such as its url; they are in the manual of the type's package
// below internal/notify.
//
// It is told what all of its conditions (events, sources, accounts, phones, severities, labels and when) ask for. What no
// destination is told in this way is told the default ones, as far as their conditions other than events ask for it.
type Destination struct {
	// Type is how it is told: http (the default), and what [holdfast/internal/notify.Types] lists besides.
	Type string `yaml:"type"`

	// Events says which types of events it is told: names from the catalog, such as account.banned, or patterns, where an
	// asterisk stands for any text, such as account.*, *.marketing_stopped or * for all. One that begins with ! takes away:
	// ["*", "!message.*"], in quotes, in any order. Required unless default is true.
	Events []string `yaml:"events"`

	// Sources, Accounts and Phones limit it to events of these sources, of these account ids, and of these business numbers
	// (ids, or digits). Default: of all.
	Sources  []string `yaml:"sources"`
	Accounts []string `yaml:"accounts"`
	Phones   []string `yaml:"phones"`

	// Severities limits it to events that are critical, warning or info. Default: all.
	Severities []string `yaml:"severities"`

	// Labels limits it to events of accounts that have all of these labels, by what accounts says of them; tenant is one.
	// Default: of all.
	Labels map[string]string `yaml:"labels"`

	// When is a condition in CEL (https://cel.dev) for what the others cannot say, such as event.details.decision == "REJECTED";
	// the manual of its names is in package condition. Where it cannot be evaluated, the event is told. Default: none.
	When string `yaml:"when"`

	// Default says that it is told as well what no destination asks for. Default false. What nobody is told is unrouted: it is
	// recorded and counted, and can be told later.
	Default bool `yaml:"default"`

	// Retry says how patient to be with it.
	Retry Retry `yaml:"retry"`

	// Concurrency is how many attempts to tell it may be under way in one process. Default 32; 1 to 1024. It keeps a slow
	// destination from taking every slot of a worker.
	Concurrency int `yaml:"concurrency"`

	// Rate is how many events it is told at most, over all workers, such as 10/s, 300/m or 1000/h. Default: no limit. It is then
	// told by its own workflow, which costs some tenths of a second.
	Rate Rate `yaml:"rate"`

	// Ordered says that it is told what concerns an account in the order in which it was recorded, one event after the other;
	// what is refused waits for an operator, and what fails is tried again before anything later of that account. It is then
	// told by its own workflow, and whoever records for it waits for each other. Default false.
	Ordered bool `yaml:"ordered"`

	// Parallel is how many events its own workflow tells it at once, each of another account if it is ordered. Default 8; 1 to
	// 64.
	Parallel int `yaml:"parallel"`

	// Options are the settings that only its type knows: what the type's Options returns.
	Options any `yaml:"-"`
}

// String is the type only.
func (d Destination) String() string { return cmp.Or(d.Type, DefaultType) }

// LogValue is the same as String.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Own reports whether the destination is told by its own workflow only.
func (d Destination) Own() bool { return d.Ordered || d.Rate > 0 }

// decode reads a destination: its type first, which knows what else may be said.
func (d *Destination) decode(r *reader, n ast.Node, at string) {
	entries := r.entries(n, at)
	named := DefaultType
	for _, e := range entries {
		if e.key == "type" {
			before := len(r.problems)
			r.set(e, at+".type", reflect.ValueOf(&named).Elem())
			if len(r.problems) > before {
				return
			}
		}
	}
	var names []string
	for _, t := range r.senders {
		if names = append(names, t.Name); t.Name == named {
			d.Options = t.Options()
		}
	}
	if d.Options == nil {
		r.problem(at+".type", "unknown type%s (known: %s)", didYouMean(named, names), strings.Join(names, ", "))
		return
	}
	r.fill(entries, at, reflect.ValueOf(d).Elem(), reflect.ValueOf(d.Options).Elem())
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
