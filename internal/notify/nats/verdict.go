package nats

import (
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/internal/notify/broker"
	"holdfast/internal/webhook"
)

// Errors of JetStream that the library has no names for.
const (
	expectedStreamMismatch jetstream.ErrorCode = 10060
	storeFailed            jetstream.ErrorCode = 10077
)

// failed is what an error means. Its reasons are fixed words: errors hold subjects.
func failed(err error) *webhook.Verdict {
	verdict := func(kind webhook.Kind, reason, advice string) *webhook.Verdict {
		return &webhook.Verdict{Kind: kind, Reason: reason, Advice: advice}
	}
	is := func(list ...error) bool {
		for _, e := range list {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	var refusal jetstream.JetStreamError
	switch {
	case is(errLost, nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrConnectionReconnecting, nats.ErrStaleConnection, nats.ErrDisconnected):
		return verdict(webhook.Retry, "not connected", "")
	case is(errDenied, nats.ErrPermissionViolation):
		return verdict(webhook.Trouble, "not allowed to publish", "Have the server allow the destination's user to publish to the subject and to subscribe to _INBOX.>.")
	case is(nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired):
		return verdict(webhook.Trouble, "login refused", "Correct the destination's username, token or credentials, or those of the server.")
	case is(nats.ErrMaxPayload):
		return verdict(webhook.Refused, "message too large", "Raise max_payload of the server.")
	case is(nats.ErrSecureConnWanted):
		return verdict(webhook.Trouble, "no TLS where TLS is configured", "Turn tls of the destination off, or have the server speak it.")
	case is(nats.ErrSecureConnRequired):
		return verdict(webhook.Trouble, "server wants TLS", "Turn tls of the destination on.")
	case is(jetstream.ErrNoStreamResponse, nats.ErrNoResponders):
		return verdict(webhook.Trouble, "no stream takes this subject", "Make a stream that listens to the subject, or correct the setting subject of the destination.")
	case errors.As(err, &refusal) && refusal.APIError() != nil:
		return refused(refusal.APIError())
	case is(jetstream.ErrInvalidJSAck):
		return verdict(webhook.Trouble, "somebody else than JetStream answers", "Correct the setting subject of the destination: a service listens to it.")
	}
	if v := broker.Unreached(err); v != nil {
		return v
	}
	if is(nats.ErrNoServers, nats.ErrTimeout) {
		return verdict(webhook.Retry, "no server answers", "")
	}
	return verdict(webhook.Retry, "no answer that can be read", "")
}

// refused is what it means that JetStream does not store a message.
func refused(e *jetstream.APIError) *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Trouble, Reason: "JetStream error " + strconv.Itoa(int(e.ErrorCode)), Advice: "Look up the number in the documentation of NATS."}
	switch {
	case e.ErrorCode == jetstream.JSErrCodeStreamMessageExceedsMaximum:
		v.Kind, v.Reason, v.Advice = webhook.Refused, "message too large", "Raise max_msg_size of the stream."
	case e.ErrorCode == expectedStreamMismatch:
		v.Reason, v.Advice = "another stream takes this subject", "Correct the setting stream or subject of the destination."
	case e.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabled, e.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		v.Reason, v.Advice = "JetStream is not enabled", "Enable JetStream for the server and the account."
	case e.ErrorCode == storeFailed:
		v.Kind, v.Reason, v.Advice = webhook.Retry, "stream cannot store", "If it is full: raise its limits, or have it discard old messages."
	case e.Code >= 500:
		v.Kind, v.Advice = webhook.Retry, ""
	}
	return v
}
