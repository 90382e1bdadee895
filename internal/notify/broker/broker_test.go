package broker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

func TestName(t *testing.T) {
	t.Parallel()
	e := webhook.Event{Type: webhook.AccountBanned, Source: "meta-main", Account: "100"}
	evil := webhook.Event{Type: webhook.AccountBanned, Source: "*.>", Account: "1.# \r\nPUB x/é"}
	for _, c := range []struct {
		template string
		event    webhook.Event
		want     string
	}{
		{"events", e, "events"},
		{"holdfast.{type}", e, "holdfast.account.banned"},
		{"{family}.{source}.{account}", e, "account.meta-main.100"},
		{"{family}.{source}.{account}", evil, "account.___.1_____PUB_x__"},
		{"{account}", webhook.Event{}, "none"},
		{"{account}", webhook.Event{Account: "{type}"}, "_type_"},
		{"{account}", webhook.Event{Account: "12345678901234567890123456789012345"}, "12345678901234567890123456789012"},
	} {
		n, problem := ParseName(c.template, "")
		if problem != "" {
			t.Fatalf("%s: %s", c.template, problem)
		}
		if got := n.Of(c.event); got != c.want {
			t.Errorf("%s: got %q, want %q", c.template, got, c.want)
		}
	}
	for _, template := range []string{
		"", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "#", "$JS.API", "{phone}", "{type", "type}", "{{type}}", "é",
		"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890x",
	} {
		if _, problem := ParseName(template, ""); problem == "" {
			t.Errorf("%q is accepted", template)
		}
	}
	if _, problem := ParseName("my queue:1", " :"); problem != "" {
		t.Error(problem)
	}
}

// A line is a connection that must not be used once it is shut.
type line struct{ broken, shut atomic.Bool }

// TestKeeper has many use and close one connection at once: nobody finds it shut, and none is left open.
func TestKeeper(t *testing.T) {
	t.Parallel()
	var opened, shut atomic.Int64
	k := &Keeper[*line]{
		Open:   func(context.Context) (*line, error) { opened.Add(1); return new(line), nil },
		Broken: func(l *line) bool { return l.broken.Load() },
		Shut: func(l *line) {
			if l.shut.Swap(true) {
				t.Error("shut twice")
			}
			shut.Add(1)
		},
		Timeout: time.Minute,
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 200 {
				l, done, err := k.Use(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if l.shut.Load() {
					t.Error("shut while in use")
				}
				switch (i + n) % 10 {
				case 0:
					k.Close()
				case 5:
					l.broken.Store(true)
				}
				done()
			}
		})
	}
	all.Wait()
	k.Close()
	if opened.Load() != shut.Load() || opened.Load() < 2 {
		t.Errorf("%d opened, %d shut", opened.Load(), shut.Load())
	}
}

// TestKeeperWaits has a connection take long: who has no time does not wait for it, and it is there for the next.
func TestKeeperWaits(t *testing.T) {
	t.Parallel()
	gate, shut := make(chan struct{}), make(chan struct{})
	k := &Keeper[int]{
		Open:   func(context.Context) (int, error) { <-gate; return 7, nil },
		Broken: func(int) bool { return false }, Shut: func(int) { close(shut) }, Timeout: time.Minute,
	}
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := k.Use(hurry); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(gate)
	v, done, err := k.Use(t.Context())
	if err != nil || v != 7 {
		t.Fatal(v, err)
	}
	k.Close()
	select {
	case <-shut:
		t.Error("shut while in use")
	default:
	}
	done()
	<-shut
}

// TestKeeperTriesAgain has the first connection fail and the second take too long.
func TestKeeperTriesAgain(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tries := 0
	k := &Keeper[int]{
		Open: func(ctx context.Context) (int, error) {
			switch tries++; tries {
			case 1:
				return 0, refused
			case 2:
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 7, nil
		},
		Broken: func(int) bool { return false }, Shut: func(int) {}, Timeout: 20 * time.Millisecond,
	}
	if _, _, err := k.Use(t.Context()); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	_, _, err := k.Use(t.Context())
	if v := Unreached(err); v == nil || v.Reason != "time-out while connecting" || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v", err, v)
	}
	if v, done, err := k.Use(t.Context()); err != nil || v != 7 {
		t.Error(v, err)
	} else {
		done()
	}
}
