package load

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider"
)

// A server answers each request as a function says, without a network: time is the test's own.
type server func(n int, r *http.Request) (status int, after time.Duration, header http.Header)

type answering struct {
	server server
	mu     sync.Mutex
	n      int
	most   int // requests under way at once
	now    int
	bodies []string
	fault  []error // of the signature
	signer provider.Provider
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	evidence, err := a.signer.Evidence(r.Header)
	if err == nil {
		err = a.signer.Verify(evidence, body, time.Now())
	}
	a.mu.Lock()
	n := a.n
	a.n++
	a.now++
	a.most = max(a.most, a.now)
	a.bodies, a.fault = append(a.bodies, string(body)), append(a.fault, err)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.now--
	}()
	status, after, header := a.server(n, r)
	select {
	case <-time.After(after):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if status == 0 {
		return nil, errors.New("refused")
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("ok"))}, nil
}

// drive carries out a plan against a server.
func drive(t *testing.T, plan Plan, s server) (*Outcome, *answering) {
	t.Helper()
	signer, err := NewSigner("meta", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	a := &answering{server: s, signer: signer.(provider.Provider)}
	d := Driver{Generator: generator(t, Options{Dialect: "meta"}), Signer: signer, URL: "http://example.com/webhooks/meta", Transport: a}
	out, err := d.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return out, a
}

func always(status int, after time.Duration) server {
	return func(int, *http.Request) (int, time.Duration, http.Header) { return status, after, nil }
}

// A server that stops for a second delays nothing that is sent meanwhile, and what waited counts its waiting.
func TestOpenLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out, a := drive(t, Plan{Rate: 10, Duration: 2 * time.Second, Callers: 4}, func(n int, _ *http.Request) (int, time.Duration, http.Header) {
			if n < 4 {
				return 200, time.Second, nil
			}
			return 200, 0, nil
		})
		if len(out.Shots) != 20 || out.Sent != 1900*time.Millisecond || out.Answers[200] != 20 || a.most != 4 {
			t.Fatalf("%d sent until %s, %d at once, answers %v", len(out.Shots), out.Sent, a.most, out.Answers)
		}
		for _, s := range out.Shots {
			n := time.Duration(s.First)
			want := Shot{Webhook: s.Webhook, Intended: n * 100 * time.Millisecond, Status: 200, Attempts: 1}
			want.Queued = want.Intended
			want.Started = want.Intended
			if n >= 4 { // all four callers wait for the first four until one is free
				want.Started = max(want.Intended, time.Second)
			}
			want.Done = want.Started
			if n < 4 {
				want.Done += time.Second
			}
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("webhook %d: %s", n, diff)
			}
		}
	})
}

func TestPoisson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out, _ := drive(t, Plan{Rate: 1000, Duration: 10 * time.Second, Poisson: true}, always(200, 0))
		if n := len(out.Shots); n < 9_600 || n > 10_400 {
			t.Errorf("%d webhooks in ten seconds, want about 10,000", n)
		}
		short := 0
		for i := 1; i < len(out.Shots); i++ {
			if out.Shots[i].Intended-out.Shots[i-1].Intended < 100*time.Microsecond {
				short++
			}
		}
		if share := float64(short) / float64(len(out.Shots)); share < .08 || share > .11 { // 1 - exp(-0.1)
			t.Errorf("a share of %.3f comes within a tenth of the mean distance", share)
		}
	})
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out, a := drive(t, Plan{Callers: 3, Duration: time.Second}, always(200, 100*time.Millisecond))
		if len(out.Shots) != 30 || a.most != 3 || out.Ended != time.Second {
			t.Errorf("%d sent in %s, %d at once", len(out.Shots), out.Ended, a.most)
		}
		for _, s := range out.Shots {
			if s.Done-s.Intended != 100*time.Millisecond || s.Started != s.Intended {
				t.Errorf("%+v", s)
			}
		}
		out, _ = drive(t, Plan{Callers: 3, Webhooks: 7}, always(503, 0))
		if len(out.Shots) != 7 || out.Answers[503] != 7 || out.Shots[0].Acknowledged() {
			t.Errorf("%d sent: %v", len(out.Shots), out.Answers)
		}
	})
}

