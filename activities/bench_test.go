package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/webhook"
)

// BenchmarkGroup measures what the steps of a workflow take for a group of 100 webhooks with a status each, apart from what
// the dialect takes: naming and bounding the events, writing them into the history, reading them from there, and making
// records of them.
func BenchmarkGroup(b *testing.B) {
	a := &Activities{
		Sources: func(string) Dialect { return speaker(status) },
		Key:     []byte("key"), Dedupe: 240 * time.Hour, Metrics: NewMetrics(prometheus.NewRegistry()),
		Notifier: nobody{},
	}
	var in NormalizeInput
	for i := range 100 {
		w := hook("meta", fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"300100200","changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.%d"}]}}]}]}`, i))
		w.Provider = "meta"
		in.Webhooks = append(in.Webhooks, w)
	}
	out, err := a.Normalize(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		b.Fatal(err)
	}
	for name, step := range map[string]func() error{
		"normalize": func() error { _, err := a.Normalize(context.Background(), in); return err },
		"write":     func() error { _, err := json.Marshal(out); return err },
		"read":      func() error { var back NormalizeResult; return json.Unmarshal(text, &back) },
		"record": func() error {
			for _, w := range out.Webhooks {
				a.record(w)
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// status makes of any body what a status becomes.
func status(body []byte, received time.Time) []webhook.Event {
	id := string(body[len(body)-20:])
	billable := true
	return []webhook.Event{{
		Type: webhook.MessageDelivered, Time: received, Account: "300100200", Phone: webhook.Phone{ID: "400100", Number: "15550100001"},
		Field: "messages", Key: id, Data: &webhook.MessageStatus{
			Message: "wamid.HBgLMTU1NTAxMDAwNzcVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA" + id, Recipient: webhook.Contact{WaID: "15550100077", UserID: "US.13491208655302741918"},
			Pricing: &webhook.Pricing{Billable: &billable, Model: "PMP", Type: "regular", Category: "marketing"},
		},
	}}
}

// nobody is told of anything.
type nobody struct{ Notifier }

func (nobody) Route(webhook.Event) []webhook.Route { return nil }
