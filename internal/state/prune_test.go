package state_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

const window = 10 * 24 * time.Hour

func prune(t *testing.T, s *state.Store, dedupe time.Duration) webhook.Pruned {
	t.Helper()
	p, err := s.Prune(t.Context(), dedupe, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// turn opens the next volume.
func turn(t *testing.T, s *state.Store) {
	t.Helper()
	if !prune(t, s, 0).Opened {
		t.Fatal("no volume was opened")
	}
}

// opened makes it so that a volume was opened some time ago, and with it that the one before was closed.
func opened(t *testing.T, url string, volume int, ago time.Duration) {
	t.Helper()
	execute(t, behind(t, url), fmt.Sprintf("UPDATE volumes SET opened_at = %d WHERE volume = %d", time.Now().Add(-ago).UnixMicro(), volume))
}

// An event is known in whichever volume it is, and for as long as the window lasts.
func TestVolumes(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		first := record(t, s, "w", in("a", informs("1"), ban("2", at(1))))
		turn(t, s)
		turn(t, s)
		same(t, "again", record(t, s, "w", in("a", informs("1"), ban("2", at(1)))), first)
		other := record(t, s, "x", in("b", informs("1"), ban("3", at(2)), informs("4")), in("a"))
		same(t, "other", other.Outcomes, [][]webhook.Outcome{{webhook.Duplicate, webhook.Unchanged, webhook.Fresh}, {}})
		same(t, "owed", owed(t, s, "w", "crm"), []string{"1", "2"})
		if got, err := s.Workflow(t.Context(), "a"); err != nil || got != "w" {
			t.Errorf("webhook belongs to %q, %v", got, err)
		}
		log, err := s.EventsOf(t.Context(), account, 3)
		if err != nil || len(log) != 3 || log[0].Event.ID != "3" || log[0].Outcome != webhook.Unchanged {
			t.Errorf("log %+v, %v", log, err)
		}
		volumes, err := s.Volumes(t.Context())
		if err != nil || len(volumes) != 3 || volumes[0].Closed != volumes[1].Opened || !volumes[2].Closed.IsZero() {
			t.Errorf("volumes %+v, %v", volumes, err)
		}
		if prune(t, s, window).Opened {
			t.Error("a volume was opened although the latest is young")
		}
	})
}

func TestPrune(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "settled", in("a", informs("1"), informs("2")))
		record(t, s, "owed", in("b", ban("3", at(1)), informs("4")))
		for workflow, events := range map[string][]string{"settled": {"1", "2"}, "owed": {"4"}} {
			if err := s.Settle(t.Context(), workflow, "crm", told(events...)); err != nil {
				t.Fatal(err)
			}
		}
		turn(t, s)
		record(t, s, "later", in("c", informs("5")))
		turn(t, s)
		execute(t, behind(t, url), "UPDATE outbox SET created_at = 0")

		opened(t, url, 2, window+23*time.Hour)
		opened(t, url, 3, 0)
		same(t, "too early", prune(t, s, window), webhook.Pruned{})
		same(t, "nothing is forgotten", record(t, s, "x", in("d", informs("1"))).Outcomes, [][]webhook.Outcome{{webhook.Duplicate}})

		opened(t, url, 2, window+25*time.Hour)
		if p := prune(t, s, window); p.Volumes != 1 {
			t.Errorf("pruned %+v", p)
		}
		same(t, "owed", owed(t, s, "owed", "crm"), []string{"3"})
		same(t, "told or owed", record(t, s, "y", in("d", informs("1"), ban("3", at(1)), informs("4"), informs("5"))).Outcomes,
			[][]webhook.Outcome{{webhook.Fresh, webhook.Duplicate, webhook.Fresh, webhook.Duplicate}})
		same(t, "facts", known(t, s, "account"), []string{"account/" + account + ` status {"status":"banned"} 1 3`})
		if got, err := s.Workflow(t.Context(), "a"); err != nil || got != "" {
			t.Errorf("webhook belongs to %q, %v", got, err)
		}
		if err := s.Settle(t.Context(), "owed", "crm", told("3")); err != nil {
			t.Fatal(err)
		}
		same(t, "again", prune(t, s, window), webhook.Pruned{})
	})
}

// More than a batch is pruned of the outbox, and nothing that is owed or was settled lately.
func TestPruneOutbox(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s, "owed", in("a", informs("1")))
		record(t, s, "late", in("b", informs("2")))
		if err := s.Settle(t.Context(), "late", "crm", told("2")); err != nil {
			t.Fatal(err)
		}
		const old = 2345
		var rows []string
		for i := range old {
			rows = append(rows, fmt.Sprintf("('old %d', 'crm', 1, '[]', 1, %d, 'told')", i, i))
		}
		execute(t, behind(t, url), "INSERT INTO outbox (workflow, destination, seq, events, created_at, settled_at, how) VALUES "+strings.Join(rows, ", "))
		same(t, "pruned", prune(t, s, window), webhook.Pruned{Notifications: old})
		var left int
		if err := behind(t, url).QueryRowContext(t.Context(), "SELECT count(*) FROM outbox").Scan(&left); err != nil || left != 2 {
			t.Errorf("%d rows are left, %v", left, err)
		}
	})
}

