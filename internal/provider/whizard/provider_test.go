package whizard_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/optout"
	"holdfast/internal/provider/providertest"
	"holdfast/internal/provider/whizard"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

var received = time.UnixMilli(1761200620000).UTC()

func sets(value string) []signature.HeaderSet {
	return []signature.HeaderSet{{Name: "a", Headers: map[string]signature.Secret{"Authorization": signature.Secret(value)}}}
}

func TestNew(t *testing.T) {
	tests := []struct {
		name     string
		options  whizard.Options
		insecure bool
		want     string
	}{
		{"good", whizard.Options{Credentials: sets("hidden"), Phone: "15550001111", PhoneID: "2", Account: "1", Format: "onprem"}, false, ""},
		{"no credential", whizard.Options{Phone: "15550001111"}, false, "credentials is empty"},
		{"no credential, insecure", whizard.Options{}, true, ""},
		{"app secret only", whizard.Options{AppSecrets: []signature.Secret{"hidden"}, Phone: "15550001111"}, false, ""},
		{"empty app secret", whizard.Options{AppSecrets: []signature.Secret{""}, Phone: "15550001111"}, false, "app_secrets[0]"},
		{"malformed credential", whizard.Options{Credentials: sets("hidden\n"), Phone: "15550001111"}, true, "credentials[0].headers.Authorization"},
		{"no phone", whizard.Options{Credentials: sets("hidden")}, false, "phone is empty"},
		{"no phone, but Meta's format", whizard.Options{Credentials: sets("hidden"), Format: "meta"}, false, ""},
		{"phone for people", whizard.Options{Credentials: sets("hidden"), Phone: "+1 555 000 1111"}, false, "phone: want"},
		{"phone too long", whizard.Options{Credentials: sets("hidden"), Phone: "1234567890123456"}, false, "phone: want"},
		{"malformed id", whizard.Options{Credentials: sets("hidden"), Phone: "1", PhoneID: "a b"}, false, "phone_id"},
		{"malformed account", whizard.Options{Credentials: sets("hidden"), Phone: "1", Account: "a/b"}, false, "account"},
		{"unknown format", whizard.Options{Credentials: sets("hidden"), Phone: "1", Format: "cloud"}, false, "format"},
		{"no word", whizard.Options{Credentials: sets("hidden"), Phone: "1", OptOut: optout.Options{Stop: []string{"!"}}}, false, "opt_out.stop[0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := whizard.New(test.options, test.insecure)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

const body = `{"statuses":[]}`

func TestVerify(t *testing.T) {
	headers := whizard.Options{Credentials: sets("Bearer x"), Phone: "1"}
	both := whizard.Options{Credentials: sets("Bearer x"), AppSecrets: []signature.Secret{"app"}, Phone: "1"}
	app := whizard.Options{AppSecrets: []signature.Secret{"app"}, Phone: "1"}
	const good, forged = "Bearer x", "Bearer y"
	signed, badly := signature.HMAC("app", []byte(body)), signature.HMAC("other", []byte(body))
	tests := []struct {
		name                     string
		options                  whizard.Options
		authorization, signature string
		want                     error
	}{
		{"good", headers, good, "", nil},
		{"forged", headers, forged, "", webhook.UnknownCredential},
		{"a signature that nobody asked for", headers, good, badly, nil},
		{"a signature instead", headers, "", signed, webhook.MissingEvidence},
		{"both", both, good, signed, nil},
		{"both, but not signed", both, good, "", nil},
		{"both, with a bad signature", both, good, badly, webhook.SignatureMismatch},
		{"both, with no signature at all", both, good, "sha256=", webhook.MalformedEvidence},
		{"both, signed by who is unknown", both, forged, signed, webhook.UnknownCredential},
		{"app", app, "", signed, nil},
		{"app, not signed", app, good, "", webhook.MissingEvidence},
		{"app, with a bad signature", app, "", badly, webhook.SignatureMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := made(t, test.options)
			h := http.Header{}
			for name, value := range map[string]string{"Authorization": test.authorization, "X-Hub-Signature-256": test.signature} {
				if value != "" {
					h.Set(name, value)
				}
			}
			ev, err := p.Evidence(h)
			if err == nil {
				err = p.Verify(ev, []byte(body), received)
			}
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if strings.Contains(fmt.Sprint(ev), "Bearer") {
				t.Errorf("a credential is kept: %v", ev)
			}
		})
	}
	if err := made(t, app).Verify(webhook.Evidence{}, []byte(body), received); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("nothing kept, though the app signs: %v", err)
	}
	if _, err := made(t, app).Evidence(http.Header{}); !errors.Is(err, webhook.MissingEvidence) { // before the body is read
		t.Errorf("nothing shown, though the app signs: %v", err)
	}
	own := made(t, both)
	ev, err := own.Evidence(own.Sign([]byte(body), received))
	if err != nil || ev.Credential == "" || len(ev.Headers) != 1 || own.Verify(ev, []byte(body), received) != nil {
		t.Errorf("its own evidence %v: %v", ev, err)
	}
}

func TestInsecure(t *testing.T) {
	open, err := whizard.New(whizard.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := open.Evidence(http.Header{"Authorization": {"Bearer x"}, "X-Hub-Signature-256": {"?"}})
	if err != nil || len(ev.Headers) > 0 || ev.Credential != "" || open.Verify(ev, []byte(body), received) != nil {
		t.Errorf("evidence %v, %v", ev, err)
	}
	if open.Knows(http.Header{}) || len(open.Headers()) > 0 {
		t.Error("who knows nobody knows somebody")
	}
}

func TestKnows(t *testing.T) {
	p := known(t, "new", "old")
	if diff := cmp.Diff(map[string]signature.Secret{"Authorization": "Bearer new", "X-Key-Id": "1"}, p.Headers()); diff != "" {
		t.Error(diff)
	}
	for value, want := range map[string]bool{"Bearer new": true, "Bearer old": true, "Bearer other": false} {
		if got := p.Knows(http.Header{"Authorization": {value}, "X-Key-Id": {"1"}}); got != want {
			t.Errorf("%s is known: %t", value, got)
		}
	}
}

func TestFormat(t *testing.T) {
	const (
		flat     = `{"messages":[{"from":"1","id":"m","type":"text","text":{"body":"Hi"}}]}`
		cloud    = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"4"},"messages":[{"from":"1","id":"m","type":"text"}]}}]}],"messages":[]}`
		received = webhook.MessageReceived
	)
	tests := []struct {
		format, body string
		want         webhook.Event // Type, Account, Phone
	}{
		{"", flat, webhook.Event{Type: received, Account: "7", Phone: webhook.Phone{ID: "3", Number: "2"}}},
		{"", cloud, webhook.Event{Type: received, Account: "1", Phone: webhook.Phone{ID: "4"}}},
		{"onprem", flat, webhook.Event{Type: received, Account: "7", Phone: webhook.Phone{ID: "3", Number: "2"}}},
		{"onprem", cloud, webhook.Event{Type: webhook.Unrecognized, Account: "7", Phone: webhook.Phone{ID: "3", Number: "2"}}},
		{"meta", flat, webhook.Event{Type: webhook.Unrecognized}},
		{"meta", cloud, webhook.Event{Type: received, Account: "1", Phone: webhook.Phone{ID: "4"}}},
		{"", `{"object":"page","entry":[{}]}`, webhook.Event{Type: webhook.Unrecognized}},
		{"", `{"messages":[],"messages":[{"from":"1","id":"m","type":"text"}]}`, webhook.Event{Type: webhook.Unrecognized}},
		{"", `{"messages":null}`, webhook.Event{Type: webhook.Unrecognized, Account: "7", Phone: webhook.Phone{ID: "3", Number: "2"}}},
	}
	for _, test := range tests {
		p := made(t, whizard.Options{Credentials: sets("x"), Phone: "2", PhoneID: "3", Account: "7", Format: test.format})
		events := p.Normalize([]byte(test.body), time.Now())
		providertest.Check(t, []byte(test.body), events)
		if len(events) != 1 {
			t.Fatalf("%q %s: %d events, want 1", test.format, test.body, len(events))
		}
		got := webhook.Event{Type: events[0].Type, Account: events[0].Account, Phone: events[0].Phone}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q %s: %s", test.format, test.body, diff)
		}
	}
}

// The words of a source count in both shapes.
func TestOptOutSetting(t *testing.T) {
	p := made(t, whizard.Options{Credentials: sets("x"), Phone: "2", OptOut: optout.Options{Stop: []string{"Genug"}}})
	for word, want := range map[string]int{"genug!": 2, "stop": 1} {
		items := `"messages":[{"id":"m","from":"1","type":"text","text":{"body":"` + word + `"}}]`
		for _, body := range []string{
			`{` + items + `}`,
			`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"4"},` + items + `}}]}]}`,
		} {
			if events := p.Normalize([]byte(body), received); len(events) != want {
				t.Errorf("%s: %d events, want %d", body, len(events), want)
			}
		}
	}
}

func TestPeek(t *testing.T) {
	p := made(t, whizard.Options{Credentials: sets("x"), Phone: "2", Account: "7"})
	tests := []struct {
		body string
		want webhook.Peek
	}{
		{`{"contacts":[],"statuses":[{}]}`, webhook.Peek{Fields: []string{"messages"}, Accounts: []string{"7"}}},
		{`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"account_update"}]}]}`, webhook.Peek{Fields: []string{"account_update"}, Accounts: []string{"1"}, Urgent: true}},
		{`{"rain":true}`, webhook.Peek{}},
		{`{"mess`, webhook.Peek{}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, p.Peek([]byte(test.body))); diff != "" {
			t.Errorf("%s: %s", test.body, diff)
		}
	}
}

