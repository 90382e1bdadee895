package ingress

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"holdfast/internal/webhook"
)

const (
	secret    = "s3cr3t-of-acme"
	token     = "t0ken-of-acme"
	signature = "X-Test-Signature"
	answer    = "thank you"
)

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// signed is a provider that verifies an HMAC and shakes no hands.
type signed struct{ secret string }

func (p signed) Evidence(h http.Header) (webhook.Evidence, error) {
	s := h.Get(signature)
	if s == "" {
		return webhook.Evidence{}, webhook.MissingEvidence
	}
	if raw, err := hex.DecodeString(s); err != nil || len(raw) != sha256.Size {
		return webhook.Evidence{}, fmt.Errorf("read signature: %w", webhook.MalformedEvidence)
	}
	return webhook.Evidence{Headers: map[string]string{"x-test-signature": s}}, nil
}

func (p signed) Verify(ev webhook.Evidence, body []byte, _ time.Time) error {
	got, _ := hex.DecodeString(ev.Headers["x-test-signature"])
	if !hmac.Equal(got, sum(p.secret, body)) {
		return webhook.SignatureMismatch
	}
	return nil
}

func (p signed) Peek(body []byte) webhook.Peek {
	return webhook.Peek{Urgent: bytes.Contains(body, []byte("account"))}
}

func (p signed) Normalize([]byte, time.Time) []webhook.Event { return nil }
func (p signed) Answer() (string, string)                    { return plainText, answer }

// shaking is signed, and shakes hands.
type shaking struct{ signed }

func (p shaking) Handshake(q url.Values) (string, bool) {
	if len(q["token"]) != 1 || len(q["challenge"]) != 1 || q.Get("token") != token {
		return "", false
	}
	return q.Get("challenge"), true
}

func sum(secret string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

func sign(body string) string { return hex.EncodeToString(sum(secret, []byte(body))) }

// A recorder is a Starter that remembers, and says what it is told to.
type recorder struct {
	mu      sync.Mutex
	started []webhook.Webhook
	peeks   []webhook.Peek
	say     func(ctx context.Context) error // nil: accepts
}

func (s *recorder) Start(ctx context.Context, w webhook.Webhook, p webhook.Peek) error {
	s.mu.Lock()
	s.started, s.peeks = append(s.started, w), append(s.peeks, p)
	say := s.say
	s.mu.Unlock()
	if say == nil {
		return nil
	}
	return say(ctx)
}

func (s *recorder) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.started)
}

func (s *recorder) says(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say = func(context.Context) error { return err }
}
