package signedhttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

func TestRetryAfter(t *testing.T) {
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
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestErrors judges errors that are hard to bring about.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want webhook.Verdict
	}{
		{&net.DNSError{Name: token, IsNotFound: true}, webhook.Verdict{Kind: webhook.Retry, Reason: "no such host", Advice: advised}},
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, webhook.Verdict{Kind: webhook.Retry, Reason: "proxy: connection refused", Advice: advised}},
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "remote error", Err: errors.New(token)}}, webhook.Verdict{Kind: webhook.Trouble, Reason: "proxy: TLS handshake refused", Advice: advised}},
		{&net.OpError{Op: "dial", Err: errPrivate}, webhook.Verdict{Kind: webhook.Trouble, Reason: "address is private", Advice: advised}},
		{&net.DNSError{Name: token, IsTemporary: true}, webhook.Verdict{Kind: webhook.Retry, Reason: "host name lookup failed"}},
		{&net.DNSError{Name: token, IsTimeout: true}, webhook.Verdict{Kind: webhook.Retry, Reason: "host name lookup failed"}},
		{&net.OpError{Op: "dial", Err: impatient{}}, webhook.Verdict{Kind: webhook.Retry, Reason: "time-out while connecting"}},
		{x509.HostnameError{Host: token}, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate for another host", Advice: advised}},
		{x509.CertificateInvalidError{Reason: x509.Expired}, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate expired or not yet valid", Advice: advised}},
		{x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate not valid", Advice: advised}},
		{&tls.CertificateVerificationError{Err: errors.New(token)}, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate not valid", Advice: advised}},
		{errors.New(token), webhook.Verdict{Kind: webhook.Retry, Reason: "no answer that can be read"}},
	} {
		got := failed(t.Context(), fmt.Errorf("wrapped: %w", c.err), time.Second)
		same(t, *got, c.want)
	}
}

type impatient struct{}

func (impatient) Error() string   { return token }
func (impatient) Timeout() bool   { return true }
func (impatient) Temporary() bool { return true }