func TestDuplicatesAndForgeries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, plan := range []Plan{
			{Rate: 100, Duration: 10 * time.Second, Duplicates: .1, DuplicateAfter: 3 * time.Second, Forged: .2},
			{Callers: 2, Webhooks: 1000, Duplicates: .1, Forged: .2},
		} {
			out, a := drive(t, plan, func(int, *http.Request) (int, time.Duration, http.Header) { return 200, time.Millisecond, nil })
			first := map[uint32]Shot{}
			repeats, forged := 0, 0
			for _, s := range out.Shots {
				if !s.Repeat {
					first[s.First] = s
				}
			}
			for _, s := range out.Shots {
				if s.Forged {
					forged++
				}
				if s.Repeat {
					repeats++
					if after := s.Intended - first[s.First].Intended; after != plan.DuplicateAfter && plan.Rate > 0 {
						t.Errorf("sent again after %s", after)
					}
				}
			}
			if n := len(first); n != 1000 || repeats < 70 || repeats > 130 || forged < 160 || forged > 290 {
				t.Errorf("%d webhooks, %d duplicates, %d forged", n, repeats, forged)
			}
			times := map[string]int{}
			refused := 0
			for i, body := range a.bodies {
				times[body]++
				if a.fault[i] != nil {
					refused++
				}
			}
			if len(times) != 1000 || len(a.bodies) != 1000+repeats || refused != forged {
				t.Errorf("%d bodies, %d requests, %d refused", len(times), len(a.bodies), refused)
			}
		}
	})
}

// What finds no free caller for as long as a request may take is given up, so that a run ends.
func TestUnsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out, _ := drive(t, Plan{Rate: 10, Duration: 10 * time.Second, Callers: 1, Timeout: 2 * time.Second}, always(200, 2*time.Second-1))
		given := 0
		for _, s := range out.Shots {
			if s.Attempts > 0 {
				continue
			}
			given++
			if wait := s.Done - s.Intended; wait <= 2*time.Second || s.Status != 0 {
				t.Errorf("given up after %s: %+v", wait, s)
			}
		}
		if out.Ended > 15*time.Second || given < 80 || given+out.Answers[200] != 100 {
			t.Errorf("ended after %s, %d given up, answers %v", out.Ended, given, out.Answers)
		}
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	trouble := func(n int, _ *http.Request) (int, time.Duration, http.Header) {
		switch n {
		case 0:
			return 503, 0, http.Header{"Retry-After": {"5"}}
		case 1:
			return 200, time.Hour, nil // never
		case 2:
			return 0, 0, nil
		}
		return 200, 0, nil
	}
	for name, plan := range map[string]Plan{
		"open":   {Rate: 1, Webhooks: 1},
		"closed": {Callers: 1, Webhooks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				plan.Retries, plan.Timeout = 3, 10*time.Second
				out, _ := drive(t, plan, trouble)
				// 5 s as was asked, 10 s without an answer, 2 s, nothing at all, 4 s.
				want := Shot{Webhook: out.Shots[0].Webhook, Done: 21 * time.Second, Status: 200, Attempts: 4}
				if diff := cmp.Diff([]Shot{want}, out.Shots); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(map[int]int{503: 1, 0: 2, 200: 1}, out.Answers); diff != "" {
					t.Error(diff)
				}
				plan.Retries = 1
				out, _ = drive(t, plan, trouble)
				if s := out.Shots[0]; s.Attempts != 2 || s.Acknowledged() {
					t.Errorf("%+v", s)
				}
				plan.Retries = 5
				out, a := drive(t, plan, always(401, 0))
				if a.n != 1 || out.Answers[401] != 1 {
					t.Errorf("what was refused for good was sent %d times", a.n)
				}
			})
		})
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, plan := range []Plan{{Rate: 10, Duration: time.Hour, Retries: 9}, {Callers: 3, Duration: time.Hour, Retries: 9}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			signer, _ := NewSigner("meta", testSecret)
			d := Driver{
				Generator: generator(t, Options{Dialect: "meta"}), Signer: signer, URL: "http://example.com",
				Transport: &answering{server: always(503, time.Hour), signer: signer.(provider.Provider)},
			}
			out, err := d.Run(ctx, plan)
			if err != nil || out.Ended != time.Minute {
				t.Errorf("ended after %s: %v", out.Ended, err)
			}
		}
	})
	for _, bad := range []Plan{{}, {Rate: 1}, {Callers: 1}, {Rate: -1, Duration: 1}, {Rate: 1, Duration: 1, Duplicates: 2}, {Rate: 1, Duration: 1, Forged: -1}, {Rate: 1, Duration: 1, Callers: -1}} {
		if _, err := (&Driver{}).Run(t.Context(), bad); err == nil {
			t.Errorf("%+v is carried out", bad)
		}
	}
}
