package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"holdfast/internal/notify/service"
	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// farewell is how long a server may take to say goodbye: what matters has been said.
const farewell = time.Second

// deliver makes one connection for one message. It ends with the context.
func (b *mailbox) deliver(ctx context.Context, letter *gomail.Msg) error {
	connection, err := b.dial(ctx)
	if err != nil {
		return &failure{connecting, err}
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })() // the library knows no context
	client, err := b.greet(connection)
	if err != nil {
		return &failure{connecting, err}
	}
	if b.options.Username != "" {
		if err := b.login(client); err != nil {
			return &failure{loggingIn, err}
		}
	}
	post, err := gomail.NewClient(b.options.Host, gomail.WithoutNoop(), gomail.WithoutRset())
	if err != nil {
		return err
	}
	if err := post.SendWithSMTPClient(client, letter); err != nil {
		return &failure{sending, err}
	}
	_ = client.UpdateDeadline(farewell)
	_ = client.Quit()
	return nil
}

func (b *mailbox) dial(ctx context.Context) (net.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(b.options.Host, strconv.Itoa(b.options.Port)))
	if err != nil {
		return nil, err
	}
	connection := &bounded{raw, mostSaid}
	if b.options.TLS.Mode != Implicit {
		return connection, nil
	}
	secure := tls.Client(connection, b.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secure, nil
}

// mostSaid is far more than a server says in one conversation, in bytes.
const mostSaid = 1 << 20

// A bounded connection ends when the server has said too much: whoever reads lines keeps one until it ends.
type bounded struct {
	net.Conn
	left int
}

var errTalkative = errors.New("server says too much")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalkative
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

var (
	errNoTLS  = errors.New("server offers no TLS")
	errNoAuth = errors.New("server offers no way to log in that we know")
)

// greet says hello, and begins TLS where it has not begun.
func (b *mailbox) greet(connection net.Conn) (*smtp.Client, error) {
	client, err := smtp.NewClient(connection, b.options.Host)
	if err != nil {
		return nil, err
	}
	if err := client.Hello(b.domain); err != nil {
		return nil, err
	}
	if b.options.TLS.Mode != STARTTLS {
		return client, nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return nil, errNoTLS
	}
	return client, client.StartTLS(b.tls)
}

// login takes the first way that the server offers; all of them are within TLS.
func (b *mailbox) login(client *smtp.Client) error {
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	user, password := b.options.Username, string(b.options.Password)
	switch {
	case slices.Contains(ways, "PLAIN"):
		return client.Auth(smtp.PlainAuth("", user, password, b.options.Host, false))
	case slices.Contains(ways, "LOGIN"):
		return client.Auth(smtp.LoginAuth(user, password, b.options.Host, false))
	case slices.Contains(ways, "SCRAM-SHA-256"):
		return client.Auth(smtp.ScramSHA256Auth(user, password))
	case slices.Contains(ways, "CRAM-MD5"):
		return client.Auth(smtp.CRAMMD5Auth(user, password))
	}
	return errNoAuth
}

// The phases of an attempt.
const (
	connecting = "hello"
	loggingIn  = "login"
	sending    = "message"
	fromPhase  = "sender"
	toPhase    = "recipient"
)

// A failure is what went wrong, and in which phase.
type failure struct {
	phase string
	err   error
}

func (f *failure) Error() string { return f.phase + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// code finds the status of SMTP that an error is about; 0 if it is about none. It says more of the phase, if the library does.
func (f *failure) code() int {
	var (
		sent   *gomail.SendError
		answer *textproto.Error
	)
	switch {
	case errors.As(f.err, &sent):
		switch sent.Reason {
		case gomail.ErrSMTPMailFrom:
			f.phase = fromPhase
		case gomail.ErrSMTPRcptTo:
			f.phase = toPhase
		default:
		}
		return sent.ErrorCode()
	case errors.As(f.err, &answer):
		return answer.Code
	}
	return 0
}

// meaning is what a failed attempt means. What the configuration is to blame for is so for every event: trouble. Only what the
// server says of the message itself is a refusal of it.
func meaning(ctx context.Context, err error, clock verdict.Clock) *webhook.Verdict {
	var f *failure
	if !errors.As(err, &f) {
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "message cannot be written"}
	}
	switch {
	case errors.Is(err, errNoTLS):
		return &webhook.Verdict{
			Kind: webhook.Trouble, Reason: errNoTLS.Error(),
			Advice: "Mend port and tls.mode: implicit is usual on port 465; none is for a relay of your own.",
		}
	case errors.Is(err, errNoAuth):
		return &webhook.Verdict{
			Kind: webhook.Trouble, Reason: errNoAuth.Error(),
			Advice: "Mend host and port, or take username and password out: this server wants none, or ways that we do not know.",
		}
	}
	code := f.code()
	if code == 0 || ctx.Err() != nil {
		return service.Failed(ctx, f.err, clock)
	}
	v := &webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("SMTP status %d: %s", code, f.phase)}
	switch {
	case code < 500:
		v.Kind = webhook.Retry
	case f.phase == loggingIn, code == 530, code == 535, code == 538:
		v.Advice = "The server does not accept our credentials: mend username and password."
	case f.phase == fromPhase:
		v.Advice = "The server does not take mail from this sender: mend from, or let the user send as it."
	case f.phase == toPhase:
		v.Advice = "The server does not know a recipient, or takes no mail for it from us: mend to."
	case f.phase == connecting:
		v.Advice = "The server does not want to speak with us: mend host and port, or ask whoever runs it."
	default:
		v.Kind = webhook.Refused
	}
	return v
}
