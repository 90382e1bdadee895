package condition

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

func failed() *webhook.Event {
	return &webhook.Event{
		ID: "evt_1", Type: webhook.MessageFailed, Source: "meta-main", Provider: "meta", Account: "4711", Field: "messages",
		Phone: webhook.Phone{ID: "2000", Number: "15550001111"},
		Time:  time.Date(2025, 10, 23, 8, 23, 27, 0, time.FixedZone("CEST", 7200)),
		Data:  &webhook.MessageStatus{Message: "wamid.1", Errors: []webhook.MessageError{{Code: "131042", Title: "Payment issue"}}},
	}
}

func payments() *Account {
	return NewAccount("Shop", "acme", map[string]string{"team": "payments", "tenant": "acme"})
}

func compile(t *testing.T, text string) *Condition {
	t.Helper()
	c, err := Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestHolds(t *testing.T) {
	for text, want := range map[string]bool{
		`event.type == "message.failed" && event.id == "evt_1" && event.source == "meta-main" && event.provider == "meta"`: true,
		`event.account == "4711" && event.phone.id == "2000" && event.phone.number == "15550001111"`:                       true,
		`event.field == "messages" && event.severity == "warning" && !event.test`:                                          true,
		`event.time == timestamp("2025-10-23T06:23:27Z") && event.time.getHours() == 6`:                                    true,
		`event.time.getHours("Europe/Berlin") == 8`:                                                                        true,
		`account.name == "Shop" && account.tenant == "acme" && account.labels.team == "payments"`:                          true,
		`account.labels["tenant"] == "acme" && "team" in account.labels && has(account.labels.team)`:                       true,
		`event.details.errors.exists(e, e.code == "131042")`:                                                               true,
		`int(event.details.errors[0].code) > 131000 && event.details.errors[0].code == "131042"`:                           true,
		`event.details.errors.all(e, e.title.matches("(?i)^payment"))`:                                                     true,
		`size(event.details.errors) == 1 && event.details.message.startsWith("wamid.")`:                                    true,
		`event.details.exists(k, k == "errors")`:                                                                           true,
		`event.details == event.details && event.details.errors == event.details.errors`:                                   true,
		// What is not there.
		`event.details.reason == "SCAM"`:                                          false,
		`event.details.reason != "SCAM"`:                                          true,
		`event.details.reason == event.details.other`:                             true,
		`event.details.reason.of.that == "SCAM" || event.details.reason[0] == 1`:  false,
		`has(event.details.reason) || has(event.details.reason.of.that)`:          false,
		`has(event.details.errors)`:                                               true,
		`has(event.details.reason) && event.details.reason.startsWith("a")`:       false,
		`event.details.none.exists(e, e == 1)`:                                    false,
		`event.details.none.all(e, e == 1)`:                                       true,
		`size(event.details.none) == 0`:                                           true,
		`"SCAM" in event.details.none`:                                            false,
		`event.details.reason in ["SCAM"]`:                                        false,
		`event.details.reason == null || event.details.errors == null`:            false,
		`event.details.errors[0].nothing == "x"`:                                  false,
		`account.labels.region == "" && !has(account.labels.region)`:              true,
		`account.labels.region == "emea" || account.labels.region.contains("me")`: false,
	} {
		got, err := compile(t, text).Matches(&Subject{Event: *failed(), Account: payments()})
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]bool{
		`event.details.n == 3 && event.details.n == 3.0 && event.details.n < 3.5 && event.details.n > 2`: true,
		`event.details.n in [1, 3] && event.details.s.deep == null`:                                      true,
	} {
		numbers := webhook.Event{Data: map[string]any{"n": 3, "s": map[string]any{"deep": nil}}}
		if got, err := compile(t, text).Matches(&Subject{Event: numbers}); err != nil || got != want {
			t.Errorf("of numbers: %s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]bool{
		`account.name == "" && account.tenant == "" && account.labels.team == ""`: true,
		`size(account.labels) == 0`:                       true,
		`event.details.reason == "SCAM"`:                  false,
		`event.account == "" && event.severity == "info"`: true,
	} {
		got, err := compile(t, text).Matches(&Subject{Event: webhook.Event{Type: webhook.Unrecognized}})
		if err != nil || got != want {
			t.Errorf("of nothing: %s: %v, %v", text, got, err)
		}
	}
}

// What cannot be evaluated counts as true, and says nothing of the event.
func TestFails(t *testing.T) {
	long := failed()
	for range 11 {
		status := long.Data.(*webhook.MessageStatus)
		status.Errors = append(status.Errors, status.Errors...)
	}
	const other, nothing = "what the event holds there, or does not hold, is of another kind than this needs", "something cannot be done with what the event holds there"
	for text, want := range map[string]string{
		`event.details.reason < 3`:                                             "at letter 22: " + other,
		`event.details.reason.startsWith("a")`:                                 "at letter 32: " + other,
		`event.details.message > 3`:                                            "at letter 23: " + other,
		`int(event.details.message) == 3`:                                      "at letter 4: " + nothing,
		`timestamp(event.details.message) < timestamp("2025-01-01T00:00:00Z")`: "at letter 10: " + nothing,
		`event.details.errors[2048].code == 3`:                                 "at letter 27: the list has no such element",
		`event.details.errors.all(a, event.details.errors.all(b, a == b))`:     "it takes too long",
		"event.type == \"\" ||\n  event.details.message > 3":                   "at line 2, letter 25: " + other,
	} {
		got, err := compile(t, text).Matches(&Subject{Event: *long})
		var f *Failure
		if !got || !errors.As(err, &f) || f.Error() != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	// What one side decides is decided.
	if got, err := compile(t, `event.details.reason < 3 && event.test`).Matches(&Subject{Event: *failed()}); got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCompile(t *testing.T) {
	for text, want := range map[string]string{
		``:                                            "at letter 1: is not CEL from here on",
		`event.type ==`:                               "at letter 14: is not CEL from here on",
		`event.type = "secret"`:                       "at letter 12: is not CEL from here on",
		`event.tpye == "secret"`:                      "at letter 1: event.tpye is no name that conditions know",
		"event.test &&\n  evnt.test":                  "at line 2, letter 3: evnt.test is no name that conditions know",
		`event.type == account`:                       "at letter 15: account stands for nothing by itself: want account.name, account.tenant, account.labels",
		`has(event.account)`:                          "at letter 5: has() is for members of event.details and account.labels: the others are always there",
		`event.type.startWith("a")`:                   "at letter 21: startWith is no function that conditions know",
		`event.tpye.startsWith("a")`:                  "at letter 1: event.tpye is no name that conditions know",
		`event.late`:                                  "at letter 1: whether an event is late is known only once it is recorded: it is routed before",
		`event.type == 3`:                             "at letter 12: found no matching overload for '_==_' applied to '(string, int)'",
		`event.type`:                                  "want true or false, as a comparison is; this is string",
		`event.details.omitted`:                       "want true or false, as a comparison is; this is dyn",
		`event.type.matches("(secret")`:               "at letter 20: invalid matches argument",
		`event.details.a.matches(event.details.b)`:    "at letter 38: want a text in quotes as the pattern of matches",
		`event.time < timestamp("secret")`:            "at letter 24: invalid timestamp argument",
		strings.Repeat("!", maxLength) + "event.test": "is longer than 4096 letters",
		`[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))`:             "at letter 41: comprehension exceeds nesting limit",
		strings.Repeat("(", 1000) + "event.test" + strings.Repeat(")", 1000): "at letter 1: expression recursion limit exceeded: 250",
	} {
		_, err := Compile(text)
		var e *Error
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("%.60s: %v; want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: repeats what stands there", text)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		`event.type == "message.failed" && has(event.details.errors)`, `event.details.errors.exists(e, e.code == "131042")`,
		`event.time.getHours("Europe/Berlin") >= 8 || account.labels.team in ["a", "b"]`, `event.details.text.matches("(?i)a+")`,
		`event.details.errors.map(e, e.title).filter(t, t != "").size() > 2`, `[1, 2].all(a, {"b": a}.b > 1u)`, `account.`, "\x00", `"` + "\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Compile(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("says nothing")
			}
			return
		}
		for _, s := range []*Subject{{Event: *failed(), Account: payments()}, {Event: webhook.Event{}}} {
			if holds, err := c.Matches(s); err != nil && !holds {
				t.Error("a failure is told")
			}
		}
	})
}
