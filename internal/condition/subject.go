package condition

import (
	"encoding/json"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"holdfast/internal/webhook"
)

// Names lists what conditions may name.
func Names() []string {
	var names []string
	for _, n := range known() {
		names = append(names, n.text)
	}
	return names
}

// below lists the names that begin with one.
func below(name string) []string {
	var names []string
	for _, n := range Names() {
		if strings.HasPrefix(n, name+".") {
			names = append(names, n)
		}
	}
	return names
}

type name struct {
	text string
	kind *cel.Type
}

func known() []name {
	return []name{
		{"event.type", cel.StringType},
		{"event.id", cel.StringType},
		{"event.source", cel.StringType},
		{"event.provider", cel.StringType},
		{"event.account", cel.StringType},
		{"event.phone.id", cel.StringType},
		{"event.phone.number", cel.StringType},
		{"event.time", cel.TimestampType},
		{"event.severity", cel.StringType},
		{"event.field", cel.StringType},
		{"event.test", cel.BoolType},
		{"event.details", cel.MapType(cel.StringType, cel.DynType)},
		{"account.name", cel.StringType},
		{"account.tenant", cel.StringType},
		{"account.labels", cel.MapType(cel.StringType, cel.StringType)},
	}
}

func declarations() []cel.EnvOption {
	var list []cel.EnvOption
	for _, n := range known() {
		list = append(list, cel.Variable(n.text, n.kind))
	}
	return list
}

// An Account is what the configuration knows of an account.
type Account struct {
	name, tenant string
	labels       members
}

// NewAccount makes an account. Its tenant should be among its labels.
func NewAccount(name, tenant string, labels map[string]string) *Account {
	a := &Account{name, tenant, members{make(map[string]any, len(labels)), types.String("")}}
	for k, v := range labels {
		a.labels.values[k] = v
	}
	return a
}

// A Subject is what conditions are asked about: an event, and its account. It is for one goroutine at a time, and for as many
// conditions as there are: what they need of the event is made once.
type Subject struct {
	Event   webhook.Event
	Account *Account // nil if the configuration does not know it

	details any // made when it is asked for
}

// ResolveName finds the value of a name. It is for CEL.
func (s *Subject) ResolveName(name string) (any, bool) {
	e := &s.Event
	if rest, ok := strings.CutPrefix(name, "account."); ok {
		return s.ofAccount(rest)
	}
	switch name {
	case "event.type":
		return string(e.Type), true
	case "event.id":
		return e.ID, true
	case "event.source":
		return e.Source, true
	case "event.provider":
		return e.Provider, true
	case "event.account":
		return e.Account, true
	case "event.phone.id":
		return e.Phone.ID, true
	case "event.phone.number":
		return e.Phone.Number, true
	case "event.time":
		return e.Time, true
	case "event.severity":
		entry, _ := webhook.Lookup(e.Type)
		return string(entry.Severity), true
	case "event.field":
		return e.Field, true
	case "event.test":
		return e.Test, true
	case "event.details":
		if s.details == nil {
			s.details = members{values: details(e), missing: absent{}}
		}
		return s.details, true
	}
	return nil, false
}

func (s *Subject) ofAccount(name string) (any, bool) {
	a := s.Account
	if a == nil {
		a = NewAccount("", "", nil)
	}
	switch name {
	case "name":
		return a.name, true
	case "tenant":
		return a.tenant, true
	case "labels":
		return a.labels, true
	}
	return nil, false
}

// Parent is nil: there is nothing around a subject. It is for CEL.
func (*Subject) Parent() cel.Activation { return nil }

// details are what receivers read. What cannot be written was never an event: see Normalize.
func details(e *webhook.Event) map[string]any {
	text, err := json.Marshal(e.Data)
	var out map[string]any
	if err != nil || json.Unmarshal(text, &out) != nil {
		return nil
	}
	return out
}
