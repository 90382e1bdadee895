package rabbitmq

import (
	"errors"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"holdfast/internal/notify/broker"
	"holdfast/internal/webhook"
)

// failed is what an error means. Its reasons are fixed words: errors of the broker hold names of users and exchanges.
func failed(err error) *webhook.Verdict {
	verdict := func(kind webhook.Kind, reason, advice string) *webhook.Verdict {
		return &webhook.Verdict{Kind: kind, Reason: reason, Advice: advice}
	}
	switch {
	case errors.Is(err, errReturned):
		return verdict(webhook.Trouble, "no queue takes this routing key", "Bind a queue to the exchange for it, or correct the setting exchange or routing_key of the destination.")
	case errors.Is(err, errNacked):
		return verdict(webhook.Retry, "a queue did not take it", "If a queue is full: raise its limits, or have somebody read it.")
	case errors.Is(err, errBlocked):
		return verdict(webhook.Retry, "the broker blocks publishers", "It has too little memory or disk.")
	case errors.Is(err, amqp.ErrClosed):
		return verdict(webhook.Retry, "connection closed without an answer", "")
	}
	if e := new(amqp.Error); errors.As(err, &e) {
		switch e.Code {
		case amqp.AccessRefused:
			return verdict(webhook.Trouble, "access refused", "Correct user and password in the setting url, or have the broker allow the user to write to the exchange.")
		case amqp.NotAllowed:
			return verdict(webhook.Trouble, "not allowed", "Check that the virtual host in the setting url exists, that the user may use it, and the broker's limits on connections.")
		case amqp.NotFound:
			return verdict(webhook.Trouble, "unknown exchange", "Make the exchange, or correct the setting exchange of the destination.")
		case amqp.ContentTooLarge:
			return verdict(webhook.Refused, "message too large", "Raise max_message_size of the broker.")
		case amqp.PreconditionFailed:
			if strings.Contains(e.Reason, "size") {
				return verdict(webhook.Refused, "message too large", "Raise max_message_size of the broker.")
			}
			return verdict(webhook.Refused, "message refused by the broker", "Look into the broker's log.")
		case amqp.ConnectionForced:
			return verdict(webhook.Retry, "the broker closed the connection", "")
		}
		if v := broker.Unreached(err); v != nil {
			return v
		}
		return verdict(webhook.Retry, "AMQP error "+strconv.Itoa(e.Code), "")
	}
	if v := broker.Unreached(err); v != nil {
		return v
	}
	return verdict(webhook.Retry, "no answer that can be read", "")
}
