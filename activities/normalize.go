package activities

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// NormalizeInput is a group of verified webhooks.
type NormalizeInput struct {
	Webhooks []webhook.Webhook `json:"webhooks"`
}

// NormalizeResult is what the webhooks say, in order.
type NormalizeResult struct {
	Webhooks []Normalized `json:"webhooks"`
}

// Normalized is one webhook as events; there is at least one.
type Normalized struct {
	Webhook  string          `json:"webhook"`
	Source   string          `json:"source"`
	Received time.Time       `json:"received"`
	Events   []webhook.Event `json:"events"`
}

const (
	// clockSkew is how far a provider's clock may be ahead of ours before its times are not believed. A time in the
	// future would otherwise win over everything that is heard until then.
	clockSkew = 5 * time.Minute
	// maxResult bounds what the events of a group take in a history: a payload may have 2 MiB, and the rest of a
	// workflow task wants room too. Where there is a storage for what is larger, MaxResult bounds them.
	maxResult = 3 << 19
)

// Normalize finds the events in a group of webhooks, names them and bounds their times and their size.
func (a *Activities) Normalize(ctx context.Context, in NormalizeInput) (NormalizeResult, error) {
	out := NormalizeResult{Webhooks: make([]Normalized, len(in.Webhooks))}
	for i, w := range in.Webhooks {
		out.Webhooks[i] = Normalized{Webhook: w.ID, Source: w.Source, Received: w.Received, Events: a.events(ctx, w)}
	}
	if err := a.bound(&out, in.Webhooks); err != nil {
		return NormalizeResult{}, fmt.Errorf("measure events: %w", err)
	}
	for _, w := range out.Webhooks {
		for _, e := range w.Events {
			a.Metrics.event(e)
		}
	}
	return out, nil
}

func (a *Activities) events(ctx context.Context, w webhook.Webhook) []webhook.Event {
	events := a.normalize(ctx, w)
	for i := range events {
		e := &events[i]
		e.Source, e.Provider, e.Webhook = w.Source, w.Provider, w.ID
		key := e.Key
		if key == "" {
			// Nothing of the provider's tells it from another such event, so it is known by where it stood.
			key = "webhook\x00" + w.ID + "\x00" + strconv.Itoa(i)
		}
		e.ID = a.eventID(w.Source, key)
		switch {
		case e.Time.IsZero(), e.Time.After(w.Received.Add(clockSkew)):
			e.Time, e.TimeAssumed = w.Received, true
		case e.Time.Before(w.Received.Add(-a.Dedupe)):
			e.Stale = !e.Test // a dashboard's test has any time
		}
	}
	return events
}

// normalize asks the dialect, and stands in for it where it fails: what was accepted is always an event in the end.
func (a *Activities) normalize(ctx context.Context, w webhook.Webhook) (events []webhook.Event) {
	raw := func(reason string) []webhook.Event {
		return []webhook.Event{{Type: webhook.Unrecognized, Data: &webhook.Raw{Reason: reason, Value: w.Body}}}
	}
	defer func() {
		if r := recover(); r != nil {
			activity.GetLogger(ctx).Error("Normalizing panicked; the webhook goes on as unrecognized",
				"webhook", w.ID, "source", w.Source, "panic_type", fmt.Sprintf("%T", r))
			events = raw("normalizer failed")
		}
	}()
	dialect := a.Sources(w.Source)
	if dialect == nil { // accepted by an operator although nobody here speaks it
		return raw("source is not configured")
	}
	if events = dialect.Normalize(w.Body, w.Received); len(events) == 0 {
		return raw("no elements")
	}
	for i := range events {
		if !writable(events[i].Time) {
			events[i].Time = time.Time{}
		}
		if !encodable(events[i]) {
			return raw("cannot be encoded")
		}
	}
	return events
}

// encodable reports whether an event can be written into a history. Who carries the mass of the traffic is made of texts
// and one time, so that is not found out by trying.
func encodable(e webhook.Event) bool {
	switch data := e.Data.(type) {
	case *webhook.Message, *webhook.History, *webhook.Raw: // the last two may have 3 MB
		return true
	case *webhook.MessageStatus:
		return data.Conversation == nil || writable(data.Conversation.Expires)
	}
	_, err := json.Marshal(e)
	return err == nil
}

// writable reports whether JSON has the year of a time, in any zone.
func writable(t time.Time) bool {
	year := t.Year()
	return year >= 1 && year <= 9998
}

// eventID is the same for every redelivery of an event, alone or in another batch. It is keyed, so that nobody can test
// a phone number against it.
func (a *Activities) eventID(source, key string) string {
	mac := hmac.New(sha256.New, a.Key)
	mac.Write([]byte(source + "\x00" + key))
	return "evt_" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// bound makes the result fit in a history. What is left out of an event is still in its webhook, which the history holds.
// What changes the state is never left out for the sake of what only informs, nor anything for the sake of a larger neighbour.
func (a *Activities) bound(out *NormalizeResult, webhooks []webhook.Webhook) error {
	const small, few = 256 << 10, 1000 // cannot grow beyond the bound, whatever they say
	total, events := 0, 0
	for i, w := range webhooks {
		total += len(w.Body)
		events += len(out.Webhooks[i].Events)
	}
	if total <= small && events <= few {
		return nil
	}
	most := cmp.Or(a.MaxResult, maxResult)
	n, err := a.Size(out)
	if err != nil || n <= most {
		return err
	}
	informs := func(e webhook.Event) bool { return len(changes(e)) == 0 }
	all := func(webhook.Event) bool { return true }
	// A webhook that takes no more than its share keeps everything, whoever else is in the group. If that is not enough, it is
	// for what all of them have around them.
	for _, share := range []int{most / len(out.Webhooks), 0} {
		for _, shrink := range []func(w *Normalized) bool{
			func(w *Normalized) bool { return w.omit(4 << 10) },
			func(w *Normalized) bool { return w.omit(256) },
			func(w *Normalized) bool { return w.omit(0) },
			// Tens of thousands of elements: no provider sends that.
			func(w *Normalized) bool { return a.merge(w, informs) },
			func(w *Normalized) bool { return a.merge(w, all) },
		} {
			some := false
			for i := range out.Webhooks {
				w := &out.Webhooks[i]
				n, err := a.Size(w)
				if err != nil {
					return err
				}
				some = n > share && shrink(w) || some
			}
			if !some {
				continue
			}
			if n, err = a.Size(out); err != nil || n <= most {
				return err
			}
		}
	}
	return nil
}

// omit leaves out of the events' data what takes more than so many bytes, and reports whether there was any.
func (w *Normalized) omit(over int) (some bool) {
	for _, e := range w.Events {
		if data, ok := e.Data.(interface{ Omit(over int) bool }); ok && data.Omit(over) {
			some = true
		}
	}
	return some
}

// merge makes one event of some events of a webhook, and reports whether there were any.
func (a *Activities) merge(w *Normalized, which func(webhook.Event) bool) (some bool) {
	merged := w.Events[0]
	merged.Type, merged.Key = webhook.Unrecognized, ""
	merged.Data = &webhook.Raw{Reason: "more events than a history holds", Omitted: true}
	merged.ID = a.eventID(w.Source, "webhook\x00"+w.Webhook)
	rest := slices.DeleteFunc(w.Events, which)
	if len(rest) == len(w.Events) {
		return false
	}
	w.Events = append(rest, merged)
	return true
}
