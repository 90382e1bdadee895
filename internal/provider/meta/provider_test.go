package meta_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"holdfast/internal/provider/meta"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

func TestNew(t *testing.T) {
	tests := []struct {
		name     string
		options  meta.Options
		insecure bool
		want     string
	}{
		{"no secret", meta.Options{}, false, "app_secrets"},
		{"no secret, insecure", meta.Options{}, true, ""},
		{"empty secret", meta.Options{AppSecrets: []signature.Secret{"hidden", ""}}, true, "app_secrets[1]"},
		{"short secret", meta.Options{AppSecrets: []signature.Secret{"s"}}, false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := meta.New(test.options, test.insecure)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestInsecure(t *testing.T) {
	open, err := meta.New(meta.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", "nonsense", signature.HMAC("s", nil)} {
		ev, err := open.Evidence(http.Header{"X-Hub-Signature-256": {value}})
		if err != nil {
			t.Errorf("%q: %v", value, err)
		}
		if err := open.Verify(ev, []byte("{}"), received); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
	closed, err := meta.New(meta.Options{AppSecrets: []signature.Secret{"s"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Evidence(http.Header{}); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("with a secret, insecure lets an unsigned webhook in: %v", err)
	}
	if err := closed.Verify(webhook.Evidence{}, []byte("{}"), received); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("with a secret, insecure verifies an unsigned webhook: %v", err)
	}
}

func TestSHA1ProvesNothing(t *testing.T) {
	h := http.Header{}
	h.Set("X-Hub-Signature", "sha1=0000000000000000000000000000000000000000")
	if _, err := known(t, "s").Evidence(h); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("got %v", err)
	}
}

func TestHandshake(t *testing.T) {
	good := func() url.Values {
		return url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {"our token"}, "hub.challenge": {"1158201444"}}
	}
	if answer, ok := known(t, "s").Handshake(good()); !ok || answer != "1158201444" {
		t.Errorf("got %q, %t", answer, ok)
	}
	for name, values := range map[string][]string{
		"hub.mode":         nil,
		"hub.verify_token": nil,
		"hub.challenge":    nil,
	} {
		bad := [][]string{values, {}, {""}, {good().Get(name), good().Get(name)}, {good().Get(name) + "\n"}, {strings.Repeat("x", 1000)}, {" "}}
		for _, values := range bad {
			query := good()
			query[name] = values
			if answer, ok := known(t, "s").Handshake(query); ok || answer != "" {
				t.Errorf("%s = %q: answers %q", name, values, answer)
			}
		}
	}
	tokenless, err := meta.New(meta.Options{AppSecrets: []signature.Secret{"s"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	query := good()
	query.Set("hub.verify_token", "")
	if _, ok := tokenless.Handshake(query); ok {
		t.Error("an empty token matches")
	}
}
