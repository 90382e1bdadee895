package pagerduty

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/servicetest"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const routingKey = "0f1e2d3c4b5a69788796A5B4C3D2E1F0"

func start(t *testing.T) (*servicetest.Server, sender.Sender) {
	t.Helper()
	server := servicetest.Start(t)
	server.Answer(http.StatusAccepted, nil, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
	return server, servicetest.Open(t, Type(), &Options{RoutingKey: routingKey, URL: server.URL + "/v2/enqueue"})
}

func reinstated() sender.Message {
	return servicetest.Message(webhook.Event{Type: webhook.AccountReinstated, Data: &webhook.Ban{State: "REINSTATE"}})
}

// TestRequests compares what is posted with testdata, as PagerDuty documents its Events API v2.
func TestRequests(t *testing.T) {
	server, s := start(t)
	for name, m := range map[string]sender.Message{
		"banned": servicetest.Banned(), "reinstated": reinstated(), "stopped": servicetest.Stopped(), "test": servicetest.Test(),
	} {
		if v := s.Send(t.Context(), m); v != nil {
			t.Fatal(v)
		}
		var all []json.RawMessage
		for _, r := range server.Take() {
			if r.Method != http.MethodPost || r.Path != "/v2/enqueue" {
				t.Errorf("%s %s", r.Method, r.Path)
			}
			all = append(all, r.Body)
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		servicetest.Golden(t, name+".json", text)
	}
}

// alerts is PagerDuty: which alerts are open.
type alerts map[string]bool

func (a alerts) take(t *testing.T, requests []servicetest.Request) {
	t.Helper()
	for _, r := range requests {
		var in request
		if err := json.Unmarshal(r.Body, &in); err != nil {
			t.Fatal(err)
		}
		switch {
		case in.DedupKey == "" || len(in.DedupKey) > maxKey:
			t.Errorf("key %q", in.DedupKey)
		case in.Action == trigger && in.Payload != nil && in.Payload.Summary != "" && in.Payload.Source != "" && len(in.Payload.Summary) <= 1024:
			a[in.DedupKey] = true
		case in.Action == resolve:
			delete(a, in.DedupKey)
		default:
			t.Errorf("not a request that PagerDuty takes: %s", r.Body)
		}
	}
}

// TestMatters tells of stories, and looks how many alerts are open after each event.
func TestMatters(t *testing.T) {
	ban := func(kind webhook.Type) webhook.Event { return webhook.Event{Type: kind, Data: new(webhook.Ban)} }
	phone := func(kind webhook.Type, number string) webhook.Event {
		return webhook.Event{Type: kind, Phone: webhook.Phone{Number: number}, Data: new(webhook.Quality)}
	}
	template := func(kind webhook.Type, id string) webhook.Event {
		return webhook.Event{Type: kind, Data: &webhook.TemplateStatus{Template: webhook.Template{ID: id}}}
	}
	quality := func(score string) webhook.Event {
		return webhook.Event{Type: webhook.TemplateQualityChanged, Data: &webhook.TemplateQuality{Template: webhook.Template{ID: "1"}, Score: score}}
	}
	latency := func(alert string) webhook.Event {
		return webhook.Event{Type: webhook.FlowLatency, Data: &webhook.Flow{ID: "1", Alert: alert}}
	}
	late := func(e webhook.Event) webhook.Event { e.Late = true; return e }
	test := func(e webhook.Event) webhook.Event { e.Test = true; return e }
	other := func(e webhook.Event) webhook.Event { e.Account = "2"; return e }
	for name, story := range map[string][]struct {
		event webhook.Event
		open  int
	}{
		"ban":                {{ban(webhook.AccountBanScheduled), 1}, {ban(webhook.AccountBanned), 1}, {ban(webhook.AccountBanned), 1}, {ban(webhook.AccountReinstated), 0}},
		"called off":         {{ban(webhook.AccountBanScheduled), 1}, {ban(webhook.AccountReinstated), 0}},
		"two accounts":       {{ban(webhook.AccountBanned), 1}, {other(ban(webhook.AccountBanned)), 2}, {ban(webhook.AccountReinstated), 1}},
		"late beginning":     {{ban(webhook.AccountReinstated), 0}, {late(ban(webhook.AccountBanned)), 0}},
		"late end":           {{ban(webhook.AccountBanned), 1}, {late(ban(webhook.AccountReinstated)), 1}},
		"test":               {{test(ban(webhook.AccountBanned)), 1}, {ban(webhook.AccountBanned), 2}, {test(ban(webhook.AccountReinstated)), 2}, {ban(webhook.AccountReinstated), 1}},
		"numbers":            {{phone(webhook.PhoneFlagged, "1"), 1}, {phone(webhook.PhoneFlagged, "2"), 2}, {phone(webhook.PhoneUnflagged, "1"), 1}, {phone(webhook.PhoneLimitLowered, "1"), 2}, {phone(webhook.PhoneLimitRaised, "1"), 1}},
		"templates":          {{template(webhook.TemplateFlagged, "1"), 1}, {template(webhook.TemplatePaused, "1"), 1}, {template(webhook.TemplateDisabled, "1"), 1}, {template(webhook.TemplatePaused, "2"), 2}, {template(webhook.TemplateReinstated, "1"), 1}, {template(webhook.TemplateApproved, "2"), 0}},
		"template quality":   {{quality("YELLOW"), 1}, {quality("RED"), 1}, {quality("GREEN"), 0}},
		"flow":               {{latency("ACTIVATED"), 1}, {latency("DEACTIVATED"), 0}},
		"long id":            {{template(webhook.TemplatePaused, strings.Repeat("ä", 300)), 1}, {template(webhook.TemplateApproved, strings.Repeat("ä", 300)), 0}},
		"without end":        {{webhook.Event{Type: webhook.AccountDeleted, Data: new(webhook.None)}, 1}, {ban(webhook.AccountReinstated), 1}},
		"late, without end":  {{late(webhook.Event{Type: webhook.AccountDeleted, Data: new(webhook.None)}), 1}},
		"only ever good":     {{ban(webhook.AccountReinstated), 0}, {phone(webhook.PhoneUnflagged, "1"), 0}, {quality("GREEN"), 0}},
		"restriction is not": {{webhook.Event{Type: webhook.AccountRestricted, Data: new(webhook.Restriction)}, 1}, {ban(webhook.AccountReinstated), 1}, {webhook.Event{Type: webhook.AccountRestrictionLifted, Data: new(webhook.Restriction)}, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := start(t)
			open := make(alerts)
			for i, one := range story {
				m := servicetest.Message(one.event)
				for range 2 { // told twice, as after a crash
					if v := s.Send(t.Context(), m); v != nil {
						t.Fatal(v)
					}
				}
				if open.take(t, server.Take()); len(open) != one.open {
					t.Errorf("after %d: %v", i, open)
				}
			}
		})
	}
}

// TestOutOfOrder tells after their turn: a ban calls somebody, and its end does not call off.
func TestOutOfOrder(t *testing.T) {
	server, s := start(t)
	open := make(alerts)
	for _, m := range []sender.Message{servicetest.Banned(), reinstated()} {
		m.OutOfOrder = true
		if v := s.Send(t.Context(), m); v != nil {
			t.Fatal(v)
		}
		if open.take(t, server.Take()); len(open) != 1 {
			t.Errorf("%s: %v", m.Event.Type, open)
		}
	}
}

// TestEveryType sends an empty event of each type.
func TestEveryType(t *testing.T) {
	server, s := start(t)
	for _, entry := range webhook.Catalog() {
		if v := s.Send(t.Context(), servicetest.Message(webhook.Event{Type: entry.Type, Data: entry.New()})); v != nil {
			t.Fatal(v)
		}
		requests := server.Take()
		if len(requests) == 0 {
			t.Errorf("%s does nothing", entry.Type)
		}
		make(alerts).take(t, requests)
	}
}

// TestEndsAreBegun looks for ends of what nothing begins.
func TestEndsAreBegun(t *testing.T) {
	var begun []string
	for _, m := range matters {
		if begun = append(begun, m.begins...); len(m.begins) > 1 {
			t.Errorf("several begin: %v", m.begins)
		}
	}
	for kind, m := range matters {
		for _, end := range m.ends {
			if !slices.Contains(begun, end) {
				t.Errorf("%s ends %s", kind, end)
			}
		}
		if _, both := either[kind]; both {
			t.Errorf("%s is in both tables", kind)
		}
	}
}

// TestVerdicts has PagerDuty answer as it does.
func TestVerdicts(t *testing.T) {
	server, s := start(t)
	for _, c := range []struct {
		status int
		text   string
		want   webhook.Kind
		advice bool
	}{
		{400, `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid"]}`, webhook.Refused, false},
		{400, `{"status":"invalid event","errors":["Length of 'routing_key' is incorrect"]}`, webhook.Trouble, true},
		{403, "", webhook.Trouble, true},
		{404, "", webhook.Trouble, true},
		{429, "", webhook.Retry, true},
		{500, "", webhook.Retry, false},
	} {
		server.Answer(c.status, http.Header{"Retry-After": {"30"}}, c.text)
		v := s.Send(t.Context(), servicetest.Banned())
		if v == nil || v.Kind != c.want || (v.Advice != "") != c.advice || v.Status != c.status || (v.RetryAfter == 30*time.Second) != (c.want == webhook.Retry) {
			t.Errorf("%d %s: got %+v", c.status, c.text, v)
		}
		if v != nil && strings.Contains(v.Reason+v.Advice, routingKey) {
			t.Errorf("%d: shows the key", c.status)
		}
		server.Take()
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		options *Options
		want    []string
	}{
		"fine":    {&Options{RoutingKey: routingKey, URL: DefaultURL}, nil},
		"default": {&Options{RoutingKey: routingKey}, nil},
		"none":    {&Options{}, []string{"routing_key"}},
		"short":   {&Options{RoutingKey: "abc", URL: "http://events.pagerduty.com"}, []string{"routing_key", "url"}},
	} {
		var got []string
		for _, p := range Type().Check(c.options) {
			got = append(got, p.Setting)
			if strings.Contains(p.Text, string(signature.Secret("abc"))) {
				t.Errorf("%s: shows the key", name)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
