package meta

import (
	"cmp"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// handover reads messaging_handovers (Meta: messaging_handovers reference; 360dialog: Meta Business Agent, Webhooks). It has
// no metadata: the business number is the recipient, and the sender is the person.
func handover(c Change, value lenient.Object) (webhook.Event, string) {
	number, person := value.Object("recipient"), value.Object("sender")
	e := webhook.Event{Phone: phoneOf(c, number), Time: value.Get("timestamp").Time()}
	event := value.Get("type").Text()
	if event == "" && len(value.Object("control_passed")) > 0 { // as Meta's dashboard sends it
		event = "control_passed"
	}
	o := value.Object(event)
	was := o.Object("previous_owner")
	h := &webhook.Handover{
		Contact:         contactOf(person),
		Event:           event,
		Role:            o.Get("new_owner_role").Text(),
		PreviousRole:    o.Get("previous_owner_role").Text(),
		PreviousApp:     cmp.Or(o.Get("previous_owner_app_id").Text(), was.Get("app_id").Text()),
		PreviousAppRole: cmp.Or(o.Get("previous_owner_app_role").Text(), was.Get("app_role").Text()),
		Metadata:        o.Get("metadata").Text(),
		Raw:             webhook.Body(c.Value),
	}
	h.Contact.WaID = cmp.Or(h.Contact.WaID, lenient.Digits(person.Get("phone_number").Text()))
	e.Type, e.Data = webhook.ConversationHandedOver, h
	switch id := number.Get("phone_number_id"); {
	case !id.Missing() && !webhook.ValidID(id.Text()):
		return e, badPhone
	case event == "":
		return e, unknownEvent
	case !validContact(h.Contact):
		return e, badUser
	}
	return e, ""
}
