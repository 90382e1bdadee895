package innopaas

import (
	"cmp"
	"strings"

	"holdfast/internal/optout"
	"holdfast/internal/provider/lenient"
	"holdfast/internal/provider/meta"
	"holdfast/internal/webhook"
)

// stoppedMarketing is the error of a message that failed because its recipient had stopped such messages (Meta: Error
// codes).
const stoppedMarketing = "131050"

// readStatus reads what became of a message (InnoPaaS: Message status). One call to send may be for many people and gives
// one id for all, so Meta's id is the one that tells messages apart.
func readStatus(n notice) ([]webhook.Event, string) {
	status := strings.ToLower(n.body.Get("status").Text())
	to, ok := number(n.body.Get("sendPhone"))
	wamid := n.body.Get("wamid").Text()
	s := &webhook.MessageStatus{
		Message:   cmp.Or(n.body.Get("id").Text(), wamid),
		Wamid:     wamid,
		Recipient: webhook.Contact{WaID: to},
		Callback:  n.body.Get("uid").Text(),
	}
	if currency := n.body.Get("currency").Text(); currency != "" {
		s.Costs = []webhook.Cost{{Currency: currency}}
	}
	if o := n.body.Object("conversation"); len(o) > 0 {
		s.Conversation = &webhook.Conversation{ID: o.Get("id").Text(), Origin: o.Get("initiateType").Text()}
		s.Conversation.Expires, _ = n.clock.read(o.Get("expireAt"))
	}
	if o := n.body.Object("errorData"); len(o) > 0 {
		s.Errors = []webhook.MessageError{messageError(o.Get("errorCode"), o.Get("errorMessage"), nil)}
	}
	e := n.event
	e.Type, e.Data, e.Phone = statusType(status), s, n.phone
	switch {
	case s.Message == "":
		return nil, incomplete
	case e.Type == "":
		return nil, unknownEvent
	case !ok:
		return nil, badUser
	}
	e.Key = webhook.Key(statusKind, cmp.Or(wamid, s.Message+" "+to), status)
	events := []webhook.Event{e}
	if len(s.Errors) > 0 && s.Errors[0].Code == stoppedMarketing && e.Type == webhook.MessageFailed {
		p := webhook.Preference{Contact: s.Recipient, Basis: "status_" + stoppedMarketing, Detail: s.Errors[0].Title, Message: s.Message}
		if e, ok := meta.Wish(e, optout.Stop, p); ok {
			events = append(events, e)
		}
	}
	return events, ""
}

func statusType(status string) webhook.Type {
	switch status {
	case "sent": // so far never seen
		return webhook.MessageSent
	case "delivered":
		return webhook.MessageDelivered
	case "read":
		return webhook.MessageRead
	case "failed", "smecl:failed": // the second is not explained; it seems to be InnoPaaS's own failure, before Meta
		return webhook.MessageFailed
	}
	return ""
}

// messageErrors are those of a message that cannot be shown.
func messageErrors(list lenient.Value) []webhook.MessageError {
	var found []webhook.MessageError
	for _, element := range list.OneOrMany() {
		if o, _ := element.Object(); len(o) > 0 {
			found = append(found, messageError(o.Get("code"), o.Get("title"), o.Get("details")))
		}
	}
	return found
}

func messageError(code, title, details lenient.Value) webhook.MessageError {
	return webhook.NewMessageError(code.Text(), title.Text(), details.Text())
}
