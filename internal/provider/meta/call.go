package meta

import (
	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// readCall reads an element of calls (Meta: Calling API, Webhooks reference). Recordings and transcripts of calls are passed
// on as they come.
func readCall(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	session := item.Object("session")
	c := &webhook.Call{
		ID:        item.Get("id").Text(),
		Direction: item.Get("direction").Text(),
		Status:    item.Get("status").Text(),
		Start:     item.Get("start_time").Time(),
		End:       item.Get("end_time").Time(),
		Seconds:   item.Get("duration").Text(),
		Callback:  item.Get("biz_opaque_callback_data").Text(),
		SDPType:   session.Get("sdp_type").Text(),
		SDP:       session.Get("sdp").Text(),
		Errors:    append(messageErrors(item.Get("errors")), messageErrors(t.callErrors)...),
	}
	if c.Direction == "BUSINESS_INITIATED" {
		c.Contact = contactNamed(item, "to_user_id", "to_parent_user_id", "to")
	} else {
		c.Contact = contactNamed(item, "from_user_id", "from_parent_user_id", "from")
	}
	switch item.Get("event").Text() {
	case "call_created":
		e.Type = webhook.CallOffered
	case "connect":
		e.Type = webhook.CallConnected
	case "terminate":
		e.Type = webhook.CallTerminated
	}
	return t.call(e, c)
}

// readCallStatus reads an element of statuses that is about a call.
func readCallStatus(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	c := &webhook.Call{
		ID:       item.Get("id").Text(),
		Callback: item.Get("biz_opaque_callback_data").Text(),
		Errors:   messageErrors(item.Get("errors")),
	}
	c.Contact, _ = recipient(item)
	switch item.Get("status").Text() {
	case "RINGING":
		e.Type = webhook.CallRinging
	case "ACCEPTED":
		e.Type = webhook.CallAccepted
	case "REJECTED":
		e.Type = webhook.CallRejected
	}
	return t.call(e, c)
}

func (t *traffic) call(e webhook.Event, c *webhook.Call) (reason string) {
	switch {
	case c.ID == "":
		return incomplete
	case e.Type == "":
		return unknownEvent
	case !validContact(c.Contact):
		return badUser
	}
	c.Contact, _ = t.contacts().complete(c.Contact)
	e.Data = c
	t.events = append(t.events, e)
	return ""
}