func FuzzVerify(f *testing.F) { providertest.FuzzVerify(f, known, whizard.Samples) }

func FuzzNormalize(f *testing.F) {
	providertest.FuzzNormalize(f, known(f, "secret"), whizard.Samples,
		`{"contacts":[{"wa_id":"1"},{"wa_id":"2"}],"messages":[`+message+`,7],"statuses":[`+sent+`,`+failed+`],"errors":[`+failure+`]}`)
}

func FuzzEvidence(f *testing.F) {
	f.Add("Authorization", "Bearer secret", "X-Key-Id", "1")
	f.Add("authorization", "Bearer secret", "x-key-id", "1")
	f.Add("Authorization", "Bearer secre", "X-Key-Id", "11")
	p := known(f, "other", "secret")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		ev, err := p.Evidence(http.Header{name1: {value1}, name2: {value2}})
		if err != nil {
			return
		}
		got := map[string]string{strings.ToLower(name1): value1, strings.ToLower(name2): value2}
		if value := got["authorization"]; value != "Bearer secret" && value != "Bearer other" || got["x-key-id"] != "1" {
			t.Errorf("%q is accepted", got)
		}
		if err := p.Verify(ev, nil, received); err != nil {
			t.Error(err)
		}
	})
}

// A status as the client sends it.
func BenchmarkNormalizeStatus(b *testing.B) { benchmark(b, []byte(`{"statuses":[`+sent+`]}`)) }

func BenchmarkNormalizeBatch(b *testing.B) {
	var statuses []string
	for i := range 1000 {
		statuses = append(statuses, fmt.Sprintf(`{"id":"gBGG%060d","recipient_id":"1555%07d","status":"delivered","timestamp":"1761200612","message":{"recipient_id":"1555%[2]d"},"pricing":{"billable":true,"category":"marketing"},"x":%q}`,
			i, i, strings.Repeat("x", 2600)))
	}
	benchmark(b, []byte(`{"statuses":[`+strings.Join(statuses, ",")+`]}`))
}

func benchmark(b *testing.B, body []byte) {
	providertest.BenchmarkNormalize(b, known(b, "secret"), body)
}
