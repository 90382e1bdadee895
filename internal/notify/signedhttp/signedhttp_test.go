package signedhttp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const (
	whsec = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	older = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	whsk  = "whsk_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=" // its seed is the bytes of older
	token = "t0ken-in-the-path"
)

func banned() webhook.Event {
	return webhook.Event{
		ID:       "0123456789abcdef",
		Type:     webhook.AccountBanned,
		Time:     time.Date(2025, 10, 23, 8, 23, 27, 0, time.FixedZone("CEST", 7200)),
		Source:   "meta-main",
		Provider: "meta",
		Webhook:  "fedcba9876543210",
		Account:  "100000000000001",
		Phone:    webhook.Phone{ID: "200000000000002", Number: "15550001111"},
		Field:    "account_update",
		Data:     &webhook.Ban{State: "DISABLE", Date: "October 23, 2025"},
	}
}

// message is an event on its way now.
func message(e webhook.Event) sender.Message {
	return sender.Message{Telling: webhook.Telling{Event: e}, CloudEvent: cloudevent.Of(e), At: time.Now()}
}

// A receiver is a destination that remembers what it was told.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

type request struct {
	*http.Request
	body []byte
}

// receive starts a destination that answers with answer, or with 204 if that is nil.
func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r.handler(t, answer))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) handler(t *testing.T, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, request{req, body})
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, req)
	}
}

func (r *receiver) got() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// to are the options of a destination at a server of this machine; its URL holds a token.
func to(url string) *Options {
	return &Options{URL: signature.Secret(url + "/" + token + "?key=" + token), Secret: whsec, Private: true}
}

func opened(t *testing.T, o *Options) *destination {
	t.Helper()
	d, err := open(o, sender.Context{Destination: "crm", Agent: "holdfast/1.2.3", Timeout: 5 * time.Second, Concurrency: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// send makes an attempt as package notify does.
func send(t *testing.T, d *destination) *webhook.Verdict {
	t.Helper()
	return sendWithin(t, d, 5*time.Second)
}

func sendWithin(t *testing.T, d *destination, limit time.Duration) *webhook.Verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return d.Send(ctx, message(banned()))
}

func told(t *testing.T, d *destination) {
	t.Helper()
	if v := send(t, d); v != nil {
		t.Fatalf("got %+v", v)
	}
}

// judged makes an attempt and wants the verdict to be this one; only whether there is advice counts.
func judged(t *testing.T, d *destination, want webhook.Verdict) {
	t.Helper()
	got := send(t, d)
	if got == nil {
		t.Fatalf("told, want %+v", want)
	}
	same(t, *got, want)
}

func same(t *testing.T, got, want webhook.Verdict) {
	t.Helper()
	if text := got.Reason + got.Advice; strings.Contains(text, token) || strings.Contains(text, "127.0.0.1") {
		t.Errorf("shows the address: %s", text)
	}
	if got.Advice != "" && want.Advice != "" {
		want.Advice = got.Advice
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// advised stands for any advice.
const advised = "some advice"

// hang is an answer that does not come: it ends with the request, or when the test says so.
func hang() (answer http.HandlerFunc, release context.CancelFunc) {
	released, release := context.WithCancel(context.Background())
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released.Done():
		case <-r.Context().Done():
		}
	}, release
}

func TestUntellable(t *testing.T) {
	r := receive(t, nil)
	o := to(r.URL)
	for _, o.Format = range []string{cloudevent.ModeStructured, cloudevent.ModeBinary, cloudevent.ModeBatch} {
		d := opened(t, o)
		odd := banned()
		odd.Data = func() {}
		want := webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
		if v := d.Send(t.Context(), message(odd)); v == nil || *v != want {
			t.Errorf("%s: got %+v", o.Format, v)
		}
		if v := d.SendBatch(t.Context(), []sender.Message{message(banned()), message(odd)}); v == nil || *v != want {
			t.Errorf("%s: got %+v", o.Format, v)
		}
	}
	if len(r.got()) > 0 {
		t.Error("it was told")
	}
}

func TestOpenRefuses(t *testing.T) {
	if d, err := Type().Open(&Options{URL: "https://example.com/" + token}, sender.Context{}); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestPublicKeys(t *testing.T) {
	o := Options{Secrets: []signature.Secret{whsec, "whsk_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsk_broken", whsk}}
	want := []string{"whpk_I7xUkSwebpLEqGglyGfif/3FVb/71CRPF6Jqv//ull0=", "whpk_tiDepEtZFQVZ3d0fQjWOVWYncXSfHJc1QD9tlv6ya50="}
	if diff := cmp.Diff(want, o.PublicKeys()); diff != "" {
		t.Error(diff)
	}
	if got := (&Options{Secret: whsec}).PublicKeys(); len(got) > 0 {
		t.Errorf("of a shared key: %v", got)
	}
}
