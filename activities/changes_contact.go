package activities

import "holdfast/internal/webhook"

// preference records what a person wants under every name the person and the number are known by, so that whoever asks later
// finds it by either. It is kept per business number: whether a stop covers the whole account is not stated by Meta.
//
// Who says stop again is told of again: what is known of one name of a person may hide what was said under another. That
// messages fail one after another for the same reason is no news.
func preference(e webhook.Event, p *webhook.Preference) []webhook.Change {
	type consent struct {
		Status  string `json:"status"` // stopped, resumed
		Basis   string `json:"basis"`
		Message string `json:"message,omitempty"` // id of the one that says so
	}
	value, safety := consent{Status: "stopped", Basis: p.Basis}, 1
	switch {
	case e.Type == webhook.ContactMarketingResumed:
		value, safety = consent{Status: "resumed", Basis: p.Basis}, 0
	case p.Basis == "keyword", p.Basis == "button":
		value.Message = p.Message
	}
	var out []webhook.Change
	for _, phone := range contactPhones(e) {
		for _, user := range []string{p.Contact.UserID, p.Contact.WaID} {
			if user != "" {
				out = append(out, fact(e, webhook.ContactEntity(phone, user), "marketing", safety, value))
			}
		}
	}
	return out
}

// identity records under every name that a person is known by now how the person was known before, so that who asks about
// the new name finds what is known of the old one. Nothing is carried over: that the person is the same, the provider says;
// what follows from it, whoever asks decides.
func identity(e webhook.Event, i *webhook.Identity) []webhook.Change {
	type previous struct {
		UserID       string `json:"user_id,omitempty"`
		ParentUserID string `json:"parent_user_id,omitempty"`
		WaID         string `json:"wa_id,omitempty"`
		Reason       string `json:"reason,omitempty"`
	}
	was := previous{i.Previous.UserID, i.Previous.ParentUserID, i.Previous.WaID, i.Reason}
	if was.UserID == "" && was.WaID == "" { // nobody is known by a parent id alone
		return nil
	}
	var out []webhook.Change
	for _, phone := range contactPhones(e) {
		for _, user := range []string{i.Contact.UserID, i.Contact.WaID} {
			if user != "" && user != was.UserID && user != was.WaID {
				out = append(out, fact(e, webhook.ContactEntity(phone, user), "previous", 0, was))
			}
		}
	}
	return out
}

// contactPhones are the names of the business number as they are part of a contact's. One provider names the same number by
// its id in preferences, and by nothing but its digits in messages: under one name only, a stop after a resume that is known
// under the other would say what is known already, and nobody would be told.
func contactPhones(e webhook.Event) []string {
	var names []string
	for _, name := range []string{e.Phone.ID, e.Phone.Number} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
