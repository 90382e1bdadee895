package state_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// together runs f for several at once and waits for all.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// Eight record the same events and touch the same facts, in groups cut and ordered as chance wants it.
func TestOverlappingGroups(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const writers, events = 8, 60
		stores := []*state.Store{open(t, url), open(t, url)}
		for round := range 5 {
			fresh := make([]map[string]int, writers)
			owes := make([][]string, writers)
			together(writers, func(i int) {
				fresh[i] = map[string]int{}
				var records []webhook.Record
				for j, n := range rand.Perm(events) {
					id := fmt.Sprintf("%d-%d", round, n)
					c := ban(id, at(n))
					c.Changes[0].Entity = webhook.AccountEntity(fmt.Sprint(n % 7))
					c.Changes[0].Value = fmt.Sprint(round, n)[:1]
					c.Changes = append(c.Changes, webhook.Change{Entity: webhook.AccountEntity(id), Aspect: "own", Value: fmt.Sprint(n), Time: at(n)})
					records = append(records, in(fmt.Sprintf("%d-%d-%d", round, i, j), c))
				}
				recorded, err := stores[i%2].Record(t.Context(), fmt.Sprintf("w%d-%d", round, i), records)
				if err != nil {
					t.Error(err)
					return
				}
				for j, outcomes := range recorded.Outcomes {
					if outcomes[0] != webhook.Duplicate {
						fresh[i][records[j].Events[0].Event.ID]++
					}
				}
				for _, o := range recorded.Owed {
					owes[i] = append(owes[i], o.Events...)
				}
			})
			count := map[string]int{}
			for _, one := range fresh {
				for id, n := range one {
					count[id] += n
				}
			}
			if len(count) != events {
				t.Errorf("%d events were recorded, want %d", len(count), events)
			}
			for id, n := range count {
				if n != 1 {
					t.Errorf("event %s was recorded %d times", id, n)
				}
			}
			all := slices.Concat(owes...)
			slices.Sort(all)
			if len(all) != events || len(slices.Compact(all)) != events {
				t.Errorf("%d events are owed, want each of %d once", len(all), events)
			}
		}
		noDeadlocks(t, url, stores)
	})
}

// Four ban the same twenty accounts at once, each in an order of its own. One of them is first, for every account.
func TestFirstBansAtOnce(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const writers, accounts = 4, 20
		stores := []*state.Store{open(t, url), open(t, url)}
		for round := range 10 {
			outcomes := make([][accounts]webhook.Outcome, writers)
			together(writers, func(i int) {
				id := fmt.Sprintf("%d-%d", round, i)
				order := rand.Perm(accounts)
				var bans []webhook.Candidate
				for _, n := range order {
					c := ban(fmt.Sprintf("%s-%d", id, n), at(round))
					c.Changes[0].Entity = webhook.AccountEntity(fmt.Sprintf("%d-%d", round, n))
					bans = append(bans, c)
				}
				recorded, err := stores[i%2].Record(t.Context(), id, []webhook.Record{in(id, bans...)})
				if err != nil {
					t.Error(err)
					return
				}
				for j, n := range order {
					outcomes[i][n] = recorded.Outcomes[0][j]
				}
			})
			for n := range accounts {
				var got []webhook.Outcome
				for i := range writers {
					got = append(got, outcomes[i][n])
				}
				slices.Sort(got)
				same(t, "outcomes", got, []webhook.Outcome{webhook.Fresh, webhook.Unchanged, webhook.Unchanged, webhook.Unchanged})
			}
		}
		noDeadlocks(t, url, stores)
	})
}

// noDeadlocks makes sure that no transaction was only saved by doing it again. Sessions report deadlocks when they end,
// so it closes the stores and waits for that.
func noDeadlocks(t *testing.T, url string, stores []*state.Store) {
	t.Helper()
	if !strings.HasPrefix(url, "postgres:") {
		return
	}
	for _, s := range stores {
		s.Close()
	}
	db := behind(t, url)
	const query = `SELECT deadlocks, (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()), pg_sleep(0.01)::text
		FROM pg_stat_database WHERE datname = current_database()`
	for {
		var deadlocks, sessions int
		var void string
		if err := db.QueryRowContext(t.Context(), query).Scan(&deadlocks, &sessions, &void); err != nil {
			t.Fatal(err)
		}
		if sessions > 1 {
			continue
		}
		if deadlocks > 0 {
			t.Errorf("%d transactions ended in a deadlock", deadlocks)
		}
		return
	}
}

func TestOpenAtOnce(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const openers = 6
		keys := make([][]byte, openers)
		together(openers, func(i int) {
			s, err := state.Open(t.Context(), url, state.Options{Connections: 2})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if keys[i], err = s.Key(t.Context()); err != nil {
				t.Error(err)
			}
		})
		for _, key := range keys {
			if len(key) != 32 || !bytes.Equal(key, keys[0]) {
				t.Fatalf("keys differ or are not 32 bytes: %x", keys)
			}
		}
		key, err := open(t, url).Key(t.Context())
		if err != nil || !bytes.Equal(key, keys[0]) {
			t.Errorf("the key did not last: %x, %v", key, err)
		}
	})
}
