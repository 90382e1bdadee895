// Package rabbitmq tells destinations by publishing to exchanges of RabbitMQ, over AMQP 0-9-1.
package rabbitmq

import (
	"context"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"holdfast/internal/notify/broker"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type rabbitmq.
//
// It has an event once the broker has confirmed it: written to disk by the durable queues that it was routed to, or by most replicas of
// quorum queues. An event that no queue takes is not told, and the destination is in trouble. Exchange and queues must exist.
//
// A message has the event's id as its message_id. An attempt that ended without an answer may have been told all the same, and the event is
// told again then: readers know events by that id.
type Options struct {
	// URL is amqp://user:password@host:5672/vhost, or amqps:// with TLS. Required. It is never shown.
	URL signature.Secret `yaml:"url"`

	// Exchange takes the events. Default: the broker's default exchange, where routing_key is the name of a queue.
	Exchange string `yaml:"exchange"`

	// RoutingKey may contain {type}, {family}, {source} and {account}; what an event says is put in with underscores for all but
	// letters, digits, hyphens and underscores. Default {type}. Required without an exchange.
	RoutingKey string `yaml:"routing_key"`

	// Format is structured (the default), where the message is a CloudEvent in JSON, or binary, where it is the CloudEvent's data
	// and the rest is in headers such as cloudEvents_type. The property content_type says which it is. CloudEvents define no
	// headers for AMQP 0-9-1; these are those of AMQP 1.0, and RabbitMQ shows them to its readers over AMQP 1.0 as defined.
	Format string `yaml:"format"`

	// TLS says whom to trust. Only with amqps://.
	TLS broker.TLS `yaml:"tls"`
}

const defaultRoutingKey = "{type}"

// Type is RabbitMQ, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("rabbitmq", Options{}, check, open) }

func check(o *Options) []sender.Problem {
	list := append(broker.CheckFormat(o.Format), o.TLS.Check()...)
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	uri, err := amqp.ParseURI(string(o.URL))
	switch {
	case o.URL == "":
		problem("url", "is required: amqp://user:password@host:5672/vhost")
	case err != nil || uri.Host == "":
		problem("url", "want amqp://user:password@host:5672/vhost, or amqps://; what is special in user and password as % and two hex digits")
	case strings.ContainsAny(string(o.URL), "?#"):
		problem("url", "want a URL without ? and #")
	case uri.Scheme == "amqp" && o.TLS.On():
		problem("tls", "want an url with amqps://, or no tls")
	}
	if len(o.Exchange) > 127 {
		problem("exchange", "want at most 127 bytes")
	}
	if o.Exchange == "" && o.RoutingKey == "" {
		problem("exchange", "is required, unless routing_key names a queue")
	} else if o.RoutingKey != "" {
		if _, wrong := broker.ParseName(o.RoutingKey, " :/"); wrong != "" {
			problem("routing_key", wrong)
		}
	}
	return list
}

// A destination is one exchange.
type destination struct {
	exchange string
	key      broker.Name
	format   string
	links    *broker.Keeper[*link]
}

func open(o *Options, c sender.Context) (*destination, error) {
	d := &destination{exchange: o.Exchange, format: o.Format}
	key := o.RoutingKey
	if key == "" {
		key = defaultRoutingKey
	}
	d.key, _ = broker.ParseName(key, " :/")
	d.links = &broker.Keeper[*link]{
		Open:    func(ctx context.Context) (*link, error) { return connect(ctx, o, c) },
		Broken:  func(l *link) bool { return l.conn.IsClosed() },
		Shut:    (*link).close,
		Timeout: c.Timeout,
	}
	return d, nil
}

// Close gives up the connection.
func (d *destination) Close() { d.links.Close() }

// Send makes one attempt.
func (d *destination) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	clock := verdict.Start(ctx)
	content, refusal := broker.Write(m.CloudEvent, d.format)
	if refusal != nil {
		return refusal
	}
	l, done, err := d.links.Use(ctx)
	if err == nil {
		answer := make(chan error, 1)
		go func() { // the library waits for a broker that reads nothing, whatever becomes of the context
			defer done()
			answer <- l.publish(ctx, d.exchange, d.key.Of(m.Event), message(m, content))
		}()
		select {
		case err = <-answer:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err == nil {
		return nil
	}
	if v := clock.Ended(ctx, nil); v != nil {
		return v
	}
	return failed(err)
}

// message is an event as it is published.
func message(m sender.Message, c broker.Content) amqp.Publishing {
	out := amqp.Publishing{
		ContentType:  c.Type,
		DeliveryMode: amqp.Persistent,
		MessageId:    m.Event.ID,
		Timestamp:    m.At,
		Type:         string(m.Event.Type),
		AppId:        "holdfast",
		Body:         c.Body,
	}
	if len(c.Attributes) > 0 {
		out.Headers = make(amqp.Table, len(c.Attributes))
	}
	for _, a := range c.Attributes {
		out.Headers["cloudEvents_"+a.Name] = a.Value
	}
	return out
}
