package intake

import (
	"fmt"
	"slices"

	"holdfast/internal/webhook"
)

// A record is a webhook with what was seen of it at a glance. It is what the spool keeps, encoded.
type record struct {
	Webhook webhook.Webhook `json:"webhook"`
	Peek    webhook.Peek    `json:"peek"`
}

// Spooled reads the webhook in an entry of the spool.
func Spooled(c Codec, data []byte) (webhook.Webhook, error) {
	var r record
	if err := c.Decode(data, &r); err != nil {
		return webhook.Webhook{}, fmt.Errorf("read spooled webhook: %w", err)
	}
	return r.Webhook, nil
}

func (r record) key() string { return r.Webhook.Source + "/" + r.Webhook.ID }

// mostPeeked bounds what is known at a glance of a group; it is shown, and nothing depends on it.
const mostPeeked = 20

// merge makes one group of records.
func merge(group []record) ([]webhook.Webhook, webhook.Peek) {
	webhooks := make([]webhook.Webhook, len(group))
	var all webhook.Peek
	for i, r := range group {
		webhooks[i] = r.Webhook
		all.Fields = union(all.Fields, r.Peek.Fields)
		all.Accounts = union(all.Accounts, r.Peek.Accounts)
		all.Urgent = all.Urgent || r.Peek.Urgent
	}
	return webhooks, all
}

func union(all, more []string) []string {
	for _, s := range more {
		if len(all) < mostPeeked && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
