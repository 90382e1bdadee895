package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// A restriction that has run out is shown as one; no event may come for that. Templates are listed with their account.
func TestStateShowsWhatIsOver(t *testing.T) {
	r := newRig(t)
	store, err := state.Open(t.Context(), r.stateURL, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const past, future = `{"type":"A","until":"2020-01-01T00:00:00Z"}`, `{"type":"B","until":"2999-01-01T00:00:00Z"}`
	restricted := func(parts ...string) string {
		return `{"status":"restricted","restrictions":[` + strings.Join(parts, ",") + `]}`
	}
	var changes []webhook.Change
	want := map[string]bool{}
	for aspect, fact := range map[string]struct {
		value string
		over  bool
	}{
		"restriction":             {restricted(past, past), true},
		"restriction.direct_send": {restricted(past, future), false},
		"restriction.x":           {restricted(past, `{"type":"C"}`), false},
		"restriction.y":           {restricted(), false},
		"restriction.z":           {`{"status":"none","restrictions":[` + past + `]}`, false},
		"status":                  {restricted(past), false},
	} {
		want[aspect] = fact.over
		changes = append(changes, webhook.Change{Entity: webhook.AccountEntity(account), Aspect: aspect, Value: fact.value, Time: time.Now()})
	}
	want["category"] = false
	changes = append(changes, webhook.Change{
		Entity: webhook.TemplateEntity(account, webhook.Template{ID: "55"}), Aspect: "category", Value: `"MARKETING"`, Time: time.Now(),
	})
	_, err = store.Record(t.Context(), "w", []webhook.Record{{Webhook: "a", Source: "meta", Received: time.Now(), Events: []webhook.Candidate{{
		Event:   webhook.Event{ID: "1", Type: webhook.AccountRestricted, Time: time.Now(), Source: "meta", Account: account, Webhook: "a", Data: &webhook.Restriction{}},
		Changes: changes,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(r.run(t, "state", account)) {
		fields := strings.Fields(line)
		if over, ok := want[fields[1]]; ok && strings.Contains(line, " (over)") != over {
			t.Errorf("over should be %t: %s", over, line)
		}
		delete(want, fields[1])
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

// An event of the log is routed by the configuration of now, and shown with what was decided then.
func TestRouteOfTheLog(t *testing.T) {
	r := newRig(t)
	store, err := state.Open(t.Context(), r.stateURL, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	candidate := func(id string, stale bool, routes ...webhook.Route) webhook.Candidate {
		return webhook.Candidate{Destinations: routes, Event: webhook.Event{
			ID: id, Type: webhook.AccountBanned, Time: time.Now(), Source: "meta", Account: account, Webhook: "a", Stale: stale, Data: &webhook.Ban{},
		}}
	}
	crm, rest := webhook.Route{Destination: "crm"}, webhook.Route{Destination: "rest"}
	if _, err = store.Record(t.Context(), "w", []webhook.Record{{Webhook: "a", Source: "meta", Received: time.Now(), Events: []webhook.Candidate{
		candidate("1", false, crm, rest), candidate("2", false), candidate("3", true, crm),
	}}}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"1": "as fresh by workflow w; to be told were: crm, rest\n",
		"2": "as fresh by workflow w; nobody was to be told\n",
		"3": "as stale by workflow w; as that nobody is told, or it would have been: crm\n",
	} {
		if said := r.run(t, "route", "--event", id); !strings.HasSuffix(said, want) || !strings.Contains(said, "Unrouted") {
			t.Errorf("%s: %s", id, said)
		}
	}
}

// Without the operator's listener the reason of a refusal is not known, but where it is kept.
func TestSendSaysWhereTheReasonIs(t *testing.T) {
	r := newRig(t)
	cfg := r.config(nil)
	cfg.Metrics.Listen = nobody
	server := httptest.NewServer(http.HandlerFunc(status(http.StatusUnauthorized)))
	defer server.Close()
	err := send(t.Context(), cfg, sendFlags{url: server.URL}, "meta/account-violation", nil, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "run 'holdfast refused' to see why") {
		t.Errorf("said: %v", err)
	}
}
