package dialog360_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/dialog360"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

var received = time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC)

func TestNew(t *testing.T) {
	sets := []signature.HeaderSet{{Name: "a", Headers: map[string]signature.Secret{"Authorization": "hidden"}}}
	tests := []struct {
		name     string
		options  dialog360.Options
		insecure bool
		want     string
	}{
		{"secret", dialog360.Options{PlatformSecrets: []signature.Secret{"hidden"}}, false, ""},
		{"credential", dialog360.Options{Credentials: sets}, false, ""},
		{"neither", dialog360.Options{}, false, "platform_secrets and credentials are empty"},
		{"neither, insecure", dialog360.Options{}, true, ""},
		{"empty secret", dialog360.Options{PlatformSecrets: []signature.Secret{"hidden", ""}}, true, "platform_secrets[1] is empty"},
		{"a set twice", dialog360.Options{Credentials: append(sets, sets...)}, true, "credentials[1].name"},
		{"no word", dialog360.Options{Credentials: sets, OptOut: optout.Options{Stop: []string{"!"}}}, false, "opt_out.stop[0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := dialog360.New(test.options, test.insecure)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// No page says how the signature is written.
func TestEncodings(t *testing.T) {
	const body = `{"id":"1","event":"channel_created","data":{}}`
	h := hmac.New(sha256.New, []byte("secret"))
	h.Write([]byte(body))
	sum := h.Sum(nil)
	p := known(t, "secret")
	for _, written := range []string{hex.EncodeToString(sum), strings.ToUpper(hex.EncodeToString(sum)), base64.StdEncoding.EncodeToString(sum)} {
		for _, prefix := range []string{"", "sha256="} {
			headers := http.Header{}
			headers.Set("x-360dialog-signature", prefix+written)
			ev, err := p.Evidence(headers)
			if err != nil {
				t.Fatalf("%s: %v", prefix+written, err)
			}
			if err := p.Verify(ev, []byte(body), received); err != nil {
				t.Errorf("%s: %v", prefix+written, err)
			}
			if err := p.Verify(ev, []byte(body+" "), received); !errors.Is(err, webhook.SignatureMismatch) {
				t.Errorf("%s over another body: %v", prefix+written, err)
			}
		}
	}
}

// What is configured must be shown, all of it: neither stands in for the other.
func TestBoth(t *testing.T) {
	body := []byte(`{}`)
	both := made(t, dialog360.Options{
		PlatformSecrets: []signature.Secret{"secret"},
		Credentials:     []signature.HeaderSet{{Name: "set-t", Headers: map[string]signature.Secret{"Authorization": "secret"}}},
	})
	for _, test := range []struct {
		name    string
		headers http.Header
		want    error
	}{
		{"both", both.Sign(body, received), nil},
		{"signature only", known(t, "secret").Sign(body, received), webhook.MissingEvidence},
		{"headers only", unsigned(t, "secret").Sign(body, received), webhook.MissingEvidence},
		{"nothing", http.Header{}, webhook.MissingEvidence},
	} {
		ev, err := both.Evidence(test.headers)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err == nil && both.Verify(ev, body, received) != nil {
			t.Errorf("%s: refused later", test.name)
		}
	}
	for name, kept := range map[string]webhook.Evidence{"headers": {Credential: "set-t/00"}, "signature": {Headers: map[string]string{"x-360dialog-signature": signature.BareHMAC("secret", body)}}} {
		if both.Verify(kept, body, received) == nil {
			t.Errorf("evidence of %s only is verified", name)
		}
	}
}

func TestInsecure(t *testing.T) {
	open, err := dialog360.New(dialog360.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := open.Evidence(http.Header{"X-360dialog-Signature": {"nonsense"}})
	if err != nil || open.Verify(ev, []byte("{}"), received) != nil {
		t.Errorf("evidence %+v, %v", ev, err)
	}
}

func TestOwnEvents(t *testing.T) {
	for body, want := range map[string]webhook.Event{
		`{"id":"1","event":"channel_live","data":{}}`:      {Field: "channel_live", Key: webhook.Key("partner", "1")},
		`{"event":"channel_live"}`:                         {Field: "channel_live"},
		`{"id":"1","event":{"a":1}}`:                       {},
		`{"id":"1","event":"a","event":"b"}`:               {},
		`{"object":null,"event":"channel_live","data":{}}`: {},
		`{"messages":[{"id":"1"}]}`:                        {},
	} {
		events := known(t, "secret").Normalize([]byte(body), received)
		if len(events) != 1 || events[0].Type != webhook.Unrecognized || string(events[0].Data.(*webhook.Raw).Value) != body {
			t.Fatalf("%s: %+v", body, events)
		}
		if got := (webhook.Event{Field: events[0].Field, Key: events[0].Key}); !cmp.Equal(got, want) {
			t.Errorf("%s: %s", body, cmp.Diff(want, got))
		}
	}
}

func TestPeek(t *testing.T) {
	for body, want := range map[string]webhook.Peek{
		`{"id":"1","event":"channel_live","data":{"field":"x"}}`: {Fields: []string{"channel_live"}, Urgent: true},
		statuses(sent): {Fields: []string{"messages"}, Accounts: []string{"100000000000001"}},
		`{"event`:      {},
	} {
		if diff := cmp.Diff(want, known(t, "secret").Peek([]byte(body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}
