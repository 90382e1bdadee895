package routing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// A Verdict says of one destination whether it is told of an event, and why, beginning with the name of the setting.
type Verdict struct {
	Destination string
	Told        bool
	Why         string
}

// Explain says of each destination whether it is told of an event, sorted by name: exactly those that Route returns are. It
// holds nothing of the event but its type, its source and its account.
func (t *Table) Explain(e *webhook.Event) []Verdict {
	told := make(map[string]bool)
	for _, r := range t.Route(e) {
		told[r.Destination] = true
	}
	verdicts, asks := make([]Verdict, len(t.rules)), make([]bool, len(t.rules))
	asking := "" // the first that asks for it
	for i, r := range t.rules {
		v := Verdict{Destination: r.route.Destination, Told: told[r.route.Destination]}
		if asks[i], v.Why = t.asks(r, e); asks[i] && asking == "" {
			asking = v.Destination
		}
		verdicts[i] = v
	}
	for i, r := range t.rules {
		if !r.config.Default || asks[i] {
			continue
		}
		v := &verdicts[i]
		switch ok, why := t.besides(r, e); {
		case !ok:
			v.Why = why
		case asking != "":
			v.Why = fmt.Sprintf("default: %s asks for it", asking)
		case why != "":
			v.Why = "default: no destination asks for it; " + why
		default:
			v.Why = "default: no destination asks for it"
		}
	}
	return verdicts
}

// asks reports whether a destination asks for an event, and why or why not.
func (t *Table) asks(r *rule, e *webhook.Event) (asks bool, why string) {
	pattern, away := "", ""
	for _, p := range r.config.Events {
		one := config.Destination{Events: []string{p}}
		if taken, isAway := strings.CutPrefix(p, "!"); isAway {
			if one.Events[0] = taken; one.Wants(e.Type) && away == "" {
				away = p
			}
		} else if one.Wants(e.Type) && pattern == "" {
			pattern = p
		}
	}
	switch {
	case len(r.config.Events) == 0:
		return false, "events: it asks for none"
	case pattern == "":
		return false, fmt.Sprintf("events: none of them means %s", e.Type)
	case away != "":
		return false, fmt.Sprintf("events: %q takes %s away", away, e.Type)
	}
	if ok, why := t.besides(r, e); !ok || why != "" {
		return ok, why
	}
	why = fmt.Sprintf("events: %q means it", pattern)
	if met := r.besidesEvents(); len(met) > 0 {
		why += "; met: " + strings.Join(met, ", ")
	}
	return true, why
}

// besidesEvents names the other settings by which a destination asks for events.
func (r *rule) besidesEvents() []string {
	var names []string
	for _, setting := range []struct {
		name  string
		given bool
	}{
		{"severities", len(r.config.Severities) > 0},
		{bySources, r.sources != nil},
		{byAccounts, len(r.config.Accounts) > 0},
		{"labels", len(r.config.Labels) > 0},
		{byPhones, r.phones != nil},
		{byWhen, r.when != nil},
	} {
		if setting.given {
			names = append(names, setting.name)
		}
	}
	return names
}

// besides reports whether all conditions but events are met, and which is not; of those that are, only when has something to
// say, if it failed.
func (t *Table) besides(r *rule, e *webhook.Event) (ok bool, why string) {
	entry, _ := webhook.Lookup(e.Type)
	if !r.severe(entry.Severity) {
		return false, fmt.Sprintf("severities: %s is %s, not %s", e.Type, entry.Severity, strings.Join(r.config.Severities, " or "))
	}
	quiet := &Table{accounts: t.accounts, failed: func(_ string, err error) {
		why = fmt.Sprintf("when: cannot be evaluated for it (%v), which counts as true", err)
	}}
	switch quiet.unmet(r, e, new(lazy)) {
	case bySources:
		return false, fmt.Sprintf("sources: it came to %s, not to %s", named(e.Source), strings.Join(r.config.Sources, " or "))
	case byAccounts:
		return false, t.account(r, e.Account)
	case byPhones:
		return false, "phones: its number is not among them"
	case byWhen:
		return false, "when: is false for it"
	}
	return true, why
}

// account says why an account is not one of a destination's.
func (t *Table) account(r *rule, id string) string {
	if asked := r.config.Accounts; len(asked) > 0 && !slices.Contains(asked, id) {
		if id == "" {
			return "accounts: it belongs to no account"
		}
		return fmt.Sprintf("accounts: %s is not among them", id)
	}
	known, ok := t.configured[id]
	if !ok {
		return fmt.Sprintf("labels: the configuration knows no account %s", named(id))
	}
	labels := known.AllLabels()
	var lacking []string
	for _, name := range slices.Sorted(maps.Keys(r.config.Labels)) {
		if value := r.config.Labels[name]; labels[name] != value {
			lacking = append(lacking, name+"="+value)
		}
	}
	return fmt.Sprintf("labels: account %s lacks %s", id, strings.Join(lacking, ", "))
}

func named(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}
