package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/signature"
)

// tell posts a body to a destination, and returns the status; 0 if there was no answer within the context.
func tell(ctx context.Context, t *testing.T, s *Sink, destination, id, body string) int {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/"+destination, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.ParseStandardKey(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", key.Sign(id, now, []byte(body)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestSink(t *testing.T) {
	t.Parallel()
	key, err := signature.ParseStandardKey(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	const run = Run(7)
	s := NewSink(run, key)
	of := func(n uint32) string { return `{"data":"` + string(run.appendToken(nil, n)) + `"}` }
	for i, c := range []struct {
		destination, id, body string
		behaviour             Behaviour
		want                  int
	}{
		{"crm", "evt_1", of(1), Behaviour{}, 204},
		{"crm", "evt_2", of(2), Behaviour{Status: 500}, 500},
		{"crm", "evt_2", of(2), Behaviour{Status: 200}, 200},
		{"crm", "evt_3", of(3), Behaviour{}, 204},
		{"crm", "evt_3", of(3), Behaviour{}, 204},
		{"crm", "evt_4", of(4), Behaviour{}, 204},
		{"crm", "evt_5", of(4), Behaviour{Status: 410}, 410},
		{"crm", "evt_6", of(5) + of(900_000), Behaviour{Status: 429}, 429},
		{"crm", "evt_7", `{}`, Behaviour{}, 204},
		{"other/x", "evt_1", of(1), Behaviour{Delay: time.Nanosecond}, 204},
	} {
		name, _, _ := strings.Cut(c.destination, "/")
		s.Destination(name).Behave(c.behaviour)
		if got := tell(t.Context(), t, s, c.destination, c.id, c.body); got != c.want {
			t.Errorf("%d: status %d, want %d", i, got, c.want)
		}
	}
	crm := s.Destination("crm")
	for n, want := range map[uint32]Told{
		0: {}, 1: {Arrived: 1, Answered: 1}, 2: {Arrived: 2, Answered: 1}, 3: {Arrived: 2, Answered: 2},
		4: {Arrived: 2, Answered: 1, SeveralIDs: true}, 5: {Arrived: 1}, 900_000: {Arrived: 1}, 900_001: {}, 99_999_999: {},
	} {
		got := crm.Told(n)
		if want.Arrived > 0 && time.Since(got.First).Abs() > time.Minute {
			t.Errorf("update %d came at %s", n, got.First)
		}
		got.First = time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("update %d: %s", n, diff)
		}
	}
	if crm.Known() != 6 || crm.Strange() != 1 || s.Destination("other").Known() != 1 {
		t.Errorf("%d updates, %d strangers, %d elsewhere", crm.Known(), crm.Strange(), s.Destination("other").Known())
	}
}

// What hangs was told, and was not answered.
func TestSinkHangs(t *testing.T) {
	t.Parallel()
	const run = Run(7)
	s := NewSink(run)
	crm := s.Destination("crm")
	for _, b := range []Behaviour{{Hang: true}, {Delay: time.Hour}} {
		crm.Behave(b)
		ctx, cancel := context.WithCancel(t.Context())
		arrived := make(chan struct{})
		s.now = func() time.Time { close(arrived); return time.Now() }
		go func() {
			<-arrived
			cancel()
		}()
		if got := tell(ctx, t, s, "crm", "evt", string(run.appendToken(nil, 1))); got != 0 {
			t.Errorf("answered %d", got)
		}
	}
	if got := crm.Told(1); got.Answered != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSinkForged(t *testing.T) {
	t.Parallel()
	other, err := signature.ParseStandardKey(signature.Secret("whsec_" + strings.Repeat("QUFB", 10)))
	if err != nil {
		t.Fatal(err)
	}
	const run = Run(7)
	s := NewSink(run, other)
	if got := tell(t.Context(), t, s, "crm", "evt", string(run.appendToken(nil, 1))); got != http.StatusUnauthorized {
		t.Errorf("status %d", got)
	}
	if crm := s.Destination("crm"); crm.Forged() != 1 || crm.Known() != 0 {
		t.Errorf("%d forged, %d known", crm.Forged(), crm.Known())
	}
}