// While some open volumes and drop old ones, others record the same events: each is recorded once.
func TestRecordWhileVolumesTurn(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		const writers, rounds, events = 4, 30, 20
		stores := []*state.Store{open(t, url), open(t, url)}
		var fresh [rounds][events]atomic.Int64
		var writing atomic.Int64
		writing.Store(writers)
		together(writers+2, func(i int) {
			s := stores[i%2]
			if i >= writers {
				for writing.Load() > 0 {
					if _, err := s.Prune(t.Context(), 0, func() {}); err != nil {
						t.Error(err)
						return
					}
				}
				return
			}
			defer writing.Add(-1)
			for round := range rounds {
				var records []webhook.Record
				order := rand.Perm(events)
				for _, n := range order {
					records = append(records, in(fmt.Sprint(round, i, n), informs(fmt.Sprintf("%d-%d", round, n))))
				}
				recorded, err := s.Record(t.Context(), fmt.Sprintf("w%d-%d", round, i), records)
				if err != nil {
					t.Error(err)
					return
				}
				for j, n := range order {
					if recorded.Outcomes[j][0] == webhook.Fresh {
						fresh[round][n].Add(1)
					}
				}
			}
		})
		for round := range rounds {
			for n := range events {
				if got := fresh[round][n].Load(); got != 1 {
					t.Errorf("event %d-%d was recorded %d times", round, n, got)
				}
			}
		}
		volumes, err := stores[0].Volumes(t.Context())
		if err != nil || len(volumes) < 3 {
			t.Errorf("%d volumes, %v: too few to prove anything", len(volumes), err)
		}
		noDeadlocks(t, url, stores)
	})
}

// Several prune at once what holds many events that are owed.
func TestPruneAtOnce(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		s := open(t, url)
		var want []string
		for i := range 40 {
			id := fmt.Sprint("event ", i)
			record(t, s, fmt.Sprint("w", i), in(fmt.Sprint(i), informs(id)))
			want = append(want, id)
		}
		turn(t, s)
		execute(t, behind(t, url), "UPDATE outbox SET created_at = 0")
		opened(t, url, 2, window+25*time.Hour)
		together(4, func(int) {
			if _, err := s.Prune(t.Context(), window, func() {}); err != nil {
				t.Error(err)
			}
		})
		var got []string
		for i := range 40 {
			got = append(got, owed(t, s, fmt.Sprint("w", i), "crm")...)
		}
		same(t, "owed", got, want)
		volumes, err := s.Volumes(t.Context())
		if err != nil || len(volumes) != 2 || volumes[0].Number != 2 {
			t.Errorf("volumes %+v, %v", volumes, err)
		}
	})
}

// Whoever reads for long, as a backup does, keeps volumes from being dropped, but nobody from recording.
func TestPruneBehindABackup(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres:") {
			t.Skip("in SQLite readers hold up nobody")
		}
		s := open(t, url)
		record(t, s, "w", in("a", informs("1")))
		turn(t, s)
		opened(t, url, 2, window+25*time.Hour)
		backup, err := behind(t, url).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer backup.Rollback()
		if _, err := backup.ExecContext(t.Context(), "SELECT count(*) FROM events"); err != nil {
			t.Fatal(err)
		}
		pruned := make(chan error, 1)
		go func() {
			_, err := s.Prune(t.Context(), window, func() {})
			pruned <- err
		}()
		for n := 0; err == nil; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, failed := s.Record(ctx, fmt.Sprint("x", n), []webhook.Record{in(fmt.Sprint(n), informs(fmt.Sprint(n)))})
			cancel()
			if failed != nil {
				t.Fatal(failed)
			}
			select {
			case err = <-pruned:
				if err == nil {
					t.Fatal("the volume was dropped under the backup")
				}
			default:
			}
		}
		if err := backup.Rollback(); err != nil {
			t.Fatal(err)
		}
		if p := prune(t, s, window); p.Volumes != 1 {
			t.Errorf("pruned %+v", p)
		}
	})
}

// While somebody records, no volume is opened: his events would be in the one before, unseen by those who write the next.
func TestNoVolumeIsOpenedUnderARecord(t *testing.T) {
	exam(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres:") {
			t.Skip("SQLite has one writer at a time")
		}
		s, db := open(t, url), behind(t, url)
		inTheWay, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer inTheWay.Rollback()
		// What Record writes last.
		if _, err := inTheWay.ExecContext(t.Context(), "INSERT INTO sequences (destination, last) VALUES ('crm', 0)"); err != nil {
			t.Fatal(err)
		}
		recorded := make(chan error, 1)
		go func() {
			_, err := s.Record(t.Context(), "w", []webhook.Record{in("a", inOrder("1"))})
			recorded <- err
		}()
		for waiting := 0; waiting == 0; {
			const query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
			if err := db.QueryRowContext(t.Context(), query).Scan(&waiting); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Prune(t.Context(), 0, func() {}); err == nil {
			t.Error("a volume was opened")
		}
		if err := inTheWay.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := <-recorded; err != nil {
			t.Fatal(err)
		}
		turn(t, s)
		same(t, "known", record(t, s, "x", in("b", informs("1"))).Outcomes, [][]webhook.Outcome{{webhook.Duplicate}})
	})
}
