// Package nats tells destinations by publishing to NATS JetStream.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"holdfast/internal/notify/broker"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type nats.
//
// It has an event once a stream has stored it and said so. The stream must exist. The header Nats-Msg-Id is the event's id, so that within its
// duplicate window (2 minutes unless configured otherwise) a stream drops what is told again, whether after an attempt without an answer or
// by an operator; beyond that window readers know events by their id.
type Options struct {
	// Servers are some of the cluster's, nats://host:4222 or tls://host:4222; the others are found by them. Required. Without user
	// and password, which other programs show.
	Servers []string `yaml:"servers"`

	// Subject takes the events. A stream must listen to it. It may contain {type}, {family}, {source} and {account}; what an event
	// says is put in with underscores for all but letters, digits, hyphens and underscores. Default holdfast.{type}.
	Subject string `yaml:"subject"`

	// Stream is the stream that must take them, in case another listens to the subject as well. Default: any.
	Stream string `yaml:"stream"`

	// Format is structured (the default), where the message is a CloudEvent in JSON, or binary, where it is the CloudEvent's data
	// and the rest is in headers such as ce-type. The header content-type says which it is.
	Format string `yaml:"format"`

	// TLS says how to encrypt, and whom to trust. On as well if a server's address begins with tls://.
	TLS broker.TLS `yaml:"tls"`

	// Credentials is the text of a .creds file, such as ${file:/run/secrets/nats.creds}. Instead of it: NKey, a seed; Token; or
	// Username and Password. Default: nobody asks.
	Credentials signature.Secret `yaml:"credentials"`
	NKey        signature.Secret `yaml:"nkey"`
	Token       signature.Secret `yaml:"token"`
	Username    string           `yaml:"username"`
	Password    signature.Secret `yaml:"password"`
}

const defaultSubject = "holdfast.{type}"

// Type is NATS JetStream, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("nats", Options{Subject: defaultSubject}, check, open) }

func check(o *Options) []sender.Problem {
	list := append(broker.CheckFormat(o.Format), o.TLS.Check()...)
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	if len(o.Servers) == 0 {
		problem("servers", "is required: nats://host:4222")
	}
	for _, address := range o.Servers {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" {
			problem("servers", "want nats://host:4222 or tls://host:4222 each")
			break
		}
		if u.User != nil {
			problem("servers", "want addresses without user and password: other programs show them")
			break
		}
	}
	if _, wrong := broker.ParseName(o.Subject, ""); wrong != "" {
		problem("subject", wrong)
	}
	if strings.ContainsAny(o.Stream, " \t\r\n.*>/\\") {
		problem("stream", "want the name of a stream")
	}
	ways := 0
	for _, given := range []bool{o.Credentials != "", o.NKey != "", o.Token != "", o.Username != "" || o.Password != ""} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		problem("credentials", "want one of credentials, nkey, token, or username and password")
	}
	if (o.Username == "") != (o.Password == "") {
		problem("password", "want username and password, or neither")
	}
	if o.Credentials != "" {
		if _, err := nkeys.ParseDecoratedJWT([]byte(o.Credentials)); err != nil {
			problem("credentials", "want the text of a .creds file")
		} else if _, err := nkeys.ParseDecoratedUserNKey([]byte(o.Credentials)); err != nil {
			problem("credentials", "want the text of a .creds file")
		}
	}
	if o.NKey != "" {
		if _, err := seed(o.NKey); err != nil {
			problem("nkey", "want the seed of a user, which begins with SU")
		}
	}
	return list
}

func seed(s signature.Secret) (nats.Option, error) {
	pair, err := nkeys.FromSeed([]byte(s))
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, errors.New("no key of a user")
	}
	return nats.Nkey(public, pair.Sign), nil
}

// A destination is one subject, or several, of a cluster.
type destination struct {
	subject broker.Name
	stream  string
	format  string
	links   *broker.Keeper[*link]
}

func open(o *Options, c sender.Context) (*destination, error) {
	d := &destination{stream: o.Stream, format: o.Format}
	d.subject, _ = broker.ParseName(o.Subject, "")
	d.links = &broker.Keeper[*link]{
		Open:    func(context.Context) (*link, error) { return connect(o, c) },
		Broken:  func(l *link) bool { return l.conn.IsClosed() || l.deaf.Load() },
		Shut:    func(l *link) { l.conn.Close() },
		Timeout: c.Timeout,
	}
	return d, nil
}

// connect makes the first connection; the library replaces it when it is lost.
func connect(o *Options, c sender.Context) (*link, error) {
	l := &link{waiting: make(map[*attempt]bool)}
	options := []nats.Option{
		nats.Name(c.Agent),
		nats.Timeout(min(c.Timeout, 5*time.Second)), // of each server
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectBufSize(-1), // what an attempt has given up must not be sent when the connection is back
		nats.PingInterval(10 * time.Second),
		nats.FlusherTimeout(10 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.denied(err) }),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { l.end(errLost, "") }),
	}
	secure := o.TLS.On()
	for _, address := range o.Servers {
		secure = secure || strings.HasPrefix(address, "tls:")
	}
	if secure {
		options = append(options, nats.Secure(o.TLS.Config()))
	}
	switch {
	case o.Credentials != "":
		options = append(options, nats.UserCredentialBytes([]byte(o.Credentials)))
	case o.NKey != "":
		key, err := seed(o.NKey)
		if err != nil {
			return nil, errors.New("nkey cannot be read")
		}
		options = append(options, key)
	case o.Token != "":
		options = append(options, nats.Token(string(o.Token)))
	case o.Username != "":
		options = append(options, nats.UserInfo(o.Username, string(o.Password)))
	}
	var err error
	if l.conn, err = nats.Connect(strings.Join(o.Servers, ","), options...); err != nil {
		return nil, err
	}
	if l.stream, err = jetstream.New(l.conn); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return l, nil
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
		defer done()
		err = l.publish(ctx, d.message(m, content))
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
func (d *destination) message(m sender.Message, c broker.Content) *nats.Msg {
	out := &nats.Msg{Subject: d.subject.Of(m.Event), Data: c.Body, Header: nats.Header{
		jetstream.MsgIDHeader: {escape(m.Event.ID)},
		"content-type":        {c.Type},
	}}
	if d.stream != "" {
		out.Header[jetstream.ExpectedStreamHeader] = []string{d.stream}
	}
	for _, a := range c.Attributes {
		out.Header["ce-"+a.Name] = []string{escape(a.Value)}
	}
	return out
}

// escape writes a header's value as CloudEvents prescribe for headers: what is not printable in ASCII, spaces, quotes and
// percent signs become percent and two hex digits a byte.
func escape(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
