// Package email tells people by e-mail.
package email

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/trust"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/notify/wording"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// The values of the setting tls.mode.
const (
	STARTTLS = "starttls" // begins in the clear, and goes on only with TLS
	Implicit = "implicit" // TLS from the first byte on, as usual on port 465
	None     = "none"     // in the clear
)

// Options are the settings of a destination of type email. Mail servers count what they are sent, so a rate such as 30/m is
// recommended; and a mailbox that is told of every message is read by nobody.
type Options struct {
	// Host is the mail server (SMTP submission). Required.
	Host string `yaml:"host"`

	// Port of the server. Default 587; 465 is usual with tls: {mode: implicit}.
	Port int `yaml:"port"`

	// TLS says when to encrypt, and whom to trust.
	TLS TLS `yaml:"tls"`

	// Username and Password are for a server that wants them. Default: none.
	Username string           `yaml:"username"`
	Password signature.Secret `yaml:"password"`

	// From is the sender: an address, or one with a name: Holdfast <holdfast@example.com>. Required.
	From string `yaml:"from"`

	// To are the recipients, each in the same form; all of them see each other. At least one, at most 50.
	To []string `yaml:"to"`
}

// TLS are the settings tls.
type TLS struct {
	// Mode is starttls (the default), implicit, or none, which is for a relay on the same machine or network: it takes no
	// username.
	Mode string `yaml:"mode"`

	trust.TLS
}

const maxRecipients = 50

// Type is e-mail, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type {
	return sender.TypeOf("email", Options{Port: 587, TLS: TLS{Mode: STARTTLS}}, check, open)
}

func check(o *Options) []sender.Problem {
	var list []sender.Problem
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	if o.Host == "" {
		problem("host", "is required: the mail server")
	} else if strings.ContainsAny(o.Host, "/:@ \t\r\n") && net.ParseIP(o.Host) == nil {
		problem("host", "want the name or the address of a server only")
	}
	if o.Port < 1 || o.Port > 65535 {
		problem("port", "want 1 to 65535")
	}
	switch o.TLS.Mode {
	case STARTTLS, Implicit:
	case None:
		if o.Username != "" {
			problem("username", "wants tls.mode starttls or implicit: a password is not sent in the clear")
		}
	default:
		problem("tls.mode", "want starttls, implicit or none")
	}
	list = append(list, o.TLS.Check()...)
	if (o.Username == "") != (o.Password == "") {
		problem("password", "want username and password, or neither")
	}
	if o.From == "" {
		problem("from", "is required: the sender's address")
	} else if _, err := mail.ParseAddress(o.From); err != nil {
		problem("from", "want an address, such as holdfast@example.com")
	}
	if len(o.To) == 0 || len(o.To) > maxRecipients {
		problem("to", "want 1 to "+strconv.Itoa(maxRecipients)+" addresses")
	}
	for i, to := range o.To {
		if _, err := mail.ParseAddress(to); err != nil {
			problem("to["+strconv.Itoa(i)+"]", "want an address, such as ops@example.com")
		}
	}
	return list
}

type mailbox struct {
	options *Options
	agent   string
	domain  string // of our ids
	from    *mail.Address
	to      []*mail.Address
	tls     *tls.Config
}

func open(o *Options, c sender.Context) (*mailbox, error) {
	b := &mailbox{options: o, agent: c.Agent, tls: o.TLS.Config()}
	b.tls.ServerName = cmp.Or(b.tls.ServerName, o.Host)
	var err error
	if b.from, err = mail.ParseAddress(o.From); err != nil {
		return nil, errors.New("from cannot be read")
	}
	for _, text := range o.To {
		to, err := mail.ParseAddress(text)
		if err != nil {
			return nil, errors.New("to cannot be read")
		}
		b.to = append(b.to, to)
	}
	b.domain = b.from.Address[strings.LastIndexByte(b.from.Address, '@')+1:]
	return b, nil
}

// Close has nothing to do: each attempt has its own connection, because mail servers close those that are idle.
func (b *mailbox) Close() {}

// Send makes one attempt. The message has the same id at each, so mail programs show those that come twice as one.
func (b *mailbox) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	letter, err := b.letter(m)
	if err != nil { // it quotes what it cannot write
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "message cannot be written"}
	}
	clock := verdict.Start(ctx)
	if err := b.deliver(ctx, letter); err != nil && !letter.IsDelivered() {
		return meaning(ctx, err, clock)
	}
	return nil
}

// letter writes a message. The library encodes what is not plain ASCII, and no header has more than one line: a note has none.
func (b *mailbox) letter(m sender.Message) (*gomail.Msg, error) {
	note := wording.Of(m)
	var html bytes.Buffer
	if err := page.Execute(&html, note); err != nil {
		return nil, err
	}
	letter := gomail.NewMsg()
	letter.FromMailAddress(b.from)
	letter.ToMailAddress(b.to...)
	letter.Subject(note.Title)
	letter.SetMessageIDWithValue(token(note.Event) + "@" + b.domain)
	letter.SetDateWithValue(m.At.UTC())
	letter.SetUserAgent(b.agent)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody answers that he is on holiday
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	if note.Severity == webhook.Critical {
		letter.SetImportance(gomail.ImportanceHigh)
	}
	letter.SetBodyString(gomail.TypeTextPlain, note.Plain())
	letter.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return letter, nil
}

// token makes a part of a message id of an event's id.
func token(id string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if webhook.ValidID(string(r)) && r != ':' {
			return r
		}
		return '-'
	}, id), "event")
}
