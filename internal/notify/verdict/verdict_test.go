package verdict

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		"120":                              2 * time.Minute,
		"3600":                             time.Hour,
		"3601":                             time.Hour,
		"99999999999999999999999":          time.Hour,
		"9223372036854775807":              time.Hour,
		"-1":                               0,
		"1.5":                              0,
		"soon":                             0,
		"Thu, 01 Jan 2026 12:00:30 GMT":    30 * time.Second,
		"Thursday, 01-Jan-26 12:00:30 GMT": 30 * time.Second,
		"Thu Jan  1 12:00:30 2026":         30 * time.Second,
		"Thu, 01 Jan 2026 11:59:30 GMT":    0,
		"Fri, 01 Jan 2027 12:00:00 GMT":    time.Hour,
	} {
		if got := RetryAfter(text, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestOfError judges errors, also those that are hard to bring about. What they say is nobody's business.
func TestOfError(t *testing.T) {
	t.Parallel()
	secret := errors.New("secret")
	for _, c := range []struct {
		err    error
		kind   webhook.Kind
		reason string
	}{
		{x509.UnknownAuthorityError{}, webhook.Trouble, UnknownAuthority},
		{x509.HostnameError{Host: "secret"}, webhook.Trouble, OtherHost},
		{x509.CertificateInvalidError{Reason: x509.Expired}, webhook.Trouble, Expired},
		{x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}, webhook.Trouble, Invalid},
		{&tls.CertificateVerificationError{Err: secret}, webhook.Trouble, Invalid},
		{tls.RecordHeaderError{Msg: "secret"}, webhook.Trouble, NoTLS},
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "remote error", Err: secret}}, webhook.Trouble, RefusedTLS},
		{&net.DNSError{Name: "secret", IsNotFound: true}, webhook.Retry, NoHost},
		{&net.DNSError{Name: "secret", IsTimeout: true}, webhook.Retry, NoLookup},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, webhook.Retry, NotTaken},
		{&net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, webhook.Retry, Unreachable},
		{&net.OpError{Op: "dial", Err: impatient{}}, webhook.Retry, TimedOut},
		{io.ErrUnexpectedEOF, webhook.Retry, Closed},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, webhook.Retry, Closed},
		{net.ErrClosed, webhook.Retry, Closed},
	} {
		want := webhook.Verdict{Kind: c.kind, Reason: c.reason}
		if got := OfError(fmt.Errorf("wrapped: %w", c.err)); got == nil || *got != want {
			t.Errorf("%v: got %+v, want %+v", c.err, got, want)
		}
	}
	if got := OfError(secret); got != nil {
		t.Errorf("of another kind: got %+v", got)
	}
}

type impatient struct{}

func (impatient) Error() string   { return "secret" }
func (impatient) Timeout() bool   { return true }
func (impatient) Temporary() bool { return true }

func TestClock(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	clock := Start(ctx)
	if v := clock.Ended(ctx, nil); v != nil {
		t.Errorf("not over: %+v", v)
	}
	cancel()
	if v := clock.Ended(ctx, nil); v == nil || v.Kind != webhook.Retry || v.Reason != "cancelled" {
		t.Errorf("got %+v", v)
	}
	over, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	if v := (Clock{2 * time.Second}).Ended(over, nil); v == nil || v.Kind != webhook.Retry || v.Reason != "time-out after 2s" {
		t.Errorf("got %+v", v)
	}
	dialing := &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	if v := (Clock{2 * time.Second}).Ended(t.Context(), dialing); v == nil || v.Reason != "time-out after 2s" {
		t.Errorf("got %+v", v)
	}
}
