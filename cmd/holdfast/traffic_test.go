package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// Samples of messages and statuses, as `holdfast send` sends them, become what they say; and what people want is known
// at once, although it comes with the crowd.
func TestTraffic(t *testing.T) {
	for _, test := range []struct {
		sample string
		told   []string
		basis  string // of what is known of the person then; empty if nothing is
	}{
		{"message-sent", []string{"message.sent"}, ""},
		{"message-delivered", []string{"message.delivered"}, ""},
		{"message-read", []string{"message.read"}, ""},
		{"message-failed", []string{"message.failed"}, ""},
		{"message-received", []string{"message.received"}, ""},
		{"marketing-stopped-by-status", []string{"contact.marketing_stopped", "message.failed"}, "status_131050"},
		{"marketing-stopped-by-keyword", []string{"contact.marketing_stopped", "message.received"}, "keyword"},
		{"marketing-stopped-by-button", []string{"contact.marketing_stopped", "message.received"}, "button"},
	} {
		t.Run(test.sample, func(t *testing.T) {
			r := newRig(t)
			crm := newListener(t)
			h := r.start(r.config(map[string]*listener{"crm": crm}), both)
			published, _, ok := sample("meta/" + test.sample)
			if !ok {
				t.Fatal("no such sample")
			}
			body, err := freshen(published, placeholders{}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // and once more: a duplicate
				if code := r.post(h, body); code != http.StatusOK {
					t.Fatalf("status %d", code)
				}
			}
			eventually(t, "the workflow ends", func() bool { return r.closed(body) })
			if stage := r.stage(body); stage != workflows.StageTold {
				t.Errorf("stage %q", stage)
			}
			var told []string
			for _, e := range crm.told() {
				told = append(told, e.Type)
			}
			slices.Sort(told) // nobody promises an order
			if diff := cmp.Diff(test.told, told); diff != "" {
				t.Errorf("told: %s", diff)
			}
			if known := h.marketing(t, "400100"); test.basis == "" && len(known) > 0 ||
				test.basis != "" && !strings.HasPrefix(known["15550100077"], `{"status":"stopped","basis":"`+test.basis+`"`) {
				t.Errorf("known of the people: %v", known)
			}
		})
	}
}

// Three stops among hundreds of statuses are known when their webhook is, and nobody else is thought to have stopped. What
// comes later of the same people wins, whatever it comes with; what comes later and happened before does not.
func TestOptOutsAmongStatuses(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	now := time.Now().Add(-time.Hour)
	status := func(i int, more string) string {
		return fmt.Sprintf(`{"id":"wamid.%d","timestamp":"%d","recipient_id":"1555010%04d",%s}`, i, now.Unix(), i, more)
	}
	var items []string
	for i := range 300 {
		items = append(items, status(i, `"status":"delivered"`))
	}
	stops := []int{0, 150, 299}
	for _, i := range stops {
		items[i] = status(i, `"status":"failed","errors":[{"code":131050,"title":"t"}]`)
	}
	items[7] = `7` // a bad neighbour
	batch := traffic(`"statuses":[` + strings.Join(items, ",") + `]`)
	if code := r.post(h, batch); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(batch) })
	known := h.marketing(t, "400100")
	for _, i := range stops {
		if known[fmt.Sprintf("1555010%04d", i)] != `{"status":"stopped","basis":"status_131050"}` {
			t.Errorf("of %d: %v", i, known)
		}
	}
	if len(known) != len(stops) {
		t.Errorf("%d people are known, want %d", len(known), len(stops))
	}
	count := map[string]int{}
	for _, e := range crm.told() {
		count[e.Type]++
	}
	want := map[string]int{"message.delivered": 296, "message.failed": 3, "contact.marketing_stopped": 3, "unrecognized": 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}

	// The first of them resumes by preference, later and earlier than the stop.
	resume := func(i int, at time.Time) []byte {
		return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"user_preferences","value":{"metadata":{"phone_number_id":"400100"},`+
			`"user_preferences":[{"wa_id":"1555010%04d","category":"marketing_messages","value":"resume","timestamp":%d}]}}]}]}`, account, i, at.Unix())
	}
	for _, body := range [][]byte{resume(0, now.Add(time.Minute)), resume(150, now), resume(299, now.Add(-time.Minute))} {
		if code := r.post(h, body); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
		eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	}
	var stopped []string
	for who, value := range h.marketing(t, "400100") {
		if strings.Contains(value, `"stopped"`) {
			stopped = append(stopped, who)
		}
	}
	slices.Sort(stopped)
	if diff := cmp.Diff([]string{"15550100150", "15550100299"}, stopped); diff != "" {
		t.Errorf("a later resume wins, one of the same second or earlier does not: %s", diff)
	}
}

// traffic is a webhook about messages.
func traffic(items string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550100001","phone_number_id":"400100"},%s}}]}]}`, account, items)
}

// marketing is what is known of what the people of a number want, by who they are.
func (h *running) marketing(t testing.TB, phone string) map[string]string {
	t.Helper()
	prefix := webhook.ContactEntity(phone, "")
	facts, err := h.store.Load().Facts(t.Context(), strings.TrimSuffix(prefix, "/"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range facts {
		if f.Aspect == "marketing" {
			out[strings.TrimPrefix(f.Entity, prefix)] = string(f.Value)
		}
	}
	return out
}
