package diagnosis_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/diagnosis"
	"holdfast/internal/provider"
	"holdfast/internal/provider/whizard"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// A newcomer is a provider of which the package knows nothing but what its contract says.
type newcomer struct{ prove }

// prove is how a newcomer proves its webhooks; the rest of the contract does not matter here.
type prove interface {
	Evidence(h http.Header) (webhook.Evidence, error)
	Verify(ev webhook.Evidence, body []byte, received time.Time) error
	Sign(body []byte, at time.Time) http.Header
}

func (newcomer) Peek([]byte) webhook.Peek                    { return webhook.Peek{} }
func (newcomer) Normalize([]byte, time.Time) []webhook.Event { return nil }
func (newcomer) Answer() (contentType, body string)          { return "text/plain", "" }

// A couple sends a name and a password, and one of several may do so.
type couple struct {
	User     signature.Secret `yaml:"user"`
	Password signature.Secret `yaml:"password"`
}

type couples struct {
	Pairs []couple `yaml:"pairs"`
}

func (c couples) Evidence(h http.Header) (webhook.Evidence, error) {
	user, password := h.Values("X-User"), h.Values("Authorization")
	if len(user) == 0 || len(password) == 0 {
		return webhook.Evidence{}, webhook.MissingEvidence
	}
	for i, pair := range c.Pairs {
		if user[0] == string(pair.User) && password[0] == string(pair.Password) {
			return webhook.Evidence{Credential: strconv.Itoa(i)}, nil
		}
	}
	return webhook.Evidence{}, webhook.UnknownCredential
}

func (c couples) Verify(ev webhook.Evidence, _ []byte, _ time.Time) error {
	if ev.Credential == "" {
		return webhook.MissingEvidence
	}
	return nil
}

func (c couples) Sign([]byte, time.Time) http.Header {
	return headers("X-User", string(c.Pairs[0].User), "Authorization", string(c.Pairs[0].Password))
}

// A stamp signs a time and the body, in base64.
type stamp struct {
	Key signature.Secret `yaml:"key"`
}

func (s stamp) Sign(body []byte, at time.Time) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha512.New, []byte(s.Key))
	mac.Write([]byte(ts + "." + string(body)))
	return headers("X-Time", ts, "X-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func (s stamp) Evidence(h http.Header) (webhook.Evidence, error) {
	if h.Get("X-Time") == "" || h.Get("X-Signature") == "" {
		return webhook.Evidence{}, webhook.MissingEvidence
	}
	return webhook.Evidence{Headers: map[string]string{"t": h.Get("X-Time"), "s": h.Get("X-Signature")}}, nil
}

func (s stamp) Verify(ev webhook.Evidence, body []byte, received time.Time) error {
	seconds, _ := strconv.ParseInt(ev.Headers["t"], 10, 64)
	switch at := time.Unix(seconds, 0); {
	case s.Sign(body, at).Get("X-Signature") != ev.Headers["s"]:
		return webhook.SignatureMismatch
	case received.Sub(at).Abs() > time.Minute:
		return webhook.TimestampOutOfSkew
	}
	return nil
}

// A letter has the time and the signature in one header.
type letter struct {
	Key signature.Secret `yaml:"key"`
}

func (l letter) Sign(body []byte, at time.Time) http.Header {
	ts := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha512.New, []byte(l.Key))
	mac.Write([]byte(ts + "." + string(body)))
	return headers("X-Signature", "t="+ts+",s="+hex.EncodeToString(mac.Sum(nil)))
}

func (l letter) Evidence(h http.Header) (webhook.Evidence, error) {
	if h.Get("X-Signature") == "" {
		return webhook.Evidence{}, webhook.MissingEvidence
	}
	return webhook.Evidence{Headers: map[string]string{"s": h.Get("X-Signature")}}, nil
}

func (l letter) Verify(ev webhook.Evidence, body []byte, _ time.Time) error {
	ts, _, _ := strings.Cut(strings.TrimPrefix(ev.Headers["s"], "t="), ",")
	seconds, _ := strconv.ParseInt(ts, 10, 64)
	if l.Sign(body, time.Unix(seconds, 0)).Get("X-Signature") != ev.Headers["s"] {
		return webhook.SignatureMismatch
	}
	return nil
}

func TestNewcomerWithOneHeaderOfTwo(t *testing.T) {
	signed := letter{"other"}.Sign([]byte(minimal), time.Unix(1790000000, 0))
	tt := test{name: "wrong", header: signed, says: []string{"ok X-Signature: t=1790000000,s="}}
	report, text := ask(t, diagnosis.Question{Dialect: dialectOf[letter]("letter"), Options: &letter{"the-key"}, Header: tt.header, Body: []byte(minimal)})
	tt.check(t, report, text)
	if _, whole, _ := strings.Cut(signed.Get("X-Signature"), "s="); strings.Contains(text, "comma") || strings.Contains(text, whole) {
		t.Errorf("the header is taken for two, or shown whole:\n%s", text)
	}
}

func dialectOf[O prove](name string) provider.Dialect {
	return provider.Dialect{
		Name:    name,
		Options: func() any { return new(O) },
		New:     func(options any, _ bool) (provider.Provider, error) { return newcomer{*options.(*O)}, nil },
	}
}

