// Package kafka tells destinations by writing to topics of Apache Kafka, or of what speaks its protocol.
package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"holdfast/internal/notify/broker"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type kafka.
//
// It has an event once all replicas in sync have written it (acks=all, by an idempotent producer: brokers older than 3.0 ask for the
// right IdempotentWrite). The key of a record is the event's account, or its number if it has none, so that a partition has
// what concerns an account in the order in which it was told; with several attempts under way that is the recorded order only with ordered: true.
//
// An attempt that ended without an answer may have been written all the same, even a moment after it ended, and the event is
// written again then: readers know events by their id, which is in the CloudEvent.
type Options struct {
	// Brokers are some of the cluster's brokers, host:port; the others are found by them. Required.
	Brokers []string `yaml:"brokers"`

	// Topic takes the events. It must exist. It may contain {type}, {family}, {source} and {account}, as in
	// whatsapp.{family}; what an event says is put in with underscores for all but letters, digits, hyphens and underscores. Required.
	Topic string `yaml:"topic"`

	// Format is structured (the default), where the record is a CloudEvent in JSON, or binary, where it is the CloudEvent's data and
	// the rest is in headers such as ce_type. The header content-type says which it is.
	Format string `yaml:"format"`

	// TLS says how to encrypt, and whom to trust.
	TLS broker.TLS `yaml:"tls"`

	// SASL says who we are. Default: nobody asks.
	SASL SASL `yaml:"sasl"`

	// Compression is none (the default: events are small, and every reader can read them), gzip, snappy, lz4 or zstd.
	Compression string `yaml:"compression"`

	// ClientID is what brokers call us in their logs and quotas. Default holdfast.
	ClientID string `yaml:"client_id"`
}

// SASL are the settings sasl.
type SASL struct {
	// Mechanism is plain, scram-sha-256 or scram-sha-512.
	Mechanism string `yaml:"mechanism"`

	// Username and Password are checked by the brokers. With plain they travel as they are: have TLS then.
	Username string           `yaml:"username"`
	Password signature.Secret `yaml:"password"`
}

// Type is Kafka, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("kafka", Options{}, check, open) }

func check(o *Options) []sender.Problem {
	list := append(broker.CheckFormat(o.Format), o.TLS.Check()...)
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	if len(o.Brokers) == 0 {
		problem("brokers", "is required: host:port of some brokers")
	}
	for _, address := range o.Brokers {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" || strings.Contains(address, "/") {
			problem("brokers", "want host:port each")
			break
		}
	}
	if _, wrong := broker.ParseName(o.Topic, ""); wrong != "" {
		problem("topic", wrong)
	}
	if o.Compression != "" && codec(o.Compression) == nil {
		problem("compression", "want none, gzip, snappy, lz4 or zstd")
	}
	switch {
	case o.SASL == SASL{}:
	case mechanism(o.SASL) == nil:
		problem("sasl.mechanism", "want plain, scram-sha-256 or scram-sha-512")
	case o.SASL.Username == "":
		problem("sasl.username", "is required")
	case o.SASL.Password == "":
		problem("sasl.password", "is required")
	}
	return list
}

func mechanism(s SASL) sasl.Mechanism {
	secret := scram.Auth{User: s.Username, Pass: string(s.Password)}
	switch s.Mechanism {
	case "plain":
		return plain.Auth{User: s.Username, Pass: string(s.Password)}.AsMechanism()
	case "scram-sha-256":
		return secret.AsSha256Mechanism()
	case "scram-sha-512":
		return secret.AsSha512Mechanism()
	}
	return nil
}

func codec(name string) []kgo.CompressionCodec {
	switch name {
	case "", "none":
		return []kgo.CompressionCodec{kgo.NoCompression()}
	case "gzip":
		return []kgo.CompressionCodec{kgo.GzipCompression()}
	case "snappy":
		return []kgo.CompressionCodec{kgo.SnappyCompression()}
	case "lz4":
		return []kgo.CompressionCodec{kgo.Lz4Compression()}
	case "zstd":
		return []kgo.CompressionCodec{kgo.ZstdCompression()}
	}
	return nil
}

