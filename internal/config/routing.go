package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"holdfast/internal/condition"
	"holdfast/internal/webhook"
)

// TenantLabel is the label that the tenant of an account is.
const TenantLabel = "tenant"

// Wants reports whether the destination asks for this type of event by Events.
func (d Destination) Wants(t webhook.Type) bool { return webhook.Wanted(d.Events, t) }

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

// AllLabels are the labels of an account, its tenant among them.
func (a Account) AllLabels() map[string]string {
	labels := maps.Clone(a.Labels)
	if a.Tenant != "" {
		if labels == nil {
			labels = make(map[string]string, 1)
		}
		labels[TenantLabel] = a.Tenant
	}
	return labels
}

// HasLabels reports whether an account has all of some labels.
func (a Account) HasLabels(wanted map[string]string) bool {
	labels := a.AllLabels()
	for name, value := range wanted {
		if labels[name] != value {
			return false
		}
	}
	return true
}

var (
	idForm     = regexp.MustCompile(`^[!-~]{1,64}$`)
	digitsForm = regexp.MustCompile(`^[0-9]{1,32}$`)
	labelForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$`)
)

func (r *reader) accounts(accounts map[string]Account) {
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		a, at := accounts[id], join("accounts", id)
		if !idForm.MatchString(id) {
			r.problem(at, "want the id of an account, without spaces")
		}
		r.line(at+".name", a.Name)
		r.line(at+".tenant", a.Tenant)
		r.labels(at, a.Labels)
		if _, ok := a.Labels[TenantLabel]; ok {
			r.problem(join(at+".labels", TenantLabel), "is said by the setting tenant, which is this label")
		}
	}
}

func (r *reader) line(at, text string) {
	if len(text) > 256 || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.problem(at, "want one line of text, at most 256 bytes")
	}
}

func (r *reader) labels(at string, labels map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch place := join(at+".labels", name); {
		case !labelForm.MatchString(name):
			r.problem(place, "want a name of letters, digits and _ . -, at most 63")
		case labels[name] == "":
			r.problem(place, "is empty: who has no such label leaves it out")
		default:
			r.line(place, labels[name])
		}
	}
}

// routing notes what cannot be meant, and what no event could ever be.
func (r *reader) routing(at string, d Destination, c *Config) {
	r.events(at, d)
	for i, s := range d.Sources {
		if _, ok := c.Sources[s]; !ok {
			r.problem(at+".sources["+strconv.Itoa(i)+"]", "names no source that is configured%s", didYouMean(s, slices.Sorted(maps.Keys(c.Sources))))
		}
	}
	for i, id := range d.Accounts {
		if !idForm.MatchString(id) {
			r.problem(at+".accounts["+strconv.Itoa(i)+"]", "want the id of an account, without spaces")
		}
	}
	for i, phone := range d.Phones {
		if !digitsForm.MatchString(phone) {
			r.problem(at+".phones["+strconv.Itoa(i)+"]", "want the id of a number, or the number: digits only")
		}
	}
	r.labelled(at, d, c.Accounts)
	if d.When != "" {
		_, err := condition.Compile(d.When)
		if e, ok := errors.AsType[*condition.Error](err); ok && e.Unknown != "" {
			r.problem(at+".when", "%v%s", e, didYouMean(e.Unknown, condition.Names()))
		} else if err != nil {
			r.problem(at+".when", "%v", err)
		}
	}
}

// events checks the types that a destination asks for, and their severities.
func (r *reader) events(at string, d Destination) {
	before := len(r.problems)
	if len(d.Events) == 0 && !d.Default {
		r.problem(at+".events", "is required, unless default is true: nothing would be told")
	}
	takesAway := 0
	for i, pattern := range d.Events {
		pattern, away := strings.CutPrefix(pattern, "!")
		if away {
			takesAway++
		}
		means := func(e webhook.Entry) bool { return webhook.Matches(pattern, e.Type) }
		if !slices.ContainsFunc(webhook.Catalog(), means) {
			r.problem(at+".events["+strconv.Itoa(i)+"]", "means no type of event in the catalog%s", didYouMean(pattern, patterns()))
		}
	}
	severities := []string{string(webhook.Critical), string(webhook.Warning), string(webhook.Info)}
	for i, s := range d.Severities {
		if !slices.Contains(severities, s) {
			r.problem(at+".severities["+strconv.Itoa(i)+"]", "want critical, warning or info%s", didYouMean(s, severities))
		}
	}
	if len(r.problems) > before || len(d.Events) == 0 {
		return
	}
	wanted := func(e webhook.Entry) bool { return d.Wants(e.Type) }
	severe := func(e webhook.Entry) bool {
		return d.Wants(e.Type) && (len(d.Severities) == 0 || slices.Contains(d.Severities, string(e.Severity)))
	}
	switch all := webhook.Catalog(); {
	case takesAway == len(d.Events):
		r.problem(at+".events", `only takes away: what begins with ! takes away from the others, such as "*"`)
	case !slices.ContainsFunc(all, wanted):
		r.problem(at+".events", "means no type of event in the end: all are taken away")
	case !slices.ContainsFunc(all, severe) && !d.Default:
		r.problem(at+".severities", "is that of none of its events: nothing would be told")
	}
}

// labelled checks that there is an account that has the labels.
func (r *reader) labelled(at string, d Destination, accounts map[string]Account) {
	before := len(r.problems)
	r.labels(at, d.Labels)
	if len(d.Labels) == 0 || len(r.problems) > before {
		return
	}
	known := make(map[string]bool)
	among := 0
	for id, a := range accounts {
		for name := range a.AllLabels() {
			known[name] = true
		}
		if (len(d.Accounts) == 0 || slices.Contains(d.Accounts, id)) && a.HasLabels(d.Labels) {
			among++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Labels)) {
		has := func(a Account) bool { return a.HasLabels(map[string]string{name: d.Labels[name]}) }
		switch place := join(at+".labels", name); {
		case !known[name]:
			r.problem(place, "no account has this label%s", didYouMean(name, slices.Sorted(maps.Keys(known))))
		case !slices.ContainsFunc(slices.Collect(maps.Values(accounts)), has):
			r.problem(place, "no account has this label with this value")
		}
	}
	if among == 0 && len(r.problems) == before {
		r.problem(at+".labels", "none of the accounts that it asks for has all of these: nothing would be told")
	}
}
