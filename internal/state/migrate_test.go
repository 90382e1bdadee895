package state_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"holdfast/internal/webhook"
)

// first makes a database as the first version did.
func first(t *testing.T, url string) {
	t.Helper()
	dialect, dir, name := goose.DialectPostgres, "migrations/postgres", "00001_first.sql"
	if strings.HasPrefix(url, "sqlite:") {
		dialect, dir = goose.DialectSQLite3, "migrations/sqlite"
	}
	text, err := os.ReadFile(dir + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(dialect, behind(t, url), fstest.MapFS{name: {Data: text}},
		goose.WithTableName("holdfast_schema"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What a database of the first version holds is owed, handed over, held and known as before; and it takes what is new.
func TestFirstVersion(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		first(t, url)
		db := behind(t, url)
		ids := map[string]string{}
		for i, name := range []string{"own", "handed", "settled"} {
			hash := hashOf(name)
			ids[name] = "evt_" + hash
			payload, err := json.Marshal(informs(ids[name]).Event)
			if err != nil {
				t.Fatal(err)
			}
			blob := func(data string) string {
				if strings.HasPrefix(url, "sqlite:") {
					return "x'" + data + "'"
				}
				return `'\x` + data + "'"
			}
			execute(t, db, fmt.Sprintf(`INSERT INTO events (id, volume, type, source, account, time, recorded_at, webhook, workflow, outcome, payload)
				VALUES (%[1]s, 1, 'account.alert', 'meta', '1', 1, %[2]d, %[1]s, '%[3]s', 'fresh', %[4]s)`,
				blob(hash), i+1, name, blob(hex.EncodeToString(payload))))
		}
		execute(t, db, fmt.Sprintf(`INSERT INTO outbox (workflow, destination, events, created_at, settled_at, how, handed_at, checked_at) VALUES
			('own', 'crm', '["%s"]', 1000000, NULL, '', NULL, 5), ('handed', 'crm', '["%s"]', 2000000, NULL, '', 3000000, NULL),
			('settled', 'crm', '[]', 1000000, 4000000, 'told', NULL, NULL)`, ids["own"], ids["handed"]))
		execute(t, db, "INSERT INTO holds VALUES ('crm', 1000000, 'trouble', 'status 503', '', 2, 3000000)")

		for range 2 { // the second time it is as it should be
			s := open(t, url)
			same(t, "owed", owed(t, s, "own", "crm"), []string{ids["own"]})
			list := debts(t, s, "crm", 0)
			if len(list) != 1 || list[0].Workflow != "handed" || list[0].Sequence != 2000000 || !list[0].Since.Equal(time.Unix(2, 0)) || len(list[0].Events) != 1 {
				t.Errorf("handed over: %+v", list)
			}
			same(t, "hold", held(t, s, "crm"), &webhook.Hold{
				Destination: "crm", Since: time.Unix(1, 0).UTC(), Cause: webhook.ByTrouble, Reason: "status 503",
				Probes: 2, Next: time.Unix(3, 0).UTC(),
			})
			if e, err := s.EventByID(t.Context(), ids["own"]); err != nil || e.Routes != nil || e.Workflow != "own" {
				t.Errorf("event %+v, %v", e, err)
			}
			same(t, "how", hows(t, url), []string{"handed ", "own ", "settled told"})
			if n, err := s.Count(t.Context(), webhook.Selection{Unrouted: true}); n != 0 || err != nil {
				t.Errorf("%d unrouted events of which that is not known, %v", n, err)
			}
		}
		s := open(t, url)
		record(t, s, "own", in("a", informs("new")))
		same(t, "owed more", owed(t, s, "own", "crm"), []string{ids["own"], "new"})
		settle(t, s, "own", "crm", webhook.Settlement{Events: []string{ids["own"], "new"}, How: "told", Attempts: []webhook.Attempt{attempt("new", 1)}})
		same(t, "how", hows(t, url), []string{"handed ", "own told", "own told", "settled told"})
		replay(t, s, webhook.Selection{}, webhook.Route{Destination: "log"}, "replay/1", 2)
		same(t, "replayed", toldAgain(t, s, "log"), []string{ids["own"], ids["handed"], ids["settled"], "new"})
		turn(t, s)
		same(t, "known", record(t, s, "x", in("b", informs(ids["handed"]))).Outcomes, [][]webhook.Outcome{{webhook.Duplicate}})
	})
}
