package signedhttp

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// An inn is a receiver that is asked first.
type inn struct {
	*receiver
	mu            sync.Mutex
	allow, rate   string
	status, event int // of the answer to OPTIONS, and to events
	now           time.Time
	d             *destination
}

func openInn(t *testing.T, h Handshake) *inn {
	i := &inn{status: 200, event: 204, now: time.Now()}
	i.receiver = receive(t, func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		w.Header().Set("Retry-After", "7")
		if r.Method != http.MethodOptions {
			w.WriteHeader(i.event)
			return
		}
		for name, value := range map[string]string{"WebHook-Allowed-Origin": i.allow, "WebHook-Allowed-Rate": i.rate} {
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(i.status)
	})
	o := to(i.URL)
	o.Handshake = h
	o.Headers = map[string]signature.Secret{"Authorization": token}
	i.d = opened(t, o)
	i.d.consent.now = func() time.Time { i.mu.Lock(); defer i.mu.Unlock(); return i.now }
	return i
}

func (i *inn) set(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *inn) pass(d time.Duration) { i.set(func() { i.now = i.now.Add(d) }) }

// asked is how often it was asked, and how often it was told.
func (i *inn) asked() (options, events int) {
	for _, r := range i.got() {
		if r.Method == http.MethodOptions {
			options++
		} else {
			events++
		}
	}
	return options, events
}

func (i *inn) want(t *testing.T, options, events int) {
	t.Helper()
	if a, b := i.asked(); a != options || b != events {
		t.Errorf("asked %d times and told %d times, want %d and %d", a, b, options, events)
	}
}

func TestConsent(t *testing.T) {
	i := openInn(t, Handshake{Origin: "hooks.example.com", Rate: 120})
	i.allow, i.rate = "Hooks.Example.com", "*"
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if v := i.d.Send(t.Context(), message(banned())); v != nil {
				t.Error(v)
			}
		})
	}
	all.Wait()
	i.want(t, 1, 5)
	for n, r := range i.got() {
		if r.Header.Get("WebHook-Request-Origin") != "hooks.example.com" || r.Header.Get("Authorization") != token || r.URL.Path != "/"+token || r.URL.RawQuery != "key="+token {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		if n == 0 && (r.Method != http.MethodOptions || r.Header.Get("WebHook-Request-Rate") != "120" || len(r.body) > 0 || r.Header.Get("webhook-id") != "") {
			t.Errorf("asked with %s %v", r.Method, r.Header)
		}
		if n > 0 && (r.Method != http.MethodPost || r.Header.Get("WebHook-Request-Rate") != "") {
			t.Errorf("told with %s %v", r.Method, r.Header)
		}
	}
	i.pass(consentLasts - time.Second)
	told(t, i.d)
	i.want(t, 1, 6)
	i.pass(time.Second)
	told(t, i.d)
	i.want(t, 2, 7)
}

// TestNoConsent has receivers answer OPTIONS: only their header counts.
func TestNoConsent(t *testing.T) {
	no := webhook.Verdict{Kind: webhook.Trouble, Reason: "no consent in the handshake", Status: 200, Advice: advised}
	for name, c := range map[string]struct {
		allow  string
		status int
		want   webhook.Verdict
	}{
		"anybody":      {"*", 405, webhook.Verdict{}},
		"us":           {"hooks.example.com", 404, webhook.Verdict{}},
		"nobody":       {"", 200, no},
		"another":      {"example.com", 200, no},
		"several":      {"hooks.example.com, example.com", 200, no},
		"not found":    {"", 404, webhook.Verdict{Kind: no.Kind, Reason: no.Reason, Status: 404, Advice: advised}},
		"not now":      {"", 503, webhook.Verdict{Kind: webhook.Retry, Reason: "status 503", Status: 503, RetryAfter: 7 * time.Second}},
		"not any more": {"", 410, webhook.Verdict{Kind: webhook.Gone, Reason: "status 410", Status: 410, Advice: advised}},
	} {
		t.Run(name, func(t *testing.T) {
			i := openInn(t, Handshake{Origin: "hooks.example.com"})
			i.allow, i.status = c.allow, c.status
			if c.want.Kind == "" {
				told(t, i.d)
				i.want(t, 1, 1)
				return
			}
			judged(t, i.d, c.want)
			judged(t, i.d, c.want) // known
			i.want(t, 1, 0)
			i.pass(refusalLasts)
			i.set(func() { i.allow = "*" })
			told(t, i.d)
			i.want(t, 2, 1)
		})
	}
}

// TestAskedAgain has events fail: that may be another receiver by now, but not one for each event.
func TestAskedAgain(t *testing.T) {
	i := openInn(t, Handshake{Origin: "hooks.example.com"})
	i.allow, i.event = "*", 503
	down := webhook.Verdict{Kind: webhook.Retry, Reason: "status 503", Status: 503, RetryAfter: 7 * time.Second}
	judged(t, i.d, down)
	judged(t, i.d, down)
	i.want(t, 1, 2)
	i.pass(askAgainAfter)
	judged(t, i.d, down)
	i.want(t, 2, 3)
	i.set(func() { i.event = 422 })
	i.pass(askAgainAfter)
	judged(t, i.d, webhook.Verdict{Kind: webhook.Refused, Reason: "status 422", Status: 422})
	i.pass(askAgainAfter)
	judged(t, i.d, webhook.Verdict{Kind: webhook.Refused, Reason: "status 422", Status: 422})
	i.want(t, 3, 5)
}

func TestAllowedRate(t *testing.T) {
	i := openInn(t, Handshake{Origin: "hooks.example.com"})
	i.allow, i.rate = "*", "60"
	early := func(after time.Duration) {
		t.Helper()
		judged(t, i.d, webhook.Verdict{Kind: webhook.Deferred, Reason: "as many requests as it allows were made", RetryAfter: after})
	}
	told(t, i.d)
	told(t, i.d)
	early(time.Second)
	i.pass(time.Second / 2)
	early(time.Second / 2)
	i.pass(time.Second / 2)
	told(t, i.d)
	early(time.Second)
	i.pass(time.Minute) // nothing is saved up
	told(t, i.d)
	told(t, i.d)
	early(time.Second)
	i.want(t, 1, 5)
	for text, want := range map[string]time.Duration{
		"": 0, "*": 0, "0": 0, "-1": 0, "many": 0, "99999999999999999999": 0, "1": time.Minute, "120": time.Second / 2, "2147483647": 27 * time.Nanosecond,
	} {
		if got := intervalOf(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestHandshakeWithoutAnswer has one attempt run out of time, which the next need not know.
func TestHandshakeWithoutAnswer(t *testing.T) {
	answer, release := hang()
	defer release()
	r := receive(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, r)
		w.Header().Set("WebHook-Allowed-Origin", "*")
	})
	o := to(r.URL)
	o.Handshake.Origin = "hooks.example.com"
	d := opened(t, o)
	done := make(chan *webhook.Verdict)
	for range 2 { // one asks, the other waits for the answer
		go func() { done <- sendWithin(t, d, 50*time.Millisecond) }()
	}
	for range 2 {
		if v := <-done; v == nil || v.Kind != webhook.Retry || !strings.HasPrefix(v.Reason, "time-out after ") {
			t.Errorf("got %+v", v)
		}
	}
	release()
	told(t, d)
}
