package service

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
	"strings"
	"syscall"
	"time"

	"holdfast/internal/webhook"
)

// maxRetryAfter bounds what a service may ask of us: it is not to put off events for a day by mistake.
const maxRetryAfter = time.Hour

// Verdict is what an answer means by its status, wherever it is from; nil means told. The words are those of the service that
// may be in the answer: the first that is, is part of the reason.
func (a Answer) Verdict(words ...string) *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("status %d", a.Status), Status: a.Status}
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status == http.StatusTooManyRequests, a.Status >= 500:
		v.Kind, v.RetryAfter = webhook.Retry, a.RetryAfter
	case a.Status == http.StatusBadRequest, a.Status == http.StatusRequestEntityTooLarge, a.Status == http.StatusUnprocessableEntity:
		v.Kind = webhook.Refused
	case a.Status == http.StatusGone:
		v.Kind = webhook.Gone
	case a.Status >= 300 && a.Status < 400:
		v.Reason = fmt.Sprintf("redirect %d not followed", a.Status)
		v.Advice = "Set its url to where it redirects to, if that is meant."
	default:
		v.Advice = "Mend its url: what is there does not take messages from us."
	}
	if word := a.word(words); word != "" {
		v.Reason += ", " + word
	}
	return v
}

func (a Answer) word(words []string) string {
	for _, word := range words {
		if strings.Contains(a.Text, word) {
			return word
		}
	}
	return ""
}

// Says reports whether the answer has a word.
func (a Answer) Says(words ...string) bool { return a.word(words) != "" }

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

// Left is how much time a context leaves; 0 if it has no end.
func Left(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return 0
}

// Failed is what it means that a service did not answer: it could not be reached or trusted, or said nothing within the limit,
// which is what [Left] was. Its reasons are fixed words, because errors hold addresses, and what a server sent.
func Failed(ctx context.Context, err error, limit time.Duration) *webhook.Verdict {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "cancelled"}
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "time-out after " + round(limit).String()}
	}
	if reason := distrusted(err); reason != "" {
		return &webhook.Verdict{
			Kind: webhook.Trouble, Reason: reason,
			Advice: "Mend the address of the service, or have whoever runs it mend its TLS; if it is as ever, somebody may be in between.",
		}
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

// distrusted says why TLS failed; "" if it did not. Time will not heal that.
func distrusted(err error) string {
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
		return "certificate of an unknown authority"
	case errors.As(err, &hostname):
		return "certificate for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid"
	case errors.As(err, &invalid), errors.As(err, &certificate):
		return "certificate not valid"
	case errors.As(err, &record):
		return "no TLS where it is expected"
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		return "TLS handshake refused" // so crypto/tls marks alerts
	}
	return ""
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
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return "connection closed without an answer"
	}
	return "no answer that can be read"
}
