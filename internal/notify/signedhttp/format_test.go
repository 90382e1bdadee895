package signedhttp

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// verified checks the signature of what was received.
func verified(t *testing.T, r request) {
	t.Helper()
	key, err := signature.ParseStandardKey(whsec)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header
	if err := signature.VerifyStandard([]signature.StandardKey{key}, h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"),
		r.body, time.Now(), time.Minute); err != nil {
		t.Error(err)
	}
}

func TestBinary(t *testing.T) {
	r := receive(t, nil)
	o := to(r.URL)
	o.Format = cloudevent.ModeBinary
	m := message(banned())
	m.CloudEvent.Late = true
	m.CloudEvent.Subject = "account/€ \"100%\"\r\nX: y"
	if v := opened(t, o).Send(t.Context(), m); v != nil {
		t.Fatal(v)
	}
	got := r.got()[0]
	verified(t, got)
	attributes := map[string]string{}
	for name, values := range got.Header {
		if attribute, ok := strings.CutPrefix(name, "Ce-"); ok {
			attributes[attribute] = strings.Join(values, ", ")
		}
	}
	want := map[string]string{
		"Specversion": "1.0", "Id": "0123456789abcdef", "Source": "/sources/meta-main", "Type": "account.banned",
		"Subject": "account/%E2%82%AC%20%22100%25%22%0D%0AX:%20y", "Time": "2025-10-23T06:23:27Z",
		"Dataschema": "urn:holdfast:event:account.banned", "Severity": "critical", "Provider": "meta", "Late": "true",
	}
	if diff := cmp.Diff(want, attributes); diff != "" {
		t.Error(diff)
	}
	data, err := m.CloudEvent.DataJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(got.body)); diff != "" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Webhook-Id") != m.Event.ID {
		t.Errorf("%s %v", diff, got.Header)
	}
}

func TestBatch(t *testing.T) {
	r := receive(t, nil)
	o := to(r.URL)
	o.Format = cloudevent.ModeBatch
	d := opened(t, o)
	if d.Batch() != 100 {
		t.Errorf("at most %d in a batch", d.Batch())
	}
	o.Batch = 2
	if d := opened(t, o); d.Batch() != 2 {
		t.Errorf("at most %d in a batch", d.Batch())
	}
	if d := opened(t, to(r.URL)); d.Batch() != 1 {
		t.Errorf("at most %d in a request", d.Batch())
	}
	other := banned()
	other.ID = "fedcba9876543210"
	one, two := message(banned()), message(other)
	for _, batch := range [][]sender.Message{{one}, {one, two}, {one, two}, {two, one}} {
		if v := d.SendBatch(t.Context(), batch); v != nil {
			t.Fatal(v)
		}
	}
	if v := d.Send(t.Context(), one); v != nil {
		t.Fatal(v)
	}
	ids := map[string]bool{}
	for i, want := range []string{"0123456789abcdef", "0123456789abcdef fedcba9876543210", "0123456789abcdef fedcba9876543210", "fedcba9876543210 0123456789abcdef", "0123456789abcdef"} {
		got := r.got()[i]
		verified(t, got)
		if got.Header.Get("Content-Type") != "application/cloudevents-batch+json; charset=utf-8" {
			t.Errorf("content type %s", got.Header.Get("Content-Type"))
		}
		var events []struct {
			ID   string       `json:"id"`
			Type webhook.Type `json:"type"`
		}
		if err := json.Unmarshal(got.body, &events); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, e := range events {
			list = append(list, e.ID)
		}
		if strings.Join(list, " ") != want {
			t.Errorf("got %v, want %s", list, want)
		}
		id := got.Header.Get("webhook-id")
		if strings.Contains(id, ".") || len(list) == 1 && id != list[0] {
			t.Errorf("webhook-id %s", id)
		}
		ids[id] = true
	}
	if len(ids) != 3 || r.got()[1].Header.Get("webhook-id") != r.got()[2].Header.Get("webhook-id") {
		t.Errorf("ids of batches: %v", ids)
	}
}

// FuzzEncode wants headers that nobody misreads, and that say what JSON would.
func FuzzEncode(f *testing.F) {
	for _, text := range []string{"", "account/1", "a b", "100%", "%41", "\"", "€", "Euro € 😀", "\r\nX: y", "\x00\x7f\xff", "~!"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := encode(text)
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c >= 0x7f || c == '"' {
				t.Fatalf("%q becomes %q", text, got)
			}
		}
		back, err := url.PathUnescape(got)
		var want strings.Builder
		for _, r := range text {
			want.WriteRune(r)
		}
		if err != nil || back != want.String() {
			t.Fatalf("%q becomes %q, and that %q, %v", text, got, back, err)
		}
		if utf8.ValidString(text) && back != text {
			t.Fatalf("%q comes back as %q", text, back)
		}
	})
}
