package activities

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/webhook"
)

// A speaker normalizes as it is told to.
type speaker func(body []byte, received time.Time) []webhook.Event

func (s speaker) Verify(webhook.Evidence, []byte, time.Time) error          { return nil }
func (s speaker) Normalize(body []byte, received time.Time) []webhook.Event { return s(body, received) }

func normalize(t *testing.T, s speaker, webhooks ...webhook.Webhook) NormalizeResult {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	a := &Activities{
		Sources: func(source string) Dialect {
			if source == "unknown" {
				return nil
			}
			return s
		},
		Key: []byte("key"), Dedupe: 240 * time.Hour, Metrics: NewMetrics(prometheus.NewRegistry()),
		Size: func(v any) (int, error) {
			text, err := json.Marshal(v)
			return len(text), err
		},
	}
	env.RegisterActivity(a)
	value, err := env.ExecuteLocalActivity(a.Normalize, NormalizeInput{Webhooks: webhooks})
	if err != nil {
		t.Fatal(err)
	}
	var out NormalizeResult
	if err := value.Get(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func hook(source, body string) webhook.Webhook {
	return webhook.Webhook{ID: webhook.ID(source, []byte(body)), Source: source, Received: time.Unix(1790000000, 0).UTC(), Body: []byte(body)}
}

// lines makes an event of each line, known by its text.
func lines(body []byte, received time.Time) []webhook.Event {
	var out []webhook.Event
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		out = append(out, webhook.Event{Type: webhook.AccountDeleted, Key: string(line), Time: received, Data: &webhook.None{}})
	}
	return out
}

// An event has the same id alone, in a batch and in a redelivery, and another one from another source.
func TestEventIDs(t *testing.T) {
	batch := normalize(t, lines, hook("meta", "a\nb\nc"), hook("meta", "b")).Webhooks
	if alone := batch[1].Events[0].ID; alone != batch[0].Events[1].ID || alone == batch[0].Events[0].ID {
		t.Errorf("ids %q in the batch, %q alone", batch[0].Events[1].ID, alone)
	}
	if other := normalize(t, lines, hook("other", "b")).Webhooks[0].Events[0].ID; other == batch[1].Events[0].ID {
		t.Error("two sources share an event id")
	}
	if id := batch[0].Events[0].ID; !strings.HasPrefix(id, "evt_") || strings.Contains(id, ".") || len(id) != 36 {
		t.Errorf("id %q", id)
	}
	keyless := func([]byte, time.Time) []webhook.Event {
		none := webhook.Event{Type: webhook.AccountDeleted, Data: &webhook.None{}}
		return []webhook.Event{none, none}
	}
	twins := normalize(t, keyless, hook("meta", "x")).Webhooks[0].Events
	if twins[0].ID == twins[1].ID {
		t.Error("two elements without a key share an id")
	}
}

func TestTimesAreBounded(t *testing.T) {
	received := hook("meta", "").Received
	at := func(offset time.Duration, test bool) webhook.Event {
		s := func([]byte, time.Time) []webhook.Event {
			return []webhook.Event{{Type: webhook.AccountDeleted, Time: received.Add(offset), Test: test, Data: &webhook.None{}}}
		}
		return normalize(t, s, hook("meta", "x")).Webhooks[0].Events[0]
	}
	if e := at(4*time.Minute, false); e.TimeAssumed || !e.Time.Equal(received.Add(4*time.Minute)) {
		t.Errorf("a little ahead: %+v", e)
	}
	if e := at(6*time.Minute, false); !e.TimeAssumed || !e.Time.Equal(received) {
		t.Errorf("far ahead: %+v", e)
	}
	if e := at(-241*time.Hour, false); !e.Stale {
		t.Error("older than duplicates are remembered, and not stale")
	}
	if e := at(-241*time.Hour, true); e.Stale {
		t.Error("a test is stale")
	}
	if e := at(-239*time.Hour, false); e.Stale || e.TimeAssumed {
		t.Errorf("a late redelivery: %+v", e)
	}
}

// Whatever a dialect does, what was accepted becomes an event.
func TestNothingDisappears(t *testing.T) {
	for name, c := range map[string]struct {
		speak  speaker
		source string
		reason string
	}{
		"panic":          {func([]byte, time.Time) []webhook.Event { panic("4915112345678") }, "meta", "normalizer failed"},
		"no elements":    {func([]byte, time.Time) []webhook.Event { return nil }, "meta", "no elements"},
		"unknown source": {lines, "unknown", "source is not configured"},
	} {
		t.Run(name, func(t *testing.T) {
			events := normalize(t, c.speak, hook(c.source, "the body")).Webhooks[0].Events
			raw, ok := events[0].Data.(*webhook.Raw)
			if !ok || len(events) != 1 || raw.Reason != c.reason || string(raw.Value) != "the body" {
				t.Errorf("events %+v", events)
			}
		})
	}
}

// What is thought to be encodable without trying is: of those types, nothing but a time could not be, in a year that has
// no four digits.
func TestEncodable(t *testing.T) {
	for _, data := range []any{&webhook.Message{}, &webhook.MessageStatus{}, &webhook.History{}, &webhook.Raw{}} {
		if times := difficult(t, reflect.TypeOf(data)); !slices.Equal(times, []string{"Expires"}) && len(times) > 0 {
			t.Errorf("%T: %v", data, times)
		}
	}
	for year, want := range map[int]bool{2026: true, 9998: true, 10000: false, -1: false} {
		e := webhook.Event{Type: webhook.MessageSent, Data: &webhook.MessageStatus{Conversation: &webhook.Conversation{Expires: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}}}
		if got := encodable(e); got != want {
			t.Errorf("of the year %d: %t", year, got)
		}
		if _, err := json.Marshal(e); (err == nil) != want {
			t.Errorf("of the year %d: %v", year, err)
		}
	}
	odd := func([]byte, time.Time) []webhook.Event {
		return []webhook.Event{{Type: webhook.AccountBanned, Data: func() {}}}
	}
	if raw, ok := normalize(t, odd, hook("meta", "x")).Webhooks[0].Events[0].Data.(*webhook.Raw); !ok || raw.Reason != "cannot be encoded" {
		t.Errorf("%+v", raw)
	}
}

// difficult names the members of a type that JSON might refuse.
func difficult(t *testing.T, of reflect.Type) (names []string) {
	kind := of.Kind()
	switch {
	case kind == reflect.String, kind == reflect.Bool, kind == reflect.Int, of == reflect.TypeFor[webhook.Body]():
		return nil
	case kind == reflect.Pointer, kind == reflect.Slice:
		return difficult(t, of.Elem())
	case kind != reflect.Struct:
		return []string{of.String()}
	}
	for f := range of.Fields() {
		if f.Type == reflect.TypeFor[time.Time]() {
			names = append(names, f.Name)
		} else {
			names = append(names, difficult(t, f.Type)...)
		}
	}
	return names
}

// Small webhooks of nothing but tiny elements are many events together.
func TestManySmallWebhooksAreBounded(t *testing.T) {
	var hooks []webhook.Webhook
	for range 50 {
		hooks = append(hooks, hook("meta", strings.Repeat("\n", 1000)))
	}
	out := normalize(t, lines, hooks...)
	if text, err := json.Marshal(out); err != nil || len(text) > maxResult {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// What is too large for a history does not make its neighbours lose anything.
func TestNeighboursOfALargeWebhook(t *testing.T) {
	speak := func(body []byte, at time.Time) []webhook.Event {
		if bytes.HasPrefix(body, []byte("hello")) {
			return []webhook.Event{{Type: webhook.MessageReceived, Data: &webhook.Message{ID: "m", Text: "hello", Raw: body}}}
		}
		return lines(body, at)
	}
	large, ban, text := hook("meta", strings.Repeat(strings.Repeat("x", 15)+"\n", 1<<15)), hook("meta", "ban"), hook("meta", "hello"+strings.Repeat("!", 5000))
	out := normalize(t, speak, ban, large, text).Webhooks
	if got := out[0].Events[0].Type; got != webhook.AccountDeleted {
		t.Errorf("the ban became %s", got)
	}
	if m, ok := out[2].Events[0].Data.(*webhook.Message); !ok || m.Omitted || m.Text != "hello" || len(m.Raw) != 5005 {
		t.Errorf("the message became %+v", out[2].Events[0])
	}
	if len(out[1].Events) != 1 {
		t.Errorf("the large one is still %d events", len(out[1].Events))
	}
}

// However large a webhook is, its events fit in a history.
func TestResultIsBounded(t *testing.T) {
	unknown := func(body []byte, _ time.Time) []webhook.Event {
		var out []webhook.Event
		for chunk := range bytes.SplitSeq(body, []byte("\n")) {
			out = append(out, webhook.Event{Type: webhook.Unrecognized, Data: &webhook.Raw{Reason: "unknown field", Value: chunk}})
		}
		return out
	}
	// stop says of each line that somebody wrote it, and of the last that it stops marketing.
	stop := func(body []byte, _ time.Time) []webhook.Event {
		var out []webhook.Event
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			out = append(out, webhook.Event{Type: webhook.MessageReceived, Data: &webhook.Message{ID: "m", Text: string(line), Raw: line}})
		}
		return append(out, webhook.Event{
			Type: webhook.ContactMarketingStopped, Phone: webhook.Phone{ID: "4"}, Data: &webhook.Preference{Contact: webhook.Contact{WaID: "1"}},
		})
	}
	for name, c := range map[string]struct {
		speak  speaker
		body   string
		events int
	}{
		"long messages":                 {stop, strings.Repeat(strings.Repeat("x", 3000)+"\n", 1000), 1002},
		"tens of thousands, and a stop": {stop, strings.Repeat(strings.Repeat("x", 15)+"\n", 1<<15), 2},
		"small":                         {unknown, "a\nb", 2},
		"one enormous":                  {unknown, strings.Repeat("x", 3<<20), 1},
		"large beside a ban":            {unknown, "ban\n" + strings.Repeat("x", 3<<20), 2},
		"tens of thousands":             {lines, strings.Repeat(strings.Repeat("x", 15)+"\n", 1<<15), 1},
	} {
		t.Run(name, func(t *testing.T) {
			out := normalize(t, c.speak, hook("meta", c.body))
			text, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > maxResult || len(out.Webhooks[0].Events) != c.events {
				t.Errorf("%d bytes, %d events", len(text), len(out.Webhooks[0].Events))
			}
			if kept := out.Webhooks[0].Events[c.events-1]; name == "long messages" && kept.Type != webhook.ContactMarketingStopped {
				t.Errorf("the stop became %s", kept.Type)
			}
			if kept := out.Webhooks[0].Events[0]; name == "tens of thousands, and a stop" && kept.Type != webhook.ContactMarketingStopped {
				t.Errorf("the stop became %s", kept.Type)
			}
			if name == "large beside a ban" && string(out.Webhooks[0].Events[0].Data.(*webhook.Raw).Value) != "ban" {
				t.Error("the small one lost its value as well")
			}
		})
	}
}
