package dialog360

import (
	"encoding/json"
	"time"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// Normalize finds the events in a body of Meta's. Events of 360dialog's own, of which partners are told, are passed on as they
// came: their data is not documented enough to rest a ban on it.
func (p *Provider) Normalize(body []byte, received time.Time) []webhook.Event {
	if json.Valid(body) {
		if top, reason := lenient.Cut(body).Object(); reason == "" && own(top) {
			e := webhook.Event{Field: top.Get("event").Text()}
			if id := top.Get("id").Text(); id != "" {
				e.Key = webhook.Key("partner", id)
			}
			return []webhook.Event{e.Unrecognized("unknown event", body)}
		}
	}
	return meta.Normalize(body, received, p.words)
}

// own reports whether a body is one of 360dialog's own (360dialog: Webhook events).
func own(top lenient.Object) bool {
	return len(top.Get("object")) == 0 && webhook.ValidField(top.Get("event").Text())
}

// Peek decodes no value. What 360dialog itself reports is of accounts and numbers.
func (p *Provider) Peek(body []byte) webhook.Peek {
	peek := meta.Peek(body)
	for member := range lenient.Cut(body).Members() {
		if member.Is("event") {
			peek.AddField(member.Value.Text())
			peek.Urgent = true
		}
	}
	return peek
}
