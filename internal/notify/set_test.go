package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/webhook"
)

func TestRoute(t *testing.T) {
	d := func(fallback bool, events ...string) config.Destination {
		c := to("https://example.com")
		c.Default, c.Events = fallback, events
		return c
	}
	s := newSet(t, map[string]config.Destination{
		"crm":  d(false, "account.*", "contact.marketing_stopped"),
		"bans": d(true, "account.banned", "account.*"),
		"rest": d(true),
		"also": d(true, "phone.added"),
	})
	for typ, want := range map[webhook.Type][]string{
		webhook.AccountBanned:           {"bans", "crm"},
		webhook.ContactMarketingStopped: {"crm"},
		webhook.PhoneAdded:              {"also"},
		webhook.Unrecognized:            {"also", "bans", "rest"},
	} {
		var got []string
		for _, route := range s.Route(webhook.Event{Type: typ}) {
			got = append(got, route.Destination)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
	}
	if got := newSet(t, nil).Route(banned()); len(got) > 0 {
		t.Errorf("without destinations: got %v", got)
	}
}

func TestPolicy(t *testing.T) {
	patient := to("https://example.com")
	patient.Retry = config.Retry{Timeout: time.Minute, For: time.Hour}
	s := newSet(t, map[string]config.Destination{"patient": patient, "plain": {Options: &signedhttp.Options{URL: "https://example.com", Secret: whsec}}})
	for name, want := range map[string]string{
		"patient": "1m0s 1h0m0s true",
		"plain":   "15s 72h0m0s true",
		"absent":  "0s 0s false",
	} {
		policy, ok := s.Policy(name)
		if got := fmt.Sprint(policy.Timeout, policy.Horizon, ok); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, d := range []signedhttp.Options{
		{Secret: whsec},
		{URL: "/" + token, Secret: whsec},
		{URL: "ftp://example.com/" + token, Secret: whsec},
		{URL: "https://user:" + token + "@example.com", Secret: whsec},
		{URL: "https://example.com/%zz" + token, Secret: whsec},
		{URL: "https://example.com/" + token},
		{URL: "https://example.com/" + token, Secret: token},
	} {
		_, err := New(map[string]config.Destination{"crm": {Options: &d}}, Options{})
		if err == nil {
			t.Errorf("%q is taken", string(d.URL))
		} else if !strings.HasPrefix(err.Error(), "destination crm: ") || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v", string(d.URL), err)
		}
	}
}

// Where all places are taken, an attempt waits a moment for one.
func TestWaitsForAPlace(t *testing.T) {
	answer, arrived, release := hang()
	defer release()
	busy := to(receive(t, answer).URL)
	busy.Concurrency = 1
	s := newSet(t, map[string]config.Destination{"busy": busy})
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- s.Tell(t.Context(), "busy", telling(banned())) }()
	}
	<-arrived
	release()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestOneHangs has a destination take all its places: the next is deferred after a moment, and others are told.
func TestOneHangs(t *testing.T) {
	answer, arrived, release := hang()
	defer release()
	dead, alive := to(receive(t, answer).URL), receive(t, nil)
	dead.Concurrency = 2
	s := newSet(t, map[string]config.Destination{"dead": dead, "alive": to(alive.URL)})
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- s.Tell(t.Context(), "dead", telling(banned())) }()
		<-arrived
	}
	verdict(t, s, "dead", webhook.Verdict{Kind: webhook.Deferred, Reason: "2 attempts are under way already"})
	if err := s.Tell(t.Context(), "alive", telling(banned())); err != nil {
		t.Error(err)
	}
	release()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := s.Tell(t.Context(), "dead", telling(banned())); err != nil {
		t.Errorf("after the places are free: %v", err)
	}
}

func TestReplace(t *testing.T) {
	answer, arrived, release := hang()
	defer release()
	before, after := receive(t, answer), receive(t, nil)
	once := to(before.URL)
	once.Concurrency = 1
	s := newSet(t, map[string]config.Destination{"crm": once, "gone": once})
	done := make(chan error, 1)
	go func() { done <- s.Tell(t.Context(), "crm", telling(banned())) }()
	<-arrived

	if err := s.Replace(map[string]config.Destination{"crm": {}, "new": to(after.URL)}); err == nil {
		t.Error("a destination without URL was taken")
	}
	if _, ok := s.Policy("gone"); !ok {
		t.Error("half of a replacement took place")
	}
	once.Options = to(after.URL).Options
	if err := s.Replace(map[string]config.Destination{"crm": once}); err != nil {
		t.Fatal(err)
	}
	verdict(t, s, "gone", webhook.Verdict{Kind: webhook.Trouble, Reason: "destination is not configured"})
	verdict(t, s, "crm", webhook.Verdict{Kind: webhook.Deferred, Reason: "1 attempts are under way already"})
	release()
	if err := <-done; err != nil {
		t.Errorf("the attempt under way: %v", err)
	}
	if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
		t.Error(err)
	}
	if len(before.got()) != 1 || len(after.got()) != 1 {
		t.Errorf("told %d and %d times, want 1 and 1", len(before.got()), len(after.got()))
	}
}

func TestMetrics(t *testing.T) {
	answer, arrived, release := hang()
	defer release()
	one := to(receive(t, answer).URL)
	one.Concurrency = 1
	registry := prometheus.NewRegistry()
	s, err := New(map[string]config.Destination{"crm": one, "idle": one}, Options{Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() { done <- s.Tell(t.Context(), "crm", telling(banned())) }()
	<-arrived
	_ = s.Tell(t.Context(), "crm", telling(banned()))
	want := []string{
		"holdfast_notify_attempts_total{crm,deferred} 1",
		"holdfast_notify_in_flight{crm} 1",
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Error(diff)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want = []string{
		"holdfast_notify_attempts_total{crm,deferred} 1",
		"holdfast_notify_attempts_total{crm,told} 1",
		"holdfast_notify_duration_seconds{crm} 1",
	}
	if diff := cmp.Diff(want, gather(t, registry)); diff != "" {
		t.Error(diff)
	}
	if err := s.Replace(nil); err != nil {
		t.Fatal(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("after all destinations are gone: %v, %v", families, err)
	}
	if _, err := New(nil, Options{Registerer: registry}); err == nil {
		t.Error("metrics registered twice")
	}
}

// gather lists what is not zero; of a histogram, how many were observed.
func gather(t *testing.T, g prometheus.Gatherer) []string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			n := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if n != 0 {
				list = append(list, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), n))
			}
		}
	}
	return list
}
