// Package verdict says what becomes of an event by what a destination answered, or by why no answer came: in fixed words, because
// errors and answers hold addresses, names and secrets. Those who use it add advice, because they know their settings.
package verdict

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"holdfast/internal/webhook"
)

// OfStatus is what a status of HTTP means; nil means told. RetryAfter is how long the destination asked us to wait.
func OfStatus(status int, retryAfter time.Duration) *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("status %d", status), Status: status}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		v.Kind, v.RetryAfter = webhook.Retry, retryAfter
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		v.Kind = webhook.Refused
	case status == http.StatusGone:
		v.Kind = webhook.Gone
	case status >= 300 && status < 400:
		v.Reason = fmt.Sprintf("redirect %d not followed", status)
	}
	return v
}

// maxRetryAfter bounds what a destination may ask of us: it is not to put off events for a day by mistake.
const maxRetryAfter = time.Hour

// RetryAfter reads a Retry-After header: seconds, or a date. What cannot be read or is past asks for nothing.
func RetryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// A Clock remembers how long an attempt may take.
type Clock struct{ limit time.Duration }

// Start begins the time of an attempt.
func Start(ctx context.Context) Clock {
	if deadline, ok := ctx.Deadline(); ok {
		return Clock{max(time.Until(deadline), 0)}
	}
	return Clock{}
}

// Ended is what it means that the context of an attempt ended before an answer came, or that err says that its time is over; nil if
// neither is so. Err may be nil.
func (c Clock) Ended(ctx context.Context, err error) *webhook.Verdict {
	switch {
	case ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "cancelled"}
	}
	unit := 10 * time.Millisecond
	if c.limit > time.Second {
		unit = 100 * time.Millisecond // what is left of a caller's 2s is a little less
	}
	return &webhook.Verdict{Kind: webhook.Retry, Reason: "time-out after " + c.limit.Round(unit).String()}
}

// The reasons of [OfError]. Those of TLS are trouble, because time will not heal them.
const (
	UnknownAuthority = "certificate of an unknown authority"
	OtherHost        = "certificate for another host"
	Expired          = "certificate expired or not yet valid"
	Invalid          = "certificate not valid"
	NoTLS            = "no TLS where TLS is configured"
	RefusedTLS       = "TLS handshake refused"

	NoHost      = "no such host"
	NoLookup    = "host name lookup failed"
	NotTaken    = "connection refused"
	Unreachable = "host unreachable"
	TimedOut    = "time-out while connecting"
	Closed      = "connection closed without an answer"
)

// Unreadable is the reason where no other is known.
const Unreadable = "no answer that can be read"

// OfError is what it means that there is no connection, or no more, by an error of the network or of TLS; nil if the error is of
// another kind. It has no advice.
func OfError(err error) *webhook.Verdict {
	if reason := distrusted(err); reason != "" {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: reason}
	}
	if reason := unreached(err); reason != "" {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: reason}
	}
	return nil
}

func distrusted(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		chain     *tls.CertificateVerificationError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		return UnknownAuthority
	case errors.As(err, &hostname):
		return OtherHost
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Expired
	case errors.As(err, &invalid), errors.As(err, &chain):
		return Invalid
	case errors.As(err, &record):
		return NoTLS
	case Within(err, "remote error", "local error") != nil: // so crypto/tls marks alerts
		return RefusedTLS
	}
	return ""
}

func unreached(err error) string {
	var (
		name    *net.DNSError
		network net.Error
	)
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return NoHost
	case errors.As(err, &name):
		return NoLookup
	case errors.Is(err, syscall.ECONNREFUSED):
		return NotTaken
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.As(err, &network) && network.Timeout():
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Closed
	}
	return ""
}

// Within finds what an operation of the network failed with; nil if none of these names did.
func Within(err error, operations ...string) error {
	for operation := (*net.OpError)(nil); errors.As(err, &operation); err = operation.Err {
		if slices.Contains(operations, operation.Op) {
			return operation.Err
		}
	}
	return nil
}
