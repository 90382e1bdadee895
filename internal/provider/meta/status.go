package meta

import (
	"slices"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// stoppedMarketing is the error of a message that failed because its recipient had stopped such messages (Meta: Error
// codes).
const stoppedMarketing = "131050"

// readStatus reads an element of statuses (Meta: Status messages webhook reference; Business-scoped user IDs; NXCloud
// wiki: WhatsApp API webhook). A message that failed because the person wants no marketing says so of the person.
func readStatus(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	s := &webhook.MessageStatus{
		Message:      item.Get("id").Text(),
		Wamid:        item.Get("meta_message_id").Text(),
		Callback:     item.Get("biz_opaque_callback_data").Text(),
		Conversation: conversation(item.Object("conversation")),
		Pricing:      pricing(item),
		IdentityHash: item.Get("recipient_identity_key_hash").Text(),
		Costs:        costs(item.Get("costs")),
		Errors:       messageErrors(item.Get("errors")),
	}
	if s.Recipient, s.Group = recipient(item); s.Group == "" {
		s.Recipient = t.orOnly(s.Recipient)
	}
	e.Type, e.Data = statusType(item.Get("status").Text()), s
	switch {
	case s.Message == "":
		return incomplete
	case e.Type == "":
		return unknownEvent
	case !validContact(s.Recipient):
		return badUser
	}
	s.Recipient, _ = t.contacts().complete(s.Recipient)
	t.events = append(t.events, e)
	if stopped := slices.IndexFunc(s.Errors, func(e webhook.MessageError) bool { return e.Code == stoppedMarketing }); stopped >= 0 && e.Type == webhook.MessageFailed {
		t.wish(e, optout.Stop, webhook.Preference{
			Contact: s.Recipient, Basis: "status_" + stoppedMarketing, Detail: s.Errors[stopped].Title, Message: s.Message,
		})
	}
	return ""
}

func statusType(status string) webhook.Type {
	switch status {
	case "sent":
		return webhook.MessageSent
	case "delivered":
		return webhook.MessageDelivered
	case "read":
		return webhook.MessageRead
	case "played":
		return webhook.MessagePlayed
	case "failed":
		return webhook.MessageFailed
	case "deleted": // this and the next are of the on-premises API, whose shape resellers keep
		return webhook.MessageDeleted
	case "warning":
		return webhook.MessageWarned
	}
	return ""
}

// recipient is who a status is about. Statuses of a group name one of its members beside the group.
func recipient(item lenient.Object) (contact webhook.Contact, group string) {
	contact = contactNamed(item, "recipient_participant_user_id", "recipient_participant_parent_user_id", "recipient_participant_id")
	if contact.WaID == "" {
		contact.WaID = contactNamed(item, "", "", "participant_recipient_id").WaID // so spelled on another of Meta's pages
	}
	if contact != (webhook.Contact{}) || item.Get("recipient_type").Text() == "group" {
		return contact, item.Get("recipient_id").Text()
	}
	contact = contactNamed(item, "recipient_user_id", "recipient_parent_user_id", "recipient_id")
	if contact.ParentUserID == "" {
		contact.ParentUserID = item.Get("parent_recipient_user_id").Text() // likewise
	}
	return contact, ""
}

func conversation(o lenient.Object) *webhook.Conversation {
	if len(o) == 0 {
		return nil
	}
	return &webhook.Conversation{ID: o.Get("id").Text(), Origin: o.Object("origin").Get("type").Text(), Expires: o.Get("expiration_timestamp").Time()}
}

// pricing is beside the conversation or, in aggregated statuses of a group, in it.
func pricing(item lenient.Object) *webhook.Pricing {
	o := item.Object("pricing")
	if len(o) == 0 {
		if o = item.Object("conversation").Object("pricing"); len(o) == 0 {
			return nil
		}
	}
	return &webhook.Pricing{
		Billable: o.Get("billable").Bool(), Model: o.Get("pricing_model").Text(), Type: o.Get("type").Text(), Category: o.Get("category").Text(),
	}
}

// costs are what nxtele charges (NXCloud wiki: WhatsApp API webhook).
func costs(list lenient.Value) []webhook.Cost {
	var found []webhook.Cost
	for _, element := range list.OneOrMany() {
		o, _ := element.Object()
		c := webhook.Cost{
			Currency: o.Get("currency").Text(), Price: o.Get("price").Text(), ForeignPrice: o.Get("foreign_price").Text(),
			Type: o.Get("cdr_type").Text(), Direction: o.Get("direction").Text(),
		}
		if c != (webhook.Cost{}) {
			found = append(found, c)
		}
	}
	return found
}

func messageErrors(list lenient.Value) []webhook.MessageError {
	var found []webhook.MessageError
	for _, element := range list.OneOrMany() {
		o, _ := element.Object()
		if e := messageError(o); e != (webhook.MessageError{}) {
			found = append(found, e)
		}
	}
	return found
}

func messageError(o lenient.Object) webhook.MessageError {
	title, details := o.Get("title").Text(), o.Object("error_data").Get("details").Text()
	if title == "" {
		title = o.Get("message").Text()
	}
	if details == "" {
		details = o.Get("details").Text() // older
	}
	return webhook.NewMessageError(o.Get("code").Text(), title, details)
}

// readProblem reads an element of errors that is beside the items: it is of none of them (Meta: Errors webhook reference).
func readProblem(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	problem := messageError(item)
	if problem.Code == "" {
		return incomplete
	}
	e.Type, e.Data = webhook.MessageProblem, &problem
	t.events = append(t.events, e)
	return ""
}
