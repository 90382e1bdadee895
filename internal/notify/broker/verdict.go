package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"holdfast/internal/webhook"
)

// A Clock remembers how long an attempt may take.
type Clock struct{ limit time.Duration }

// Start begins the time of an attempt.
func Start(ctx context.Context) Clock {
	deadline, ok := ctx.Deadline()
	if !ok {
		return Clock{}
	}
	return Clock{max(time.Until(deadline), 0)}
}

// Ended is what it means that the context of an attempt ended before an answer came; nil if it did not.
func (c Clock) Ended(ctx context.Context) *webhook.Verdict {
	switch {
	case ctx.Err() == nil:
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

// Unreached is what it means that there is no connection, or no more, by an error of the network or of TLS. Its reasons are fixed words,
// because errors hold addresses. ok is false if the error is of another kind.
func Unreached(err error) (v *webhook.Verdict, ok bool) {
	if reason := distrusted(err); reason != "" {
		return &webhook.Verdict{
			Kind: webhook.Trouble, Reason: reason,
			Advice: "Compare the broker's certificate and address with the settings tls of the destination.",
		}, true
	}
	if reason := unreached(err); reason != "" {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: reason}, true
	}
	return nil, false
}

// distrusted says why TLS failed; nothing if it did not. Time will not heal that.
func distrusted(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		chain     *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		operation *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return "certificate of an unknown authority"
	case errors.As(err, &hostname):
		return "certificate for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid"
	case errors.As(err, &invalid), errors.As(err, &chain):
		return "certificate not valid"
	case errors.As(err, &record):
		return "no TLS where TLS is configured"
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		return "TLS handshake refused" // so crypto/tls marks alerts
	}
	return ""
}

// unreached says why there is no connection, as far as it helps.
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
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection closed without an answer"
	}
	return ""
}
