package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"holdfast/internal/notify/broker"
	"holdfast/internal/webhook"
)

const (
	createTopic = "Create the topic, or correct the setting topic of the destination."
	mayWrite    = "Have the brokers allow the destination's user to write to the topic (Write and Describe; IdempotentWrite before Kafka 3.0)."
	logIn       = "Correct the settings sasl of the destination, or the user at the brokers."
)

// tooLarge reports whether a broker refused a record, or one written together with it, for its size.
func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// failed is what an error means. The names of Kafka's errors are fixed words; the rest of an error may hold anything.
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
	switch {
	case tooLarge(err):
		return verdict(webhook.Refused, "message too large", "Raise max.message.bytes of the topic.")
	case is(kerr.InvalidRecord, kerr.CorruptMessage, kerr.PolicyViolation):
		return verdict(webhook.Refused, "record refused by the broker", "")
	case is(kerr.UnknownTopicOrPartition, kerr.UnknownTopicID):
		return verdict(webhook.Trouble, "unknown topic", createTopic)
	case is(kerr.InvalidTopicException):
		return verdict(webhook.Trouble, "no valid name of a topic", createTopic)
	case is(kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed):
		return verdict(webhook.Trouble, "not allowed to write", mayWrite)
	case is(kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState):
		return verdict(webhook.Trouble, "login refused", logIn)
	case is(kgo.ErrClientClosed, context.Canceled, context.DeadlineExceeded):
		// A record is given up together with one before it in its partition.
		return verdict(webhook.Retry, "given up with an earlier event that was not answered", "")
	}
	if first := new(kgo.ErrFirstReadEOF); errors.As(err, &first) {
		// So a broker hangs up that speaks TLS or wants a login, to those who do not.
		return verdict(webhook.Trouble, "connection closed at the first words", "Compare the broker's listener with the settings tls and sasl of the destination.")
	}
	if e := new(kerr.Error); errors.As(err, &e) {
		if e.Retriable {
			return verdict(webhook.Retry, "broker says "+e.Message, "")
		}
		return verdict(webhook.Trouble, "broker says "+e.Message, "Look up the error in the documentation of Kafka's protocol.")
	}
	if v := broker.Unreached(err); v != nil {
		return v
	}
	return verdict(webhook.Retry, "no answer that can be read", "")
}