func TestNewcomerWithFixedHeaders(t *testing.T) {
	options := &couples{[]couple{{"the-first-user", "Basic Zmlyc3Q6cGFzcw=="}, {"the-second-user", "Bearer second-password"}}}
	for _, tt := range []test{
		{name: "missing", header: headers("X-User", "the-first-user"), says: []string{"no Authorization is missing", "X-User is there (a credential, not shown)"}},
		{name: "wrong", header: headers("X-User", "the-first-user", "Authorization", "Basic d3Jvbmc6d3Jvbmc="), says: []string{"no Authorization is none that is configured", "ok X-User is there"}},
		{name: "space", header: headers("X-User", "the-first-user ", "Authorization", "Basic Zmlyc3Q6cGFzcw=="), says: []string{"no X-User differs from a configured one in space or quotes around it only"}},
		{name: "case", header: headers("X-User", "The-First-User", "Authorization", "Basic Zmlyc3Q6cGFzcw=="), says: []string{"no X-User differs from a configured one in upper and lower case only"}},
		{name: "scheme", header: headers("X-User", "the-first-user", "Authorization", "Zmlyc3Q6cGFzcw=="), says: []string{"no Authorization differs from a configured one in the word before it"}},
		{name: "not encoded", header: headers("X-User", "the-first-user", "Authorization", "Basic first:pass"), says: []string{"no Authorization differs from a configured one in being base64 or not"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, text := ask(t, diagnosis.Question{Dialect: dialectOf[couples]("couples"), Options: options, Header: tt.header, Body: []byte(minimal)})
			tt.check(t, report, text)
			for _, hidden := range []string{"first-user", "second-user", "Zmlyc3Q6", "d3Jvbmc6", "first:pass", "second-password"} {
				if strings.Contains(strings.ToLower(text), strings.ToLower(hidden)) {
					t.Errorf("shows %s:\n%s", hidden, text)
				}
			}
		})
	}
	report, text := ask(t, diagnosis.Question{Dialect: dialectOf[couples]("couples"), Options: options, Header: headers("X-User", "the-second-user", "Authorization", "Bearer second-password")})
	if !report.Verifies || !strings.Contains(text, "for the credential 1") || !strings.Contains(text, "fixed headers") || strings.Contains(text, "second-") {
		t.Error(text)
	}
}

// Of several sets of headers the one is explained that the request comes nearest to.
func TestWhizard(t *testing.T) {
	options := &whizard.Options{Phone: "15550001111", Credentials: []signature.HeaderSet{
		{Name: "new", Headers: map[string]signature.Secret{"X-Token": "the-new-token", "X-Shop": "the-shop"}},
		{Name: "old", Headers: map[string]signature.Secret{"Authorization": "Basic the-old-one"}},
	}}
	for _, tt := range []test{
		{name: "nothing", says: []string{"no X-Shop is missing", "no X-Token is missing", "missing_evidence"}},
		{name: "one missing", header: headers("X-Token", "the-new-token"), says: []string{"no X-Shop is missing", "ok X-Token is there"}},
		{name: "the old one wrong", header: headers("Authorization", "Basic The-Old-One"), says: []string{"no Authorization differs from a configured one in upper and lower case only", "unknown_credential"}},
		{name: "swapped", header: headers("X-Token", "the-shop", "X-Shop", "the-new-token"), says: []string{"no X-Shop is none that is configured", "no X-Token is none that is configured"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "whizard"), Options: options, Header: tt.header, Body: []byte(minimal)})
			tt.check(t, report, text)
			for _, hidden := range []string{"the-new-token", "the-shop", "the-old-one"} {
				if strings.Contains(strings.ToLower(text), hidden) {
					t.Errorf("shows %s:\n%s", hidden, text)
				}
			}
		})
	}
	options.AppSecrets = []signature.Secret{secret}
	sent := headers("Authorization", "Basic the-old-one")
	report, text := ask(t, diagnosis.Question{Dialect: dialect(t, "whizard"), Options: options, Header: sent, Body: []byte(minimal)})
	if !report.Verifies || !strings.Contains(text, "for the credential old") || strings.Contains(text, "no  ") {
		t.Error(text)
	}
	// A signature is verified where it is sent.
	sent.Set("X-Hub-Signature-256", "sha256="+ofMini)
	report, text = ask(t, diagnosis.Question{Dialect: dialect(t, "whizard"), Options: options, Header: sent, Body: []byte(minimal)})
	if !report.Verifies || !strings.Contains(text, "ok  app_secrets[0] made the signature") || strings.Contains(text, "credentials[") {
		t.Error(text)
	}
	report, text = ask(t, diagnosis.Question{Dialect: dialect(t, "whizard"), Options: options, Header: sent, Body: []byte(minimal + "\n")})
	test{finding: "over the body without the line end at its end"}.check(t, report, text)
}

func TestNewcomerWithSignedTime(t *testing.T) {
	sent := stamp{"the-newcomers-key"}.Sign([]byte(minimal), arrival)
	for _, tt := range []struct {
		test
		key signature.Secret
		at  time.Time
	}{
		{test: test{name: "body and time", header: sent, body: minimal + "\n", finding: "over the body without the line end at its end, and had it arrived at the time that X-Time names"}, at: arrival.Add(time.Hour)},
		{test: test{name: "secret and time", header: sent, body: minimal, secret: "the-newcomers-key", finding: "with the secret that you gave, and had it arrived at the time that X-Time names"}, key: "another-key", at: arrival.Add(-time.Hour)},
		{test: test{name: "key in quotes", header: sent, body: minimal, finding: "with key without the quotes around it"}, key: `"the-newcomers-key"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key == "" {
				tt.key = "the-newcomers-key"
			}
			report, text := ask(t, diagnosis.Question{Dialect: dialectOf[stamp]("stamp"), Options: &stamp{tt.key}, Candidate: tt.secret, Header: tt.header, Body: []byte(tt.body), Received: tt.at})
			tt.check(t, report, text)
			if strings.Contains(text, "the-newcomers-key") {
				t.Errorf("shows the key:\n%s", text)
			}
		})
	}
}
