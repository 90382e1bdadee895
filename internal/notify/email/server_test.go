package email

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// A server is a mail server: SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH (RFC 4954), as far as senders use it.
type server struct {
	port int
	ca   string // PEM of the authority of its certificate

	tls      *tls.Config
	implicit bool
	plain    bool              // it offers no STARTTLS
	auth     string            // ways to log in that it offers
	replies  map[string]string // instead of what it would say to a command; "" closes the connection, hang says nothing
	released chan struct{}

	mu    sync.Mutex
	mails []mailed
	said  []string // commands, those after STARTTLS in brackets
}

// hang is a reply that does not come.
const hang = "hang"

// A mailed is a message with its envelope.
type mailed struct {
	from string
	to   []string
	data []byte
}

func serve(t *testing.T, change func(*server)) *server {
	t.Helper()
	s := &server{auth: "PLAIN LOGIN", released: make(chan struct{})}
	if change != nil {
		change(s)
	}
	s.tls, s.ca = certificate(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		close(s.released)
		connections.Wait()
	})
	s.port = listener.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer c.Close()
				s.converse(c)
			})
		}
	}()
	return s
}

// certificate makes one of 127.0.0.1, which is its own authority.
func certificate(t *testing.T) (config *tls.Config, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return config, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func (s *server) converse(c net.Conn) {
	secure := s.implicit
	if s.implicit {
		c = tls.Server(c, s.tls)
	}
	text := textproto.NewConn(c)
	var m mailed
	reply := func(command, usual string) bool {
		if other, ok := s.replies[command]; ok {
			usual = other
		}
		if usual == hang {
			<-s.released
		}
		return usual != "" && usual != hang && text.PrintfLine("%s", usual) == nil
	}
	if !reply("connect", "220 mail.example.com ESMTP") {
		return
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		s.note(verb, secure)
		var ok bool
		switch verb {
		case "EHLO":
			offers := "250-mail.example.com\r\n250-8BITMIME"
			if !secure && !s.plain {
				offers += "\r\n250-STARTTLS"
			}
			if s.auth != "" && (secure || s.plain) {
				offers += "\r\n250-AUTH " + s.auth
			}
			ok = reply(verb, offers+"\r\n250 ENHANCEDSTATUSCODES")
		case "STARTTLS":
			if ok = reply(verb, "220 go ahead"); ok && s.replies[verb] == "" {
				c, secure = tls.Server(c, s.tls), true
				text = textproto.NewConn(c)
			}
		case "AUTH":
			ok = reply(verb, s.login(text, rest))
		case "MAIL":
			m = mailed{from: rest}
			ok = reply(verb, "250 2.1.0 ok")
		case "RCPT":
			m.to = append(m.to, rest)
			ok = reply(verb, "250 2.1.5 ok")
		case "DATA":
			if ok = reply(verb, "354 go ahead"); !ok || s.replies[verb] != "" {
				break
			}
			if m.data, err = text.ReadDotBytes(); err != nil {
				return
			}
			if s.replies["."] == "" {
				s.mu.Lock()
				s.mails = append(s.mails, m)
				s.mu.Unlock()
			}
			ok = reply(".", "250 2.0.0 queued")
		case "QUIT":
			_ = reply(verb, "221 bye")
			return
		default:
			ok = reply(verb, "250 ok")
		}
		if !ok {
			return
		}
	}
}

// login knows one user: ops, with the password pass word.
func (s *server) login(text *textproto.Conn, how string) string {
	way, initial, _ := strings.Cut(how, " ")
	switch {
	case !strings.Contains(s.auth, way):
		return "504 5.5.4 no"
	case way == "PLAIN":
		got, err := base64.StdEncoding.DecodeString(initial)
		if err == nil && bytes.Equal(got, []byte("\x00ops\x00"+password)) {
			return "235 2.7.0 welcome"
		}
	case way == "LOGIN":
		var got []string
		for _, ask := range []string{"Username:", "Password:"} {
			if text.PrintfLine("334 %s", base64.StdEncoding.EncodeToString([]byte(ask))) != nil {
				return ""
			}
			line, err := text.ReadLine()
			if err != nil {
				return ""
			}
			plain, err := base64.StdEncoding.DecodeString(line)
			if err != nil {
				return "501 5.5.2 no"
			}
			got = append(got, string(plain))
		}
		if got[0] == "ops" && got[1] == password {
			return "235 2.7.0 welcome"
		}
	}
	return "535 5.7.8 no"
}

func (s *server) note(verb string, secure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secure {
		verb = "(" + verb + ")"
	}
	s.said = append(s.said, verb)
}

func (s *server) got() (mails []mailed, said []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails, s.said
}
