package signedhttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"holdfast/internal/webhook"
)

// maxRetryAfter bounds what a destination may ask of us: it is not to put off events for a day by mistake.
const maxRetryAfter = time.Hour

// answered is what a status means; nil means told.
func answered(status int, h http.Header, now time.Time) *webhook.Verdict {
	v := &webhook.Verdict{Reason: fmt.Sprintf("status %d", status), Status: status}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		v.Kind = webhook.Retry
		v.RetryAfter = retryAfter(h.Get("Retry-After"), now)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		v.Kind = webhook.Refused
	case status >= 300 && status < 400:
		v.Kind = webhook.Trouble
		v.Reason = fmt.Sprintf("redirect %d not followed", status)
	default:
		v.Kind = webhook.Trouble
	}
	return v
}

// retryAfter reads a Retry-After header: seconds, or a date. What cannot be read or is past asks for nothing.
func retryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// failed is what it means that no answer came. Its reasons are fixed words, because errors hold addresses, and what a
// server sent instead of an answer.
func failed(ctx context.Context, err error, limit time.Duration) *webhook.Verdict {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "cancelled"}
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "time-out after " + round(limit).String()}
	}
	if reason, ok := distrusted(err); ok {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: reason}
	}
	return &webhook.Verdict{Kind: webhook.Retry, Reason: unreached(err)}
}

// round makes a limit readable: what is left of a caller's 2s is a little less.
func round(d time.Duration) time.Duration {
	d = max(d, 0)
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// distrusted reports whether TLS failed, and why. Time will not heal that.
func distrusted(err error) (reason string, ok bool) {
	var (
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		operation   *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return "certificate of an unknown authority", true
	case errors.As(err, &hostname):
		return "certificate for another host", true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid", true
	case errors.As(err, &invalid), errors.As(err, &certificate):
		return "certificate not valid", true
	case errors.As(err, &record):
		return "no TLS where https is configured", true
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		return "TLS handshake refused", true // so crypto/tls marks alerts
	}
	return "", false
}

// unreached says why no answer came, as far as it helps.
func unreached(err error) string {
	var (
		name    *net.DNSError
		network net.Error
	)
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "no such host"
	case errors.As(err, &name):
		return "host name lookup failed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "host unreachable"
	case errors.As(err, &network) && network.Timeout():
		return "time-out while connecting"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection closed without an answer"
	}
	return "no answer that can be read"
}
