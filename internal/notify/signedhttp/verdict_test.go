package signedhttp

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

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
		{x509.HostnameError{Host: token}, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate for another host", Advice: advised}},
		{errors.New(token), webhook.Verdict{Kind: webhook.Retry, Reason: "no answer that can be read"}},
	} {
		got := failed(t.Context(), fmt.Errorf("wrapped: %w", c.err), verdict.Clock{})
		same(t, *got, c.want)
	}
}
