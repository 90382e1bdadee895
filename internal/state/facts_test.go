package state_test

import (
	"strings"
	"testing"

	"holdfast/internal/webhook"
)

func TestBan(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		steps := []struct {
			event webhook.Candidate
			want  webhook.Outcome
			known string
		}{
			{ban("ban", at(10)), webhook.Fresh, `{"status":"banned"} 10 ban`},
			{ban("again", at(20)), webhook.Unchanged, `{"status":"banned"} 20 again`},
			{ban("again, same time", at(20)), webhook.Unchanged, `{"status":"banned"} 20 again`},
			{ban("older", at(5)), webhook.Late, `{"status":"banned"} 20 again`},
			{reinstated("older end", at(15)), webhook.Late, `{"status":"banned"} 20 again`},
			{reinstated("tied end", at(20)), webhook.Late, `{"status":"banned"} 20 again`},
			{reinstated("end", at(30)), webhook.Fresh, `{"status":"active"} 30 end`},
			{ban("tied ban", at(30)), webhook.Fresh, `{"status":"banned"} 30 tied ban`},
		}
		for _, step := range steps {
			id := step.event.Event.ID
			same(t, id, one(t, s, id, step.event), step.want)
			same(t, "facts after "+id, known(t, s, "account/"+account), []string{"account/" + account + " status " + step.known})
			events, err := s.Owed(t.Context(), id, "crm")
			if err != nil {
				t.Fatal(err)
			}
			if told := step.want.Told(); (len(events) == 1) != told {
				t.Errorf("%s: told %v, want %v", id, len(events) == 1, told)
			} else if told && events[0].Late != (step.want == webhook.Late) {
				t.Errorf("%s: marked late: %v", id, events[0].Late)
			}
		}
	})
}

func TestGroupIsAppliedInOrder(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		got := record(t, s, "w",
			in("a", ban("1", at(1)), reinstated("2", at(2))),
			in("b", reinstated("3", at(3)), ban("4", at(2)), ban("5", at(4))))
		same(t, "outcomes", got.Outcomes, [][]webhook.Outcome{
			{webhook.Fresh, webhook.Fresh},
			{webhook.Unchanged, webhook.Late, webhook.Fresh},
		})
		same(t, "owed", got.Owed, []webhook.Owed{{Destination: "crm", Events: []string{"1", "2", "4", "5"}}})
		same(t, "facts", known(t, s, "account"), []string{"account/" + account + ` status {"status":"banned"} 4 5`})
	})
}

func TestTestAndStaleChangeNothing(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		test, stale, both := ban("test", at(1)), ban("stale", at(2)), ban("both", at(3))
		test.Event.Test, both.Event.Test = true, true
		stale.Event.Stale, both.Event.Stale = true, true
		got := record(t, s, "w", in("a", test, stale, both))
		same(t, "outcomes", got.Outcomes, [][]webhook.Outcome{{webhook.Test, webhook.Stale, webhook.Test}})
		same(t, "owed", got.Owed, []webhook.Owed{{Destination: "crm", Events: []string{"test", "both"}}})
		same(t, "facts", known(t, s, "account"), nil)
	})
}

func TestCapabilityIsMergedKeyByKey(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		capability := func(id string, seconds int, values ...string) webhook.Candidate {
			c := informs(id)
			for i := 0; i < len(values); i += 2 {
				c.Changes = append(c.Changes, webhook.Change{
					Entity: webhook.AccountEntity(account), Aspect: values[i], Value: values[i+1], Time: at(seconds),
				})
			}
			return c
		}
		same(t, "first", one(t, s, "1", capability("1", 1, "limit", `"2000"`, "phones", `"20"`)), webhook.Fresh)
		same(t, "one of two", one(t, s, "2", capability("2", 2, "limit", `"2000"`, "phones", `"25"`)), webhook.Fresh)
		same(t, "late and unchanged", one(t, s, "3", capability("3", 1, "limit", `"1000"`, "phones", `"25"`)), webhook.Late)
		same(t, "late and fresh", one(t, s, "4", capability("4", 1, "limit", `"1000"`, "tier", `"A"`)), webhook.Fresh)
		same(t, "unchanged", one(t, s, "5", capability("5", 3, "limit", `"2000"`)), webhook.Unchanged)
		// Two values of the same time are news both, and the same one stays whichever comes first.
		same(t, "lesser of two", one(t, s, "6", capability("6", 3, "limit", `"1000"`)), webhook.Fresh)
		same(t, "greater of two", one(t, s, "7", capability("7", 2, "phones", `"30"`)), webhook.Fresh)
		same(t, "facts", known(t, s, "account/"+account), []string{
			"account/" + account + ` limit "2000" 3 5`,
			"account/" + account + ` phones "30" 2 7`,
			"account/" + account + ` tier "A" 1 4`,
		})
	})
}

func TestFactsBelow(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		c := informs("1")
		for _, entity := range []string{
			webhook.PhoneEntity("7", "15550001"), webhook.PhoneEntity("7", "15550002"), webhook.PhoneEntity("77", "15550003"),
			webhook.AccountEntity("7"), webhook.ContactEntity("p", "+4915100"),
		} {
			c.Changes = append(c.Changes, webhook.Change{Entity: entity, Aspect: "x", Value: "1", Time: noon})
		}
		one(t, s, "w", c)
		same(t, "phones", known(t, s, "phone/7"), []string{"phone/7/15550001 x 1 0 1", "phone/7/15550002 x 1 0 1"})
		same(t, "accounts", known(t, s, "account"), []string{"account/7 x 1 0 1"})
		same(t, "contact", known(t, s, "contact/p/4915100"), []string{"contact/p/4915100 x 1 0 1"})
		facts, err := s.Facts(t.Context(), "phone/7", 1)
		if err != nil || len(facts) != 1 {
			t.Errorf("limited: %v, %v", facts, err)
		}
	})
}

// What providers may send and PostgreSQL does not like.
func TestHostileText(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		hostile := "a\x00b\xff" + strings.Repeat("ä", 5000)
		c := informs("1")
		c.Event.Type = webhook.Unrecognized
		c.Event.Account = hostile
		c.Event.Data = &webhook.Raw{Reason: "unknown field", Value: []byte("\x00\xff\xfe not text \x00")}
		c.Changes = []webhook.Change{{Entity: webhook.AccountEntity(hostile), Aspect: "status", Value: `"\u0000"`, Time: noon}}
		same(t, "outcome", one(t, s, "w", c), webhook.Fresh)
		events, err := s.Owed(t.Context(), "w", "crm")
		if err != nil || len(events) != 1 {
			t.Fatalf("owed: %d events, %v", len(events), err)
		}
		same(t, "raw", events[0].Data, c.Event.Data)
		if want := strings.ToValidUTF8(hostile, "\uFFFD"); events[0].Account != want {
			t.Error("the payload lost something of the account")
		}
		log, err := s.EventsOf(t.Context(), hostile, 10)
		if err != nil || len(log) != 1 {
			t.Errorf("events of the account: %d, %v", len(log), err)
		}
		facts, err := s.Facts(t.Context(), webhook.AccountEntity(hostile), 10)
		if err != nil || len(facts) != 1 || string(facts[0].Value) != `"\u0000"` {
			t.Errorf("facts of the account: %d, %v", len(facts), err)
		}
	})
}
