package routing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

func accounts() map[string]config.Account {
	return map[string]config.Account{
		"4711": {Name: "Shop", Tenant: "acme", Labels: map[string]string{"team": "payments"}},
		"4712": {Name: "4712", Labels: map[string]string{"team": "sales"}},
	}
}

func destinations() map[string]config.Destination {
	return map[string]config.Destination{
		"bans":     {Events: []string{"account.ban*"}, Ordered: true},
		"quiet":    {Events: []string{"*", "!message.*", "!account.*"}, Rate: 10},
		"payments": {Events: []string{"*"}, Labels: map[string]string{"team": "payments", "tenant": "acme"}},
		"two":      {Events: []string{"*"}, Labels: map[string]string{"team": "payments"}, Accounts: []string{"4712"}},
		"meta":     {Events: []string{"account.*"}, Sources: []string{"meta-main", "meta-two"}},
		"urgent":   {Events: []string{"account.*", "phone.*"}, Severities: []string{"critical", "warning"}},
		"one":      {Events: []string{"phone.*"}, Phones: []string{"2000", "15550001111"}},
		"named":    {Events: []string{"message.failed"}, Accounts: []string{"4712", "4713"}},
		"cel":      {Events: []string{"message.*"}, When: `event.details.errors.exists(e, e.code == "131042")`},
		"broken":   {Events: []string{"message.failed"}, When: `event.details.reason < 3`},
		"rest":     {Default: true},
		"some":     {Default: true, Events: []string{"flow.*"}, Sources: []string{"meta-main"}},
		"odd":      {Default: true, When: `event.details.reason < 3 || event.test`},
	}
}

