package meta

import (
	"cmp"

	"holdfast/internal/provider/lenient"
	"holdfast/internal/webhook"
)

// system is the type of messages that nobody wrote.
const system = "system"

// readIdentity reads a message of type system (Meta: System messages webhook reference; Business-scoped user IDs). It has no
// contacts, and those members that say what was before came later than the rest.
func readIdentity(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	o := item.Object(system)
	i := &webhook.Identity{
		Contact:  contactOf(o),
		Previous: contactNamed(o, "previous_user_id", "previous_parent_user_id", ""),
		Reason:   o.Get("type").Text(),
		Detail:   o.Get("body").Text(),
	}
	switch i.Reason {
	case "user_changed_number", "user_changed_user_id", "customer_changed_number": // the last is what the first was before
	default:
		return unknownEvent
	}
	i.Contact.WaID = cmp.Or(i.Contact.WaID, contactNamed(o, "", "", "new_wa_id").WaID) // so it is in the on-premises API
	was := contactNamed(item, "from_user_id", "from_parent_user_id", "from")
	i.Previous = webhook.Contact{
		UserID:       cmp.Or(i.Previous.UserID, was.UserID),
		ParentUserID: cmp.Or(i.Previous.ParentUserID, was.ParentUserID),
		WaID:         was.WaID,
	}
	return t.identity(e, i)
}

// readUserID reads an element of user_id_update, a field that Meta documented and withdrew, and that resellers may forward.
func readUserID(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	user, parent := item.Object("user_id"), item.Object("parent_user_id")
	return t.identity(e, &webhook.Identity{
		Contact:  webhook.Contact{UserID: user.Get("current").Text(), ParentUserID: parent.Get("current").Text(), WaID: contactNamed(item, "", "", "wa_id").WaID},
		Previous: webhook.Contact{UserID: user.Get("previous").Text(), ParentUserID: parent.Get("previous").Text()},
		Reason:   "user_changed_user_id",
		Detail:   item.Get("detail").Text(),
	})
}

// identity adds what became of a person's ids. Of those before, the ones that are the same now say nothing.
func (t *traffic) identity(e webhook.Event, i *webhook.Identity) (reason string) {
	for _, id := range [...]struct{ was, is *string }{
		{&i.Previous.UserID, &i.Contact.UserID},
		{&i.Previous.ParentUserID, &i.Contact.ParentUserID},
		{&i.Previous.WaID, &i.Contact.WaID},
	} {
		if *id.was == *id.is {
			*id.was = ""
		}
	}
	switch {
	case i.Contact.UserID == "" && i.Contact.WaID == "":
		return noUser
	case !validContact(i.Contact) || !validContact(i.Previous):
		return badUser
	}
	e.Type, e.Data = webhook.ContactIDChanged, i
	t.events = append(t.events, e)
	return ""
}

// readSync reads an element of state_sync (Meta: smb_app_state_sync reference): an entry of the address book of the app.
func readSync(t *traffic, e webhook.Event, item lenient.Object, _ lenient.Value) string {
	if item.Get("type").Text() != "contact" {
		return unknownEvent
	}
	o := item.Object("contact")
	s := &webhook.SyncedContact{
		Action:    item.Get("action").Text(),
		Contact:   contactNamed(o, "user_id", "parent_user_id", ""),
		Name:      o.Get("full_name").Text(),
		FirstName: o.Get("first_name").Text(),
		Username:  o.Get("username").Text(),
	}
	s.Contact.WaID = lenient.Digits(o.Get("phone_number").Text())
	switch {
	case s.Action == "":
		return incomplete
	case s.Contact.UserID == "" && s.Contact.WaID == "":
		return noUser
	case !validContact(s.Contact):
		return badUser
	}
	e.Type, e.Data = webhook.ContactSynced, s
	t.events = append(t.events, e)
	return ""
}
