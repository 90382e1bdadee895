package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// buggy panics where it is told to, with a text that must not be seen.
type buggy struct {
	shaking
	where string
}

const planted = "planted-5551234567"

func (p buggy) Evidence(h http.Header) (webhook.Evidence, error) {
	if p.where == "evidence" {
		panic(planted)
	}
	if p.where == "contract" {
		return webhook.Evidence{}, errors.New(planted)
	}
	if p.where == "label" {
		return webhook.Evidence{}, webhook.Refusal(planted)
	}
	return p.shaking.Evidence(h)
}

func (p buggy) Verify(ev webhook.Evidence, body []byte, at time.Time) error {
	if p.where == "verify" {
		panic(errors.New(planted))
	}
	return p.shaking.Verify(ev, body, at)
}

func (p buggy) Peek([]byte) webhook.Peek {
	var fields []string
	return webhook.Peek{Fields: fields[:len(p.where)]}
}

func (p buggy) Handshake(url.Values) (string, bool) { panic(planted) }

func TestBugs(t *testing.T) {
	for where, want := range map[string]reason{
		"evidence": panicked, "verify": panicked, "peek": panicked, "contract": otherRefusal, "label": otherRefusal,
	} {
		w := newWorld(t, nil)
		if err := w.in.Replace(map[string]Source{"acme": {Name: "acme", Provider: buggy{shaking{signed{secret}}, where}}}); err != nil {
			t.Fatal(err)
		}
		code, _ := want.status()
		if got := w.post(body); got != code {
			t.Errorf("%s: %d, want %d", where, got, code)
		}
		if w.metric("holdfast_ingress_refused_total", string(want), "acme") != 1 {
			t.Errorf("%s: not counted", where)
		}
		if want == panicked && !strings.Contains(w.log.String(), "handler.go") {
			t.Errorf("%s: no stack in the log: %s", where, w.log)
		}
		if resp, _ := w.do("GET", "/webhooks/acme", "", nil); resp.StatusCode != 503 {
			t.Errorf("handshake: %d", resp.StatusCode)
		}
		if w.starter.count() != 0 {
			t.Errorf("%s: started", where)
		}
		if where == "peek" && !strings.Contains(w.log.String(), "out of range") {
			t.Errorf("what the runtime said is not in the log: %s", w.log)
		}
		if strings.Contains(w.log.String(), planted) {
			t.Errorf("%s: in the log: %s", where, w.log)
		}
	}
	w := newWorld(t, nil)
	w.starter.say = func(context.Context) error { panic(planted) }
	if code := w.post(body); code != 503 || strings.Contains(w.log.String(), planted) {
		t.Errorf("starter: %d, log %s", code, w.log)
	}
	if w.in.held.used.Load() != 0 {
		t.Error("still in flight after a panic")
	}
}

func TestNothingLeaks(t *testing.T) {
	w := newWorld(t, nil)
	secrets := planted
	w.do("POST", "/webhooks/"+secrets, secrets, map[string]string{signature: secrets, "Authorization": secrets})
	w.do("GET", "/webhooks/acme?token="+secrets+"&challenge="+secrets, "", nil)
	w.do("GET", "/webhooks/acme?challenge="+secrets+"&token="+token, "", nil)
	w.do("POST", "/webhooks/acme?"+secrets, secrets, map[string]string{signature: secrets, "X-Forwarded-For": secrets})
	w.do("POST", "/webhooks/acme", secrets, map[string]string{signature: sign("x")})
	w.do("POST", "/webhooks/acme", secrets, map[string]string{signature: sign(secrets), "Content-Type": secrets})
	w.do("POST", "/webhooks/acme", secrets, map[string]string{signature: sign(secrets), "Content-Encoding": secrets})
	for _, err := range []error{nil, webhook.ErrDuplicate, webhook.ErrTooLarge, errors.New("away")} {
		w.starter.says(err)
		w.post(secrets)
	}
	log := w.log.String()
	if !strings.Contains(log, "acknowledged") || !strings.Contains(log, "refused") {
		t.Error("nothing was logged")
	}
	families, _ := w.reg.Gather()
	seen := log + fmt.Sprint(w.in.refused.list(), families)
	for _, s := range []string{secrets, secret, token, sign(secrets), sign("x")} {
		if strings.Contains(seen, s) {
			t.Errorf("%q was seen in %s", s, seen)
		}
	}
}