func newTable(t testing.TB, destinations map[string]config.Destination, failed func(string, error)) *Table {
	t.Helper()
	table, err := New(destinations, accounts(), failed)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func failure(code string) any {
	return &webhook.MessageStatus{Errors: []webhook.MessageError{{Code: code}}}
}

func TestRoute(t *testing.T) {
	var failures []string
	table := newTable(t, destinations(), func(destination string, why error) { failures = append(failures, destination) })
	for _, tt := range []struct {
		event webhook.Event
		want  string
		fails string
	}{
		{webhook.Event{Type: webhook.AccountBanned}, "bans urgent", ""},
		{webhook.Event{Type: webhook.AccountBanned, Source: "meta-two", Account: "4711"}, "bans meta payments urgent", ""},
		{webhook.Event{Type: webhook.AccountBanned, Source: "other", Account: "4712"}, "bans urgent", ""},
		{webhook.Event{Type: webhook.AccountReinstated, Source: "meta-main"}, "meta", ""},
		{webhook.Event{Type: webhook.AccountReinstated}, "odd rest", "odd"},
		{webhook.Event{Type: webhook.AccountReinstated, Test: true}, "odd rest", ""},
		{webhook.Event{Type: webhook.PhoneAdded, Phone: webhook.Phone{ID: "2000"}}, "one quiet", ""},
		{webhook.Event{Type: webhook.PhoneAdded, Phone: webhook.Phone{Number: "15550001111"}}, "one quiet", ""},
		{webhook.Event{Type: webhook.PhoneFlagged}, "quiet urgent", ""},
		{webhook.Event{Type: webhook.MessageRead, Account: "4712"}, "odd rest", "odd"},
		{webhook.Event{Type: webhook.MessageFailed, Account: "4713", Data: failure("1")}, "broken named", "broken"},
		{webhook.Event{Type: webhook.MessageFailed, Data: failure("131042")}, "broken cel", "broken"},
		{webhook.Event{Type: webhook.FlowLatency, Source: "meta-main"}, "quiet some", ""},
		{webhook.Event{Type: "not.there"}, "", ""},
	} {
		failures = nil
		var got []string
		for _, r := range table.Route(&tt.event) {
			got = append(got, r.Destination)
			if want := destinations()[r.Destination]; r.Own != want.Own() || r.Ordered != want.Ordered {
				t.Errorf("%s: %+v", r.Destination, r)
			}
		}
		if strings.Join(got, " ") != tt.want || strings.Join(failures, " ") != tt.fails {
			t.Errorf("%s of %s: told %v, failed %v; want %s, %s", tt.event.Type, tt.event.Account, got, failures, tt.want, tt.fails)
		}
		// What is explained is what is done.
		var told []string
		for _, v := range table.Explain(&tt.event) {
			if setting, _, ok := strings.Cut(v.Why, ": "); !ok || strings.Contains(setting, " ") {
				t.Errorf("%s: %s: %q names no setting", tt.event.Type, v.Destination, v.Why)
			}
			if v.Told {
				told = append(told, v.Destination)
			}
		}
		if !slices.Equal(told, got) {
			t.Errorf("%s: explained %v, told %v", tt.event.Type, told, got)
		}
	}
	if got := newTable(t, nil, nil).Route(&webhook.Event{Type: webhook.AccountBanned}); got != nil {
		t.Errorf("without destinations: %v", got)
	}
	if _, err := New(map[string]config.Destination{"crm": {When: "event"}}, nil, nil); err == nil || !strings.HasPrefix(err.Error(), "destination crm: when: at letter 1: ") {
		t.Errorf("got %v", err)
	}
}

func TestExplain(t *testing.T) {
	table := newTable(t, destinations(), nil)
	explain := func(e webhook.Event) string {
		var lines []string
		for _, v := range table.Explain(&e) {
			lines = append(lines, fmt.Sprintf("%s %t %s", v.Destination, v.Told, v.Why))
		}
		return strings.Join(lines, "\n")
	}
	for _, tt := range []struct {
		event webhook.Event
		want  string
	}{
		{
			webhook.Event{Type: webhook.MessageFailed, Source: "other", Account: "4712", Data: failure("1")},
			`broken true when: cannot be evaluated for it (at letter 22: what the event holds there, or does not hold, is of another kind than this needs), which counts as true
bans false events: none of them means message.failed
cel false when: is false for it
meta false events: none of them means message.failed
named true events: "message.failed" means it; met: accounts
odd false default: broken asks for it
one false events: none of them means message.failed
payments false labels: account 4712 lacks team=payments, tenant=acme
quiet false events: "!message.*" takes message.failed away
rest false default: broken asks for it
some false sources: it came to other, not to meta-main
two false labels: account 4712 lacks team=payments
urgent false events: none of them means message.failed`,
		},
		{
			webhook.Event{Type: webhook.AccountReinstated, Account: "4711"},
			`bans false events: none of them means account.reinstated
broken false events: none of them means account.reinstated
cel false events: none of them means account.reinstated
meta false sources: it came to (none), not to meta-main or meta-two
named false events: none of them means account.reinstated
odd false default: payments asks for it
one false events: none of them means account.reinstated
payments true events: "*" means it; met: labels
quiet false events: "!account.*" takes account.reinstated away
rest false default: payments asks for it
some false sources: it came to (none), not to meta-main
two false accounts: 4711 is not among them
urgent false severities: account.reinstated is info, not critical or warning`,
		},
		{
			webhook.Event{Type: webhook.MessageRead, Source: "meta-main"},
			`bans false events: none of them means message.read
broken false events: none of them means message.read
cel false when: is false for it
meta false events: none of them means message.read
named false events: none of them means message.read
odd true default: no destination asks for it; when: cannot be evaluated for it (at letter 22: what the event holds there, or does not hold, is of another kind than this needs), which counts as true
one false events: none of them means message.read
payments false labels: the configuration knows no account (none)
quiet false events: "!message.*" takes message.read away
rest true default: no destination asks for it
some true default: no destination asks for it
two false accounts: it belongs to no account
urgent false events: none of them means message.read`,
		},
		{webhook.Event{Type: webhook.PhoneAdded, Phone: webhook.Phone{ID: "3000"}}, ""},
	} {
		got := explain(tt.event)
		if tt.want == "" {
			if !strings.Contains(got, "one false phones: its number is not among them\n") {
				t.Errorf("%s: %s", tt.event.Type, got)
			}
			continue
		}
		if diff := cmp.Diff(sorted(tt.want), sorted(got)); diff != "" {
			t.Errorf("%s: %s", tt.event.Type, diff)
		}
	}
}

func sorted(text string) []string { return slices.Sorted(strings.SplitSeq(text, "\n")) }

// BenchmarkRoute routes an event of which two of ten destinations are told: by types alone, by other settings, and by
// conditions that read the event, or what happened.
func BenchmarkRoute(b *testing.B) {
	message := webhook.Event{
		ID: "evt_1", Type: webhook.MessageFailed, Source: "meta-main", Account: "4711", Phone: webhook.Phone{ID: "2000"}, Data: failure("131042"),
	}
	for name, change := range map[string]func(i int, d *config.Destination){
		"types": func(int, *config.Destination) {},
		"settings": func(_ int, d *config.Destination) {
			d.Sources, d.Accounts, d.Phones = []string{"meta-main"}, []string{"4711"}, []string{"2000"}
		},
		"when": func(i int, d *config.Destination) {
			d.When = fmt.Sprintf(`event.account == "471%d" || account.labels.team == "x%d"`, i%5, i)
		},
		"details": func(i int, d *config.Destination) {
			d.When = fmt.Sprintf(`event.details.errors[0].code == "13104%d"`, i%5)
		},
		"exists": func(i int, d *config.Destination) {
			d.When = fmt.Sprintf(`event.details.errors.exists(e, e.code == "13104%d")`, i%5)
		},
	} {
		b.Run(name, func(b *testing.B) {
			ten := make(map[string]config.Destination)
			for i := range 10 {
				d := config.Destination{Events: []string{"message.*"}}
				if name == "types" && i > 1 {
					d.Events = []string{"account.*"}
				}
				if change(i, &d); name == "settings" && i > 1 {
					d.Phones = []string{"3000"}
				}
				ten[fmt.Sprintf("d%d", i)] = d
			}
			table := newTable(b, ten, func(destination string, why error) { b.Error(destination, why) })
			b.ReportAllocs()
			for b.Loop() {
				if n := len(table.Route(&message)); n != 2 {
					b.Fatalf("%d are told", n)
				}
			}
		})
	}
}