// A destination is one topic, or several, of a cluster.
type destination struct {
	topic   broker.Name
	format  string
	clients *broker.Keeper[*client]
	// alone has clients that write each record by itself. A broker refuses a batch that is too large as a whole; only by itself
	// is it known which record was.
	alone *broker.Keeper[*client]
}

// A client keeps connections to brokers. It tries again by itself until the context of an attempt ends.
type client struct {
	*kgo.Client
	silent atomic.Bool // an attempt got no answer
}

func open(o *Options, c sender.Context) (*destination, error) {
	d := &destination{format: o.Format}
	d.topic, _ = broker.ParseName(o.Topic, "")
	// Made anew for each client, because clients write into them.
	d.clients = keeper(func() []kgo.Opt { return settings(o, c) }, c.Timeout)
	d.alone = keeper(func() []kgo.Opt { return append(settings(o, c), kgo.MaxBufferedRecords(1)) }, c.Timeout)
	return d, nil
}

// keeper replaces a client when an attempt got no answer: what it has still to write is given up then, and the next attempt learns why,
// because a new client has to reach a broker first.
func keeper(settings func() []kgo.Opt, timeout time.Duration) *broker.Keeper[*client] {
	return &broker.Keeper[*client]{
		Open: func(ctx context.Context) (*client, error) {
			c, err := kgo.NewClient(settings()...)
			if err != nil {
				return nil, err
			}
			if err := c.Ping(ctx); err != nil {
				c.Close()
				return nil, err
			}
			return &client{Client: c}, nil
		},
		Broken:  func(c *client) bool { return c.silent.Load() },
		Shut:    func(c *client) { c.Close() },
		Timeout: timeout,
	}
}

func settings(o *Options, c sender.Context) []kgo.Opt {
	id := o.ClientID
	if id == "" {
		id = "holdfast"
	}
	list := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID(id),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(codec(o.Compression)...),
		kgo.ProduceRequestTimeout(c.Timeout),
		kgo.DialTimeout(min(c.Timeout, 10*time.Second)),
		kgo.UnknownTopicRetries(1),
		// What an attempt has given up must not be written much later. The price is a record that is written twice: by an
		// attempt without an answer and by the next.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.DisableClientMetrics(),
	}
	if name, version, ok := strings.Cut(c.Agent, "/"); ok {
		list = append(list, kgo.SoftwareNameAndVersion(name, version))
	}
	if o.TLS.On() {
		list = append(list, kgo.DialTLSConfig(o.TLS.Config()))
	}
	if m := mechanism(o.SASL); m != nil {
		list = append(list, kgo.SASL(m))
	}
	return list
}

// Close gives up the connections.
func (d *destination) Close() {
	d.clients.Close()
	d.alone.Close()
}

// Send makes one attempt.
func (d *destination) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	clock := verdict.Start(ctx)
	content, refusal := broker.Write(m.CloudEvent, d.format)
	if refusal != nil {
		return refusal
	}
	err := produce(ctx, d.clients, d.record(m, content))
	if tooLarge(err) {
		err = produce(ctx, d.alone, d.record(m, content))
	}
	if err == nil {
		return nil
	}
	if v := clock.Ended(ctx, nil); v != nil {
		return v
	}
	return failed(err)
}

// record is an event as it is written.
func (d *destination) record(m sender.Message, c broker.Content) *kgo.Record {
	r := &kgo.Record{Topic: d.topic.Of(m.Event), Value: c.Body, Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(c.Type)}}}
	for _, a := range c.Attributes {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_" + a.Name, Value: []byte(a.Value)})
	}
	for _, key := range []string{m.Event.Account, m.Event.Phone.ID, m.Event.Phone.Number} {
		if key != "" {
			r.Key = []byte(key)
			break
		}
	}
	return r
}

// produce writes a record, and returns when it is written, or known not to be, or when the context ends.
func produce(ctx context.Context, k *broker.Keeper[*client], r *kgo.Record) error {
	c, done, err := k.Use(ctx)
	if err != nil {
		return err
	}
	defer done()
	answer := make(chan error, 1)
	c.Produce(ctx, r, func(_ *kgo.Record, err error) { answer <- err })
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.silent.Store(true)
	}
	return err
}
