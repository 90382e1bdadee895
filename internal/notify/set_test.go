package notify

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/cloudevent"
	"holdfast/internal/config"
	"holdfast/internal/notify/sender"
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

// A counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c++
	return len(p), nil
}

// TestRouteByAccount has what is known of accounts decide, and be replaced.
func TestRouteByAccount(t *testing.T) {
	registry := prometheus.NewRegistry()
	payments, broken := to("https://example.com"), to("https://example.com")
	payments.Default, payments.Events, payments.Labels = false, []string{"*"}, map[string]string{"team": "payments"}
	broken.Default, broken.Events, broken.When = false, []string{"*"}, "event.details.date < 3"
	labelled := func(id string) map[string]config.Account {
		return map[string]config.Account{id: {Labels: map[string]string{"team": "payments"}}}
	}
	destinations := map[string]config.Destination{"payments": payments, "broken": broken}
	said := new(counter)
	s, err := New(destinations, Options{Registerer: registry, Accounts: labelled(banned().Account), Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, route := range s.Route(banned()) {
			got = append(got, route.Destination)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	check("broken", "payments")
	check("broken", "payments")
	if diff := cmp.Diff([]string{"holdfast_route_condition_failures_total{broken} 2"}, gather(t, registry)); diff != "" {
		t.Error(diff)
	}
	if *said != 1 {
		t.Errorf("said %d times that it cannot be evaluated, want once", *said)
	}
	wrong := to("https://example.com")
	wrong.When = "event.tpye"
	if err := s.Replace(map[string]config.Destination{"wrong": wrong}, nil); err == nil {
		t.Error("a condition that cannot be read was taken")
	}
	check("broken", "payments")
	if err := s.Replace(destinations, labelled("another")); err != nil {
		t.Fatal(err)
	}
	check("broken")
}

// A recorder is a sender that keeps what it is given.
type recorder struct{ messages []sender.Message }

func (r *recorder) Send(_ context.Context, m sender.Message) *webhook.Verdict {
	r.messages = append(r.messages, m)
	return nil
}

func (*recorder) Close() {}

// TestMessage has people be told whose account it is, and where to look.
func TestMessage(t *testing.T) {
	for name, tt := range map[string]struct {
		options  Options
		workflow string
		account  sender.Account
		link     string
	}{
		"known": {
			options: Options{
				Accounts: map[string]config.Account{banned().Account: {Name: "Shop", Tenant: "acme", Labels: map[string]string{"team": "payments"}}},
				Link:     func(workflow string) string { return "https://temporal.example.com/" + workflow },
			},
			workflow: "wh/meta-main/1",
			account:  sender.Account{Name: "Shop", Tenant: "acme", Labels: map[string]string{"team": "payments", "tenant": "acme"}},
			link:     "https://temporal.example.com/wh/meta-main/1",
		},
		"nameless": {
			options: Options{
				Accounts: map[string]config.Account{banned().Account: {}},
				Link:     func(string) string { return "https://temporal.example.com" },
			},
			account: sender.Account{Name: banned().Account},
		},
		"unknown": {options: Options{Accounts: map[string]config.Account{"another": {Name: "Shop"}}}, workflow: "wh/meta-main/1"},
	} {
		s, err := New(map[string]config.Destination{"people": to("https://example.com")}, tt.options)
		if err != nil {
			t.Fatal(err)
		}
		r := new(recorder)
		s.table.Load().destinations["people"].line = &line{sender: r}
		if err := s.Tell(t.Context(), "people", []webhook.Telling{{Event: banned(), Workflow: tt.workflow}}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.account, r.messages[0].Account); diff != "" || r.messages[0].Link != tt.link {
			t.Errorf("%s: link %q %s", name, r.messages[0].Link, diff)
		}
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

	if err := s.Replace(map[string]config.Destination{"crm": {}, "new": to(after.URL)}, nil); err == nil {
		t.Error("a destination without URL was taken")
	}
	if _, ok := s.Policy("gone"); !ok {
		t.Error("half of a replacement took place")
	}
	once.Options = to(after.URL).Options
	if err := s.Replace(map[string]config.Destination{"crm": once}, nil); err != nil {
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

func TestEachAttemptHasItsTime(t *testing.T) {
	r := receive(t, nil)
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL)})
	now := time.Unix(1761200608, 0)
	s.now = func() time.Time { now = now.Add(time.Hour); return now }
	for range 2 {
		if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
			t.Fatal(err)
		}
	}
	one, two := r.got()[0], r.got()[1]
	if one.Header.Get("webhook-id") != two.Header.Get("webhook-id") || string(one.body) != string(two.body) {
		t.Error("another id or body at the second attempt")
	}
	if one.Header.Get("webhook-timestamp") == two.Header.Get("webhook-timestamp") ||
		one.Header.Get("webhook-signature") == two.Header.Get("webhook-signature") {
		t.Error("the same time or signature at the second attempt")
	}
}

func TestDeadlines(t *testing.T) {
	answer, _, release := hang()
	defer release()
	r := receive(t, answer)
	slow := to(r.URL)
	slow.Retry.Timeout = 50 * time.Millisecond
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL), "slow": slow})
	if err := s.Tell(t.Context(), "slow", telling(banned())); err == nil || !strings.HasPrefix(err.Error(), "time-out after ") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.Tell(ctx, "crm", telling(banned()))
	if err == nil || !strings.HasPrefix(err.Error(), "time-out after ") || strings.Contains(err.Error(), "5s") {
		t.Errorf("got %v", err)
	}
	cancelled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	if err := s.Tell(cancelled, "crm", telling(banned())); err == nil || err.Error() != "cancelled" {
		t.Errorf("got %v", err)
	}
}

// TestBatch has several events in one attempt, where the type takes them and the configuration says so.
func TestBatch(t *testing.T) {
	r := receive(t, nil)
	alone, batched := to(r.URL), to(r.URL)
	options := *batched.Options.(*signedhttp.Options)
	options.Format, options.Batch = cloudevent.ModeBatch, 2
	batched.Options = &options
	registry := prometheus.NewRegistry()
	s, err := New(map[string]config.Destination{"alone": alone, "batched": batched}, Options{Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, want := range map[string]int{"alone": 1, "batched": 2} {
		if policy, _ := s.Policy(name); policy.Batch != want {
			t.Errorf("%s: at most %d in one attempt, want %d", name, policy.Batch, want)
		}
	}
	two := append(telling(banned()), telling(banned())...)
	if err := s.Tell(t.Context(), "batched", two); err != nil {
		t.Fatal(err)
	}
	if s.Tell(t.Context(), "batched", append(two, two[0])) == nil || s.Tell(t.Context(), "alone", two) == nil {
		t.Error("more were told at once than are allowed")
	}
	if n := len(r.got()); n != 1 {
		t.Errorf("%d requests", n)
	}
	if got := gather(t, registry); !slices.Contains(got, "holdfast_notify_attempts_total{batched,told} 2") {
		t.Errorf("counted %v", got)
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
	if err := s.Replace(nil, nil); err != nil {
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
