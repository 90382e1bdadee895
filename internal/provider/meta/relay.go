package meta

import (
	"holdfast/internal/optout"
	"holdfast/internal/webhook"
)

// Wish makes the event of what a person wants of marketing messages, as far as another event, that of an item, says so by
// the way. It is not ok without a wish, without somebody who has it, or without a number of ours not to be written to from.
// The preference needs no category.
func Wish(item webhook.Event, wish optout.Wish, p webhook.Preference) (_ webhook.Event, ok bool) {
	var wanted webhook.Type
	switch wish {
	case optout.Stop:
		wanted = webhook.ContactMarketingStopped
	case optout.Resume:
		wanted = webhook.ContactMarketingResumed
	case optout.None:
		return webhook.Event{}, false
	}
	if p.Contact.UserID == "" && p.Contact.WaID == "" || item.Phone == (webhook.Phone{}) {
		return webhook.Event{}, false
	}
	p.Category = marketing
	item.Type, item.Data, item.Key = wanted, &p, webhook.Key(string(wanted), item.Key)
	return item, true
}
