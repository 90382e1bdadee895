// Package routing decides which destinations are told of an event, by what the configuration says of them, and explains it.
package routing

import (
	"fmt"
	"maps"
	"slices"

	"holdfast/internal/condition"
	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// A Table is the routing of one configuration. It is never changed, and safe for concurrent use.
type Table struct {
	rules      []*rule // sorted by name
	choices    map[webhook.Type]*choice
	configured map[string]config.Account
	accounts   map[string]*condition.Account // the same, as conditions know them
	failed     func(destination string, why error)
}

// A choice is what is known of a type of events before there is one.
type choice struct {
	asking   []*rule         // those that ask for the type, sorted by name
	fallback []*rule         // the default ones, likewise
	always   []webhook.Route // who is told of every event of the type, if no condition besides decides; never changed
}

// A rule is a destination's: what it asks for besides types and severities. What is nil asks for nothing.
type rule struct {
	route    webhook.Route
	config   config.Destination
	sources  map[string]bool
	accounts map[string]bool // the configured ones that have its labels, if it asks for labels
	phones   map[string]bool
	when     *condition.Condition
}

// New makes the table of destinations and accounts, by name and by id. Failed is called when a condition could not be evaluated
// for an event, with a [*condition.Failure]; nil if nobody wants to know. The error names the destination.
func New(destinations map[string]config.Destination, accounts map[string]config.Account, failed func(destination string, why error)) (*Table, error) {
	t := &Table{
		choices: make(map[webhook.Type]*choice), configured: accounts, accounts: make(map[string]*condition.Account, len(accounts)), failed: failed,
	}
	for id, a := range accounts {
		t.accounts[id] = condition.NewAccount(a.Name, a.Tenant, a.AllLabels())
	}
	for _, name := range slices.Sorted(maps.Keys(destinations)) {
		r, err := newRule(name, destinations[name], accounts)
		if err != nil {
			return nil, fmt.Errorf("destination %s: when: %w", name, err)
		}
		t.rules = append(t.rules, r)
	}
	for _, e := range webhook.Catalog() {
		t.choices[e.Type] = t.choose(e)
	}
	return t, nil
}

func newRule(name string, d config.Destination, accounts map[string]config.Account) (*rule, error) {
	r := &rule{
		route: webhook.Route{Destination: name, Own: d.Own(), Ordered: d.Ordered}, config: d,
		sources: set(d.Sources), accounts: set(d.Accounts), phones: set(d.Phones),
	}
	if len(d.Labels) > 0 {
		labelled := make(map[string]bool)
		for id, a := range accounts {
			if a.HasLabels(d.Labels) && (r.accounts == nil || r.accounts[id]) {
				labelled[id] = true
			}
		}
		r.accounts = labelled
	}
	var err error
	if d.When != "" {
		r.when, err = condition.Compile(d.When)
	}
	return r, err
}

func set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

func (t *Table) choose(e webhook.Entry) *choice {
	c := new(choice)
	for _, r := range t.rules {
		if !r.severe(e.Severity) {
			continue
		}
		if r.config.Wants(e.Type) {
			c.asking = append(c.asking, r)
		}
		if r.config.Default {
			c.fallback = append(c.fallback, r)
		}
	}
	first := c.asking
	if len(first) == 0 {
		first = c.fallback
	}
	if !slices.ContainsFunc(first, (*rule).conditional) {
		c.always = routes(first)
	}
	return c
}

func routes(rules []*rule) []webhook.Route {
	if len(rules) == 0 {
		return nil
	}
	list := make([]webhook.Route, len(rules))
	for i, r := range rules {
		list[i] = r.route
	}
	return list
}

// conditional reports whether a rule asks for more than types and severities.
func (r *rule) conditional() bool {
	return r.sources != nil || r.accounts != nil || r.phones != nil || r.when != nil
}

func (r *rule) severe(s webhook.Severity) bool {
	return len(r.config.Severities) == 0 || slices.Contains(r.config.Severities, string(s))
}

// Route returns the destinations that are to be told of an event, sorted by name: those that ask for it or, if none does,
// the default ones. None at all means that the event is unrouted. The result is not to be changed.
func (t *Table) Route(e *webhook.Event) []webhook.Route {
	c := t.choices[e.Type]
	if c == nil {
		return nil // a type that is not in the catalog cannot be read, so it never comes here
	}
	if len(c.always) > 0 {
		return c.always
	}
	var l lazy
	if routes := t.those(c.asking, e, &l); len(routes) > 0 {
		return routes
	}
	return t.those(c.fallback, e, &l)
}

// A lazy subject of an event is made when the first condition needs it. Until then the event stays on the stack.
type lazy struct{ made *condition.Subject }

func (l *lazy) subject(t *Table, e *webhook.Event) *condition.Subject {
	if l.made == nil {
		l.made = &condition.Subject{Event: *e, Account: t.accounts[e.Account]}
	}
	return l.made
}

// those are the rules of which all that they ask for besides the type is so.
func (t *Table) those(rules []*rule, e *webhook.Event, l *lazy) []webhook.Route {
	var room [16]*rule
	told := room[:0]
	for _, r := range rules {
		if t.unmet(r, e, l) == "" {
			told = append(told, r)
		}
	}
	return routes(told)
}

// The settings by which a destination may not be told. They are what unmet returns.
const (
	bySources  = "sources"
	byAccounts = "accounts"
	byPhones   = "phones"
	byWhen     = "when"
)

// unmet is the first setting besides events and severities by which an event is not for a destination; "" if there is none.
// What is asked for accounts and labels counts as accounts.
func (t *Table) unmet(r *rule, e *webhook.Event, l *lazy) string {
	switch {
	case r.sources != nil && !r.sources[e.Source]:
		return bySources
	case r.accounts != nil && !r.accounts[e.Account]:
		return byAccounts
	case r.phones != nil && !(e.Phone.ID != "" && r.phones[e.Phone.ID]) && !(e.Phone.Number != "" && r.phones[e.Phone.Number]):
		return byPhones
	case r.when == nil:
		return ""
	}
	holds, err := r.when.Matches(l.subject(t, e))
	if err != nil && t.failed != nil {
		t.failed(r.route.Destination, err)
	}
	if !holds {
		return byWhen
	}
	return ""
}
