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
	"slices"
	"strconv"
	"syscall"
	"time"

	"holdfast/internal/webhook"
)

// maxRetryAfter bounds what a destination may ask of us: it is not to put off events for a day by mistake.
const maxRetryAfter = time.Hour

// answered is what a status means; nil means told.
func answered(status int, h http.Header, now time.Time) *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("status %d", status), Status: status}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		v.Kind = webhook.Retry
		v.RetryAfter = retryAfter(h.Get("Retry-After"), now)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		v.Kind = webhook.Refused
	case status == http.StatusGone:
		v.Kind = webhook.Gone
		v.Advice = "It says that it is no more: mend its url, or ask who runs it, then resume it."
	case status >= 300 && status < 400:
		v.Reason = fmt.Sprintf("redirect %d not followed", status)
		v.Advice = "Set its url to where it redirects to, if that is meant: redirects are not followed."
	default:
		v.Advice = advice(status)
	}
	return v
}

// advice is for statuses that say that the configuration is wrong, here or there.
func advice(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "It does not accept our credentials: mend secret, headers or tls, here or there."
	case http.StatusNotFound:
		return "Mend its url: nothing is there."
	case http.StatusMethodNotAllowed:
		return "Mend its url: what is there takes no POST."
	case http.StatusProxyAuthRequired:
		return proxyCredentials
	case http.StatusUnsupportedMediaType:
		return "It does not know this format: set format to structured, binary or batch, as it understands."
	case http.StatusMisdirectedRequest:
		return "Mend its url, or tls.server_name: the server is not for this host."
	}
	return "Ask who runs it what this status means there."
}

const proxyCredentials = "Put the user and the password that the proxy wants into proxy."

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
	if errors.Is(err, errPrivate) {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: errPrivate.Error(), Advice: "Set private: true if it is meant."}
	}
	if refusal, ok := errors.AsType[proxyRefusal](err); ok {
		return refusal.verdict()
	}
	v := distrusted(err)
	if v == nil {
		v = unreached(err)
	}
	if inner := within(err, "proxyconnect"); inner != nil { // so net/http marks what happened on the way to a proxy
		v.Reason, v.Advice = "proxy: "+v.Reason, "Look after the proxy: the destination was not reached."
	}
	return v
}

func (r proxyRefusal) verdict() *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Retry, Reason: fmt.Sprintf("proxy: status %d", int(r))}
	switch r {
	case http.StatusProxyAuthRequired, http.StatusUnauthorized:
		v.Kind, v.Advice = webhook.Trouble, proxyCredentials
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		v.Kind, v.Advice = webhook.Trouble, "The proxy does not allow this destination: change that, or proxy."
	}
	return v
}

// within finds what an operation of the network failed with; nil if none of this name did.
func within(err error, operations ...string) error {
	for operation := (*net.OpError)(nil); errors.As(err, &operation); err = operation.Err {
		if slices.Contains(operations, operation.Op) {
			return operation.Err
		}
	}
	return nil
}

// round makes a limit readable: what is left of a caller's 2s is a little less.
func round(d time.Duration) time.Duration {
	d = max(d, 0)
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// distrusted is the verdict if TLS failed; nil if it did not. Time will not heal that.
func distrusted(err error) *webhook.Verdict {
	var (
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	v := &webhook.Verdict{Kind: webhook.Trouble}
	switch {
	case errors.As(err, &authority):
		v.Reason = "certificate of an unknown authority"
		v.Advice = "If the authority is one of your own, set tls.ca to its certificate; if not, somebody may be in between."
	case errors.As(err, &hostname):
		v.Reason = "certificate for another host"
		v.Advice = "Mend its url, or set tls.server_name to the name that its certificate is for."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		v.Reason = "certificate expired or not yet valid"
		v.Advice = "Who runs it has to renew its certificate; or the clock is wrong here."
	case errors.As(err, &invalid), errors.As(err, &certificate):
		v.Reason = "certificate not valid"
		v.Advice = "Who runs it has to mend its certificate."
	case errors.As(err, &record):
		v.Reason = "no TLS where https is configured"
		v.Advice = "Mend its url: the port, or http for https."
	case within(err, "remote error", "local error") != nil: // so crypto/tls marks alerts
		v.Reason = "TLS handshake refused"
		v.Advice = "It may want a client certificate that it knows (tls.cert and tls.key), or another version of TLS."
	default:
		return nil
	}
	return v
}

// unreached says why no answer came, as far as it helps.
func unreached(err error) *webhook.Verdict {
	var (
		name    *net.DNSError
		network net.Error
	)
	v := &webhook.Verdict{Kind: webhook.Retry}
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		v.Reason = "no such host"
		v.Advice = "Mend the host in its url, if it stays so."
	case errors.As(err, &name):
		v.Reason = "host name lookup failed"
	case within(err, "socks connect") != nil: // so net/http marks what a proxy of this kind says
		v.Reason = "proxy: no connection through it"
		v.Advice = "Look after the proxy, and the credentials in its URL, if it stays so."
	case errors.Is(err, syscall.ECONNREFUSED):
		v.Reason = "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		v.Reason = "host unreachable"
	case errors.As(err, &network) && network.Timeout():
		v.Reason = "time-out while connecting"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		v.Reason = "connection closed without an answer"
	default:
		v.Reason = "no answer that can be read"
	}
	return v
}
