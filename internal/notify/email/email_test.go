package email

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/servicetest"
	"holdfast/internal/notify/trust"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const password = "pass word"

func options(s *server) *Options {
	return &Options{
		Host: "127.0.0.1", Port: s.port, TLS: TLS{STARTTLS, trust.TLS{CA: signature.Secret(s.ca)}}, Username: "ops", Password: password,
		From: "Holdfast <holdfast@example.com>", To: []string{"ops@example.com", "Zoë <zoe@example.com>"},
	}
}

// parts reads the parts of a message by their media types.
func parts(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s: %v", kind, err)
	}
	out := make(map[string]string)
	for reader := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if encoding := part.Header.Get("Content-Transfer-Encoding"); encoding != "quoted-printable" {
			t.Fatalf("encoding %s", encoding)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// TestMessages compares messages with testdata: a header, then both of their parts.
func TestMessages(t *testing.T) {
	for name, m := range map[string]sender.Message{
		"banned": servicetest.Banned(), "hostile": servicetest.Hostile(), "stopped": servicetest.Stopped(), "test": servicetest.Test(),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil)
			if v := servicetest.Open(t, Type(), options(s)).Send(t.Context(), m); v != nil {
				t.Fatal(v)
			}
			mails, said := s.got()
			if want := []string{"EHLO", "STARTTLS", "(EHLO)", "(AUTH)", "(MAIL)", "(RCPT)", "(RCPT)", "(DATA)", "(QUIT)"}; !slices.Equal(said, want) {
				t.Errorf("said %v, want %v", said, want)
			}
			if len(mails) != 1 || !strings.Contains(mails[0].from, "<holdfast@example.com>") || len(mails[0].to) != 2 {
				t.Fatalf("got %v", mails)
			}
			parsed, err := mail.ReadMessage(bytes.NewReader(mails[0].data))
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			decoder := new(mime.WordDecoder)
			for _, header := range []string{"Subject", "From", "To", "Date", "Message-Id", "Auto-Submitted", "X-Auto-Response-Suppress", "Importance", "User-Agent"} {
				if values := parsed.Header[header]; len(values) > 0 {
					text, err := decoder.DecodeHeader(strings.Join(values, " | "))
					if err != nil {
						t.Error(err)
					}
					got.WriteString(header + ": " + text + "\n")
				}
			}
			if len(parsed.Header["Bcc"]) > 0 {
				t.Error("a header was injected")
			}
			both := parts(t, parsed)
			got.WriteString("\n" + both["text/plain"] + "\n" + both["text/html"])
			servicetest.GoldenText(t, name+".txt", []byte(got.String()))
		})
	}
}

// TestSameID tells twice: the message has the same id, so that it is shown once.
func TestSameID(t *testing.T) {
	s := serve(t, nil)
	b := servicetest.Open(t, Type(), options(s))
	for range 2 {
		if v := b.Send(t.Context(), servicetest.Banned()); v != nil {
			t.Fatal(v)
		}
	}
	var ids []string
	mails, _ := s.got()
	for _, one := range mails {
		m, err := mail.ReadMessage(bytes.NewReader(one.data))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.Header.Get("Message-Id"))
	}
	if len(ids) != 2 || ids[0] != ids[1] || ids[0] != "<evt_0f1e2d3c4b5a6978@example.com>" {
		t.Errorf("got %q", ids)
	}
}

// TestWays sends in each way that a server may want it.
func TestWays(t *testing.T) {
	for name, c := range map[string]struct {
		server  func(*server)
		options func(*Options)
		want    []string
	}{
		"implicit": {func(s *server) { s.implicit = true }, func(o *Options) { o.TLS.Mode = Implicit }, []string{"(EHLO)", "(AUTH)"}},
		"login":    {func(s *server) { s.auth = "XOAUTH2 LOGIN" }, nil, []string{"EHLO", "STARTTLS", "(EHLO)", "(AUTH)"}},
		"relay":    {func(s *server) { s.plain = true }, func(o *Options) { o.TLS.Mode, o.Username, o.Password = None, "", "" }, []string{"EHLO", "MAIL"}},
		"nobody":   {func(s *server) { s.auth = "" }, func(o *Options) { o.Username, o.Password = "", "" }, []string{"EHLO", "STARTTLS", "(EHLO)", "(MAIL)"}},
		"rude":     {func(s *server) { s.replies = map[string]string{"QUIT": "500 no"} }, nil, nil},
		"gone":     {func(s *server) { s.replies = map[string]string{"QUIT": ""} }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.server)
			o := options(s)
			if c.options != nil {
				c.options(o)
			}
			if v := servicetest.Open(t, Type(), o).Send(t.Context(), servicetest.Banned()); v != nil {
				t.Fatalf("%+v", v)
			}
			mails, said := s.got()
			if len(mails) != 1 || !slices.Equal(said[:len(c.want)], c.want) {
				t.Errorf("%d messages, said %v", len(mails), said)
			}
		})
	}
}

// TestVerdicts has servers refuse in every phase.
func TestVerdicts(t *testing.T) {
	reply := func(command, text string) func(*server) {
		return func(s *server) { s.replies = map[string]string{command: text} }
	}
	for name, c := range map[string]struct {
		server  func(*server)
		options func(*Options)
		want    webhook.Kind
		advice  bool
	}{
		"busy":            {reply("connect", "421 busy"), nil, webhook.Retry, false},
		"unwelcome":       {reply("connect", "554 no"), nil, webhook.Trouble, true},
		"no TLS":          {func(s *server) { s.plain = true }, nil, webhook.Trouble, true},
		"TLS not now":     {reply("STARTTLS", "454 not now"), nil, webhook.Retry, false},
		"unknown CA":      {nil, func(o *Options) { o.TLS.CA = "" }, webhook.Trouble, true},
		"TLS expected":    {nil, func(o *Options) { o.TLS.Mode = Implicit }, webhook.Trouble, true},
		"wrong password":  {nil, func(o *Options) { o.Password = "wrong" }, webhook.Trouble, true},
		"login not now":   {reply("AUTH", "454 4.7.0 later"), nil, webhook.Retry, false},
		"no way to login": {func(s *server) { s.auth = "XOAUTH2" }, nil, webhook.Trouble, true},
		"login needed":    {reply("MAIL", "530 5.7.0 authenticate first"), nil, webhook.Trouble, true},
		"sender":          {reply("MAIL", "550 5.7.1 no"), nil, webhook.Trouble, true},
		"sender not now":  {reply("MAIL", "451 4.3.0 later"), nil, webhook.Retry, false},
		"recipient":       {reply("RCPT", "550 5.1.1 nobody zoe@example.com"), nil, webhook.Trouble, true},
		"greylisted":      {reply("RCPT", "450 4.2.0 later"), nil, webhook.Retry, false},
		"data":            {reply("DATA", "554 5.0.0 no"), nil, webhook.Refused, false},
		"content":         {reply(".", "554 5.7.1 spam"), nil, webhook.Refused, false},
		"full":            {reply(".", "452 4.2.2 full"), nil, webhook.Retry, false},
		"cut":             {reply("MAIL", ""), nil, webhook.Retry, false},
		"cut at the end":  {reply(".", ""), nil, webhook.Retry, false},
		"nobody there":    {nil, func(o *Options) { o.Port = 1 }, webhook.Retry, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.server)
			o := options(s)
			if c.options != nil {
				c.options(o)
			}
			v := servicetest.Open(t, Type(), o).Send(t.Context(), servicetest.Banned())
			if v == nil || v.Kind != c.want || (v.Advice != "") != c.advice {
				t.Fatalf("got %+v", v)
			}
			for _, secret := range []string{"127.0.0.1", "example.com", "wrong", password, "nobody"} {
				if strings.Contains(v.Reason+v.Advice, secret) {
					t.Errorf("says %q: %+v", secret, v)
				}
			}
			if mails, _ := s.got(); len(mails) > 0 && c.want != webhook.Retry {
				t.Error("it was sent")
			}
		})
	}
}

// A server that does not stop talking is not listened to for ever.
func TestTalkativeServer(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		s := serve(t, func(s *server) {
			s.implicit = implicit
			s.replies = map[string]string{"connect": "220 " + strings.Repeat("welcome ", 300_000)}
		})
		o := options(s)
		if implicit {
			o.TLS.Mode = Implicit
		}
		b, err := open(o, sender.Context{Agent: "holdfast/1.2.3"})
		if err != nil {
			t.Fatal(err)
		}
		v := b.Send(t.Context(), servicetest.Banned())
		if v == nil || v.Kind != webhook.Retry {
			t.Errorf("implicit %t: %+v", implicit, v)
		}
	}
}

// TestContext has servers say nothing more, in each phase: an attempt ends with its context.
func TestContext(t *testing.T) {
	for _, command := range []string{"connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		s := serve(t, func(s *server) { s.replies = map[string]string{command: hang} })
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		begun := time.Now()
		v := servicetest.Open(t, Type(), options(s)).Send(ctx, servicetest.Banned())
		cancel()
		if v == nil || v.Kind != webhook.Retry || !strings.HasPrefix(v.Reason, "time-out after ") {
			t.Errorf("%s: got %+v", command, v)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: took %v", command, took)
		}
	}
}

func TestCheck(t *testing.T) {
	fine := func() *Options {
		o := Type().Options().(*Options)
		o.Host, o.From, o.To = "mail.example.com", "holdfast@example.com", []string{"ops@example.com"}
		return o
	}
	for name, c := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"fine":    {func(*Options) {}, nil},
		"ipv6":    {func(o *Options) { o.Host = "::1" }, nil},
		"nothing": {func(o *Options) { *o = Options{} }, []string{"host", "port", "tls.mode", "from", "to"}},
		"injection": {func(o *Options) {
			o.From, o.To = "a@example.com\r\nBcc: b@example.com", []string{"a@example.com>\r\nRCPT TO:<b@example.com"}
		}, []string{"from", "to[0]"}},
		"clear": {func(o *Options) { o.TLS.Mode, o.Username, o.Password = None, "ops", password }, []string{"username"}},
		"half":  {func(o *Options) { o.Username = "ops" }, []string{"password"}},
		"ca":    {func(o *Options) { o.TLS.CA = "x" }, []string{"tls.ca"}},
		"url":   {func(o *Options) { o.Host = "smtp://mail.example.com" }, []string{"host"}},
		"many":  {func(o *Options) { o.To = slices.Repeat(o.To, 51) }, []string{"to"}},
	} {
		o := fine()
		c.change(o)
		var got []string
		for _, p := range Type().Check(o) {
			got = append(got, p.Setting)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
